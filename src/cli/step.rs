//! `obiscope probe --step`: one step at a time, each one's bytes shown before they go. Works line by line, at a terminal
//! and out of a pipe. The rule: nothing is sent that was not shown, and the end always releases.

use super::Failure;
use super::exit::ExitKind;
use super::finding;
use super::visit::Found;
use crate::cosem::data::printable;
use crate::dlms::explain::{Direction, explain_from};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::meter::definition::Auth;
use crate::meter::probe::{Kept, Pending, Stepper};
use crate::meter::transport::Connector;
use crate::meter::{Clock, Definition};
use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, BufRead, Write};
use std::pin::pin;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const KEYS: &str = "s send  r run on  e KEY=VALUE… edit (client server size auth max-info window)  h HEX raw frame  x release and end";

pub async fn run(
    found: &Found,
    kept: Kept,
    connector: &dyn Connector,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let mut stepper = Stepper::new(
        &found.meter,
        Clock::System,
        found.tap.clone(),
        kept,
        found.confirmed,
    );
    let (tell, mut lines) = unbounded_channel();
    // A thread of its own: nothing waits for it when the program is to end.
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let reached = {
        let mut stop = pin!(stop);
        tokio::select! {
            biased;
            () = stop.as_mut() => Ok(false),
            done = steps(&mut stepper, connector, &mut lines, out) => done,
        }
    };
    let rest = stepper.end().await;
    show_all(out, &rest.said)?;
    for one in &rest.findings {
        finding::print(out, one)?;
    }
    match reached {
        Ok(true) => Ok(ExitKind::Done),
        Ok(false) => Ok(ExitKind::Meter),
        Err(error) => Err(error),
    }
}

