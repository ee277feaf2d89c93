//! Frames that a person wrote or changed. The rule: they go as they are, marked in the trace, and a secret in them is
//! starred and counted like any other.

use super::{At, Pending, Said, StepName, Stepper};
use crate::dlms::acse::Aare;
use crate::dlms::hdlc::fcs::{ends_right, fcs};
use crate::dlms::security::Secret;
use crate::meter::Definition;
use crate::meter::attempts::{Credential, Outcome};
use crate::meter::definition::Auth;
use crate::meter::tap::Direction;
use crate::meter::tap::Note;
use crate::meter::veil::{Caution, Veil};
use std::time::Duration;
use tokio::time::Instant;

const FLAG: u8 = 0x7E;
const STAR: u8 = b'*';
/// A shorter password is looked for in its place alone: elsewhere it may be any octets.
const ENOUGH: usize = 4;
/// The mechanism name in an AARQ, but for its last octet, and that octet for a password.
const MECHANISM: [u8; 8] = [0x8B, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x02];
const LLS: u8 = 1;
/// Silence after which an answer to a frame by hand is over.
const PAUSE: Duration = Duration::from_millis(300);
/// No AARE is longer.
const MOST_LOOKED_AT: usize = 1 << 16;

impl Stepper {
    /// What [`Self::by_hand`] would send, as it would be shown. `asks`: a secret is in it, and what is to be said of it.
    pub async fn hand(&mut self, bytes: &[u8]) -> Pending {
        if !self.line.is_open() {
            return Pending::Over("not connected yet; connect first".to_owned());
        }
        let bytes = self.filled(bytes);
        let mut asks = None;
        if let Some((who, meter)) = self.shown_by(&bytes) {
            let words = self.secrets.asks(Some(who), &meter).await;
            asks = Some(words.unwrap_or_else(|| {
                "a secret is in it; the meter counts it if it is wrong".to_owned()
            }));
        }
        let starred = self.hidden_in(&bytes).map(|it| it.0);
        let starred = starred.unwrap_or_else(|| self.line.would_show(&bytes));
        Pending::Bytes {
            step: StepName::ByHand,
            shown: self.without_password(starred),
            asks,
        }
    }

    /// As it is, marked in the trace; then whatever comes within the time of an answer. Calling it says yes to what
    /// [`Self::hand`] told. Stars that stand where the password stood in what is to go are the password.
    pub async fn by_hand(&mut self, bytes: &[u8]) -> Said {
        if !self.line.is_open() {
            return Said::new();
        }
        let bytes = self.filled(bytes);
        if let Some((who, _)) = self.shown_by(&bytes) {
            self.secrets.noted(Outcome::Unclear).await;
            self.secrets.confirmed = true;
            if let Err(error) = self.secrets.count(who, self.clock.now()).await {
                self.secrets.confirmed = false;
                self.fail(error);
                return self.take_said();
            }
        }
        // What is to go may be in it, sealed with a number.
        if let Err(error) = self.secrets.set_aside(&mut self.association).await {
            self.secrets.noted(Outcome::Unclear).await;
            self.fail(error);
            return self.take_said();
        }
        let words = "the next frame was written by hand".to_owned();
        self.line.note(Note::Text(words));
        let (secret, mask) = (self.password().cloned(), self.hidden_in(&bytes).is_some());
        self.line.starred(secret.as_ref(), mask);
        self.line.write(&bytes).await;
        let until = Instant::now() + self.meter.timeout;
        let mut limit = until;
        let kept = std::mem::take(&mut self.out);
        let mut came = Vec::new();
        while let Some(bytes) = self.line.read(limit).await {
            if came.len() < MOST_LOOKED_AT {
                came.extend_from_slice(&bytes);
            }
            self.heard(&bytes).await;
            limit = until.min(Instant::now() + PAUSE);
        }
        self.line.starred(None, false);
        match outcome(&came) {
            Some(outcome) => self.secrets.noted(outcome).await,
            None => self.secrets.leave_open(),
        }
        if !self.line.is_open() {
            self.lost();
        }
        // What came may have led on; where it did not, the same as before is to go.
        if self.at == At::Running && self.out.is_empty() && self.is_waiting() {
            self.out = kept;
        } else if self.at == At::Running {
            self.fresh = false;
        }
        self.prepare().await;
        self.take_said()
    }

