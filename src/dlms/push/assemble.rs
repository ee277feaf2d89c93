//! Puts together what one frame could not hold: HDLC segments, M-Bus segments, APDUs cut without a word, general blocks.
//! The rule: one message is under way at a time and bounded; whatever does not fit it ends it by name.

use super::blocks::Blocks;
use super::mbus::Segment;
use super::measure::{Measure, is_pushed, measure};
use super::stream::{Apdu, Event, Framing, Note, patience_ends};
use crate::dlms::hdlc::LLC_RESPONSE;
use crate::dlms::xdlms::tag;
use std::collections::VecDeque;
use std::time::Instant;

/// Longer than any push there is, and the most an APDU can be.
pub(super) const LONGEST: usize = 65_535;

#[derive(Debug, Default)]
pub(super) struct Assembler {
    joining: Option<Joining>,
    blocks: Option<Blocks>,
}

/// A message whose frames are not all here.
#[derive(Debug)]
struct Joining {
    apdu: Apdu,
    /// The number the next M-Bus segment has.
    next: u8,
    deadline: Instant,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let joining = self.joining.as_ref().map(|joining| joining.deadline);
        let blocks = self.blocks.as_ref().map(Blocks::deadline);
        [joining, blocks].into_iter().flatten().min()
    }

    pub(super) fn held(&self) -> usize {
        let joining = self
            .joining
            .as_ref()
            .map_or(0, |joining| joining.apdu.octets.len());
        let blocks = self.blocks.as_ref().map_or(0, Blocks::octets);
        joining.saturating_add(blocks)
    }

    /// Lets go of everything unfinished.
    pub(super) fn give_up(&mut self) -> Vec<Note> {
        let joining = self.joining.take().map(|joining| Note::Unfinished {
            what: "a message in several frames broke off",
            octets: joining.apdu.octets.len(),
        });
        let blocks = self.blocks.take().map(|blocks| Note::Unfinished {
            what: "a message in general blocks broke off",
            octets: blocks.octets(),
        });
        joining.into_iter().chain(blocks).collect()
    }

    pub(super) fn hdlc(
        &mut self,
        now: Instant,
        link: &str,
        segmented: bool,
        information: &[u8],
        events: &mut VecDeque<Event>,
    ) {
        let begins = match *information {
            [0xE6, 0xE6 | 0xE7, 0, ref apdu @ ..] => Some(apdu),
            // Without LLC nothing begins, unless nothing is under way.
            [tag, ..] if self.joining.is_none() && is_pushed(tag) => Some(information),
            _ => None,
        };
        match begins {
            Some(apdu) => self.begin(now, Framing::Hdlc, link, apdu, events),
            None if !self.go_on(now, Framing::Hdlc, information, events) => return,
            None => {}
        }
        // Some meters cut an APDU without setting the segmentation bit: its own lengths tell.
        if !segmented && !self.lacks_more() {
            self.finish(now, events);
        }
    }

    pub(super) fn mbus(
        &mut self,
        now: Instant,
        link: &str,
        segment: Segment<'_>,
        events: &mut VecDeque<Event>,
    ) {
        let due = self
            .joining
            .as_ref()
            .filter(|joining| joining.apdu.framing == Framing::Mbus)
            .map(|joining| (joining.next, joining.apdu.octets.len()));
        match due {
            Some((next, _)) if next == segment.number => {
                if !self.go_on(now, Framing::Mbus, segment.payload, events) {
                    return;
                }
            }
            _ if segment.number == 0 => {
                let apdu = segment
                    .payload
                    .strip_prefix(&LLC_RESPONSE)
                    .unwrap_or(segment.payload);
                self.begin(now, Framing::Mbus, link, apdu, events);
            }
            Some((expected, octets)) => {
                self.joining = None;
                events.push_back(Event::Note(Note::LostSegment {
                    expected,
                    got: segment.number,
                    octets,
                }));
                return;
            }
            None => {
                let octets = segment.payload.len();
                events.push_back(Event::Note(Note::Headless { octets }));
                return;
            }
        }
        if let Some(joining) = &mut self.joining {
            joining.next = segment.number.wrapping_add(1) & 0x0F;
        }
        if segment.last {
            self.finish(now, events);
        }
    }

    /// An APDU that came in one piece.
    pub(super) fn whole(&mut self, now: Instant, apdu: Apdu, events: &mut VecDeque<Event>) {
        if apdu.octets.first() == Some(&tag::GENERAL_BLOCK_TRANSFER) {
            self.block(now, &apdu, events);
        } else if !apdu.octets.is_empty() {
            events.push_back(Event::Apdu(apdu));
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        framing: Framing,
        link: &str,
        octets: &[u8],
        events: &mut VecDeque<Event>,
    ) {
        if let Some(old) = self.joining.take() {
            let octets = old.apdu.octets.len();
            events.push_back(Event::Note(Note::Overtaken { octets }));
        }
        self.joining = Some(Joining {
            apdu: Apdu {
                framing,
                link: link.to_owned(),
                frames: 1,
                blocks: 0,
                octets: octets.to_vec(),
            },
            next: 1,
            deadline: patience_ends(now),
        });
    }

    /// False: these octets belong to nothing, or to too much.
    fn go_on(
        &mut self,
        now: Instant,
        framing: Framing,
        octets: &[u8],
        events: &mut VecDeque<Event>,
    ) -> bool {
        let Some(joining) = self
            .joining
            .as_mut()
            .filter(|joining| joining.apdu.framing == framing)
        else {
            let octets = octets.len();
            events.push_back(Event::Note(Note::Headless { octets }));
            return false;
        };
        if joining.apdu.octets.len().saturating_add(octets.len()) > LONGEST {
            self.joining = None;
            events.push_back(Event::Note(Note::TooLong(LONGEST)));
            return false;
        }
        joining.apdu.octets.extend_from_slice(octets);
        joining.apdu.frames = joining.apdu.frames.saturating_add(1);
        joining.deadline = patience_ends(now);
        true
    }

    /// Whether the APDU under way says itself that it is longer.
    fn lacks_more(&self) -> bool {
        self.joining.as_ref().is_some_and(|joining| {
            joining
                .apdu
                .octets
                .first()
                .is_some_and(|tag| is_pushed(*tag))
                && measure(&joining.apdu.octets) == Measure::Open
        })
    }

    fn finish(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        if let Some(joining) = self.joining.take() {
            self.whole(now, joining.apdu, events);
        }
    }

    fn block(&mut self, now: Instant, apdu: &Apdu, events: &mut VecDeque<Event>) {
        let mut blocks = self.blocks.take();
        match Blocks::take(&mut blocks, now, apdu) {
            Ok(Some(whole)) => events.push_back(Event::Apdu(whole)),
            Ok(None) => {}
            Err(note) => events.push_back(Event::Note(note)),
        }
        self.blocks = blocks;
    }
}
