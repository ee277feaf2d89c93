//! Each fault by name, and each by what it does to the bytes of one and the same conversation.

mod connections;
mod names;
mod seen;
mod states;

use super::*;
use crate::dlms::hdlc::frame::build;
use crate::dlms::hdlc::{Control, Decoder, Frame, Item};
use crate::dlms::wrapper;
use crate::simulator::meter::SimulatedMeter;
use std::fmt::Write;
use std::time::Instant;

const NOON: i64 = 1_763_640_000;

/// A public client of the generic meter: small APDUs, so that the object list comes in blocks.
const AARQ: &str = "601DA109060760857405080101BE10040E01000000065F1F0400007E1D0060";
const GET_CLOCK: &str = "C001C100080000010000FF0200";
const GET_VOLTAGE: &str = "C001C200030100200700FF0200";
const GET_LIST: &str = "C001C3000F0000280000FF0200";
const NEXT: &str = "C002C300000001";
const WITH_LIST: &str = "C003C4020001000060 0100FF02000003010020 0700FF0300";
const RLRQ: &str = "6203800100";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn fault(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A client that types, and waits as long as it is told.
struct Desk {
    meter: SimulatedMeter,
    now: Instant,
    start: Instant,
    client: u8,
    server: Vec<u8>,
    /// Milliseconds, and what came then.
    came: Vec<(u128, Vec<u8>)>,
}

impl Desk {
    fn new(profile: Profile) -> Self {
        let now = Instant::now();
        let clock = jiff::Timestamp::from_second(NOON).unwrap();
        let mut meter = SimulatedMeter::new(profile, now, clock);
        meter.connected(now);
        Self {
            meter,
            now,
            start: now,
            client: 16,
            server: vec![0x02, 0x23],
            came: Vec::new(),
        }
    }

    fn generic(faults: &[&str]) -> Self {
        let mut profile = Profile::generic(1);
        for text in faults {
            profile = profile.with_fault(fault(text));
        }
        Self::new(profile)
    }

    /// What comes within this time.
    fn wait(&mut self, time: Duration) -> Vec<u8> {
        let end = self.now + time;
        let mut all = Vec::new();
        for _ in 0..10_000 {
            let mut out = Vec::new();
            if self.meter.poll_transmit(self.now, &mut out) {
                let at = (self.now - self.start).as_millis();
                all.extend_from_slice(&out);
                self.came.push((at, out));
                continue;
            }
            let Some(due) = self.meter.poll_timeout().filter(|due| *due <= end) else {
                self.now = end;
                self.meter.handle_timeout(end);
                return all;
            };
            self.now = self.now.max(due);
            self.meter.handle_timeout(self.now);
        }
        panic!("no end");
    }

    fn raw(&mut self, octets: &[u8]) -> Vec<u8> {
        self.meter.handle_bytes(self.now, octets);
        self.wait(Duration::from_millis(100))
    }

    fn framed(&self, control: u8, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let control = Control::decode(control);
        let client = [self.client << 1 | 1];
        build(&self.server, &client, control, false, information, &mut out).unwrap();
        out
    }

    /// Sends one frame; gives all that comes.
    fn frame(&mut self, control: u8, information: &str) -> Vec<u8> {
        let frame = self.framed(control, &bytes(information));
        self.raw(&frame)
    }

    fn apdu(&mut self, control: u8, apdu: &str) -> Vec<u8> {
        self.frame(control, &format!("E6E600{apdu}"))
    }

    /// A sign-off, a sign-on, some reads, a sign-off: what every fault is tried on.
    fn conversation(&mut self) -> String {
        if self.meter.profile().transport == Transport::HdlcTcp {
            if self.meter.profile().mode_e {
                self.raw(b"/?!\r\n");
                self.raw(b"\x06252\r\n");
            }
            self.frame(0x53, "");
            self.frame(0x93, "");
            for (control, apdu) in (0x10u8..).step_by(0x22).zip([
                AARQ,
                GET_CLOCK,
                GET_VOLTAGE,
                GET_LIST,
                NEXT,
                WITH_LIST,
                RLRQ,
            ]) {
                self.apdu(control, apdu);
            }
            self.frame(0xF1, "");
            self.frame(0x53, "");
        } else {
            for apdu in [
                AARQ,
                GET_CLOCK,
                GET_VOLTAGE,
                GET_LIST,
                NEXT,
                WITH_LIST,
                RLRQ,
            ] {
                let mut octets = Vec::new();
                wrapper::build(16, 1, &bytes(apdu), &mut octets).unwrap();
                self.raw(&octets);
            }
            let snrm = self.framed(0x93, &[]);
            self.raw(&snrm);
        }
        self.wait(Duration::from_secs(20));
        let mut text = String::new();
        for (at, octets) in &self.came {
            let _ = writeln!(text, "{at} {}", hex(octets));
        }
        text
    }

    /// Everything that came, in one.
    fn all(&self) -> String {
        self.came.iter().map(|(_, octets)| hex(octets)).collect()
    }
}

/// Control and information of what is a whole and right frame.
fn frames(octets: &[u8]) -> Vec<(u8, String)> {
    let mut decoder = Decoder::new();
    decoder.push(octets);
    let mut found = Vec::new();
    while let Some(item) = decoder.next() {
        if let Item::Frame { octets, .. } = item {
            let frame = Frame::parse(octets).unwrap();
            if frame.fcs_ok() && frame.hcs_ok() != Some(false) {
                found.push((frame.control().encode(), hex(frame.information())));
            }
        }
    }
    found
}
