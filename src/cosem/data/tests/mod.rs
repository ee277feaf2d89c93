//! Tests of `Data`, one file a concern; here what they share.

mod compact_arrays;
mod every_tag;
mod from_meters;
mod lengths;
mod lies;
mod other_implementation;
mod properties;
mod texts;

use proptest::prelude::*;
use serde_json::json;

use super::super::date_time::{Date, DateTime, Time};
use super::{
    BitString, CompactArray, Data, DataErrorKind, MAX_DEPTH, MAX_VALUES, decode_length,
    encode_length, printable, printable_bytes,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn decode(text: &str) -> Data {
    Data::decode_all(&hex(text)).unwrap()
}

fn error(bytes: &[u8]) -> (usize, DataErrorKind) {
    let error = Data::decode(bytes).unwrap_err();
    (error.offset, error.kind)
}
