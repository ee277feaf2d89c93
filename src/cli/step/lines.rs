//! What a person types, line by line. The rule: a line is read only when one is wanted, so that a hidden question at the
//! same terminal gets its own answer.

use crate::meter::probe::fixed;
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer is no line of a person's.
const LONGEST: u64 = 64 * 1024;

pub(super) struct Lines {
    want: std::sync::mpsc::Sender<()>,
    read: UnboundedReceiver<Option<String>>,
    terminal: bool,
}

impl Lines {
    /// A thread of its own: nothing waits for it when the program is to end.
    pub(super) fn start() -> Self {
        let (want, wanted) = std::sync::mpsc::channel();
        let (tell, read) = unbounded_channel();
        std::thread::spawn(move || {
            for () in wanted {
                let mut line = String::new();
                let input = &mut io::Read::take(io::stdin().lock(), LONGEST);
                let read = input.read_line(&mut line);
                let line = read.ok().filter(|n| *n > 0).map(|_| line);
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            want,
            read,
            terminal: io::stdin().is_terminal(),
        }
    }

    /// `None` at the end.
    pub(super) async fn next(&mut self, out: &mut dyn Write) -> io::Result<Option<String>> {
        if self.terminal {
            write!(out, "> ")?;
        }
        out.flush()?;
        if self.want.send(()).is_err() {
            return Ok(None);
        }
        Ok(self.read.recv().await.flatten())
    }
}

/// `HEX`, `edit AT=HEX …`, each with `fix` before it.
pub(super) fn written(text: &str, pending: &[u8]) -> Result<Vec<u8>, String> {
    const WANTED: &str = "h wants octets in hex, as in h 7EA0070303938C117E; or edit, or fix";
    let mut rest = text.trim();
    let mut fix = false;
    if let Some(more) = rest.strip_prefix("fix") {
        (fix, rest) = (true, more.trim());
    }
    let bytes = if let Some(changes) = rest.strip_prefix("edit") {
        if pending.is_empty() {
            return Err("no octets are to go now that could be changed".to_owned());
        }
        changed(pending, changes)?
    } else {
        octets(rest).ok_or(WANTED)?
    };
    Ok(if fix { fixed(&bytes) } else { bytes })
}

fn changed(pending: &[u8], changes: &str) -> Result<Vec<u8>, String> {
    let mut bytes = pending.to_vec();
    for change in changes.split_whitespace() {
        let wrong = || format!("{change}: AT=HEX, AT from 0 to {}", pending.len() - 1);
        let (at, octets_there) = change.split_once('=').ok_or_else(wrong)?;
        let at: usize = at.parse().map_err(|_| wrong())?;
        let new = octets(octets_there).ok_or_else(wrong)?;
        let end = at.checked_add(new.len()).ok_or_else(wrong)?;
        let place = bytes.get_mut(at..end).ok_or_else(wrong)?;
        place.copy_from_slice(&new);
    }
    Ok(bytes)
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let whole = !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        && digits.len().is_multiple_of(2);
    let pairs = (0..digits.len()).step_by(2);
    whole
        .then(|| {
            pairs
                .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
                .collect()
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNRM: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x21, 0x93, 0x0F, 0x01, 0x7E];

    #[test]
    fn octets_as_people_write_them() {
        assert_eq!(octets("7E A0"), Some(vec![0x7E, 0xA0]));
        for none in ["7", "", "zz", "é1", "+1"] {
            assert_eq!(octets(none), None, "{none}");
        }
    }

    #[test]
    fn changed_and_fixed() {
        let disc = written("fix edit 5=53", &SNRM).unwrap();
        assert_eq!(disc[5], 0x53);
        assert_eq!(fixed(&disc), disc);
        assert_ne!(written("edit 5=53", &SNRM).unwrap(), disc);
        assert_eq!(written("edit 6=0000", &SNRM).unwrap()[6..8], [0, 0]);
        assert_eq!(written("fix 7EA00703219300007E", &[]).unwrap(), SNRM);
        for wrong in [
            "",
            "fix",
            "7",
            "edit 9=00",
            "edit 8=0000",
            "edit x=1",
            "edit 1",
            "edit 18446744073709551615=00",
        ] {
            assert!(written(wrong, &SNRM).is_err(), "{wrong}");
        }
        assert!(written("edit", &[]).is_err());
    }
}
