//! The wrapper as a carrier: APDUs in and out between one client and one logical device. It keeps no time and repeats
//! nothing; what is not for us, or lies about its length, is told and left out.
use super::{Decoder, Header, Item, WrapperError, build};
use crate::dlms::hdlc::link::{LinkCounters, LinkFailure, LinkMisuse, LinkNotice};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Kept for an owner that does not come to read; beyond that, what nobody asked for is dropped.
const MAX_EVENTS: usize = 64;

/// Buffers larger than this are given back when they were read.
const KEEP: usize = 8 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapperConfig {
    /// Our wPort: the client SAP.
    pub client: u16,
    /// The meter's wPort: the logical device.
    pub server: u16,
    pub response_timeout: Duration,
    /// How often a request that changes nothing is sent again when no answer came. Over UDP only.
    pub retries: u8,
    /// UDP: what arrives at once is one PDU, and a PDU can be lost. False is TCP.
    pub datagrams: bool,
}

impl WrapperConfig {
    /// Over TCP, 7 s.
    pub const fn tcp(client: u16, server: u16) -> Self {
        Self {
            client,
            server,
            response_timeout: Duration::from_secs(7),
            retries: 0,
            datagrams: false,
        }
    }

    /// Over UDP, 7 s, two retries.
    pub const fn udp(client: u16, server: u16) -> Self {
        Self {
            retries: 2,
            datagrams: true,
            ..Self::tcp(client, server)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrapperEvent {
    /// The APDU that came after `send`: read it with `WrapperLink::apdu`.
    Apdu,
    /// An APDU nobody asked for, or one after the first.
    Unasked(Vec<u8>),
    /// What comes is no wrapper.
    Failed(LinkFailure),
    Notice(LinkNotice),
}

/// Says nothing by itself; `open` and `close` only tell whether anything may go out.
pub struct WrapperLink {
    config: WrapperConfig,
    open: bool,
    decoder: Decoder,
    output: Vec<u8>,
    /// What was given out last.
    given: Vec<u8>,
    answer: Vec<u8>,
    /// An answer is due.
    due: bool,
    /// Every request on this stream was answered so far, so the next answer is to the next request.
    in_step: bool,
    events: VecDeque<WrapperEvent>,
    counters: LinkCounters,
}

impl WrapperLink {
    pub fn new(config: WrapperConfig) -> Self {
        Self {
            config,
            open: false,
            decoder: Decoder::new(),
            output: Vec::new(),
            given: Vec::new(),
            answer: Vec::new(),
            due: false,
            in_step: true,
            events: VecDeque::new(),
            counters: LinkCounters::default(),
        }
    }

    pub const fn config(&self) -> &WrapperConfig {
        &self.config
    }

    pub const fn is_open(&self) -> bool {
        self.open
    }

    pub const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Lets APDUs through. On a stream where an answer is still missing, that one may come late.
    pub fn open(&mut self) {
        self.in_step &= !self.due;
        self.due = false;
        self.open = true;
    }

    /// Nothing more goes out or comes in. The stream still stands.
    pub fn close(&mut self) {
        self.open = false;
        self.output.clear();
        self.events.clear();
    }

    /// The byte stream is gone: everything but the counters is forgotten.
    pub fn reset(&mut self) {
        self.close();
        self.decoder.clear();
        self.due = false;
        self.in_step = true;
    }

    /// Puts one APDU on the line. Sent again, it counts as resent.
    pub fn send(&mut self, apdu: &[u8]) -> Result<(), LinkMisuse> {
        if !self.open {
            return Err(LinkMisuse("the wrapper connection is not open"));
        }
        if self.config.datagrams {
            // One PDU a datagram; what nobody took is overtaken.
            self.output.clear();
        }
        build(
            self.config.client,
            self.config.server,
            apdu,
            &mut self.output,
        )
        .map_err(|_| {
            LinkMisuse("the APDU does not fit in a wrapper: its length field goes up to 65535")
        })?;
        self.counters.frames_sent = self.counters.frames_sent.saturating_add(1);
        if self.due {
            self.counters.resent = self.counters.resent.saturating_add(1);
            self.in_step = false;
        }
        self.due = true;
        Ok(())
    }

    /// The APDU given last did not go out.
    pub fn withdraw(&mut self) {
        self.output.clear();
        self.due = false;
    }

    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if self.config.datagrams {
            self.decoder.clear();
        }
        self.decoder.push(bytes);
        self.take();
        if self.config.datagrams {
            if let Some(words) = self.unfinished() {
                self.notice(LinkNotice::Wrapper(words));
                self.count_dropped();
            }
            self.decoder.clear();
        }
    }

    /// What a PDU that has begun promises and has not kept: evidence for one who waits in vain.
    pub fn unfinished(&self) -> Option<String> {
        let pending = self.decoder.pending();
        if pending.is_empty() {
            return None;
        }
        Some(match Header::parse(pending) {
            Ok(header) => format!(
                "its wrapper header promised {} bytes of APDU, and {} came",
                header.length,
                pending.len().saturating_sub(super::HEADER_LENGTH)
            ),
            Err(error) => error.to_string(),
        })
    }

    /// Bytes to put on the line now; over UDP, one datagram.
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        if self.output.is_empty() {
            return None;
        }
        std::mem::swap(&mut self.output, &mut self.given);
        self.output.clear();
        self.output.shrink_to(KEEP);
        Some(&self.given)
    }

    pub fn poll_event(&mut self) -> Option<WrapperEvent> {
        self.events.pop_front()
    }

    /// The APDU of the last `WrapperEvent::Apdu`, until the next one.
    pub fn apdu(&self) -> &[u8] {
        &self.answer
    }

    /// TCP keeps the order: while nothing was left unanswered, an answer is to the request before it.
    pub const fn answer_is_certain(&self) -> bool {
        self.in_step && !self.config.datagrams
    }

    fn take(&mut self) {
        while let Some(item) = self.decoder.next() {
            match item {
                Item::Junk { octets, .. } => {
                    let (count, words) = (octets.len(), junk_words(octets));
                    let hdlc = matches!(octets, [0x7E, 0xA0..=0xAF, ..]);
                    self.counters.junk_bytes = self
                        .counters
                        .junk_bytes
                        .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                    if hdlc && self.due && !self.config.datagrams {
                        self.fail(LinkFailure::Protocol(words));
                        return;
                    }
                    let notice = LinkNotice::Wrapper(words);
                    if self.events.len() < MAX_EVENTS {
                        self.events.push_back(WrapperEvent::Notice(notice));
                    }
                }
                Item::Pdu { header, apdu, .. } => {
                    self.counters.frames_received = self.counters.frames_received.saturating_add(1);
                    let ours = header.destination == self.config.client
                        && header.source == self.config.server;
                    if !ours || !self.open {
                        self.counters.dropped = self.counters.dropped.saturating_add(1);
                        if self.events.len() < MAX_EVENTS && self.open {
                            let words = format!(
                                "a PDU from wPort {} to {} dropped; this association is between {} and {}",
                                header.source,
                                header.destination,
                                self.config.server,
                                self.config.client
                            );
                            self.events
                                .push_back(WrapperEvent::Notice(LinkNotice::Wrapper(words)));
                        }
                    } else if self.due {
                        self.due = false;
                        self.answer.clear();
                        self.answer.shrink_to(KEEP);
                        self.answer.extend_from_slice(apdu);
                        self.events.push_back(WrapperEvent::Apdu);
                    } else if self.events.len() < MAX_EVENTS {
                        self.events.push_back(WrapperEvent::Unasked(apdu.to_vec()));
                    } else {
                        self.counters.dropped = self.counters.dropped.saturating_add(1);
                    }
                }
            }
        }
    }

    const fn count_dropped(&mut self) {
        self.counters.dropped = self.counters.dropped.saturating_add(1);
    }

    fn notice(&mut self, notice: LinkNotice) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(WrapperEvent::Notice(notice));
        }
    }

    fn fail(&mut self, failure: LinkFailure) {
        self.open = false;
        self.due = false;
        self.output.clear();
        self.decoder.clear();
        self.events.push_back(WrapperEvent::Failed(failure));
    }
}

/// What stands where a wrapper header is due.
fn junk_words(octets: &[u8]) -> String {
    match octets {
        [0x7E, 0xA0..=0xAF, ..] => "the meter sends HDLC frames (7E A…) where the wrapper is expected: the port speaks HDLC, connect with HDLC over TCP".to_owned(),
        [first, second, ..] => format!(
            "{} bytes belonged to no wrapper PDU: {}",
            octets.len(),
            WrapperError::Version(u16::from_be_bytes([*first, *second]))
        ),
        _ => "1 byte belonged to no wrapper PDU".to_owned(),
    }
}

/// Says where it stands, not what travels on it.
impl fmt::Debug for WrapperLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrapperLink")
            .field("open", &self.open)
            .field("due", &self.due)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