    /// The same frames with stars turned back into what they stand for, and with the checksum made anew where it was
    /// right over the stars.
    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        let filled = self.with_password(bytes).or_else(|| self.as_to_go(bytes));
        let Some(mut filled) = filled else {
            return bytes.to_vec();
        };
        if let [FLAG, body @ .., FLAG] = bytes
            && ends_right(body)
        {
            filled = fixed(&filled);
        }
        filled
    }

    /// With the password, where stars stand in its place.
    fn with_password(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let password = self.password()?.expose();
        let length = u8::try_from(password.len()).ok().filter(|n| *n > 0)?;
        let mut place = vec![0x80, length];
        place.resize(password.len() + 2, STAR);
        let at = bytes.windows(place.len()).position(|it| it == place)?;
        let mut filled = bytes.to_vec();
        filled[at + 2..at + place.len()].copy_from_slice(password);
        Some(filled)
    }

    /// With what is to go, where it is shown as stars and the stars were left: a challenge, or a proof.
    fn as_to_go(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.at != At::Running || bytes.len() != self.out.len() {
            return None;
        }
        let shown = self.line.would_show(&self.out);
        let mut filled = bytes.to_vec();
        for ((octet, shown), out) in filled.iter_mut().zip(shown).zip(&self.out) {
            if (*octet, shown) == (STAR, STAR) {
                *octet = *out;
            }
        }
        (filled != bytes).then_some(filled)
    }

    /// The secret in it, known or not, and the meter with that secret.
    pub(super) fn shown_by(&self, bytes: &[u8]) -> Option<(Credential, Definition)> {
        let mut meter = self.meter.clone();
        let password = self.password().map(Secret::expose).unwrap_or_default();
        let has = |octets: &[u8]| {
            octets.len() >= ENOUGH && bytes.windows(octets.len()).any(|it| it == octets)
        };
        if has(password) {
            return Some((Credential::of(&meter)?, meter));
        }
        // A password, whoever gave it: it is one attempt all the same.
        if let Some((_, hidden)) = self.hidden_in(bytes) {
            meter.auth = Auth::Lls;
            meter.password = Some(hidden);
            return Some((Credential::of(&meter)?, meter));
        }
        // A proof: whatever goes up as an APDU may be one.
        if meter.auth.is_high_level() && self.shows_secret().is_some() && bytes.len() > 16 {
            return Some((Credential::of(&meter)?, meter));
        }
        None
    }

    /// Starred, and the first password an AARQ in it shows. With high-level security the same place holds a challenge:
    /// the mechanism it names tells, and where it names none the settings.
    fn hidden_in(&self, bytes: &[u8]) -> Option<(Vec<u8>, Secret)> {
        if !shows_password(bytes).unwrap_or(!self.meter.auth.is_high_level()) {
            return None;
        }
        let starred = Veil::default().over(Direction::Sent, bytes, Caution::Said)?;
        let hidden = |(shown, was): (&u8, &u8)| *shown == STAR && shown != was;
        let mut pairs = starred.iter().zip(bytes);
        let from = pairs.position(hidden)?;
        let to = from + 1 + pairs.take_while(|(shown, _)| **shown == STAR).count();
        let secret = Secret::new(bytes.get(from..to)?);
        Some((starred, secret))
    }

    fn without_password(&self, mut shown: Vec<u8>) -> Vec<u8> {
        let password = self.password().map(Secret::expose).unwrap_or_default();
        if password.len() < ENOUGH {
            return shown;
        }
        while let Some(at) = shown.windows(password.len()).position(|it| it == password) {
            shown[at..at + password.len()].fill(STAR);
            if password.iter().all(|octet| *octet == STAR) {
                break;
            }
        }
        shown
    }
}

