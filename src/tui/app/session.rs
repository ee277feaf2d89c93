//! The session of the selected meter: the ladder it climbed, what was agreed, how long it may
//! stay silent, and what went wrong last. The rule: a failure stands with its proof and the
//! key to press next.
use super::action::{Action, key_of};
use super::words;
use crate::headend::MeterView;
use crate::meter::probe::Working;
use crate::meter::status::{Rung, RungState};
use crate::meter::{MeterStatus, Phase};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct SessionPane {
    pub top: usize,
}

pub const RUNGS: [Rung; 7] = [
    Rung::Tcp,
    Rung::Snrm,
    Rung::Ua,
    Rung::Aarq,
    Rung::Aare,
    Rung::Hls,
    Rung::Ready,
];

pub const fn rung_name(rung: Rung) -> &'static str {
    match rung {
        Rung::Tcp => "TCP",
        Rung::Snrm => "SNRM",
        Rung::Ua => "UA",
        Rung::Aarq => "AARQ",
        Rung::Aare => "AARE",
        Rung::Hls => "HLS",
        Rung::Ready => "Ready",
    }
}

/// Whether this meter's sessions have that rung at all.
pub fn climbs(view: &MeterView, index: usize) -> bool {
    RUNGS
        .get(index)
        .is_some_and(|rung| view.definition.climbs(*rung))
}

/// Sign and words of one rung.
pub fn rung(view: &MeterView, index: usize, now: Instant) -> (&'static str, String) {
    let status = &view.status;
    let state = status.rungs.get(index).cloned().unwrap_or_default();
    match state {
        RungState::Pending if !climbs(view, index) => ("·", "not used".to_owned()),
        RungState::Pending => ("·", String::new()),
        RungState::Active => ("◐", "waiting for the meter".to_owned()),
        RungState::Failed { why } => {
            let endpoint = view.definition.endpoint();
            ("✗", words::brief(&why, &endpoint).to_owned())
        }
        RungState::Done { .. } if RUNGS.get(index) == Some(&Rung::Ready) => {
            let since = status
                .ready_since
                .map(|at| now.saturating_duration_since(at.into_std()))
                .map(words::running)
                .unwrap_or_default();
            let gets = words::count(status.counters.gets);
            ("●", format!("{since}, {gets} GETs"))
        }
        RungState::Done { took, detail } => {
            let took = (!took.is_zero()).then(|| words::took(took));
            let all: Vec<String> = took
                .into_iter()
                .chain((!detail.is_empty()).then_some(detail))
                .collect();
            ("●", all.join("  "))
        }
    }
}

/// Time since the meter last spoke, and after how long it hangs up. Only while associated.
pub fn idle(view: &MeterView, now: Instant) -> Option<(Duration, Duration)> {
    if view.status.phase != Phase::Ready {
        return None;
    }
    let at = view.status.last_received?.into_std();
    Some((
        now.saturating_duration_since(at),
        view.definition.inactivity,
    ))
}

/// How long until the meter forgets a link that was left open, where one may stand in the way: it was heard lately, and
/// now no link or association comes about.
pub fn lets_go(view: &MeterView, now: Instant) -> Option<Duration> {
    let status = &view.status;
    // A password that is refused is refused by a meter that is free.
    let stands = matches!(
        status.phase,
        Phase::Ready | Phase::Stopped | Phase::Lent | Phase::NeedsPerson
    );
    if stands {
        return None;
    }
    let until = status.may_hold_link_until(view.definition.inactivity)?;
    let left = until.into_std().saturating_duration_since(now);
    (!left.is_zero()).then_some(left)
}

/// The address a probe found to work, where it is not the saved one.
pub fn to_keep(view: &MeterView) -> Option<Working> {
    let probe = view.bench.as_ref()?.as_probe()?;
    let working = probe.report.as_ref()?.working?;
    let saved = (view.definition.client, view.definition.server);
    (saved != (working.client, working.server)).then_some(working)
}

/// What was agreed with the meter.
pub fn agreed(status: &MeterStatus) -> Option<String> {
    let p = status.parameters?;
    let pdu = status
        .max_pdu
        .map(|pdu| format!("  PDU {pdu}"))
        .unwrap_or_default();
    Some(format!(
        "info {}/{}  window {}/{}{pdu}",
        p.max_info_transmit, p.max_info_receive, p.window_transmit, p.window_receive
    ))
}

/// Services the meter granted, in words.
pub fn conformance(status: &MeterStatus) -> Option<String> {
    let block = status.conformance?;
    let names: Vec<&str> = block.names().collect();
    Some(format!("{:06X}  {}", block.0, names.join(" ")))
}

/// The counters, most telling first.
pub fn counters(status: &MeterStatus) -> Vec<(&'static str, u64)> {
    let (c, l) = (&status.counters, &status.link);
    vec![
        ("resent", l.resent),
        ("bad FCS", l.bad_fcs),
        ("junk", l.junk_bytes),
        ("reconnects", c.reconnects),
        ("resyncs", c.resyncs),
        ("missed", c.polls_missed),
        ("bad GETs", c.get_errors),
        ("bad polls", c.polls_failed),
        ("polls", c.polls),
        ("frames out", l.frames_sent),
        ("frames in", l.frames_received),
        ("bytes out", c.bytes_sent),
        ("bytes in", c.bytes_received),
    ]
}

/// The keys that help in this state, with what they do.
pub fn what_next(phase: &Phase) -> Vec<(&'static str, &'static str)> {
    let key = |action, words| (key_of(action), words);
    match phase {
        Phase::NeedsPerson => vec![
            key(Action::EditMeter, "edit the meter"),
            key(Action::Proceed, "try once more"),
        ],
        Phase::Waiting { .. } => vec![
            key(Action::Reconnect, "try now"),
            key(Action::Probe, "find out why it does not answer"),
            key(Action::EditMeter, "edit the meter"),
            key(Action::Go(super::Pane::Trace), "see the frames"),
        ],
        Phase::Stopped => vec![key(Action::StartStop, "start it")],
        _ => Vec::new(),
    }
}

/// What a person should look at now, and what to do: the likeliest finding; else the last error, while the meter is
/// not ready.
pub fn finding(view: &MeterView) -> Option<(String, String)> {
    if let Some(finding) = view.findings().first() {
        let sure = finding.confidence.name();
        let what = format!(
            "{}  {} ({sure})",
            finding.id,
            finding.title.trim_end_matches('.')
        );
        return Some((what, finding.remedy.first().cloned().unwrap_or_default()));
    }
    let error = view.status.last_error.as_ref()?;
    match view.status.phase {
        Phase::Ready | Phase::Stopped | Phase::Releasing | Phase::Lent => None,
        _ => Some((error.what.clone(), error.try_next.clone())),
    }
}
