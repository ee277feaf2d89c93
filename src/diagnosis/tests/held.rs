//! Long rows of healthy exchanges, broken in every way: who is told of all of them finds the same.

use super::play::octets;
use crate::diagnosis::{
    Closing, ConnectFailure, Direction, Engine, Finding, Observation, Settings,
};
use crate::dlms::hdlc::{Control, frame};
use std::fs;
use std::path::Path;

/// One thing that happens, and how long after the one before.
#[derive(Clone, Debug)]
enum Act {
    Chunk(Direction, Vec<u8>),
    Other(Observation<'static>),
}

/// What is found and known in the end, told of everything or in the usual way; and frames counted on the way.
fn result(acts: &[(i64, Act)], told_all: bool) -> (Vec<Finding>, Vec<u64>, String) {
    let mut engine = Engine::new(Settings::default());
    let mut frames = Vec::new();
    let mut at = 0;
    for (wait, act) in acts {
        at += wait;
        if told_all {
            // Whoever looks at the conversation wants it whole.
            engine.conversation();
        }
        match act {
            Act::Chunk(direction, bytes) => {
                engine.observe(at, &Observation::Bytes(*direction, bytes));
            }
            Act::Other(what) => engine.observe(at, what),
        }
        frames.push(engine.frames());
    }
    let known = format!("{:?}", engine.conversation());
    engine.observe(at + 5_000, &Observation::Quiet);
    (engine.findings(), frames, known)
}

#[track_caller]
fn same(acts: &[(i64, Act)], name: &str) -> Vec<Finding> {
    let (all, usual) = (result(acts, true), result(acts, false));
    assert_eq!(all.1, usual.1, "{name}: frames");
    assert_eq!(all.2, usual.2, "{name}: the conversation");
    assert_eq!(all.0, usual.0, "{name}");
    usual.0
}

fn recorded(text: &str) -> Vec<(i64, Act)> {
    let chunk = |direction, hex| Some((20, Act::Chunk(direction, octets(hex))));
    text.lines()
        .filter_map(
            |line| match line.split('#').next()?.trim().split_once(' ')? {
                ("TX", hex) => chunk(Direction::Sent, hex),
                ("RX", hex) => chunk(Direction::Received, hex),
                _ => None,
            },
        )
        .collect()
}

#[test]
fn every_recorded_trace_once_and_over_and_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let acts = recorded(&text);
        let name = path.display().to_string();
        same(&acts, &name);
        let again: Vec<_> = acts.iter().cycle().take(acts.len() * 3).cloned().collect();
        same(&again, &name);
        seen += usize::from(!acts.is_empty());
    }
    assert!(seen >= 30, "{seen}");
}

/// A client and a meter that count rightly until told otherwise.
struct Line {
    random: fastrand::Rng,
    server: Vec<u8>,
    send: u8,
    receive: u8,
    invoke: u8,
    acts: Vec<(i64, Act)>,
}

const CLIENT: u8 = 0x21;

impl Line {
    fn new(seed: u64) -> Self {
        let servers: [&[u8]; 3] = [&[0x03], &[0x02, 0x23], &[0x00, 0x02, 0x04, 0x07]];
        let mut random = fastrand::Rng::with_seed(seed);
        let server = servers[random.usize(..3)].to_vec();
        let mut line = Self {
            random,
            server,
            send: 0,
            receive: 0,
            invoke: 0,
            acts: Vec::new(),
        };
        line.open();
        line
    }

    fn framed(&self, sent: bool, control: Control, information: &[u8]) -> Vec<u8> {
        let client: &[u8] = &[CLIENT];
        let (to, from) = if sent {
            (&*self.server, client)
        } else {
            (client, &*self.server)
        };
        let mut out = Vec::new();
        frame::build(to, from, control, false, information, &mut out).unwrap();
        out
    }

    fn sent(&mut self, chunk: Vec<u8>) {
        let wait = self.random.i64(1..5_000);
        self.acts.push((wait, Act::Chunk(Direction::Sent, chunk)));
    }

