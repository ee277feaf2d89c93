//! Any bytes as labelled ranges: feeds the hex pane, `decode` and the trace file.
//!
//! The one rule: it needs no state and never fails. Bytes are read first and judged after, so a
//! broken frame is shown field by field up to where it breaks, with the breakage named there.
//! Ranges always lie inside the input, children inside their parent, and siblings never overlap.
mod access;
mod acse;
mod action;
mod apdu;
mod ber;
mod ciphered;
mod data;
mod descriptor;
mod frame;
mod get;
mod initiate;
mod mbus;
mod negotiation;
mod notify;
mod opener;
mod reader;
mod refusal;
mod set;
mod sheet;
mod short_name;
mod split;
mod wrapper;

pub use opener::Opener;
pub use reader::{Reader, Row, RowKind};
pub use split::{Piece, Pieces, What, split};

use crate::dlms::hdlc::ServerAddress;
use crate::dlms::security::Secret;
use sheet::Sheet;

/// One labelled range. `depth` nests: the link 0, its fields 1, APDU fields 2, data below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The field's standard name.
    pub name: String,
    /// From the start of the explained bytes.
    pub offset: usize,
    pub length: usize,
    /// For people; never contains control characters, never a secret.
    pub value: String,
    pub depth: u8,
    /// What is wrong here, if anything.
    pub problem: Option<String>,
    /// Where the reading comes from, if worth showing.
    pub source: Option<&'static str>,
    /// These octets are a password or key: a screen masks them.
    pub secret: bool,
}

/// Which way a frame went, where the caller knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    ToMeter,
    FromMeter,
}

/// What carries the APDU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    #[default]
    Hdlc,
    Wrapper,
    /// M-Bus, as meters push.
    Mbus,
    /// An APDU without any link around it.
    Bare,
}

/// One frame explained; also what a line in the trace says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    pub framing: Framing,
    /// `SNRM`, `UA`, `I`, `RR`, `AARQ`, `AARE`, `GET.request` …: the APDU's name where there is one.
    pub kind: String,
    /// `I  N(S)3 N(R)3 P`; empty for a bare APDU.
    pub link: String,
    /// `GET 3 1-1:32.7.0 /2`, `data 13540 double-long`, `accepted`.
    pub summary: String,
    pub offset: usize,
    pub length: usize,
    pub length_ok: bool,
    /// None when the frame has no information field, hence no HCS.
    pub hcs_ok: Option<bool>,
    /// True where there is no FCS to be wrong (wrapper, bare APDU).
    pub fcs_ok: bool,
    pub client: Option<u8>,
    pub server: Option<ServerAddress>,
    /// Offset and length of the APDU inside the explained bytes.
    pub apdu: Option<(usize, usize)>,
    pub fields: Vec<Field>,
    /// Plain octets that were under a cipher, and where they stand; fields inside them are of these.
    pub deciphered: Vec<(usize, Secret)>,
    /// True when anything in it is wrong or refuses (bad FCS, DM, FRMR, rejected AARE, data-access-result …).
    pub trouble: bool,
}

/// Everything found in some bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// In order. The unfinished frame at the end is the last of them, explained as far as it goes.
    pub frames: Vec<Explained>,
    /// Bytes that belong to no frame: offset and length.
    pub junk: Vec<(usize, usize)>,
    /// The unfinished bytes at the end.
    pub rest: std::ops::Range<usize>,
}

/// Everything in `bytes` (HDLC frames, M-Bus frames, wrapper PDUs or bare APDUs, told apart by their first bytes).
pub fn explain(bytes: &[u8]) -> Explanation {
    explain_from(bytes, None)
}

/// As [`explain`], for bytes whose direction is known.
pub fn explain_from(bytes: &[u8], direction: Option<Direction>) -> Explanation {
    let mut all = Explanation {
        rest: bytes.len()..bytes.len(),
        ..Explanation::default()
    };
    for piece in split(bytes) {
        match piece.what {
            What::Junk => all.junk.push((piece.range.start, piece.range.len())),
            What::Rest => {
                all.rest = piece.range.clone();
                all.frames.extend(explain_piece(bytes, &piece, direction));
            }
            _ => all.frames.extend(explain_piece(bytes, &piece, direction)),
        }
    }
    all
}

/// One piece of `bytes` as [`split`] found it; offsets count from the start of `bytes`. None for
/// junk, and for a rest too short to say anything of.
pub fn explain_piece(
    bytes: &[u8],
    piece: &Piece,
    direction: Option<Direction>,
) -> Option<Explained> {
    explain_with(bytes, piece, direction, &mut None)
}

/// As [`explain_piece`], with keys: ciphered APDUs are opened, and what the conversation says of itself is learned.
pub fn explain_with(
    bytes: &[u8],
    piece: &Piece,
    direction: Option<Direction>,
    opener: &mut Option<Opener>,
) -> Option<Explained> {
    let mut sheet = Sheet::filling();
    sheet.opener = opener.take();
    let explained = walk_piece(&mut sheet, bytes, piece, direction);
    *opener = sheet.opener.take();
    let mut explained = explained?;
    explained.trouble = sheet.trouble();
    explained.deciphered = std::mem::take(&mut sheet.deciphered);
    explained.fields = sheet.into_fields();
    Some(explained)
}

fn walk_piece(
    sheet: &mut Sheet,
    bytes: &[u8],
    piece: &Piece,
    direction: Option<Direction>,
) -> Option<Explained> {
    let span = piece.range.clone();
    Some(match piece.what {
        What::Frame => frame::walk(sheet, bytes, span, direction, false),
        What::Wrapper => wrapper::walk(sheet, bytes, span, direction),
        What::Mbus => mbus::walk(sheet, bytes, span),
        What::Apdu => apdu::bare(sheet, bytes, span),
        What::Rest if wrapper::starts(bytes.get(span.clone())?) => {
            wrapper::walk(sheet, bytes, span, direction)
        }
        What::Rest if span.len() >= frame::LEAST => {
            frame::walk(sheet, bytes, span, direction, true)
        }
        What::Rest | What::Junk => return None,
    })
}

/// One frame as delimited (format … FCS; flags around it do no harm), cheap: no fields filled in.
pub fn summarise(frame: &[u8]) -> Explained {
    summarise_from(frame, None)
}

/// As [`summarise`], for a frame whose direction is known.
pub fn summarise_from(frame: &[u8], direction: Option<Direction>) -> Explained {
    let mut sheet = Sheet::silent();
    let mut explained = frame::walk(&mut sheet, frame, 0..frame.len(), direction, false);
    explained.trouble = sheet.trouble();
    explained
}

#[cfg(test)]
mod tests;
