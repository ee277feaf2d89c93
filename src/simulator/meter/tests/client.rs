//! Our own client reads the meter, both as values, in virtual time: what one end says, the other understands.

use super::*;
use crate::cosem::{AttributeRef, Obis};
use crate::dlms::association::{Association, Authentication, Carrier, Config, Event};
use crate::dlms::hdlc::link::LinkConfig;
use crate::dlms::hdlc::{ClientAddress, Parameters, ServerAddress};
use crate::simulator::objects;

pub(super) struct Reading {
    pub client: Association,
    pub line: Line,
    /// Every n-th chunk is lost on its way; 0 loses none.
    lose: usize,
    chunks: usize,
}

pub(super) fn config(sap: u8, server: ServerAddress) -> Config {
    Config {
        max_pdu: 1200,
        max_answer: 1 << 20,
        ..Config::new(Carrier::Hdlc(LinkConfig::new(
            ClientAddress::new(sap).unwrap(),
            server,
        )))
    }
}

fn propose(config: &mut Config, parameters: Parameters) {
    let Carrier::Hdlc(link) = &mut config.carrier else {
        panic!("no HDLC");
    };
    link.propose = Some(parameters);
}

fn lost(chunk: usize, every: usize) -> bool {
    every != 0 && chunk.is_multiple_of(every)
}

impl Reading {
    pub fn new(profile: Profile, config: Config) -> Self {
        Self {
            client: Association::new(config),
            line: Line::new(profile),
            lose: 0,
            chunks: 0,
        }
    }

    /// Bytes go to and fro, and time passes, until an event that matters.
    pub fn until(&mut self, mut done: impl FnMut(&Event) -> bool) -> Event {
        for _ in 0..20_000 {
            while let Some(event) = self.client.poll_event() {
                if done(&event) {
                    return event;
                }
                assert!(!matches!(event, Event::Failed(_)), "{event:?}");
            }
            self.step();
        }
        panic!("no end");
    }

    /// What waits goes over; where nothing does, time passes to the next deadline.
    pub fn step(&mut self) {
        let mut moved = false;
        while let Some(octets) = self.client.poll_transmit() {
            moved = true;
            self.chunks += 1;
            if !lost(self.chunks, self.lose) {
                self.line.meter.handle_bytes(self.line.now, octets);
            }
        }
        let mut answer = Vec::new();
        if self.line.meter.poll_transmit(self.line.now, &mut answer) {
            moved = true;
            self.chunks += 1;
            if !lost(self.chunks, self.lose) {
                self.client.handle_bytes(self.line.now, &answer);
            }
        }
        if !moved {
            let next = [self.client.poll_timeout(), self.line.meter.poll_timeout()];
            self.line.now = next
                .into_iter()
                .flatten()
                .min()
                .expect("nothing will happen");
            self.client.handle_timeout(self.line.now);
            self.line.meter.handle_timeout(self.line.now);
        }
    }

    pub fn connect(&mut self) {
        self.client.connect(self.line.now).unwrap();
        self.until(|event| matches!(event, Event::Ready { .. }));
        assert!(self.line.meter.is_associated(self.line.now));
    }

    pub fn get(&mut self, class: u16, obis: Obis, attribute: i8) -> Data {
        let attribute = AttributeRef {
            class,
            obis,
            attribute,
        };
        self.client.get(self.line.now, attribute).unwrap();
        match self.until(|event| matches!(event, Event::Got(_))) {
            Event::Got(Ok(data)) => data,
            other => panic!("{attribute:?}: {other:?}"),
        }
    }

    fn release(&mut self) {
        self.client.release(self.line.now, Duration::from_secs(2));
        self.until(|event| *event == Event::Released);
        assert!(
            !self.line.meter.is_associated(self.line.now),
            "a stale association"
        );
    }

    fn everything(&mut self) {
        self.connect();
        let table = objects::table(self.line.meter.profile().kind);
        for object in table.iter() {
            for attribute in 1..=object.attributes() {
                if (object.class, attribute) != (15, 7) {
                    self.get(object.class, object.obis, attribute);
                }
            }
        }
        let Data::Array(list) = self.get(15, Obis([0, 0, 40, 0, 0, 255]), 2) else {
            panic!("no list");
        };
        assert_eq!(list.len(), table.iter().len());
        self.release();
    }
}

pub(super) fn server(text: &str) -> ServerAddress {
    text.parse().unwrap()
}

fn large() -> Parameters {
    Parameters {
        max_info_transmit: 512,
        max_info_receive: 700,
        window_transmit: 3,
        window_receive: 4,
    }
}

#[test]
fn every_attribute_of_the_microstar() {
    let mut config = config(1, server("1"));
    config.authentication = Authentication::Lls(secret("22222222"));
    Reading::new(Profile::microstar(3), config).everything();
}

#[test]
fn every_attribute_of_the_generic_meter() {
    for (address, size) in [("1", None), ("1/17", Some(2)), ("1/17", Some(4))] {
        let address = server(address);
        let address = ServerAddress::new(address.upper(), address.lower(), size).unwrap();
        let mut config = config(16, address);
        propose(&mut config, large());
        config.max_pdu = 0;
        Reading::new(Profile::generic(3), config).everything();
    }
}

/// Lost frames are asked for again, and answered the same: no value is skipped or read twice as another.
#[test]
fn every_attribute_over_a_bad_line() {
    for lose in [7, 11] {
        let mut config = config(16, server("1"));
        propose(&mut config, large());
        let mut reading = Reading::new(Profile::generic(3), config);
        reading.lose = lose;
        reading.everything();
    }
}

#[test]
fn a_slow_meter() {
    let profile = Profile::microstar(3).delayed(Duration::from_secs(2));
    let mut reading = Reading::new(profile, config(16, server("1")));
    reading.connect();
    let before = reading.line.now;
    reading.get(8, Obis([0, 0, 1, 0, 0, 255]), 2);
    assert_eq!(reading.line.now - before, Duration::from_secs(2));
    reading.release();
}
