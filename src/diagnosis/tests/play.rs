//! Traces as text, played into an engine: `TX hex`, `RX hex`, `quiet`, `closed`, `reset`, `connected`, `+ms`.

use crate::diagnosis::{Closing, Direction, Engine, Finding, Observation, Settings};

pub(super) fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| u8::try_from(d).unwrap())
        .collect();
    assert_eq!(digits.len() % 2, 0, "{hex}");
    digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect()
}

pub(super) fn play(engine: &mut Engine, text: &str) {
    let mut at = 0;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        at += 20;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "TX" => engine.observe(at, &Observation::Bytes(Direction::Sent, &octets(rest))),
            "RX" => engine.observe(at, &Observation::Bytes(Direction::Received, &octets(rest))),
            "quiet" => engine.observe(at, &Observation::Quiet),
            "closed" => engine.observe(at, &Observation::Closed(Closing::ByUs)),
            "dropped" => engine.observe(at, &Observation::Closed(Closing::ByPeer)),
            "reset" => engine.observe(at, &Observation::Closed(Closing::Reset)),
            "connected" => engine.observe(at, &Observation::Connected),
            wait => at += wait.strip_prefix('+').unwrap().parse::<i64>().unwrap(),
        }
    }
    engine.observe(at + 5_000, &Observation::Quiet);
}

pub(super) fn findings(text: &str) -> Vec<Finding> {
    let mut engine = Engine::new(Settings::default());
    play(&mut engine, text);
    engine.findings()
}
