//! Faults of the data link: a filter on the frames of both directions. The one rule: what is not a frame for this meter
//! passes as it is, so that the meter judges it as ever.

use super::addressing::{Heard, heard};
use super::parts::Parts;
use super::{Faults, Kind, alter, aside, pdus};
use crate::dlms::hdlc::{Control, Decoder, FLAG, Frame, Item, ServerAddress};
use crate::simulator::profile::Profile;
use std::time::Instant;

/// A client's header of an APDU.
const COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];

/// DISC was heard; what hung on a client that is gone is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Disc {
    pub sap: u8,
    /// It went to the CALLING address.
    pub calling: bool,
}

#[derive(Debug, Default)]
pub(super) struct LinkFaults {
    incoming: Decoder,
    outgoing: Decoder,
    /// The source of answers, where the client used another form than the meter's.
    asked: Option<Vec<u8>>,
    /// The last command asked for a link, or for its end.
    unnumbered: bool,
    /// An answer that waits for polls.
    held: Vec<u8>,
    polls: u32,
    /// An answer that waits for the next one.
    behind: Vec<u8>,
    /// A segment that is followed by none was sent.
    endless: bool,
    /// The client that holds the link goes without a word at this moment.
    busy_until: Option<Instant>,
    /// It said DISC.
    free: bool,
    pub news: Vec<Disc>,
}

impl LinkFaults {
    /// Frames for the meter, and what is answered in its place.
    pub fn received(
        &mut self,
        now: Instant,
        bytes: &[u8],
        profile: &Profile,
        meter: &mut Vec<u8>,
        client: &mut Vec<u8>,
    ) {
        let mut decoder = std::mem::take(&mut self.incoming);
        decoder.push(bytes);
        while let Some(item) = decoder.next() {
            match item {
                Item::Junk { octets, .. } => meter.extend_from_slice(octets),
                Item::Frame { octets, .. } => {
                    let mut whole = vec![FLAG];
                    whole.extend_from_slice(octets);
                    whole.push(FLAG);
                    match Frame::parse(octets) {
                        Ok(frame) if frame.fcs_ok() && frame.hcs_ok() != Some(false) => {
                            self.frame(now, &Parts::of(&frame), &whole, profile, meter, client);
                        }
                        _ => meter.extend_from_slice(&whole),
                    }
                }
            }
        }
        self.incoming = decoder;
    }

    fn frame(
        &mut self,
        now: Instant,
        asked: &Parts,
        whole: &[u8],
        profile: &Profile,
        meter: &mut Vec<u8>,
        client: &mut Vec<u8>,
    ) {
        let faults = &profile.faults;
        let &[source] = asked.source.as_slice() else {
            return meter.extend_from_slice(whole);
        };
        let sap = source >> 1;
        if matches!(asked.control, Control::Disc { .. })
            && self.released(sap, asked, profile, client)
        {
            return;
        }
        let instead = match heard(faults, profile, &asked.destination) {
            Heard::No => return,
            Heard::AsItIs if !profile.answers_to(&asked.destination) => {
                return meter.extend_from_slice(whole);
            }
            Heard::AsItIs => {
                self.asked = None;
                None
            }
            Heard::Instead(own) => {
                self.asked = Some(asked.destination.clone());
                Some(own)
            }
            Heard::ForAll(own) => {
                self.asked = None;
                Some(own)
            }
        };
        if faults.number(Kind::SilentTo) == Some(sap.into()) {
            return;
        }
        self.unnumbered = matches!(asked.control, Control::Snrm { .. } | Control::Disc { .. });
        if self.unnumbered {
            self.forget();
        }
        if let Some(answer) = self.instead(now, sap, asked, profile) {
            return client.extend_from_slice(&answer);
        }
        match instead {
            None => meter.extend_from_slice(whole),
            Some(own) => {
                let changed = Parts {
                    destination: own,
                    ..asked.clone()
                };
                meter.extend_from_slice(&changed.octets());
            }
        }
    }

    /// DISC of a client that left something open; true when it is answered.
    fn released(
        &mut self,
        sap: u8,
        asked: &Parts,
        profile: &Profile,
        client: &mut Vec<u8>,
    ) -> bool {
        let faults = &profile.faults;
        let Ok((address, _)) = ServerAddress::decode(&asked.destination) else {
            return false;
        };
        let calling = address.is_calling() && address.upper() == profile.address.upper();
        if !calling && !profile.answers_to(&asked.destination) {
            return false;
        }
        self.news.push(Disc { sap, calling });
        let theirs = [Kind::Busy, Kind::StaleLink, Kind::StaleAssociation]
            .into_iter()
            .any(|kind| faults.number(kind) == Some(sap.into()));
        self.free |= faults.number(Kind::Busy) == Some(sap.into());
        if theirs || calling && faults.has(Kind::StaleCalling) {
            let done = asked.reply(Control::Ua { poll: true }, &[]);
            client.extend_from_slice(&done.octets());
            return true;
        }
        false
    }

