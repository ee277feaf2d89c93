//! The layers between a meter and its byte stream, in their order: line, sign-on, frames or PDUs; and the time each piece
//! needs. The one rule: time comes as data, so that two runs are the same to the octet.

use super::dice::Dice;
use super::link::{Disc, LinkFaults};
use super::pdus::PduFaults;
use super::sign_on::SignOnFaults;
use super::{Kind, aside, line, pushes};
use crate::dlms::hdlc::{Control, FLAG, frame};
use crate::dlms::wrapper;
use crate::dlms::xdlms::tag;
use crate::simulator::profile::{Profile, Transport};
use std::collections::VecDeque;
use std::time::Instant;

/// More than this is not kept for a client that does not listen.
const MOST: usize = 256 * 1024;

#[derive(Debug)]
pub(in crate::simulator) struct Layers {
    dice: Dice,
    sign_on: SignOnFaults,
    link: LinkFaults,
    pdus: PduFaults,
    /// On the way to the client, in order.
    queue: VecDeque<(Instant, Vec<u8>)>,
    queued: usize,
    /// When a push is due, and its number.
    push: Option<(Instant, u32)>,
}

impl Layers {
    /// None where nothing is wrong: then nothing stands in the way.
    pub fn new(profile: &Profile) -> Option<Box<Self>> {
        if profile.faults.is_empty() {
            return None;
        }
        Some(Box::new(Self {
            dice: Dice::new(profile.seed),
            sign_on: SignOnFaults::default(),
            link: LinkFaults::default(),
            pdus: PduFaults::default(),
            queue: VecDeque::new(),
            queued: 0,
            push: None,
        }))
    }

    pub fn connected(&mut self, now: Instant, profile: &Profile) {
        self.disconnected();
        if profile.faults.has(Kind::Residual) {
            let old = aside::residual(profile);
            self.say(now, old, profile);
        }
        let period = pushes::period(&profile.faults);
        self.push = period.and_then(|(_, period)| Some((now.checked_add(period)?, 1)));
    }

    pub fn disconnected(&mut self) {
        self.queue.clear();
        self.queued = 0;
        self.push = None;
        self.sign_on.forget_stream();
        self.link.forget_stream();
        self.pdus.forget_stream();
    }

    /// Takes what the client sent; returns what the meter hears of it.
    pub fn incoming(&mut self, now: Instant, bytes: &[u8], profile: &Profile) -> Vec<u8> {
        let faults = &profile.faults;
        let echo = line::echo(faults, bytes).to_vec();
        self.put(now, echo);
        let (mut meter, mut client) = (Vec::new(), Vec::new());
        let deaf = faults.has(Kind::Silent)
            || faults.has(Kind::EchoOnly)
            || pushes::period(faults).is_some();
        if deaf {
            return meter;
        }
        if let Some(answer) = other_carrier(bytes, profile) {
            client = answer;
        } else if self.sign_on.received(now, bytes, profile, &mut client) {
            match profile.transport {
                Transport::HdlcTcp => {
                    self.link
                        .received(now, bytes, profile, &mut meter, &mut client);
                }
                Transport::WrapperTcp | Transport::WrapperUdp => {
                    self.pdus.received(bytes, faults, &mut meter);
                }
            }
        }
        let due = now.checked_add(profile.delay).unwrap_or(now);
        self.say(due, client, profile);
        meter
    }

    /// Takes what the meter says.
    pub fn outgoing(&mut self, now: Instant, bytes: &[u8], profile: &Profile) {
        let mut out = Vec::new();
        match profile.transport {
            Transport::HdlcTcp => self.link.sent(bytes, profile, &mut out),
            Transport::WrapperTcp | Transport::WrapperUdp => {
                self.pdus.sent(bytes, &profile.faults, &mut out);
            }
        }
        self.say(now, out, profile);
    }

    /// DISCs heard since the last time.
    pub fn news(&mut self) -> Vec<Disc> {
        std::mem::take(&mut self.link.news)
    }

    /// Sends bytes down the line.
    fn say(&mut self, now: Instant, mut bytes: Vec<u8>, profile: &Profile) {
        let faults = &profile.faults;
        line::damage(faults, &mut self.dice, &mut bytes);
        if self.sign_on.damages(faults) && bytes.first() == Some(&FLAG) {
            line::even_parity(&mut bytes);
        }
        let mut due = now;
        if let Some(late) = faults.time(Kind::Late) {
            due = due.checked_add(late).unwrap_or(due);
        }
        let Some(apart) = faults.time(Kind::Split) else {
            return self.put(due, bytes);
        };
        due = self.queue.back().map_or(due, |(last, _)| due.max(*last));
        for (pause, piece) in line::pieces(&bytes, apart, &mut self.dice) {
            due = due.checked_add(pause).unwrap_or(due);
            self.put(due, piece);
        }
    }

    /// What is put later is not sent earlier: it is one line.
    fn put(&mut self, due: Instant, bytes: Vec<u8>) {
        if bytes.is_empty() || self.queued + bytes.len() > MOST {
            return;
        }
        self.queued += bytes.len();
        let due = self.queue.back().map_or(due, |(last, _)| due.max(*last));
        self.queue.push_back((due, bytes));
    }

    /// Moves what is due to `out`.
    pub fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        while let Some((_, bytes)) = self.queue.pop_front_if(|(due, _)| *due <= now) {
            self.queued -= bytes.len();
            out.extend_from_slice(&bytes);
        }
        out.len() > before
    }

    pub fn due(&self) -> Option<Instant> {
        let queued = self.queue.front().map(|(due, _)| *due);
        let push = self.push.map(|(due, _)| due);
        [queued, push].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant, profile: &Profile) {
        let Some((kind, period)) = pushes::period(&profile.faults) else {
            return;
        };
        if let Some((due, number)) = self.push.filter(|(due, _)| *due <= now) {
            let telegram = pushes::telegram(kind, number, profile);
            self.say(due, telegram, profile);
            // Not the ones missed: a push port sends the present.
            let next = now.checked_add(period);
            self.push = next.map(|next| (next, number.wrapping_add(1)));
        }
    }
}

/// The port's answer to a client that took it for the other kind.
fn other_carrier(bytes: &[u8], profile: &Profile) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match *bytes {
        [FLAG, ..] if profile.faults.has(Kind::WrapperPort) => {
            // Unknown service, not supported; to the public client, for none is named.
            let no = [tag::EXCEPTION_RESPONSE, 2, 2];
            wrapper::build(profile.address.upper(), 16, &no, &mut out).ok()?;
        }
        [0, 1, _, client, ..] if profile.faults.has(Kind::HdlcPort) => {
            let mut server = Vec::new();
            profile.address.encode(&mut server);
            let dm = Control::Dm { poll: true };
            frame::build(&[client << 1 | 1], &server, dm, false, &[], &mut out).ok()?;
        }
        _ => return None,
    }
    Some(out)
}
