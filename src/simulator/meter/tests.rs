//! Conversations with the meter, byte for byte: what field and recorded clients sent goes in as it was on the line.

use super::*;
use crate::cosem::Data;
use crate::dlms::hdlc::frame::build;
use crate::dlms::hdlc::{Control, Decoder, Frame, Item};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::get::GetResponse;
use std::time::Duration;

mod application;
mod blocks;
mod ciphered;
mod client;
mod general_blocks;
mod hls;
mod link;
mod names;
mod sealed_client;
mod services;
mod talk;
mod wrapper;
mod writing;

/// 2025-11-20 12:00 UTC.
const NOON: i64 = 1_763_640_000;

/// SNRM, its UA, DISC and DM of client 1 and server `03`.
const SNRM_1: &str = "7EA0070303938C117E";
const UA_1: &str = "7EA01E03037340CC818012050180060180070400000001080400000001533B7E";
const DISC_1: &str = "7EA00703035380D77E";
const DM_1: &str = "7EA00703031FE85F7E";
/// Client 1 with password 22222222.
const AARQ_1: &str = "7EA0440303106594E6E6006036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B052687E";
const AARE_1: &str = "7EA037030330EFCAE6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D190000070C527E";

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

/// A meter, and a client that types bytes.
struct Line {
    meter: SimulatedMeter,
    now: Instant,
    client: u8,
    server: Vec<u8>,
}

impl Line {
    fn new(profile: Profile) -> Self {
        let now = Instant::now();
        let clock = jiff::Timestamp::from_second(NOON).unwrap();
        let mut meter = SimulatedMeter::new(profile, now, clock);
        meter.connected(now);
        Self {
            meter,
            now,
            client: 0x03,
            server: vec![0x03],
        }
    }

    fn microstar() -> Self {
        Self::new(Profile::microstar(1))
    }

    /// Client 16 on the generic meter, at 1/17 in two bytes.
    fn generic() -> Self {
        let mut line = Self::new(Profile::generic(1));
        line.client = 0x21;
        line.server = vec![0x02, 0x23];
        line
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.meter.handle_timeout(self.now);
    }

    /// What comes back at once.
    fn raw(&mut self, octets: &[u8]) -> Vec<u8> {
        self.meter.handle_bytes(self.now, octets);
        let mut out = Vec::new();
        self.meter.poll_transmit(self.now, &mut out);
        out
    }

    fn say(&mut self, octets: &str) -> String {
        hex(&self.raw(&bytes(octets)))
    }

    fn frame(&self, control: u8, segmented: bool, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let control = Control::decode(control);
        build(
            &self.server,
            &[self.client],
            control,
            segmented,
            information,
            &mut out,
        )
        .unwrap();
        out
    }

    /// Control and information of each frame that answers.
    fn ask(&mut self, control: u8, information: &str) -> Vec<(u8, String)> {
        let frame = self.frame(control, false, &bytes(information));
        let answer = self.raw(&frame);
        frames(&answer)
            .into_iter()
            .map(|(_, control, information)| (control, hex(&information)))
            .collect()
    }

    fn controls(&mut self, control: u8, information: &str) -> Vec<u8> {
        self.ask(control, information)
            .into_iter()
            .map(|(control, _)| control)
            .collect()
    }
}

/// Segmented, control, information.
fn frames(octets: &[u8]) -> Vec<(bool, u8, Vec<u8>)> {
    let mut decoder = Decoder::new();
    decoder.push(octets);
    let mut found = Vec::new();
    while let Some(item) = decoder.next() {
        let Item::Frame { octets, .. } = item else {
            panic!("junk from the meter");
        };
        let frame = Frame::parse(octets).unwrap();
        assert!(frame.fcs_ok() && frame.hcs_ok() != Some(false));
        found.push((
            frame.segmented(),
            frame.control().encode(),
            frame.information().to_vec(),
        ));
    }
    assert!(decoder.pending().is_empty());
    found
}

/// A client that does the link for the tests of what is above it: window 1, RR for every segment.
struct Session {
    line: Line,
    send: u8,
    receive: u8,
}

impl Session {
    fn open(mut line: Line, aarq: &str) -> (Self, String) {
        let ua = line.controls(0x93, "");
        assert_eq!(ua, [0x73]);
        let mut session = Self {
            line,
            send: 0,
            receive: 0,
        };
        let answer = session.apdu(aarq);
        (session, answer)
    }

    /// The Microstar's public client.
    fn public() -> Self {
        let mut line = Line::microstar();
        line.client = 0x21;
        let (session, aare) = Self::open(
            line,
            "601DA109060760857405080101BE10040E01000000065F1F040000301DFFFF",
        );
        assert!(
            aare.starts_with("6129A109060760857405080101A203020100"),
            "{aare}"
        );
        session
    }

    fn generic(conformance: &str, max_pdu: &str) -> Self {
        let aarq =
            format!("601DA109060760857405080101BE10040E01000000065F1F0400{conformance}{max_pdu}");
        let (session, answer) = Self::open(Line::generic(), &aarq);
        assert!(
            answer.starts_with("6129A109060760857405080101A203020100"),
            "{answer}"
        );
        session
    }

    /// One APDU there, the whole answer back, LLC headers off. Segments are asked for one window at a time.
    fn apdu(&mut self, apdu: &str) -> String {
        let control = (self.receive << 5) | 0x10 | (self.send << 1);
        let request = bytes(&format!("E6E600{apdu}"));
        let answer = {
            let frame = self.line.frame(control, false, &request);
            self.line.raw(&frame)
        };
        self.send = (self.send + 1) & 7;
        self.whole(answer)
    }

    /// The APDU that follows unasked.
    fn more(&mut self) -> String {
        let rr = self.line.frame((self.receive << 5) | 0x11, false, &[]);
        let answer = self.line.raw(&rr);
        self.whole(answer)
    }

    fn whole(&mut self, mut answer: Vec<u8>) -> String {
        let mut whole = Vec::new();
        for _ in 0..1000 {
            let mut more = false;
            for (segmented, control, information) in frames(&answer) {
                assert_eq!(control & 1, 0, "an I frame, not {control:02X}");
                assert_eq!((control >> 1) & 7, self.receive);
                assert_eq!(control >> 5, self.send);
                self.receive = (self.receive + 1) & 7;
                whole.extend_from_slice(&information);
                more = segmented;
            }
            if !more {
                let apdu = whole.strip_prefix(&[0xE6, 0xE7, 0x00]).expect("LLC");
                return hex(apdu);
            }
            let rr = self.line.frame((self.receive << 5) | 0x11, false, &[]);
            answer = self.line.raw(&rr);
        }
        panic!("no end of segments");
    }

    fn get(&mut self, class: u16, obis: [u8; 6], attribute: u8) -> String {
        self.apdu(&format!("C001C1{class:04X}{}{attribute:02X}00", hex(&obis)))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

fn data(answer: &str) -> Data {
    let answer = bytes(answer);
    let GetResponse::Data { data, .. } = GetResponse::decode(&answer).unwrap() else {
        panic!("{}", hex(&answer));
    };
    Data::decode_all(data).unwrap()
}