/// True when an association stood.
async fn steps(
    stepper: &mut Stepper,
    connector: &dyn Connector,
    lines: &mut UnboundedReceiver<String>,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    writeln!(out, "{KEYS}")?;
    writeln!(
        out,
        "next: connect to {}",
        printable(&stepper.meter().endpoint())
    )?;
    let (mut reached, mut running) = (false, false);
    loop {
        let pending = stepper.pending().await;
        match &pending {
            Pending::Connect => {}
            Pending::Bytes { shown, asks } => {
                writeln!(
                    out,
                    "next, {}:",
                    if running { "going" } else { "not sent yet" }
                )?;
                show(out, "TX", shown, Direction::ToMeter)?;
                if let Some(asks) = asks {
                    running = false;
                    writeln!(out, "! {}; y shows it once more", printable(asks))?;
                }
            }
            Pending::Ready => {
                reached = true;
                writeln!(
                    out,
                    "associated; s reads the logical device name, x releases"
                )?;
                if running {
                    return Ok(true);
                }
            }
            Pending::Over(words) => {
                running = false;
                writeln!(out, "over: {}; s begins again, x ends", printable(words))?;
            }
        }
        out.flush()?;
        let line = if running {
            "s".to_owned()
        } else {
            match lines.recv().await {
                Some(line) => line,
                None => return Ok(reached),
            }
        };
        let (key, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match key {
            "s" | "r" | "y" => {
                running = key == "r";
                let said = stepper.go(connector, key == "y").await;
                show_all(out, &said)?;
            }
            "e" => match edited(stepper.meter(), rest) {
                Ok(meter) => {
                    let said = stepper.edit(&meter).await;
                    show_all(out, &said)?;
                    let (client, server) = (meter.client, meter.server);
                    let auth = meter.auth.words();
                    writeln!(
                        out,
                        "now client {client}, server {server}, {auth}, max info {}, window {}",
                        meter.max_info, meter.window
                    )?;
                }
                Err(words) => writeln!(out, "{}", printable(&words))?,
            },
            "h" => match bytes(rest) {
                Some(bytes) => {
                    show(out, "TX", &bytes, Direction::ToMeter)?;
                    writeln!(out, "send it as it is? y/n")?;
                    out.flush()?;
                    if lines.recv().await.is_some_and(|line| line.trim() == "y") {
                        let said = stepper.by_hand(&bytes).await;
                        show_all(out, &said)?;
                    }
                }
                None => writeln!(out, "h wants bytes in hex: h 7EA0070303938C117E")?,
            },
            "x" => return Ok(reached),
            "" => {}
            _ => writeln!(out, "{KEYS}")?,
        }
    }
}

fn show_all(out: &mut dyn Write, said: &[(bool, Vec<u8>)]) -> io::Result<()> {
    for (sent, bytes) in said {
        if *sent {
            show(out, "TX", bytes, Direction::ToMeter)?;
        } else {
            show(out, "RX", bytes, Direction::FromMeter)?;
        }
    }
    Ok(())
}

/// The bytes, and what they say.
fn show(out: &mut dyn Write, what: &str, bytes: &[u8], way: Direction) -> io::Result<()> {
    let mut text = String::new();
    for octet in bytes {
        let _ = write!(text, " {octet:02X}");
    }
    writeln!(out, "  {what}{text}")?;
    for frame in explain_from(bytes, Some(way)).frames {
        let words = [&frame.kind, &frame.link, &frame.summary];
        let words: Vec<_> = words
            .into_iter()
            .filter(|it| !it.is_empty())
            .cloned()
            .collect();
        writeln!(out, "     {}", words.join("  "))?;
        let wrong = frame
            .fields
            .iter()
            .filter_map(|field| field.problem.as_ref());
        for problem in wrong {
            writeln!(out, "     ! {problem}")?;
        }
    }
    Ok(())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let whole = !digits.is_empty() && digits.is_ascii() && digits.len().is_multiple_of(2);
    let pairs = (0..digits.len()).step_by(2);
    whole
        .then(|| {
            pairs
                .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
                .collect()
        })
        .flatten()
}

fn edited(meter: &Definition, text: &str) -> Result<Definition, String> {
    let mut meter = meter.clone();
    for part in text.split_whitespace() {
        let (key, value) = part
            .split_once('=')
            .ok_or_else(|| format!("{part}: KEY=VALUE"))?;
        let wrong = |words: String| format!("{key}: {words}");
        match key {
            "client" => {
                let sap = value
                    .parse()
                    .map_err(|_| wrong("a number, 0 to 127".to_owned()))?;
                meter.client = ClientAddress::new(sap).map_err(|e| wrong(e.to_string()))?;
            }
            "server" => {
                let server: Result<ServerAddress, _> = value.parse();
                meter.server = server.map_err(|e| wrong(e.to_string()))?;
            }
            "size" => {
                let size = value.parse().map_err(|_| wrong("1, 2 or 4".to_owned()))?;
                let (upper, lower) = (meter.server.upper(), meter.server.lower());
                let lower = lower.filter(|_| size != 1);
                meter.server = ServerAddress::new(upper, lower, Some(size))
                    .map_err(|e| wrong(e.to_string()))?;
            }
            "auth" => {
                let auth: Auth = value.parse().map_err(wrong)?;
                if auth.wants_password() && meter.password.is_none() {
                    return Err(wrong(
                        "there is no password: start with --password-env".to_owned(),
                    ));
                }
                meter.auth = auth;
            }
            "max-info" => {
                let size = value.parse().ok().filter(|size| (32..=2030).contains(size));
                meter.max_info = size.ok_or_else(|| wrong("32 to 2030".to_owned()))?;
            }
            "window" => {
                let window = value.parse().ok().filter(|window| (1..=7).contains(window));
                meter.window = window.ok_or_else(|| wrong("1 to 7".to_owned()))?;
            }
            _ => {
                return Err(format!(
                    "{key}: client, server, size, auth, max-info or window"
                ));
            }
        }
    }
    Ok(meter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_edited() {
        let meter = Definition::new("m", "h", 1);
        let new = edited(&meter, "client=1 server=1/1 size=4 max-info=256 window=3").unwrap();
        assert_eq!((new.client.sap(), new.server.size()), (1, 4));
        assert_eq!((new.max_info, new.window), (256, 3));
        for wrong in [
            "client=300",
            "size=3",
            "auth=lls",
            "window=9",
            "x=1",
            "client",
        ] {
            assert!(edited(&meter, wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes("7E A0"), Some(vec![0x7E, 0xA0]));
        assert_eq!(
            (bytes("7"), bytes(""), bytes("zz"), bytes("é1")),
            (None, None, None, None)
        );
    }
}