    /// What is answered in the meter's place: octets, or nothing at all.
    fn instead(
        &mut self,
        now: Instant,
        sap: u8,
        asked: &Parts,
        profile: &Profile,
    ) -> Option<Vec<u8>> {
        let faults = &profile.faults;
        let dm = || asked.reply(Control::Dm { poll: true }, &[]).octets();
        match asked.control {
            Control::Snrm { .. } => {
                let busy = self.is_busy(now, sap, profile);
                (busy || faults.has(Kind::DmToSnrm)).then(dm)
            }
            Control::Information { .. } => {
                if faults.has(Kind::DmToI) {
                    return Some(dm());
                }
                if let Some(reason) = reject_reason(faults) {
                    let control = asked.control.encode();
                    let information = [control, 0x00, reason];
                    let information = if reason == 0 { &[][..] } else { &information };
                    let reject = asked.reply(Control::Frmr { poll: true }, information);
                    return Some(reject.octets());
                }
                let apdu = asked.information.strip_prefix(&COMMAND)?;
                pdus::is_deaf_to(faults, apdu).then(Vec::new)
            }
            Control::ReceiveReady { receive, .. } if !self.held.is_empty() => {
                if self.polls > 1 {
                    self.polls -= 1;
                    // What we have of it is not more than before.
                    let wait = Control::ReceiveNotReady {
                        receive: receive_of(&self.held).unwrap_or(receive),
                        poll: true,
                    };
                    return Some(asked.reply(wait, &[]).octets());
                }
                self.polls = 0;
                Some(std::mem::take(&mut self.held))
            }
            Control::ReceiveReady { .. } if self.endless => Some(Vec::new()),
            _ => None,
        }
    }

    fn is_busy(&mut self, now: Instant, sap: u8, profile: &Profile) -> bool {
        let Some(holder) = profile.faults.number(Kind::Busy) else {
            return false;
        };
        // The other client was last heard when we first came.
        let gone = now.checked_add(profile.inactivity);
        let until = *self.busy_until.get_or_insert(gone.unwrap_or(now));
        !self.free && holder != u32::from(sap) && now < until
    }

    /// Frames from the meter, as the client gets them.
    pub fn sent(&mut self, bytes: &[u8], profile: &Profile, out: &mut Vec<u8>) {
        let faults = &profile.faults;
        let mut decoder = std::mem::take(&mut self.outgoing);
        decoder.push(bytes);
        while let Some(item) = decoder.next() {
            match item {
                Item::Junk { octets, .. } => out.extend_from_slice(octets),
                Item::Frame { octets, .. } => {
                    if let Ok(frame) = Frame::parse(octets) {
                        self.say(faults, Parts::of(&frame), out);
                    }
                }
            }
        }
        self.outgoing = decoder;
    }

    fn say(&mut self, faults: &Faults, mut parts: Parts, out: &mut Vec<u8>) {
        if let Some(asked) = &self.asked {
            parts.source.clone_from(asked);
        }
        let dm = matches!(parts.control, Control::Dm { .. });
        if dm && faults.has(Kind::InactivitySilent) && !self.unnumbered {
            return;
        }
        if dm && self.unnumbered && faults.has(Kind::StaleLink) {
            parts.control = Control::Ua { poll: true };
        }
        alter::fields(faults, &mut parts);
        let mut octets = parts.octets();
        let information = parts.is_information();
        alter::octets(faults, information, &mut octets);
        if information && faults.has(Kind::Duplicate) {
            octets.extend_from_within(..);
        }
        if parts.is_service() && faults.has(Kind::SegmentEndless) {
            self.endless = true;
        }
        if parts.is_service() && faults.has(Kind::OneBehind) {
            std::mem::swap(&mut octets, &mut self.behind);
        }
        if let (Some(polls), Control::Information { receive, .. }) =
            (faults.number(Kind::Rnr), parts.control)
        {
            if self.polls == 0 {
                self.polls = polls;
                self.held.clear();
                let wait = Control::ReceiveNotReady {
                    receive,
                    poll: true,
                };
                let wait = Parts {
                    control: wait,
                    information: Vec::new(),
                    segmented: false,
                    ..parts
                };
                out.extend_from_slice(&wait.octets());
            }
            return self.held.extend_from_slice(&octets);
        }
        aside::before(faults, &parts, out);
        out.extend_from_slice(&octets);
        aside::behind(faults, &parts, out);
    }

    /// The numbers start anew.
    fn forget(&mut self) {
        self.held.clear();
        self.polls = 0;
        self.behind.clear();
        self.endless = false;
    }

    /// The byte stream is over.
    pub fn forget_stream(&mut self) {
        self.forget();
        self.incoming.clear();
        self.outgoing.clear();
    }
}

/// N(R) of the first frame here.
fn receive_of(frames: &[u8]) -> Option<u8> {
    let mut decoder = Decoder::new();
    decoder.push(frames);
    let Some(Item::Frame { octets, .. }) = decoder.next() else {
        return None;
    };
    match Frame::parse(octets).ok()?.control() {
        Control::Information { receive, .. } => Some(receive),
        _ => None,
    }
}

/// The reason octet of a FRMR; 0: without information.
fn reject_reason(faults: &Faults) -> Option<u8> {
    [
        (Kind::FrmrW, 0x01),
        (Kind::FrmrX, 0x02),
        (Kind::FrmrY, 0x04),
        (Kind::FrmrZ, 0x08),
        (Kind::FrmrV, 0x10),
        // X, counted from the high end.
        (Kind::FrmrReversed, 0x40),
        (Kind::FrmrBare, 0),
    ]
    .into_iter()
    .find_map(|(kind, reason)| faults.has(kind).then_some(reason))
}
