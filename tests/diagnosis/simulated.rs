//! Each fault of the simulator, as `obiscope probe` sees it: the real prober, in-memory lines, virtual time. The rule: the
//! due finding comes first or stands level with the first, except where [`LATER`] says why not.
use crate::lines::Lines;
use crate::scenario::{self, Scenario};
use obiscope::diagnosis::Finding;
use obiscope::dlms::security::Secret;
use obiscope::meter::attempts::InMemory;
use obiscope::meter::probe::{Kept, Options, Prober, Report};
use obiscope::meter::tap::Tap;
use obiscope::meter::{Clock, Definition};
use obiscope::simulator::fault::{Fault, ROWS, Row};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server::{SharedMeter, shared};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

/// Which are not named first, and why.
const LATER: &[(&str, &str)] = &[
    (
        "one-behind",
        "an answer that stays out ends the link; only a client that goes on asking sees it come one request late",
    ),
    (
        "no-mode-e",
        "the meter speaks HDLC after its identification all the same, and everything is read",
    ),
    (
        "no-reassociation",
        "only a second request for association on one link shows it, and a probe shows a secret once",
    ),
];

/// However bad it is, a probe comes to its end.
const LONGEST: Duration = Duration::from_mins(10);

fn name(row: &Row) -> String {
    row.example.map_or_else(
        || row.name.to_owned(),
        |example| format!("{}={example}", row.name),
    )
}

async fn probe(
    meter: &SharedMeter,
    fault: Option<Fault>,
    asked: &Definition,
    scenario: &Scenario,
    attempts: &Arc<InMemory>,
) -> Report {
    let clock = Clock::From {
        base: "2026-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    };
    let lines = Lines::to(meter, fault);
    let kept = Kept {
        counters: None,
        attempts: attempts.clone(),
        known_good: scenario.before.clone(),
    };
    let (say, _heard) = unbounded_channel();
    let options = Options {
        stay: scenario.stay,
        ..Options::default()
    };
    let tap = Tap::new(1 << 16);
    let mut prober = Prober::new(asked, &lines, clock, tap.clone(), kept, options, say);
    let ended = tokio::time::timeout(LONGEST, prober.run()).await;
    let report = prober.end().await;
    assert!(ended.is_ok(), "{report:?}");
    crate::polite::check(asked, fault, &report, &tap);
    report
}

async fn met(fault: Option<Fault>, scenario: Scenario) -> Report {
    let profile = Profile::generic(1);
    let profile = fault.map_or(profile.clone(), |fault| profile.with_fault(fault));
    let profile = if scenario.meter.transport.is_hdlc() || fault.is_some() {
        profile
    } else {
        profile.over(obiscope::simulator::profile::Transport::WrapperTcp)
    };
    let meter = shared(profile, "2026-11-20T12:00:00Z".parse().unwrap());
    let mut wrong = scenario.meter.clone();
    let attempts = Arc::new(InMemory::default());
    for n in 0..scenario.wrong_before {
        wrong.password = Some(Secret::new(format!("0000000{n}")));
        probe(&meter, fault, &wrong, &scenario, &attempts).await;
    }
    probe(&meter, fault, &scenario.meter, &scenario, &attempts).await
}

fn run(fault: Option<Fault>, scenario: Scenario) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(met(fault, scenario))
}

/// First, or as sure as the first.
fn is_named(found: &[Finding], due: &str) -> bool {
    let first = found.first().map(|finding| finding.confidence);
    found
        .iter()
        .any(|finding| finding.id == due && Some(finding.confidence) == first)
}

/// Both halves of the table, and the rows that break the rule.
fn table() -> (String, Vec<String>) {
    let (mut rows, mut wrong) = (String::new(), Vec::new());
    let (mut first_right, mut level, mut noted) = (0, 0, 0);
    for row in ROWS {
        let name = name(row);
        let fault: Fault = name.parse().unwrap();
        let report = run(Some(fault), scenario::of(row));
        let found = report.findings;
        let beside = format!("({})", row.finding);
        let beside = report.beside.iter().any(|note| note.contains(&beside));
        let first = found.first().map_or("nothing", |finding| finding.id);
        let ids: Vec<_> = found.iter().skip(1).map(|finding| finding.id).collect();
        let excused = LATER.iter().any(|(later, _)| *later == name);
        if first == row.finding {
            first_right += 1;
        } else if is_named(&found, row.finding) {
            level += 1;
        } else if beside {
            noted += 1;
        } else if !excused {
            wrong.push(format!(
                "{name}: due {}, first {first}, then {ids:?}",
                row.finding
            ));
        }
        let named = beside || is_named(&found, row.finding);
        if excused && named {
            wrong.push(format!("{name} is named: out of LATER with it"));
        }
        let _ = writeln!(
            rows,
            "| {name} | {} | {} | {} |",
            row.finding,
            if beside { "works, noted" } else { first },
            ids.join(", ")
        );
    }
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{first_right} of {} faults are named first, {level} more level with the first; {noted} do no harm and are noted.\n",
        ROWS.len()
    );
    let _ = writeln!(
        out,
        "| fault | due | named first | listed below it |\n|---|---|---|---|"
    );
    out.push_str(&rows);
    if !LATER.is_empty() {
        out.push_str("\nNot named first:\n\n");
        for (name, why) in LATER {
            let _ = writeln!(out, "- {name}: {why}");
        }
    }
    (out, wrong)
}

#[test]
fn without_a_fault_there_is_no_finding() {
    for row in ROWS {
        // Each settings that a row asks with, against the meter as it should be.
        let scenario = scenario::of(row);
        if scenario.meter.mode_e || scenario.meter.server.is_all_station() {
            continue;
        }
        let report = run(None, scenario);
        assert!(report.findings.is_empty(), "{}: {:?}", row.name, report);
        assert!(
            report.working.is_some_and(|it| it.association),
            "{report:?}"
        );
    }
}

#[test]
fn each_fault_is_named_as_the_document_says() {
    let (table, wrong) = table();
    println!("{table}");
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    crate::matrix::hold("simulated", &table);
}
