//! What a scan found, for people and as JSON. The rule: a port that is open is told from one where DLMS answers, and what a
//! meter said drives no terminal.

use super::super::argument::{counted, shell};
use super::super::finding;
use super::super::table::Table;
use super::Seen;
use crate::cosem::data::printable;
use crate::meter::probe::words::hex;
use crate::meter::scan::{Open, Port, Spoken};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// How far it is.
pub(super) struct Tally {
    hosts: u128,
    ports: usize,
    asked: u128,
    silent: u64,
    refused: u64,
    unreachable: u64,
    open: u64,
    dlms: u64,
    held: u64,
}

impl Tally {
    pub fn new(hosts: u128, ports: usize) -> Self {
        Self {
            hosts,
            ports,
            asked: 0,
            silent: 0,
            refused: 0,
            unreachable: 0,
            open: 0,
            dlms: 0,
            held: 0,
        }
    }

    pub fn host(&mut self) {
        self.asked += 1;
    }

    pub fn count(&mut self, seen: &Seen) {
        let counter = match &seen.port {
            Port::Held(_) => &mut self.held,
            Port::Silent => &mut self.silent,
            Port::Refused => &mut self.refused,
            Port::Unreachable(_) => &mut self.unreachable,
            Port::Open(Open::Dlms(_)) => &mut self.dlms,
            Port::Open(_) => &mut self.open,
        };
        *counter += 1;
    }

    pub fn words(&self) -> String {
        let ports = counted(u64::try_from(self.ports).unwrap_or(0), "port", "ports");
        let mut words = format!(
            "{} of {} hosts asked on {ports}: DLMS answers at {}, open without DLMS {}, refused {}, silent {}",
            self.asked, self.hosts, self.dlms, self.open, self.refused, self.silent
        );
        for (count, what) in [(self.unreachable, "unreachable"), (self.held, "not asked")] {
            if count > 0 {
                // Writing to a string cannot fail.
                let _ = write!(words, ", {what} {count}");
            }
        }
        words
    }
}

fn transport(spoken: &Spoken) -> &'static str {
    if spoken.hdlc {
        "hdlc-tcp"
    } else {
        "wrapper-tcp"
    }
}

/// One word for scripts.
fn state(seen: &Seen) -> &'static str {
    match &seen.port {
        Port::Held(_) => "held",
        Port::Silent => "silent",
        Port::Refused => "refused",
        Port::Unreachable(_) => "unreachable",
        Port::Open(Open::Ended) => "ended",
        Port::Open(Open::Mute) => "open",
        Port::Open(Open::Strange) => "strange",
        Port::Open(Open::Dlms(_)) => "dlms",
    }
}

fn words(seen: &Seen, probed: bool) -> String {
    match &seen.port {
        Port::Silent => "no answer".to_owned(),
        Port::Refused => "refused".to_owned(),
        Port::Held(by) => format!("not asked: held by another obiscope, {by}"),
        Port::Unreachable(why) => format!("unreachable: {}", printable(why)),
        Port::Open(Open::Ended) => {
            "open, but ends the connection: it may have its one client already, or is no meter"
                .to_owned()
        }
        Port::Open(Open::Mute) if probed => {
            "open, and answers neither HDLC nor the wrapper at any usual address".to_owned()
        }
        Port::Open(Open::Mute) => {
            "open, no answer to DLMS: another service, or another address (--probe tries more)"
                .to_owned()
        }
        Port::Open(Open::Strange) => "open, and says something that is not DLMS to us".to_owned(),
        Port::Open(Open::Dlms(spoken)) => {
            let address = if spoken.hdlc {
                format!(" → {}", hex(spoken.server))
            } else {
                String::new()
            };
            let welcome = if spoken.welcome {
                ""
            } else {
                ", which it turns away"
            };
            format!(
                "DLMS, {}, client {}{address}{welcome}",
                transport(spoken),
                spoken.client
            )
        }
    }
}

pub(super) fn print(out: &mut dyn Write, found: &[Seen], probed: bool) -> io::Result<()> {
    let mut table = Table::new([false, false, false]);
    for seen in found {
        let who: Vec<String> = (seen.who.identity.iter())
            .filter(|(key, ..)| ["serial", "manufacturer", "firmware"].contains(key))
            .map(|(_, _, words)| printable(words))
            .collect();
        let saved = seen.saved.as_ref();
        let saved = saved.map(|name| format!("saved as {}", printable(name)));
        let last: Vec<String> = saved.into_iter().chain(who).collect();
        table.add([seen.at.to_string(), words(seen, probed), last.join(", ")]);
    }
    table.print(out)?;
    for seen in found {
        for one in seen.who.findings.iter().take(1) {
            let at = seen.at.to_string();
            finding::block(out, Some(&at), one)?;
        }
    }
    let new = found.iter().find(|seen| seen.saved.is_none());
    if let Some((seen, spoken)) = new.and_then(|seen| seen.spoken().map(|it| (seen, it))) {
        writeln!(
            out,
            "to save one: {} (all of them: --add)",
            command(seen, &spoken)
        )?;
    }
    Ok(())
}

/// What adds it by hand.
fn command(seen: &Seen, spoken: &Spoken) -> String {
    let server = spoken.server;
    let lower = server
        .lower()
        .map_or_else(String::new, |it| format!("/{it}"));
    let mut words = format!(
        "obiscope meter add NAME --host {} --client {} --server {}{lower}",
        shell(&seen.at.to_string()),
        spoken.client,
        server.upper()
    );
    if spoken.hdlc {
        let _ = write!(words, " --address-size {}", server.size());
    } else {
        words.push_str(" --transport wrapper-tcp");
    }
    words
}

pub(super) fn to_json(found: &[Seen], probed: bool) -> Value {
    found.iter().map(|seen| one_json(seen, probed)).collect()
}

fn one_json(seen: &Seen, probed: bool) -> Value {
    let identity: Map<String, Value> = (seen.who.identity.iter())
        .map(|(key, value, _)| ((*key).to_owned(), value.clone()))
        .collect();
    let findings: Vec<Value> = seen.who.findings.iter().map(finding::to_json).collect();
    let mut value = json!({
        "host": seen.at.ip().to_string(),
        "port": seen.at.port(),
        "state": state(seen),
        "words": words(seen, probed),
        "saved": seen.saved,
        "identity": identity,
        "findings": findings,
    });
    if let Some(spoken) = seen.spoken() {
        value["transport"] = transport(&spoken).into();
        value["client"] = spoken.client.sap().into();
        value["server"] = json!({
            "upper": spoken.server.upper(),
            "lower": spoken.server.lower(),
            "bytes": spoken.server.size(),
        });
        value["welcome"] = spoken.welcome.into();
    }
    value
}
