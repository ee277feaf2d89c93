//! The simulated meter with each of its faults, a client that asks the usual things, the engine beside it; in virtual time.
use obiscope::diagnosis::{Closing, Direction, Engine, Finding, Observation, Settings};
use obiscope::dlms::hdlc::{Control, Decoder, Frame, Item, frame};
use obiscope::simulator::fault::{Fault, ROWS};
use obiscope::simulator::meter::SimulatedMeter;
use obiscope::simulator::profile::Profile;
use std::time::{Duration, Instant};

const AARQ: &str = "601DA109060760857405080101BE10040E01000000065F1F0400007E1DFFFF";
const GET_CLOCK: &str = "C001C100080000010000FF0200";
const GET_VOLTAGE: &str = "C001C200030100200700FF0200";
const RLRQ: &str = "6203800100";

struct Desk {
    meter: SimulatedMeter,
    engine: Engine,
    start: Instant,
    now: Instant,
    sent: u8,
    received: u8,
}

impl Desk {
    fn at(&self) -> i64 {
        i64::try_from((self.now - self.start).as_millis()).unwrap()
    }

    fn ask(&mut self, control: Control, apdu: &str) {
        let mut out = Vec::new();
        let mut information = crate::talk::bytes(apdu);
        if !apdu.is_empty() {
            information.splice(0..0, [0xE6, 0xE6, 0x00]);
        }
        frame::build(
            &[0x02, 0x23],
            &[0x21],
            control,
            false,
            &information,
            &mut out,
        )
        .unwrap();
        self.engine
            .observe(self.at(), &Observation::Bytes(Direction::Sent, &out));
        self.meter.handle_bytes(self.now, &out);
        // Seven seconds at most, and half a second after the last octet.
        let end = self.now + Duration::from_secs(7);
        let mut quiet = end;
        let mut came = Vec::new();
        while self.now < quiet.min(end) {
            let mut out = Vec::new();
            if self.meter.poll_transmit(self.now, &mut out) && !out.is_empty() {
                self.engine
                    .observe(self.at(), &Observation::Bytes(Direction::Received, &out));
                came.extend_from_slice(&out);
                quiet = self.now + Duration::from_millis(500);
            }
            self.now += Duration::from_millis(10);
            if self.meter.poll_timeout().is_some_and(|due| due <= self.now) {
                self.meter.handle_timeout(self.now);
            }
        }
        if came.is_empty() {
            self.engine.observe(self.at(), &Observation::Quiet);
        }
        let mut decoder = Decoder::new();
        decoder.push(&came);
        while let Some(item) = decoder.next() {
            if let Item::Frame { octets, .. } = item
                && let Ok(frame) = Frame::parse(octets)
                && let Control::Information { send, .. } = frame.control()
            {
                self.received = (send + 1) % 8;
            }
        }
    }

    fn service(&mut self, apdu: &str) {
        let control = Control::Information {
            send: self.sent,
            receive: self.received,
            poll: true,
        };
        self.sent = (self.sent + 1) % 8;
        self.ask(control, apdu);
    }
}

fn run(profile: Profile) -> Vec<Finding> {
    let now = Instant::now();
    let clock = jiff::Timestamp::from_second(1_763_640_000).unwrap();
    let mut meter = SimulatedMeter::new(profile, now, clock);
    meter.connected(now);
    let mut desk = Desk {
        meter,
        engine: Engine::new(Settings::default()),
        start: now,
        now,
        sent: 0,
        received: 0,
    };
    desk.engine.observe(0, &Observation::Connected);
    desk.ask(Control::Snrm { poll: true }, "");
    desk.service(AARQ);
    desk.service(GET_CLOCK);
    desk.service(GET_VOLTAGE);
    desk.service(RLRQ);
    desk.ask(Control::Disc { poll: true }, "");
    desk.engine
        .observe(desk.at(), &Observation::Closed(Closing::ByUs));
    desk.engine.findings()
}

#[test]
fn without_a_fault_there_is_no_finding() {
    let found = run(Profile::generic(1));
    assert!(found.is_empty(), "{found:?}");
}

/// Prints what this short conversation shows of each; some faults need more than it asks.
#[test]
fn each_fault_in_words() {
    let (mut first, mut listed) = (0, 0);
    for row in ROWS {
        let text = row.example.map_or_else(
            || row.name.to_owned(),
            |example| format!("{}={example}", row.name),
        );
        let fault: Fault = text.parse().unwrap();
        let found = run(Profile::generic(1).with_fault(fault));
        let ids: Vec<&str> = found.iter().map(|finding| finding.id).collect();
        first += u32::from(ids.first() == Some(&row.finding));
        listed += u32::from(ids.contains(&row.finding));
        println!("{text}: due {}, found {ids:?}", row.finding);
    }
    println!("{first} first, {listed} listed, of {}", ROWS.len());
    assert!(first > 0, "no fault of the simulator is named");
}
