//! `obiscope decode`: bytes explained field by field, for people or as JSON.
//!
//! The one rule: what it prints is what `dlms::explain` says; here is only reading and laying out.
mod diagnose;
mod input;
mod json;
mod tree;

pub use crate::meter::document::HexError;
pub use input::Error;

use crate::cli::findings;
use crate::cli::link_security::keys;
use crate::dlms::explain::{Explained, Opener, Piece, Pieces, What, explain_with, split};
use crate::dlms::security::SystemTitle;
use input::Stream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;
use std::path::PathBuf;

/// Explain bytes field by field
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Bytes in hex (7EA0070303938C117E, spaces and colons allowed), a file of them, a recorded trace, pcap or pcapng, or - for standard input
    #[arg(value_name = "HEX|FILE|-")]
    pub input: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Environment variable that holds the keys to open ciphered APDUs with: ek=HEX ak=HEX …
    #[arg(long, value_name = "VAR", conflicts_with = "keys_file")]
    pub keys_env: Option<String>,
    /// File that holds the keys, readable by its owner alone: ek=HEX ak=HEX dk=HEX …
    #[arg(long, value_name = "FILE")]
    pub keys_file: Option<PathBuf>,
    /// The meter's system title, where neither the APDU nor an AARE before it says it
    #[arg(long, value_name = "HEX")]
    pub meter_title: Option<SystemTitle>,
    /// The client's system title, where neither the APDU nor an AARQ before it says it
    #[arg(long, value_name = "HEX")]
    pub client_title: Option<SystemTitle>,
}

/// Reads what `args` name and writes the explanation. Bad input is the only failure a person can
/// mend (exit 2); the other is that `out` does not take it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let keys = keys(args.keys_env.as_deref(), args.keys_file.as_deref())
        .map_err(|error| Error::Keys(error.to_string()))?;
    let opener = keys.map(|keys| Opener::new(keys, args.client_title, args.meter_title));
    let streams = input::read(&args.input)?;
    write(&streams, opener, args.json, out).map_err(Error::Write)
}

/// One thing found, in the order of the input.
struct Found<'a> {
    stream: &'a Stream,
    /// First byte, counted over all bytes of the input.
    offset: usize,
    octets: &'a [u8],
    what: What,
    /// None for junk and for a rest too short to say anything of.
    explained: Option<Explained>,
    line: Option<&'a input::Chunk>,
}

fn write(
    streams: &[Stream],
    opener: Option<Opener>,
    as_json: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let findings = diagnose::findings(streams);
    if as_json {
        json::write(found(streams, opener), &findings, out)
    } else {
        tree::write(found(streams, opener), out)?;
        if !findings.is_empty() {
            writeln!(out)?;
        }
        findings::people(&findings, out)
    }
}

/// Everything in all streams, merged by where it stands in the input; explained one at a time, so
/// that a long trace is never held explained as a whole.
fn found(streams: &[Stream], mut opener: Option<Opener>) -> impl Iterator<Item = Found<'_>> {
    let mut pieces: Vec<Pieces<'_>> = streams.iter().map(|stream| split(&stream.bytes)).collect();
    let mut heads: Vec<Option<Piece>> = pieces.iter_mut().map(Iterator::next).collect();
    let mut order: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    let place = |index: usize, piece: &Piece| {
        let stream: Option<&Stream> = streams.get(index);
        Reverse((
            stream.map_or(0, |stream| stream.offset(piece.range.start)),
            index,
        ))
    };
    for (index, piece) in heads.iter().enumerate() {
        order.extend(piece.as_ref().map(|piece| place(index, piece)));
    }
    std::iter::from_fn(move || {
        let Reverse((offset, index)) = order.pop()?;
        let stream = streams.get(index)?;
        let piece = heads.get_mut(index)?.take()?;
        let next = pieces.get_mut(index)?.next();
        order.extend(next.as_ref().map(|piece| place(index, piece)));
        *heads.get_mut(index)? = next;
        let mut explained = explain_with(&stream.bytes, &piece, stream.direction, &mut opener);
        if let Some(explained) = &mut explained {
            shift(explained, piece.range.start, offset);
        }
        Some(Found {
            stream,
            offset,
            octets: stream.bytes.get(piece.range.clone()).unwrap_or_default(),
            what: piece.what,
            explained,
            line: stream.chunk(piece.range.start),
        })
    })
}

/// From offsets in one stream to offsets in the whole input.
fn shift(explained: &mut Explained, from: usize, to: usize) {
    let moved = |offset: usize| offset.saturating_sub(from).saturating_add(to);
    explained.offset = moved(explained.offset);
    explained.apdu = explained
        .apdu
        .map(|(offset, length)| (moved(offset), length));
    for field in &mut explained.fields {
        field.offset = moved(field.offset);
    }
    for (offset, _) in &mut explained.deciphered {
        *offset = moved(*offset);
    }
}

#[cfg(test)]
mod tests;
