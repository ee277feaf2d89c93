//! The carrier under an association, HDLC or wrapper, by one set of verbs. What only one of them has (SNRM, UA, DISC, RR) is
//! a no for the other.
use super::config::Carrier;
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::link::{
    Link, LinkCounters, LinkEvent, LinkFailure, LinkMisuse, LinkNotice, LinkState,
};
use crate::dlms::wrapper::{WrapperEvent, WrapperLink};
use std::time::{Duration, Instant};

pub(super) enum Line {
    Hdlc(Box<Link>),
    Wrapper(Box<WrapperLink>),
}

/// What the carrier tells.
pub(super) enum LineEvent {
    /// APDUs go through; with what HDLC negotiated.
    Up(Parameters),
    /// The answer is in `apdu`.
    Apdu,
    Unasked(Vec<u8>),
    Down,
    Failed(LinkFailure),
    Notice(LinkNotice),
}

impl Line {
    pub fn new(carrier: &Carrier) -> Self {
        match carrier {
            Carrier::Hdlc(config) => Self::Hdlc(Box::new(Link::new(config.clone()))),
            Carrier::Wrapper(config) => Self::Wrapper(Box::new(WrapperLink::new(config.clone()))),
        }
    }

    /// SNRM is out.
    pub fn is_connecting(&self) -> bool {
        match self {
            Self::Hdlc(link) => link.state() == LinkState::Connecting,
            Self::Wrapper(_) => false,
        }
    }

    pub const fn is_wrapper(&self) -> bool {
        matches!(self, Self::Wrapper(_))
    }

    /// Over the wrapper nothing is asked again before the timeout: TCP loses nothing on the way.
    pub fn waits(&self) -> Option<Duration> {
        match self {
            Self::Hdlc(link) => link.waits(),
            Self::Wrapper(_) => None,
        }
    }

    pub fn counters(&self) -> LinkCounters {
        match self {
            Self::Hdlc(link) => link.counters(),
            Self::Wrapper(link) => link.counters(),
        }
    }

    /// The byte stream is gone.
    pub fn reset(&mut self) {
        match self {
            Self::Hdlc(link) => link.reset(),
            Self::Wrapper(link) => link.reset(),
        }
    }

    /// Lets go without a word; the byte stream may still stand.
    pub fn close(&mut self) {
        match self {
            Self::Hdlc(link) => {
                if link.state() != LinkState::Disconnected {
                    link.reset();
                }
            }
            Self::Wrapper(link) => link.close(),
        }
    }

    /// The last APDU did not go out.
    pub fn withdraw(&mut self) {
        match self {
            Self::Hdlc(link) => link.withdraw(),
            Self::Wrapper(link) => link.withdraw(),
        }
    }

    pub fn connect(&mut self, now: Instant) -> Result<(), LinkMisuse> {
        match self {
            Self::Hdlc(link) => link.connect(now),
            Self::Wrapper(link) => {
                link.open();
                Ok(())
            }
        }
    }

    pub fn send(&mut self, now: Instant, apdu: &[u8]) -> Result<(), LinkMisuse> {
        match self {
            Self::Hdlc(link) => link.send(now, apdu),
            Self::Wrapper(link) => link.send(apdu),
        }
    }

    /// RR, or nothing where there is no such thing.
    pub fn poll(&mut self, now: Instant) -> Result<(), LinkMisuse> {
        match self {
            Self::Hdlc(link) => link.poll(now),
            Self::Wrapper(_) => Ok(()),
        }
    }

    pub fn disconnect(&mut self, now: Instant) {
        match self {
            Self::Hdlc(link) => link.disconnect(now),
            Self::Wrapper(link) => link.close(),
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::Hdlc(link) => link.handle_bytes(now, bytes),
            Self::Wrapper(link) => link.handle_bytes(bytes),
        }
    }

    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        match self {
            Self::Hdlc(link) => link.poll_transmit(),
            Self::Wrapper(link) => link.poll_transmit(),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Hdlc(link) => link.poll_timeout(),
            Self::Wrapper(_) => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Self::Hdlc(link) = self {
            link.handle_timeout(now);
        }
    }

    pub fn poll_event(&mut self) -> Option<LineEvent> {
        match self {
            Self::Hdlc(link) => link.poll_event().map(|event| match event {
                LinkEvent::Connected(parameters) => LineEvent::Up(parameters),
                LinkEvent::Apdu => LineEvent::Apdu,
                LinkEvent::Unnumbered(apdu) => LineEvent::Unasked(apdu),
                LinkEvent::Disconnected => LineEvent::Down,
                LinkEvent::Failed(failure) => LineEvent::Failed(failure),
                LinkEvent::Notice(notice) => LineEvent::Notice(notice),
            }),
            Self::Wrapper(link) => link.poll_event().map(|event| match event {
                WrapperEvent::Apdu => LineEvent::Apdu,
                WrapperEvent::Unasked(apdu) => LineEvent::Unasked(apdu),
                WrapperEvent::Failed(failure) => LineEvent::Failed(failure),
                WrapperEvent::Notice(notice) => LineEvent::Notice(notice),
            }),
        }
    }

    /// The APDU of the last `LineEvent::Apdu`.
    pub fn apdu(&self) -> &[u8] {
        match self {
            Self::Hdlc(link) => link.apdu(),
            Self::Wrapper(link) => link.apdu(),
        }
    }

    /// Whether the carrier proves that the last answer is to the last request.
    pub fn answer_is_certain(&self) -> bool {
        match self {
            Self::Hdlc(link) => link.answer_is_certain(),
            Self::Wrapper(link) => link.answer_is_certain(),
        }
    }

    /// The half of an answer that came, in words.
    pub fn unfinished(&self) -> Option<String> {
        match self {
            Self::Hdlc(_) => None,
            Self::Wrapper(link) => link.unfinished(),
        }
    }
}
