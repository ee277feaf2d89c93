//! The association against a scripted meter: whole HDLC frames both ways, time as data, no wait is real.
mod anything;
mod blocks;
mod connect;
mod get;
mod names;
mod properties;
mod recorded;
mod refuse;
mod release;
mod replay;
mod sealed;
mod services;
mod wired;
mod wrapper;
mod writing;

use super::*;
use crate::cosem::{Data, Obis};
use crate::dlms::acse::{Aare, InitiateResponse};
use crate::dlms::hdlc::frame::{Frame, build};
use crate::dlms::hdlc::link::LinkConfig;
use crate::dlms::hdlc::{ClientAddress, Control, Decoder, Item, Parameters, ServerAddress};
use crate::dlms::security::Secret;

const CLIENT: u8 = 0x03;
const SERVER: u8 = 0x03;
const TIMEOUT: Duration = Duration::from_secs(7);
const QUIET: Duration = Duration::from_millis(200);
const MICROSTAR: Conformance = Conformance(0x00_301D);

pub(super) const VOLTAGE: AttributeRef = AttributeRef {
    class: 3,
    obis: Obis::new(1, 1, 32, 7, 0, 255),
    attribute: 2,
};

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

pub(super) fn config(authentication: Authentication) -> Config {
    Config {
        authentication,
        conformance: MICROSTAR,
        max_answer: 4096,
        ..Config::new(Carrier::Hdlc(LinkConfig {
            client: ClientAddress::new(1).unwrap(),
            server: ServerAddress::new(1, None, None).unwrap(),
            propose: None,
            response_timeout: TIMEOUT,
            remind_after: Duration::MAX,
            inter_octet: Duration::ZERO,
            retries: 1,
            quiet: QUIET,
        }))
    }
}

/// The HDLC part of a configuration.
pub(super) fn link(config: &mut Config) -> &mut LinkConfig {
    match &mut config.carrier {
        Carrier::Hdlc(link) => link,
        Carrier::Wrapper(_) => panic!("no HDLC"),
    }
}

/// What a meter hears from the client.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Snrm,
    Disc,
    Apdu(Vec<u8>),
    ReceiveReady,
}

/// A client and the meter's end of its line.
pub(super) struct Line {
    pub client: Association,
    pub now: Instant,
    decoder: Decoder,
    send: u8,
    receive: u8,
    joined: Vec<u8>,
    /// I frames heard since the start.
    pub information_frames: usize,
}

impl Line {
    pub fn new(config: Config) -> Self {
        Self {
            client: Association::new(config),
            now: Instant::now(),
            decoder: Decoder::new(),
            send: 0,
            receive: 0,
            joined: Vec::new(),
            information_frames: 0,
        }
    }

    /// Connected and associated, nothing unread.
    pub fn ready() -> Self {
        Self::ready_with(config(Authentication::None))
    }

    pub fn ready_with(config: Config) -> Self {
        let mut line = Self::new(config);
        line.linked();
        line.accept();
        assert_eq!(line.client.state(), State::Ready);
        line.events();
        line
    }

    /// Connected up to the AARQ, which is given back.
    pub fn linked(&mut self) -> Vec<u8> {
        self.client.connect(self.now).unwrap();
        assert_eq!(self.heard(), []);
        self.pass(QUIET);
        assert_eq!(self.heard(), [Heard::Snrm]);
        self.unnumbered(Control::Ua { poll: true });
        let Some(Heard::Apdu(aarq)) = self.heard().pop() else {
            panic!("no AARQ")
        };
        aarq
    }

    pub fn accept(&mut self) {
        self.grant(MICROSTAR, 6400);
    }

    pub fn grant(&mut self, conformance: Conformance, max_pdu: u16) {
        let mut aare = Vec::new();
        Aare::accepted(InitiateResponse::new(conformance, max_pdu)).encode(&mut aare);
        self.reply(&aare);
    }

    /// A client that may write, and a meter that grants so much.
    pub fn granted(conformance: u32, max_pdu: u16) -> Self {
        let mut line = Self::new(Config {
            read_only: false,
            ..config(Authentication::None)
        });
        line.linked();
        line.grant(Conformance(conformance), max_pdu);
        assert_eq!(line.client.state(), State::Ready);
        line.events();
        line
    }

