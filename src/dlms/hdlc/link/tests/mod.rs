//! Scripted conversations: what the link says is read as frames, what the meter says is built from frames; time is data.

mod anything;
mod connecting;
mod lossy;
mod requests;
mod segments;
mod trouble;

use super::*;
use crate::dlms::hdlc::{Control, Frame, Item, LLC_RESPONSE, frame};
use std::fmt::Write as _;

const TIMEOUT: Duration = Duration::from_secs(7);

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02X}");
        text
    })
}

/// A frame of ours as a line: `03<21 I N(S)=0 N(R)=0 P/F`, segmented with `+`, then the information in hex.
fn show(octets: &[u8]) -> String {
    let frame = Frame::parse(octets).unwrap();
    assert!(frame.fcs_ok() && frame.hcs_ok() != Some(false));
    let mut line = format!(
        "{:02X}<{:02X} {}",
        frame.destination()[0],
        frame.source()[0],
        frame.control()
    );
    if frame.segmented() {
        line.push('+');
    }
    if !frame.information().is_empty() {
        line.push(' ');
        line.push_str(&hex(frame.information()));
    }
    line
}

/// One link, the clock, and a meter's voice.
struct Line {
    link: Link,
    now: Instant,
    meter: Vec<u8>,
    client: Vec<u8>,
}

impl Line {
    fn new(propose: Option<Parameters>) -> Self {
        Self::with(LinkConfig {
            propose,
            quiet: Duration::ZERO,
            ..LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap())
        })
    }

    fn with(config: LinkConfig) -> Self {
        Self {
            meter: config.server.octets().to_vec(),
            client: vec![config.client.octet()],
            link: Link::new(config),
            now: Instant::now(),
        }
    }

    /// Connected, SNRM already seen, with these parameters of the meter.
    fn up(meter: Parameters) -> Self {
        let mut line = Self::new(Some(Parameters {
            max_info_transmit: 2030,
            max_info_receive: 2030,
            window_transmit: 7,
            window_receive: 7,
        }));
        line.link.connect(line.now).unwrap();
        line.said();
        let mut group = Vec::new();
        meter.encode(&mut group);
        line.hear(0x73, &group);
        assert!(matches!(line.events()[..], [LinkEvent::Connected(_)]));
        line
    }

    fn plain() -> Self {
        Self::up(Parameters::default())
    }

    /// What we put on the line since the last time.
    fn said(&mut self) -> Vec<String> {
        let mut decoder = Decoder::new();
        while let Some(bytes) = self.link.poll_transmit() {
            decoder.push(bytes);
        }
        let mut lines = Vec::new();
        while let Some(item) = decoder.next() {
            match item {
                Item::Frame { octets, .. } => lines.push(show(octets)),
                Item::Junk { octets, .. } => panic!("we sent junk {octets:02X?}"),
            }
        }
        lines
    }

    /// A frame of the meter's.
    fn frame(&self, control: u8, segmented: bool, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::build(
            &self.client,
            &self.meter,
            Control::decode(control),
            segmented,
            information,
            &mut out,
        )
        .unwrap();
        out
    }

    fn hear(&mut self, control: u8, information: &[u8]) {
        let bytes = self.frame(control, false, information);
        self.link.handle_bytes(self.now, &bytes);
    }

    fn hear_segment(&mut self, control: u8, information: &[u8]) {
        let bytes = self.frame(control, true, information);
        self.link.handle_bytes(self.now, &bytes);
    }

    /// A whole answer in one I frame.
    fn answer(&mut self, control: u8, apdu: &[u8]) {
        self.hear(control, &[&LLC_RESPONSE, apdu].concat());
    }

    fn send(&mut self, apdu: &[u8]) {
        self.link.send(self.now, apdu).unwrap();
    }

    /// The clock goes to the next timeout.
    fn time_out(&mut self) -> Duration {
        let deadline = self.link.poll_timeout().expect("a timer");
        let waited = deadline - self.now;
        self.now = deadline;
        self.link.handle_timeout(self.now);
        waited
    }

    fn events(&mut self) -> Vec<LinkEvent> {
        std::iter::from_fn(|| self.link.poll_event()).collect()
    }

    /// The answer that just came, and nothing else happened.
    fn got(&mut self, apdu: &[u8]) {
        assert_eq!(self.events(), [LinkEvent::Apdu]);
        assert_eq!(self.link.apdu(), apdu);
        assert_eq!(self.link.poll_timeout(), None);
    }

    /// Every timeout until the link gives up; what was said, and the failure.
    fn until_failure(&mut self) -> (Vec<String>, LinkFailure) {
        let mut said = Vec::new();
        for _ in 0..1000 {
            self.time_out();
            said.extend(self.said());
            for event in self.events() {
                if let LinkEvent::Failed(failure) = event {
                    assert_eq!(self.link.state(), LinkState::Disconnected);
                    assert_eq!(self.link.poll_timeout(), None);
                    return (said, failure);
                }
            }
        }
        panic!("it never gives up");
    }
}

fn notice(notice: LinkNotice) -> LinkEvent {
    LinkEvent::Notice(notice)
}

fn failed(failure: LinkFailure) -> LinkEvent {
    LinkEvent::Failed(failure)
}

fn resent(what: &'static str, attempt: u8) -> LinkEvent {
    notice(LinkNotice::Resent { what, attempt })
}

fn out_of_sequence(expected: u8, got: u8) -> LinkEvent {
    notice(LinkNotice::OutOfSequence { expected, got })
}
