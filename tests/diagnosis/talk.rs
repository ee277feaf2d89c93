//! Conversations written down: recorded ones, and ones built from APDUs.
use obiscope::diagnosis::{Closing, Direction, Engine, Finding, Observation, Settings};
use obiscope::dlms::hdlc::{Control, frame};
use std::path::Path;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Act {
    Tx(Vec<u8>),
    Rx(Vec<u8>),
    /// Nothing came any more.
    Quiet,
}

pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect()
}

/// What the engine finds; a tenth of a second passes between two acts.
pub fn findings(acts: &[Act]) -> Vec<Finding> {
    let mut engine = Engine::new(Settings::default());
    let mut now = 0;
    engine.observe(now, &Observation::Connected);
    for act in acts {
        now += 100;
        match act {
            Act::Tx(bytes) => engine.observe(now, &Observation::Bytes(Direction::Sent, bytes)),
            Act::Rx(bytes) => engine.observe(now, &Observation::Bytes(Direction::Received, bytes)),
            Act::Quiet => {
                now += 7_000;
                engine.observe(now, &Observation::Quiet);
            }
        }
    }
    engine.observe(now + 100, &Observation::Closed(Closing::ByUs));
    engine.findings()
}

/// The lines of a recorded trace: `TX hex`, `RX hex`, `# note`.
pub fn recorded(name: &str) -> Vec<Act> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/traces")
        .join(name);
    acts(&std::fs::read_to_string(path).unwrap())
}

pub fn acts(text: &str) -> Vec<Act> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next()?.trim();
            match line.split_once(' ') {
                Some(("TX", hex)) => Some(Act::Tx(bytes(hex))),
                Some(("RX", hex)) => Some(Act::Rx(bytes(hex))),
                _ => (line == "QUIET").then_some(Act::Quiet),
            }
        })
        .collect()
}

/// Builds an HDLC conversation of client 16 with server 1, numbers kept.
#[derive(Default)]
pub struct Talk {
    acts: Vec<Act>,
    sent: u8,
    received: u8,
    client: u8,
}

const SERVER: u8 = 0x03;

impl Talk {
    /// SNRM and UA have passed.
    pub fn linked() -> Self {
        let mut talk = Self {
            client: 0x21,
            ..Self::default()
        };
        talk.command(Control::Snrm { poll: true });
        talk.answer(Control::Ua { poll: true });
        talk
    }

    pub fn command(&mut self, control: Control) {
        let mut out = Vec::new();
        frame::build(&[SERVER], &[self.client], control, false, &[], &mut out).unwrap();
        self.acts.push(Act::Tx(out));
    }

    pub fn answer(&mut self, control: Control) {
        let mut out = Vec::new();
        frame::build(&[self.client], &[SERVER], control, false, &[], &mut out).unwrap();
        self.acts.push(Act::Rx(out));
    }

    pub fn tx(mut self, apdu: &str) -> Self {
        let mut out = Vec::new();
        let information = [&[0xE6, 0xE6, 0x00], &bytes(apdu)[..]].concat();
        let control = Control::Information {
            send: self.sent,
            receive: self.received,
            poll: true,
        };
        frame::build(
            &[SERVER],
            &[self.client],
            control,
            false,
            &information,
            &mut out,
        )
        .unwrap();
        self.sent = (self.sent + 1) % 8;
        self.acts.push(Act::Tx(out));
        self
    }

    pub fn rx(mut self, apdu: &str) -> Self {
        let mut out = Vec::new();
        let information = [&[0xE6, 0xE7, 0x00], &bytes(apdu)[..]].concat();
        let control = Control::Information {
            send: self.received,
            receive: self.sent,
            poll: true,
        };
        frame::build(
            &[self.client],
            &[SERVER],
            control,
            false,
            &information,
            &mut out,
        )
        .unwrap();
        self.received = (self.received + 1) % 8;
        self.acts.push(Act::Rx(out));
        self
    }

    pub fn quiet(mut self) -> Self {
        self.acts.push(Act::Quiet);
        self
    }

    pub fn relink(mut self) -> Self {
        self.sent = 0;
        self.received = 0;
        self.command(Control::Disc { poll: true });
        self.answer(Control::Ua { poll: true });
        self.command(Control::Snrm { poll: true });
        self.answer(Control::Ua { poll: true });
        self
    }

    pub fn end(mut self) -> Vec<Act> {
        self.command(Control::Disc { poll: true });
        self.answer(Control::Ua { poll: true });
        self.acts
    }

    /// As it stands, nothing released.
    pub fn cut(self) -> Vec<Act> {
        self.acts
    }
}