    fn received(&mut self, chunk: Vec<u8>) {
        let wait = self.random.i64(1..300);
        self.acts
            .push((wait, Act::Chunk(Direction::Received, chunk)));
    }

    fn open(&mut self) {
        let snrm = self.framed(true, Control::Snrm { poll: true }, &[]);
        let ua = self.framed(false, Control::Ua { poll: true }, &[]);
        self.sent(snrm);
        self.received(ua);
        (self.send, self.receive) = (0, 0);
    }

    fn request(&mut self) -> Vec<u8> {
        self.invoke = (self.invoke + 1) & 0x0F;
        let apdu = [
            0xE6,
            0xE6,
            0,
            0xC0,
            1,
            0xC0 | self.invoke,
            0,
            3,
            1,
            0,
            self.random.u8(..),
            7,
            0,
            255,
            2,
            0,
        ];
        let control = Control::Information {
            send: self.send,
            receive: self.receive,
            poll: true,
        };
        self.framed(true, control, &apdu)
    }

    fn answer(&mut self, invoke: u8, result: &[u8]) -> Vec<u8> {
        let apdu = [&[0xE6, 0xE7, 0, 0xC4, 1, 0xC0 | invoke], result].concat();
        let control = Control::Information {
            send: self.receive,
            receive: (self.send + 1) & 7,
            poll: true,
        };
        self.framed(false, control, &apdu)
    }

    fn value(&mut self) -> Vec<u8> {
        let mut value = vec![0, 6];
        value.extend(self.random.u32(..).to_be_bytes());
        // Flags inside, now and then.
        if self.random.u8(..4) == 0 {
            value[3] = 0x7E;
        }
        value
    }

    fn counted(&mut self) {
        self.send = (self.send + 1) & 7;
        self.receive = (self.receive + 1) & 7;
    }

    fn healthy(&mut self) {
        let request = self.request();
        self.sent(request);
        let value = self.value();
        let answer = self.answer(self.invoke, &value);
        self.received(answer);
        self.counted();
    }

    fn other(&mut self, what: Observation<'static>) {
        self.acts.push((7_000, Act::Other(what)));
    }

    /// Something that is not usual, in the middle of it.
    #[expect(clippy::too_many_lines, reason = "one arm a trouble")]
    fn trouble(&mut self) {
        let request = self.request();
        let value = self.value();
        let answer = self.answer(self.invoke, &value);
        match self.random.u8(..20) {
            // No answer, given up or asked again.
            0 => {
                self.sent(request);
                self.other(Observation::Quiet);
            }
            1 => {
                self.sent(request.clone());
                self.sent(request);
                self.received(answer);
                self.counted();
            }
            // Late by one.
            2 => {
                self.sent(request);
                self.other(Observation::Quiet);
                self.send = (self.send + 1) & 7;
                let next = self.request();
                self.sent(next);
                self.received(answer);
            }
            // Answered twice, with another invoke-id, refused.
            3 => {
                self.sent(request);
                self.received(answer.clone());
                self.received(answer);
                self.counted();
            }
            4 => {
                self.sent(request);
                let invoke = self.random.u8(..16);
                let answer = self.answer(invoke, &value);
                self.received(answer);
                self.counted();
            }
            5 => {
                self.sent(request);
                let code = self.random.u8(1..14);
                let answer = self.answer(self.invoke, &[1, code]);
                self.received(answer);
                self.counted();
            }
            // Echoed, whole or in part; or an earlier request comes back.
            6 => {
                self.sent(request.clone());
                self.received(request);
                self.received(answer);
                self.counted();
            }
            7 => {
                self.sent(request.clone());
                self.received(request[..9].to_vec());
                self.received(answer);
                self.counted();
            }
            8 => {
                let back = self.random.usize(1..24).min(self.acts.len());
                let earlier = self.acts[self.acts.len() - back].1.clone();
                if let Act::Chunk(_, bytes) = earlier {
                    self.received(bytes);
                }
            }
            // A bit flipped, an octet lost, junk.
            9 => {
                self.sent(request);
                let mut answer = answer;
                let at = self.random.usize(1..answer.len());
                answer[at] ^= 1 << self.random.u8(..8);
                self.received(answer);
            }
            10 => {
                self.sent(request);
                let mut answer = answer;
                answer.remove(self.random.usize(..answer.len()));
                self.received(answer);
            }
            11 => {
                let junk = (0..self.random.usize(1..20)).map(|_| self.random.u8(..));
                let junk = junk.collect();
                self.received(junk);
            }
            // Cut in two, or two in one.
            12 => {
                self.sent(request);
                let (one, two) = answer.split_at(self.random.usize(1..answer.len()));
                let (one, two) = (one.to_vec(), two.to_vec());
                self.received(one);
                self.received(two);
                self.counted();
            }
            13 => {
                self.sent(request);
                self.received([answer.clone(), answer].concat());
                self.counted();
            }
            // Numbers out of step.
            14 => self.send = self.random.u8(..8),
            15 => self.receive = self.random.u8(..8),
            // Somebody else on the line.
            16 => {
                let mut out = Vec::new();
                let control = Control::ReceiveReady {
                    receive: 1,
                    poll: true,
                };
                frame::build(&[0x41], &self.server, control, false, &[], &mut out).unwrap();
                self.received(out);
            }
            17 => {
                self.other(Observation::Closed(Closing::ByPeer));
                self.other(Observation::ConnectFailed(ConnectFailure::Refused));
                self.other(Observation::Connected);
                self.open();
            }
            18 => self.open(),
            _ => {
                // Longer without a word than the meter waits; then no answer.
                self.acts
                    .push((200_000, Act::Chunk(Direction::Sent, request)));
                self.other(Observation::Quiet);
                self.open();
            }
        }
    }
}

