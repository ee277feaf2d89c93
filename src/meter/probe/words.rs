//! A report in words, for the command line and the screen alike. The rule: no step that was done already is offered as
//! new, and each offer says how.

use super::{Outcome, Report, Step, Working, octets};
use crate::dlms::hdlc::ServerAddress;
use crate::meter::Definition;

/// Nothing of ours was wrong enough to explain these: another session may hold the meter.
const MAY_BE_HELD: [&str; 7] = ["H1", "H8", "H11", "T19", "A8", "A9", "A17"];

/// What worked, and where.
pub fn works(working: &Working, meter: &Definition) -> String {
    let Working {
        client,
        server,
        association,
        ..
    } = *working;
    let what = if association {
        "an association stands"
    } else {
        "the meter answers"
    };
    let wire = if meter.transport.is_hdlc() {
        format!(", on the wire {} ({})", hex(server), octets(server))
    } else {
        String::new()
    };
    format!("works: {what} at server {server}{wire}, client {client}")
}

/// Where nothing worked: how far it came.
pub fn in_vain(report: &Report) -> &'static str {
    if opens(report) {
        "the link opens, but no association comes of it"
    } else {
        "nothing worked"
    }
}

/// Where no finding stands.
pub fn no_finding(report: &Report) -> Option<&'static str> {
    if !report.findings.is_empty() {
        return None;
    }
    let stands = report.working.is_some_and(|working| working.association);
    Some(if stands && all_well(report) {
        "nothing is wrong"
    } else {
        "the bytes give no cause a name"
    })
}

/// Where nothing worked and another session may hold the meter.
pub fn offers(report: &Report, meter: &Definition, target: &str) -> Vec<String> {
    let first = report.findings.first();
    let held = first.is_some_and(|finding| MAY_BE_HELD.contains(&finding.id));
    if report.working.is_some() || !held || !meter.transport.is_hdlc() {
        return Vec::new();
    }
    let mut offers = Vec::new();
    let waited = report
        .steps
        .iter()
        .any(|step| step.words.starts_with("the same again after"));
    let inactivity = meter.inactivity.as_secs();
    if waited {
        offers.push(format!(
            "waiting {inactivity} s, the meter's inactivity time, was done and changed nothing; a meter may need longer"
        ));
    } else if inactivity > 0 {
        offers.push(format!(
            "let the meter forget an old session: obiscope probe {target} --wait (counts {inactivity} s down, then asks again)"
        ));
    }
    offers.push(format!(
        "DISC as the client that opened the old session, where it is known: obiscope probe {target} --client N --step, and send the DISC alone"
    ));
    let calling: Vec<&Step> = report
        .steps
        .iter()
        .filter(|step| step.words.contains("CALLING"))
        .collect();
    offers.push(match calling.as_slice() {
        [] => format!("DISC to the CALLING address, where one meter is on the line: obiscope probe {target} --step"),
        done if done.iter().any(|step| step.outcome == Outcome::Ok) => {
            "DISC to the CALLING address went out and was answered: probe once more".to_owned()
        }
        _ => "DISC to the CALLING address went out already, and nobody answered it".to_owned(),
    });
    offers
}

fn opens(report: &Report) -> bool {
    report
        .steps
        .iter()
        .any(|step| step.step == "snrm" && step.outcome == Outcome::Ok)
}

fn all_well(report: &Report) -> bool {
    report.steps.iter().all(|step| step.outcome == Outcome::Ok)
}

/// The first finding's cheapest remedy as a command of this program, where there is one.
pub fn command(report: &Report, meter: &Definition, target: &str) -> Option<String> {
    let first = report.findings.first()?;
    let with = |options: &str| Some(format!("obiscope probe {target} {options}"));
    if report.working.is_some_and(|it| it.association) {
        return match first.id {
            "X1" => with(
                "--client N, as a client with more rights; `obiscope browse` shows who may read what",
            ),
            "X23" | "V7" => Some(format!(
                "obiscope clock {target} (shows how far it is off; setting it needs a client that may)"
            )),
            "H12" | "H13" | "T5" => Some(format!(
                "obiscope meter edit {target} --poll with less than that time: the link is then kept alive"
            )),
            _ => None,
        };
    }
    match first.id {
        "T14" => with("--transport wrapper-tcp"),
        "T15" => with("--transport hdlc-tcp"),
        "T16" => with("--mode-e, for a port that wants the sign-on of IEC 62056-21 first"),
        "T17" => Some(format!("obiscope listen {target}")),
        "T7" => with(&format!(
            "--timeout {}s",
            meter.timeout.as_secs().saturating_mul(3)
        )),
        "T12" => {
            with("with other parity or data bits: in the converter, or --parity on a serial line")
        }
        "A3" | "A6" => with("--auth lls --password-env VAR, with the password of this client"),
        "A5" => with(
            "--auth with another mechanism: none, lls, hls-md5, hls-sha1, hls-gmac, hls-sha256, hls-ecdsa",
        ),
        "A2" => Some(
            "none before the password is sure: the next wrong one may lock the meter".to_owned(),
        ),
        "A26" => {
            Some("none before the lock's time is over; then the right password, once".to_owned())
        }
        _ => {
            let working = report.working.filter(|it| !it.association)?;
            let server = working.server;
            let address = match server.lower() {
                Some(lower) => format!("{}/{lower}", server.upper()),
                None => server.upper().to_string(),
            };
            with(&format!(
                "--client {} --server {address} --address-size {}",
                working.client,
                server.size()
            ))
        }
    }
}

/// As it goes over the wire.
pub fn hex(server: ServerAddress) -> String {
    let mut octets = Vec::new();
    server.encode(&mut octets);
    crate::cosem::hex::spaced(&octets)
}
