//! A client over the wrapper and what the tests need of it: APDUs in, APDUs out, time as data.
use super::*;
use crate::dlms::wrapper::{self, WrapperConfig};

pub(super) const PORTS: (u16, u16) = (16, 1);

pub(super) struct Wired {
    pub client: Association,
    pub now: Instant,
    decoder: wrapper::Decoder,
}

pub(super) fn over_tcp() -> Config {
    Config {
        max_answer: 4096,
        ..Config::new(Carrier::Wrapper(WrapperConfig::tcp(PORTS.0, PORTS.1)))
    }
}

pub(super) fn over_udp() -> Config {
    Config {
        carrier: Carrier::Wrapper(WrapperConfig::udp(PORTS.0, PORTS.1)),
        ..over_tcp()
    }
}

impl Wired {
    pub fn new(config: Config) -> Self {
        Self {
            client: Association::new(config),
            now: Instant::now(),
            decoder: wrapper::Decoder::new(),
        }
    }

    pub fn ready(config: Config, conformance: u32, max_pdu: u16) -> Self {
        let mut wired = Self::new(config);
        wired.client.connect(wired.now).unwrap();
        wired.one();
        let mut aare = Vec::new();
        Aare::accepted(InitiateResponse::new(Conformance(conformance), max_pdu)).encode(&mut aare);
        wired.reply(&aare);
        assert_eq!(wired.client.state(), State::Ready);
        wired.events();
        wired
    }

    /// The APDUs that the client sends now.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        while let Some(bytes) = self.client.poll_transmit() {
            self.decoder.push(bytes);
        }
        let mut sent = Vec::new();
        while let Some(item) = self.decoder.next() {
            let wrapper::Item::Pdu { header, apdu, .. } = item else {
                panic!("junk from the client")
            };
            assert_eq!((header.source, header.destination), PORTS);
            sent.push(apdu.to_vec());
        }
        sent
    }

    pub fn one(&mut self) -> Vec<u8> {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:02X?}");
        sent.remove(0)
    }

    pub fn reply(&mut self, apdu: &[u8]) {
        let bytes = self.wrapped(apdu);
        self.client.handle_bytes(self.now, &bytes);
    }

    #[expect(clippy::unused_self, reason = "it is this meter that says it")]
    pub fn wrapped(&self, apdu: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        wrapper::build(PORTS.1, PORTS.0, apdu, &mut bytes).unwrap();
        bytes
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    pub fn outcomes(&mut self) -> Vec<Event> {
        let mut events = self.events();
        events
            .retain(|event| !matches!(event, Event::Step(_) | Event::Notice(_) | Event::LinkUp(_)));
        events
    }

    pub fn get(&mut self) -> Vec<u8> {
        self.client.get(self.now, VOLTAGE).unwrap();
        self.one()
    }

    /// To the next deadline.
    pub fn time_out(&mut self) {
        self.now = self.client.poll_timeout().expect("a timer");
        self.client.handle_timeout(self.now);
    }
}
