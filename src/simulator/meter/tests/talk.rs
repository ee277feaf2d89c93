//! A client over the wrapper that types APDUs: no link in the way of what is tested.

use super::*;
use crate::dlms::acse::Aare;
use crate::dlms::wrapper::{self, Decoder, Item};
use crate::simulator::profile::Transport;

pub(super) struct Talk {
    pub meter: SimulatedMeter,
    pub now: Instant,
    pub client: u16,
}

impl Talk {
    pub fn new(profile: Profile, client: u16) -> Self {
        let now = Instant::now();
        let clock = jiff::Timestamp::from_second(NOON).unwrap();
        let mut meter = SimulatedMeter::new(profile.over(Transport::WrapperTcp), now, clock);
        meter.connected(now);
        Self { meter, now, client }
    }

    /// All that comes back to one APDU.
    pub fn all(&mut self, apdu: &[u8]) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        wrapper::build(self.client, 1, apdu, &mut octets).unwrap();
        self.meter.handle_bytes(self.now, &octets);
        self.answers()
    }

    pub fn answers(&mut self) -> Vec<Vec<u8>> {
        let mut answer = Vec::new();
        self.meter.poll_transmit(self.now, &mut answer);
        let mut decoder = Decoder::new();
        decoder.push(&answer);
        let mut apdus = Vec::new();
        while let Some(item) = decoder.next() {
            let Item::Pdu { header, apdu, .. } = item else {
                panic!("junk from the meter");
            };
            assert_eq!((header.source, header.destination), (1, self.client));
            apdus.push(apdu.to_vec());
        }
        assert!(decoder.pending().is_empty());
        apdus
    }

    pub fn ask(&mut self, apdu: &[u8]) -> Vec<u8> {
        let [apdu] = &self.all(apdu)[..] else {
            panic!("one answer is due");
        };
        apdu.clone()
    }

    pub fn say(&mut self, apdu: &str) -> String {
        hex(&self.ask(&bytes(apdu)))
    }

    pub fn associate(&mut self, aarq: &[u8]) -> Aare {
        Aare::decode(&self.ask(aarq)).unwrap()
    }
}
