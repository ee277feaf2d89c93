//! What is wrong with the conversation the bytes are part of. The rule: where the input ends says nothing, so silence is no finding here.

use super::input::Stream;
use crate::cli::findings::{direction, undirected};
use crate::diagnosis::{Engine, Finding, Observation, Settings};

/// Of each meter in the input, in order; None where it names none.
pub(super) fn findings(streams: &[Stream]) -> Vec<(Option<String>, Finding)> {
    let mut meters: Vec<&Option<String>> = Vec::new();
    for stream in streams {
        if !meters.contains(&&stream.meter) {
            meters.push(&stream.meter);
        }
    }
    let mut all = Vec::new();
    for meter in meters {
        let mut engine = Engine::new(Settings::default());
        let mut parts = Vec::new();
        for stream in streams.iter().filter(|stream| stream.meter == *meter) {
            match stream.direction {
                Some(way) => parts.extend(stream.parts().map(|(at, _, octets)| (at, way, octets))),
                None => undirected(&stream.bytes, 0, &mut engine),
            }
        }
        parts.sort_by_key(|(at, _, _)| *at);
        for (_, way, octets) in parts {
            engine.observe(0, &Observation::Bytes(direction(way), octets));
        }
        all.extend(
            engine
                .findings()
                .into_iter()
                .map(|finding| (meter.clone(), finding)),
        );
    }
    all
}