/// Whether an AARQ in it names the mechanism of a password; `None` where none is named.
fn shows_password(bytes: &[u8]) -> Option<bool> {
    let named = bytes.windows(MECHANISM.len() + 1);
    let named = named.filter_map(|it| it.strip_prefix(&MECHANISM));
    named
        .map(|mechanism| mechanism == [LLS])
        .reduce(|one, other| one || other)
}

/// What the answer says of a secret that was shown; `None` where nothing came that could be read.
fn outcome(came: &[u8]) -> Option<Outcome> {
    let mut found = None;
    for frame in super::explained(came, false, &mut None) {
        let apdu = frame
            .apdu
            .filter(|_| frame.fcs_ok && frame.hcs_ok != Some(false));
        if let Some((from, length)) = apdu {
            let aare = came.get(from..from + length).map(Aare::decode);
            match aare {
                Some(Ok(aare)) if aare.result != 0 => return Some(Outcome::Refused),
                Some(Err(_)) if matches!(frame.kind.as_str(), "AARE" | "unknown" | "empty") => {}
                _ => found = Some(Outcome::Unclear),
            }
        } else if frame.fcs_ok && matches!(frame.kind.as_str(), "DM" | "FRMR") {
            found = Some(Outcome::Unclear);
        }
    }
    found
}

/// HDLC frames with their checksums made anew, nothing else changed: whole frames by their length fields, what no length
/// field cuts from flag to flag. What is no HDLC stays as it is.
pub fn fixed(bytes: &[u8]) -> Vec<u8> {
    let mut fixed = bytes.to_vec();
    let mut at = 0;
    while at < fixed.len() {
        if fixed[at] == FLAG {
            at += 1;
            continue;
        }
        let rest = fixed.len() - at;
        let told = match fixed.get(at..at + 2) {
            Some(&[high, low]) if high >> 4 == 0xA => usize::from(high & 7) << 8 | usize::from(low),
            _ => return fixed,
        };
        let ends = |length: usize| fixed.get(at + length).is_none_or(|next| *next == FLAG);
        let length = if (7..=rest).contains(&told) && ends(told) {
            told
        } else if fixed.last() == Some(&FLAG) {
            rest - 1
        } else {
            rest
        };
        checksums(&mut fixed[at..at + length]);
        at += length;
    }
    fixed
}

fn checksums(frame: &mut [u8]) {
    let address = |from: usize| {
        let octets = frame.get(from..).unwrap_or_default();
        let last = octets.iter().position(|octet| octet & 1 == 1);
        last.map(|last| from + last + 1)
    };
    let Some(header) = address(2).and_then(address).map(|control| control + 1) else {
        return;
    };
    let Some(end) = frame.len().checked_sub(2).filter(|end| *end >= header) else {
        return;
    };
    if end >= header + 2 {
        let check = fcs(&frame[..header]).to_le_bytes();
        frame[header..header + 2].copy_from_slice(&check);
    }
    let check = fcs(&frame[..end]).to_le_bytes();
    frame[end..].copy_from_slice(&check);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SNRM, client 16 to server 1, as recorded; and with what a person may have broken.
    #[test]
    fn checksums_are_made_anew_and_nothing_else() {
        let snrm = [0x7E, 0xA0, 0x07, 0x03, 0x21, 0x93, 0x0F, 0x01, 0x7E];
        assert_eq!(fixed(&snrm), snrm);
        let mut broken = snrm;
        broken[6..8].fill(0);
        assert_eq!(fixed(&broken), snrm);
        for odd in [
            &b""[..],
            b"\x7E",
            b"\x7E\x7E",
            b"\x00\x01\x00\x10",
            b"\x7E\xA0\x07\x03\x21\x93",
        ] {
            assert_eq!(fixed(odd).len(), odd.len());
        }
    }
}