    /// All that the client put on the line, segments joined and acknowledged.
    pub fn heard(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            let mut bytes = Vec::new();
            while let Some(chunk) = self
                .client
                .poll_transmit()
                .filter(|chunk| !chunk.is_empty())
            {
                bytes.extend_from_slice(chunk);
            }
            if bytes.is_empty() {
                return heard;
            }
            self.decoder.push(&bytes);
            let mut frames = Vec::new();
            while let Some(item) = self.decoder.next() {
                let Item::Frame { octets, .. } = item else {
                    panic!("junk from the client: {item:?}")
                };
                frames.push(octets.to_vec());
            }
            for frame in frames {
                heard.extend(self.hear(&frame));
            }
        }
    }

    fn hear(&mut self, octets: &[u8]) -> Option<Heard> {
        let frame = Frame::parse(octets).unwrap();
        assert!(frame.fcs_ok() && frame.hcs_ok() != Some(false));
        assert_eq!(
            (frame.destination(), frame.source()),
            (&[SERVER][..], &[CLIENT][..])
        );
        match frame.control() {
            Control::Snrm { .. } => {
                (self.send, self.receive) = (0, 0);
                Some(Heard::Snrm)
            }
            Control::Disc { .. } => Some(Heard::Disc),
            Control::ReceiveReady { receive, .. } => {
                assert_eq!(receive, self.send);
                Some(Heard::ReceiveReady)
            }
            Control::Information { send, receive, .. } => {
                assert_eq!((send, receive), (self.receive, self.send));
                self.information_frames += 1;
                self.receive = (self.receive + 1) % 8;
                self.joined.extend_from_slice(frame.information());
                if frame.segmented() {
                    self.receive_ready();
                    return None;
                }
                let whole = std::mem::take(&mut self.joined);
                Some(Heard::Apdu(
                    whole.strip_prefix(&[0xE6, 0xE6, 0x00]).unwrap().to_vec(),
                ))
            }
            other => panic!("{other:?} from the client"),
        }
    }

    /// The one APDU the client sends now.
    pub fn request(&mut self) -> Vec<u8> {
        let mut heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        match heard.pop() {
            Some(Heard::Apdu(apdu)) => apdu,
            other => panic!("{other:?}"),
        }
    }

    fn frame(&mut self, control: Control, information: &[u8]) {
        let mut bytes = Vec::new();
        build(
            &[CLIENT],
            &[SERVER],
            control,
            false,
            information,
            &mut bytes,
        )
        .unwrap();
        self.client.handle_bytes(self.now, &bytes);
    }

    pub fn unnumbered(&mut self, control: Control) {
        self.frame(control, &[]);
    }

    pub fn receive_ready(&mut self) {
        let receive = self.receive;
        self.frame(
            Control::ReceiveReady {
                receive,
                poll: true,
            },
            &[],
        );
    }

    /// Any frame with information, by its control octet.
    pub fn information(&mut self, control: u8, information: &[u8]) {
        self.frame(Control::decode(control), information);
    }

    /// How much the client sent since, repetitions included.
    pub fn heard_again(&mut self) -> usize {
        let mut count = 0;
        while let Some(chunk) = self
            .client
            .poll_transmit()
            .filter(|chunk| !chunk.is_empty())
        {
            count += chunk.len();
        }
        count
    }

    /// An APDU from the meter in one frame.
    pub fn reply(&mut self, apdu: &[u8]) {
        let mut information = vec![0xE6, 0xE7, 0x00];
        information.extend_from_slice(apdu);
        let (send, receive) = (self.send, self.receive);
        self.send = (self.send + 1) % 8;
        self.frame(
            Control::Information {
                send,
                receive,
                poll: true,
            },
            &information,
        );
    }

    /// An answer sent before the newest request came: its N(R) does not acknowledge that one.
    pub fn reply_late(&mut self, apdu: &str) {
        let now = self.receive;
        self.receive = (now + 7) % 8;
        self.reply_hex(apdu);
        self.receive = now;
    }

    pub fn reply_hex(&mut self, apdu: &str) {
        self.reply(&hex(apdu));
    }

    /// Time goes by; the client is told whenever it asked to be.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100 {
            match self.client.poll_timeout() {
                Some(due) if due <= end => {
                    self.now = self.now.max(due);
                    self.client.handle_timeout(self.now);
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("the client's timers do not rest");
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    /// Events without steps and notices.
    pub fn outcomes(&mut self) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| !matches!(event, Event::Step(_) | Event::Notice(_)));
        events
    }

    pub fn get(&mut self) -> Vec<u8> {
        self.client.get(self.now, VOLTAGE).unwrap();
        self.request()
    }

    /// One GET, answered with `apdu`, and what came of it.
    pub fn get_answered(&mut self, apdu: &str) -> Result<Data, GetError> {
        self.get();
        self.reply_hex(apdu);
        match &mut self.outcomes()[..] {
            [Event::Got(result)] => result.clone(),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn defaults() -> Parameters {
    Parameters::default()
}
