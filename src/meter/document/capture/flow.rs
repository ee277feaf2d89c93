//! TCP payload put in order, connection by connection. The one rule: the meter is the side that was connected to; where
//! the capture began too late to see that, the side with the lower port.

use super::packet::Segment;
use crate::meter::document::Entry;
use crate::meter::tap::{Chunk, Direction, Note};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Connections followed at once; the capture of a busy network has more, and none of them is a meter's.
const MOST_FLOWS: usize = 4096;
/// Segments that came too early, for one direction.
const MOST_EARLY: usize = 64;
/// Services that share a meter's network: shell, names, time, web, files, MQTT, desktops.
const OTHERS: [u16; 10] = [22, 53, 80, 123, 443, 445, 1883, 3389, 5353, 8883];

#[derive(Default)]
pub(super) struct Flows {
    flows: HashMap<(SocketAddr, SocketAddr), Flow>,
    /// Comments of packets that belong to no connection of ours.
    homeless: Vec<String>,
}

struct Flow {
    meter: SocketAddr,
    /// A comment `meter NAME` calls it otherwise.
    name: String,
    open: bool,
    sent: Side,
    received: Side,
}

#[derive(Default)]
struct Side {
    next: Option<u32>,
    early: Vec<(u32, Vec<u8>)>,
}

impl Flows {
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        segment: Option<Segment>,
        mut comments: Vec<String>,
        out: &mut VecDeque<Entry>,
    ) {
        let ours = segment.filter(|segment| {
            let ports = [segment.source.port(), segment.target.port()];
            !ports.iter().any(|port| OTHERS.contains(port))
        });
        let Some(segment) = ours else {
            self.homeless.append(&mut comments);
            self.homeless.truncate(MOST_EARLY);
            return;
        };
        let (a, b) = (segment.source, segment.target);
        let key = if a < b { (a, b) } else { (b, a) };
        if !self.flows.contains_key(&key) && self.flows.len() >= MOST_FLOWS {
            return;
        }
        let flow = self.flows.entry(key).or_insert_with(|| Flow::new(&segment));
        comments.append(&mut self.homeless);
        flow.take(at, segment, comments, out);
    }

    /// Nothing more comes: what waited for something lost is given out.
    pub(super) fn end(&mut self, at: Timestamp, out: &mut VecDeque<Entry>) {
        for flow in self.flows.values_mut() {
            flow.rest(at, out);
        }
        for text in std::mem::take(&mut self.homeless) {
            out.push_back(Entry::note(at, "", &text));
        }
    }
}

impl Flow {
    fn new(segment: &Segment) -> Self {
        let (from, to) = (segment.source, segment.target);
        let answers = segment.tcp.is_some_and(|tcp| tcp.opens && tcp.acknowledges);
        let asks = segment
            .tcp
            .is_some_and(|tcp| tcp.opens && !tcp.acknowledges);
        let meter = if asks || (!answers && to.port() < from.port()) {
            to
        } else {
            from
        };
        Self {
            meter,
            name: meter.to_string(),
            open: false,
            sent: Side::default(),
            received: Side::default(),
        }
    }

    fn take(
        &mut self,
        at: Timestamp,
        segment: Segment,
        comments: Vec<String>,
        out: &mut VecDeque<Entry>,
    ) {
        let direction = if segment.source == self.meter {
            Direction::Received
        } else {
            Direction::Sent
        };
        for text in comments {
            match text.strip_prefix("meter ") {
                Some(name) => name.clone_into(&mut self.name),
                None => out.push_back(Entry::note(at, &self.name, &text)),
            }
        }
        let Some(tcp) = segment.tcp else {
            // Of all datagrams only those that look like a meter's.
            if segment.payload.starts_with(&[0, 1]) || segment.payload.starts_with(&[0x7E]) {
                self.chunk(at, direction, segment.payload, out);
            }
            return;
        };
        let mut number = tcp.number;
        if tcp.opens {
            number = number.wrapping_add(1);
            *self.side(direction) = Side {
                next: Some(number),
                early: Vec::new(),
            };
            if tcp.acknowledges {
                self.open = true;
                self.note(at, Note::Connected, out);
            }
        }
        if !segment.payload.is_empty() {
            let side = self.side(direction);
            side.early.push((number, segment.payload));
            let patience = if tcp.closes { 0 } else { MOST_EARLY };
            self.deliver(at, direction, patience, out);
        }
        if tcp.closes && self.open {
            self.rest(at, out);
            self.open = false;
            self.note(at, Note::Closed, out);
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    /// Gives out what is in order; steps over what was lost when more than `patience` wait behind it.
    fn deliver(
        &mut self,
        at: Timestamp,
        direction: Direction,
        patience: usize,
        out: &mut VecDeque<Entry>,
    ) {
        loop {
            let side = self.side(direction);
            let ready = side.early.iter().enumerate().find_map(|(n, (number, _))| {
                let ahead = side.next.map_or(0, |next| ahead(*number, next));
                (ahead <= 0).then_some((n, ahead.unsigned_abs() as usize))
            });
            if let Some((n, known)) = ready {
                let (number, payload) = side.early.swap_remove(n);
                let length = u32::try_from(payload.len()).unwrap_or(0);
                if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
                    side.next = Some(number.wrapping_add(length));
                    let new = new.to_vec();
                    self.open = true;
                    self.chunk(at, direction, new, out);
                }
                continue;
            }
            if side.early.len() <= patience {
                return;
            }
            let next = side.next.unwrap_or(0);
            let Some(first) = side
                .early
                .iter()
                .map(|(n, _)| *n)
                .min_by_key(|n| ahead(*n, next))
            else {
                return;
            };
            let lost = ahead(first, next);
            side.next = Some(first);
            let text = format!("{lost} bytes are missing in the capture here");
            self.note(at, Note::Text(text), out);
        }
    }

    fn rest(&mut self, at: Timestamp, out: &mut VecDeque<Entry>) {
        self.deliver(at, Direction::Sent, 0, out);
        self.deliver(at, Direction::Received, 0, out);
    }

    fn chunk(
        &self,
        at: Timestamp,
        direction: Direction,
        bytes: Vec<u8>,
        out: &mut VecDeque<Entry>,
    ) {
        self.entry(at, Chunk::Bytes { direction, bytes }, out);
    }

    fn note(&self, at: Timestamp, note: Note, out: &mut VecDeque<Entry>) {
        self.entry(at, Chunk::Note(note), out);
    }

    fn entry(&self, at: Timestamp, what: Chunk, out: &mut VecDeque<Entry>) {
        out.push_back(Entry {
            at,
            meter: self.name.clone(),
            what,
            masked: false,
        });
    }
}

/// How far `number` stands ahead of `next`, round the circle of sequence numbers.
fn ahead(number: u32, next: u32) -> i32 {
    number.wrapping_sub(next).cast_signed()
}