#[test]
fn rows_of_any_length_broken_by_any_trouble() {
    let mut ids = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let mut line = Line::new(seed);
        for _ in 0..line.random.usize(1..6) {
            for _ in 0..line.random.usize(..60) {
                line.healthy();
            }
            line.trouble();
        }
        // What is under way when everything ends.
        if line.random.bool() {
            let request = line.request();
            line.sent(request);
        }
        let found = same(&line.acts, &format!("seed {seed}"));
        ids.extend(found.iter().map(|finding| finding.id));
    }
    // The troubles are real ones.
    assert!(ids.len() >= 15, "{ids:?}");
}

#[test]
fn a_million_healthy_frames_are_counted_and_nothing_is_found() {
    let mut line = Line::new(1);
    for _ in 0..48 {
        line.healthy();
    }
    let opening: Vec<_> = line.acts.drain(..2).collect();
    let rows = line.acts.iter().cycle().take(line.acts.len() * 100);
    let acts: Vec<_> = opening.iter().chain(rows).cloned().collect();
    assert!(same(&acts, "rows").is_empty());
}

#[test]
fn a_healthy_exchange_allocates_nothing() {
    let mut line = Line::new(2);
    for _ in 0..240 {
        line.healthy();
    }
    let mut engine = Engine::new(Settings::default());
    let mut play = |acts: &[(i64, Act)]| {
        for (at, act) in acts {
            if let Act::Chunk(direction, bytes) = act {
                engine.observe(*at, &Observation::Bytes(*direction, bytes));
            }
        }
    };
    let (warm, steady) = line.acts.split_at(2 + 2 * 32);
    play(warm);
    let counted = allocation_counter::measure(|| play(steady));
    assert_eq!(counted.count_total, 0);
    // Told of one by one, neither.
    let mut engine = Engine::new(Settings::default());
    let mut play = |acts: &[(i64, Act)]| {
        for (at, act) in acts {
            engine.conversation();
            if let Act::Chunk(direction, bytes) = act {
                engine.observe(*at, &Observation::Bytes(*direction, bytes));
            }
        }
    };
    play(warm);
    let counted = allocation_counter::measure(|| play(steady));
    assert_eq!(counted.count_total, 0);
}
