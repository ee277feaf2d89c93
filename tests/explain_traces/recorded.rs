//! Every recorded frame, and what is said of the wrong ones among them.
use crate::{assert_sound, problems, traces};
use obiscope::dlms::explain::{Explained, Framing, explain_from, summarise_from};
use std::collections::BTreeMap;

/// Sessions with frames that are wrong on purpose, or by a peer's mistake, and what is said of them.
const WRONG: &[(&str, &[&str])] = &[
    ("SNRM with bad FCS", &["FCS: these octets give"]),
    ("AARQ with bad HCS", &["HCS: these octets give"]),
    (
        "AARQ with bad FCS, then good one (retransmission)",
        &["FCS: these octets give"],
    ),
    ("AARQ dlms version 5", &["the DLMS version in use is 6"]),
    ("garbage PDU", &["no APDU begins with this octet"]),
    ("truncated GET PDU", &["ends early"]),
    ("empty I frame (LLC only)", &["an APDU is due here"]),
    ("I frame without LLC", &["without the LLC header"]),
    // The range descriptor lacks its outer structure, so its last three elements stand alone.
    (
        "GET with selective access on register",
        &["30 octets beyond the end"],
    ),
    ("unknown control 0xEF", &["no APDU begins with this octet"]),
    // This client writes its RLRQ as `62 01 02 03 …`; the meter refuses it.
    (
        "c_sn_hdlc_gxc_none",
        &["says 1, but 5 octets follow", "unknown tag"],
    ),
    // This server's ciphered RLRE counts four octets too few, and each level inside one too many.
    ("c_hdlc_gxpy_gmac", RELEASE),
    ("c_hdlc_gxpy_gmac_general", RELEASE),
    // It leaves half of an earlier answer behind a clock's value (`09 0F 09 0C …`) …
    ("c_hdlc_gxpy_high", &[BEHIND_CLOCK]),
    ("c_hdlc_gxpy_low_serial", &[BEHIND_CLOCK]),
    ("c_hdlc_gxpy_none", &[BEHIND_CLOCK]),
    // … and writes an empty last block twice into one APDU.
    ("c_hdlc_gxpy_low_win3_info512", &[BEHIND_CLOCK, TWICE]),
    ("c_wrap_gxpy_low", &[BEHIND_CLOCK, TWICE]),
];

const RELEASE: &[&str] = &[
    "says 36, but 40 octets follow",
    "says 33, but 32 octets follow",
    "says 31, but 30 octets follow",
    "length: ends early",
];
const BEHIND_CLOCK: &str = "extra: 18 octets beyond the end";
const TWICE: &str = "extra: 11 octets beyond the end";

#[test]
fn every_recorded_frame_is_explained() {
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in traces() {
        let explanation = explain_from(&line.bytes, Some(line.direction));
        assert_sound(&line.bytes, &explanation);
        let place = format!("{} {}", line.place, line.case);
        if line.place.starts_with("c_modeE_raw") && line.bytes.first() != Some(&0x7E) {
            assert_eq!(explanation.junk, [(0, line.bytes.len())], "{place}");
            continue;
        }
        assert!(!explanation.frames.is_empty(), "{place}");
        assert!(explanation.rest.is_empty(), "{place}");
        assert!(
            explanation.junk.is_empty() || line.case.starts_with("noise"),
            "{place}"
        );
        for frame in &explanation.frames {
            assert!(frame.length_ok, "{place}");
            assert!(
                !frame.kind.is_empty() && frame.kind != "unfinished",
                "{place}"
            );
        }
        let session = if line.case.is_empty() {
            line.place.split(':').next().unwrap()
        } else {
            &line.case
        };
        said.entry(session.to_owned())
            .or_default()
            .extend(problems(&explanation));
    }
    for (session, problems) in said {
        let expected = WRONG
            .iter()
            .find(|(name, _)| *name == session)
            .map_or(&[][..], |(_, words)| *words);
        for problem in &problems {
            assert!(
                expected.iter().any(|word| problem.contains(word)),
                "{session}: {problem}"
            );
        }
        for word in expected {
            assert!(
                problems.iter().any(|problem| problem.contains(word)),
                "{session}: {word} in {problems:?}"
            );
        }
    }
}

/// A summary's frame says the same as its full explanation.
#[test]
fn a_trace_line_agrees_with_the_whole() {
    for line in traces() {
        let explanation = explain_from(&line.bytes, Some(line.direction));
        for frame in explanation
            .frames
            .iter()
            .filter(|frame| frame.framing == Framing::Hdlc)
        {
            let octets = &line.bytes[frame.offset..frame.offset + frame.length];
            let stripped = &octets[1..octets.len() - 1];
            for brief in [
                summarise_from(octets, Some(line.direction)),
                summarise_from(stripped, Some(line.direction)),
            ] {
                assert!(brief.fields.is_empty());
                let of = |e: &Explained| {
                    (
                        e.kind.clone(),
                        e.link.clone(),
                        e.summary.clone(),
                        e.trouble,
                        e.client,
                        e.server,
                    )
                };
                assert_eq!(of(&brief), of(frame), "{}", line.place);
                assert_eq!(
                    (brief.length_ok, brief.hcs_ok, brief.fcs_ok),
                    (frame.length_ok, frame.hcs_ok, frame.fcs_ok)
                );
            }
        }
    }
}
