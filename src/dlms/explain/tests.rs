//! What is said of single broken or unusual things, and that explanation and codecs agree.
use super::*;
use crate::cosem::Data;
use crate::dlms::acse::{Aare, Aarq};
use crate::dlms::hdlc::Control;
use crate::dlms::hdlc::frame;
use crate::dlms::xdlms::get::{GetRequest, GetResponse};
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn one(input: &[u8]) -> Explained {
    let explanation = explain(input);
    assert_eq!(explanation.frames.len(), 1, "{explanation:#?}");
    explanation.frames.into_iter().next().unwrap()
}

/// `name@offset+length: problem` of everything wrong.
fn problems(frame: &Explained) -> Vec<String> {
    let wrong = frame.fields.iter().filter_map(|field| {
        let problem = field.problem.as_ref()?;
        Some(format!(
            "{}@{}+{}: {problem}",
            field.name, field.offset, field.length
        ))
    });
    wrong.collect()
}

fn value<'a>(frame: &'a Explained, name: &str) -> &'a str {
    let field = frame.fields.iter().find(|field| field.name == name);
    &field
        .unwrap_or_else(|| panic!("no {name} in {frame:#?}"))
        .value
}

/// A frame from the meter (server 1) to client 16 carrying `apdu`.
fn framed(apdu: &[u8], segmented: bool) -> Vec<u8> {
    let information = [&[0xE6, 0xE7, 0x00], apdu].concat();
    let mut out = Vec::new();
    let control = Control::Information {
        send: 0,
        receive: 1,
        poll: true,
    };
    frame::build(&[0x21], &[0x03], control, segmented, &information, &mut out).unwrap();
    out
}

#[test]
fn a_three_byte_address_is_shown_and_refused() {
    let mut out = Vec::new();
    frame::build(
        &[0x00, 0x02, 0x23],
        &[0x21],
        Control::Snrm { poll: true },
        false,
        &[],
        &mut out,
    )
    .unwrap();
    let frame = one(&out);
    assert_eq!(frame.kind, "SNRM");
    assert_eq!((frame.client, frame.server), (Some(16), None));
    let wrong = problems(&frame);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("destination@3+3: "), "{wrong:?}");
    assert!(frame.fcs_ok && frame.trouble);
}

#[test]
fn an_address_without_an_end_stops_there() {
    let mut input = bytes("7EA00D 02020202 02020202 02 0000 7E");
    let fcs = crate::dlms::hdlc::fcs::fcs(&input[1..12]).to_le_bytes();
    input[12..14].copy_from_slice(&fcs);
    let explanation = explain(&input);
    let frame = &explanation.frames[0];
    assert!(
        problems(frame)[0].starts_with("address@3+4: "),
        "{:?}",
        problems(frame)
    );
}

#[test]
fn damage_is_placed_in_header_or_information() {
    let mut input = framed(&bytes("C401C10005000034E7"), false);
    let right = one(&input);
    assert_eq!(
        (right.hcs_ok, right.fcs_ok, right.trouble),
        (Some(true), true, false)
    );
    let at = input.len() - 4;
    input[at] ^= 0x10;
    let frame = one(&input);
    assert_eq!((frame.hcs_ok, frame.fcs_ok), (Some(true), false));
    assert!(
        problems(&frame)[0].contains("the damage is in the information field"),
        "{:?}",
        problems(&frame)
    );

    let mut input = framed(&bytes("C401C10005000034E7"), false);
    input[5] ^= 0x02;
    let frame = one(&input);
    assert_eq!((frame.hcs_ok, frame.fcs_ok), (Some(false), false));
    assert!(
        problems(&frame)
            .iter()
            .any(|problem| problem.contains("the header is damaged"))
    );
}

#[test]
fn a_frame_cut_short_is_explained_as_far_as_it_goes() {
    let whole = bytes(
        "7EA02E0002002321107ECBE6E600601DA109060760857405080101BE10040E01000000065F1F040000301DFFFFD4C57E",
    );
    for length in 3..whole.len() - 3 {
        let explanation = explain(&whole[..length]);
        assert_eq!(explanation.rest, 0..length);
        let frame = &explanation.frames[0];
        assert!(frame.trouble && !frame.length_ok && !frame.fcs_ok);
        assert!(
            problems(frame)
                .iter()
                .any(|problem| problem.contains("cut short")),
            "{length}: {:?}",
            problems(frame)
        );
        if length > 14 {
            assert_eq!(
                (frame.kind.as_str(), frame.hcs_ok),
                ("AARQ", Some(true)),
                "{length}"
            );
            assert_eq!(frame.server.unwrap().lower(), Some(17));
        }
    }
    // The same in the middle: the next frame begins while this one still wants more.
    let middle = [&whole[..30], &bytes("7EA00703037382F67E")].concat();
    let explanation = explain(&middle);
    let kinds: Vec<_> = explanation
        .frames
        .iter()
        .map(|frame| frame.kind.as_str())
        .collect();
    assert_eq!(kinds, ["AARQ", "UA"]);
    assert!(explanation.junk.is_empty() && explanation.rest.is_empty());
    let whole = one(&whole);
    assert_eq!(problems(&whole), Vec::<String>::new());
}

#[test]
fn a_length_that_lies_is_named_and_the_flags_believed() {
    let frame = one(&bytes("7EA0080303938C117E"));
    assert_eq!((frame.kind.as_str(), frame.length_ok), ("SNRM", false));
    assert_eq!(
        problems(&frame)[0],
        "length@2+1: says 8, but 7 octets are here"
    );
    let explanation = explain(&bytes("7EA0400303938C117E 7EA00703037382F67E"));
    let kinds: Vec<_> = explanation
        .frames
        .iter()
        .map(|frame| frame.kind.as_str())
        .collect();
    assert_eq!(kinds, ["SNRM", "UA"]);
    assert!(explanation.junk.is_empty() && explanation.rest.is_empty());
}

#[test]
fn a_parameter_group_of_the_wrong_length_is_named() {
    let mut out = Vec::new();
    let group = bytes("818013 0501800601800704000000010804000000 01");
    frame::build(
        &[0x21],
        &[0x03],
        Control::Ua { poll: true },
        false,
        &group,
        &mut out,
    )
    .unwrap();
    let frame = one(&out);
    assert_eq!(frame.kind, "UA");
    assert!(
        problems(&frame)
            .iter()
            .any(|problem| problem.contains("says 19, but 18 octets follow")),
        "{:?}",
        problems(&frame)
    );
    let lengths: Vec<_> = frame
        .fields
        .iter()
        .filter(|field| field.name.starts_with("max-information"))
        .collect();
    assert_eq!(lengths.len(), 2);
    assert!(lengths.iter().all(|field| field.value == "128 (1 octet)"));
}

#[test]
fn a_frame_reject_says_which_and_why() {
    let frame = one(&bytes("7EA00C2103973E21100001 6B5B7E"));
    assert!(frame.trouble);
    assert_eq!(frame.kind, "FRMR");
    assert!(
        frame.summary.starts_with("refuses I") && frame.summary.ends_with("reason W"),
        "{}",
        frame.summary
    );
    assert!(value(&frame, "rejected control").starts_with("10: I, information frame"));
    assert!(value(&frame, "reason").contains("control field is undefined"));
    let bare = one(&bytes("7EA007030397A8577E"));
    assert_eq!((bare.kind.as_str(), bare.trouble), ("FRMR", true));
}

#[test]
fn segments_are_not_misread_as_apdus() {
    let list = bytes("C401C100 0104 0204 120003 1100 0906 0100");
    let first = one(&framed(&list, true));
    assert_eq!(problems(&first), Vec::<String>::new());
    assert_eq!(first.summary, "data array of 4, first segment");
    assert!(
        first
            .fields
            .iter()
            .any(|field| field.value == "continues in the next segment")
    );
    let mut out = Vec::new();
    let control = Control::Information {
        send: 1,
        receive: 1,
        poll: true,
    };
    frame::build(
        &[0x21],
        &[0x03],
        control,
        false,
        &bytes("1F0700FF 0202"),
        &mut out,
    )
    .unwrap();
    let later = one(&out);
    assert_eq!((later.kind.as_str(), later.trouble), ("I", false));
    assert_eq!(
        value(&later, "segment"),
        "6 octets, continuation of a segmented APDU"
    );
    assert_eq!(later.summary, "continues, 6 octets, the last segment");
    // The same bytes in a frame that is not segmented end early.
    assert!(one(&framed(&list, false)).trouble);
}

#[test]
fn data_nests_as_it_does() {
    let frame = one(&bytes(
        "C401C100 0202 0203 1102 0A0241 42 0906 0100200700FF 0101 0FFE",
    ));
    let depths: Vec<_> = frame
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.depth))
        .collect();
    let data: Vec<_> = depths
        .into_iter()
        .skip_while(|(name, _)| *name != "structure")
        .collect();
    let expected = [
        ("structure", 1),
        ("structure", 2),
        ("unsigned", 3),
        ("visible-string", 3),
        ("octet-string", 3),
        ("array", 2),
        ("integer", 3),
    ];
    assert_eq!(data, expected);
    assert!(
        value(&frame, "octet-string").contains("1-0:32.7.0.255"),
        "{}",
        value(&frame, "octet-string")
    );
    assert_eq!(value(&frame, "visible-string"), "\"AB\" (2 octets)");
    let unit = one(&bytes("C401C100 0202 0FFE 1623"));
    assert_eq!(unit.summary, "data ×10⁻² V scaler and unit");
    assert_eq!(value(&unit, "enum"), "35: V");
    assert_eq!(
        one(&bytes("C401C100 0202 0F03 16FF")).summary,
        "data ×10³ no unit scaler and unit"
    );
}

#[test]
fn control_characters_of_a_meter_reach_nobody() {
    let frame = one(&bytes("C401C100 0A08 1B5B324A 07 0D 41 42"));
    let text = value(&frame, "visible-string");
    assert!(
        !text.contains(char::is_control) && text.contains("AB"),
        "{text}"
    );
    assert!(!frame.summary.contains(char::is_control));
}

#[test]
fn new_passwords_and_keys_are_hidden() {
    let inputs = [
        // SET of the LLS secret, ACTION change_HLS_secret, a dedicated key
        "C101C1 000F 0000280000FF 07 00 0908 3132333435363738",
        "C301C1 000F 0000280000FF 02 01 0908 3132333435363738",
        "0101083132333435363738 0000065F1F0400001E1D FFFF",
    ];
    for input in inputs {
        let frame = one(&bytes(input));
        let text = format!("{frame:?}");
        assert!(
            !text.contains("12345678") && !text.contains("31 32 33"),
            "{text}"
        );
        let secret: Vec<_> = frame.fields.iter().filter(|field| field.secret).collect();
        assert_eq!(secret.len(), 1, "{input}");
    }
}

#[test]
fn refusals_are_trouble_in_words() {
    let says = |hex: &str| {
        let frame = one(&bytes(hex));
        assert!(frame.trouble && problems(&frame).is_empty(), "{frame:#?}");
        (frame.kind, frame.summary)
    };
    assert_eq!(
        says("C401C10104"),
        ("GET.response".to_owned(), "object-undefined".to_owned())
    );
    assert_eq!(says("C501C103").1, "SET read-write-denied");
    assert_eq!(says("C701C10300").1, "ACTION read-write-denied");
    assert_eq!(
        says("C402C10100000003 0110").1,
        "block 3, the last, no-long-get-in-progress"
    );
    let (kind, summary) = says("D80101");
    assert_eq!(kind, "exception-response");
    assert!(summary.contains("service-not-allowed") && summary.contains("operation-not-possible"));
    let (kind, summary) = says("0E010601");
    assert_eq!(kind, "confirmed-service-error");
    assert!(summary.contains("version"), "{summary}");
    let (_, summary) = says("D8010600000005");
    assert!(summary.contains("invocation-counter"), "{summary}");
}

#[test]
fn ciphered_apdus_show_their_headers() {
    let frame = one(&bytes(
        "CC 1A 30 00000172 0102030405060708 09 A1A2A3A4A5A6A7A8A9AAABAC",
    ));
    assert_eq!(frame.kind, "glo-get-response");
    assert_eq!(problems(&frame), Vec::<String>::new());
    assert_eq!(
        value(&frame, "security-control"),
        "30: suite 0, authenticated and encrypted"
    );
    assert_eq!(value(&frame, "invocation-counter"), "370");
    assert!(value(&frame, "ciphertext").starts_with("9 octets"));
    let frame = one(&bytes("DB 08 4D4D4D0000BC614E 09 21 00000001 01020304"));
    assert!(value(&frame, "system-title").contains("MMM"));
    assert!(value(&frame, "security-control").contains("suite 1, encrypted"));
}

#[test]
fn wrapper_pdus_are_told_by_their_first_bytes() {
    let input = bytes("00010001 00100005 C401C10104 0001001000010003 C002C1");
    let explanation = explain(&input);
    assert_eq!(explanation.frames.len(), 2);
    let first = &explanation.frames[0];
    assert_eq!(
        (first.framing, first.kind.as_str()),
        (Framing::Wrapper, "GET.response")
    );
    assert_eq!((first.client, first.server.unwrap().upper()), (Some(16), 1));
    assert_eq!((first.offset, first.length, first.length_ok), (0, 13, true));
    assert!(explanation.frames[1].trouble, "its APDU ends early");
    let cut = explain(&input[..10]);
    assert_eq!(cut.rest, 0..10);
    assert!(!cut.frames[0].length_ok);
}

#[test]
fn hostile_sizes_stay_small() {
    // 60 000 nulls: more fields than anybody reads.
    let mut input = bytes("C401C10001 82EA60");
    input.extend(std::iter::repeat_n(0, 60_000));
    let frame = one(&input);
    assert!(frame.fields.len() < 5000 && problems(&frame).is_empty());
    assert!(frame.fields.last().unwrap().value.contains("more fields"));
    // a thousand deep
    let mut input = bytes("C401C100");
    input.extend([2, 1].repeat(1000));
    let frame = one(&input);
    assert!(
        problems(&frame)
            .iter()
            .any(|problem| problem.contains("nested deeper"))
    );
    assert!(explain(&[0x7E; 5000]).frames.is_empty());
}

/// Every element reads well, and what the other side cannot do without is not among them.
#[test]
fn a_missing_element_of_an_association_is_named() {
    for (apdu, lack) in [
        (
            "6010BE0E040C01000000065F1F0400007E1F",
            "application context",
        ),
        ("600BA209060760857405080101", "application context"),
        ("610BA109060760857405080101", "result"),
    ] {
        let frame = one(&bytes(apdu));
        assert!(
            problems(&frame)
                .iter()
                .any(|it| it.contains(lack) && it.contains("missing")),
            "{apdu}: {:?}",
            problems(&frame)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the codec refuses is wrong here, and nothing else is.
    #[test]
    fn data_and_its_explanation_agree(data in prop::collection::vec(prop_oneof![0..34_u8, any::<u8>()], 0..40)) {
        let apdu = [&bytes("C401C100")[..], &data].concat();
        let frame = one(&apdu);
        let codec = Data::decode_all(&data);
        prop_assert_eq!(codec.is_ok(), problems(&frame).is_empty(), "{:?} {:?}", codec, problems(&frame));
    }

    /// Where nothing is wrong, the codecs the client lives by read it too.
    #[test]
    fn what_is_explained_without_a_problem_decodes(
        which in 0..4_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut apdu = bytes([
            "6036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B0",
            "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007",
            "C001C1000301011F0700FF0200",
            "C401C10005000034E7",
        ][which]);
        for (at, value) in damage {
            let at = at.index(apdu.len());
            apdu[at] = value;
        }
        if let [frame] = explain(&apdu).frames.as_slice()
            && problems(frame).is_empty()
        {
            let read = match apdu[0] {
                0x60 => Aarq::decode(&apdu).is_ok(),
                0x61 => Aare::decode(&apdu).is_ok(),
                0xC0 => GetRequest::decode(&apdu).is_ok(),
                0xC4 => GetResponse::decode(&apdu).is_ok(),
                _ => true,
            };
            prop_assert!(read, "{:02X?}", apdu);
        }
    }
}

#[test]
fn access_and_reports_are_read_to_their_end() {
    let names = |text: &str| {
        let explained = explain(&bytes(text));
        let frame = explained.frames.into_iter().next().unwrap();
        let problems = frame
            .fields
            .iter()
            .filter(|field| field.problem.is_some())
            .count();
        assert_eq!(problems, 0, "{text}: {:#?}", frame.fields);
        assert!(frame.fields.iter().all(|field| field.name != "not read"));
        (frame.kind, frame.summary, frame.trouble)
    };
    let request = "D9 E0000001 00 03 01 0008 0000010000FF 02 05 0008 0000010000FF 02 01 00 \
                   03 0046 000060030AFF 01 03 00 1105 0F00";
    assert_eq!(
        names(request),
        (
            "ACCESS.request".to_owned(),
            "ACCESS 3 things".to_owned(),
            false
        )
    );
    let response = "DA C0000001 00 00 02 1105 00 02 01 00 02 03";
    assert_eq!(
        names(response),
        (
            "ACCESS.response".to_owned(),
            "ACCESS 2 outcomes, 1 refused".to_owned(),
            true
        )
    );
    assert_eq!(names("18 00 01 02 0108 01 1105").1, "REPORT 0108");
    assert_eq!(names("0D 01 02 0003").1, "WRITE block 3 received");
    let secret = explain(&bytes(
        "D9 C0000001 00 01 02 000F 0000280000FF 07 01 0903414243",
    ));
    let shown = format!("{:?}", secret.frames[0].fields);
    assert!(
        !shown.contains("41 42 43") && !shown.contains("414243"),
        "{shown}"
    );
}

#[test]
fn m_bus_frames_are_explained_in_place() {
    let text = include_str!("../../../tests/data/push/han.txt");
    let hex = text.lines().find_map(|line| line.strip_prefix("evn "));
    let digits = hex.unwrap().as_bytes().chunks(2);
    let mut bytes: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    bytes.splice(0..0, [0x10, 0x40, 0x01, 0x41, 0x16]);
    let all = explain(&bytes);
    let kinds: Vec<_> = all.frames.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["M-Bus short", "general-glo-ciphering", "segment"]);
    assert!(all.junk.is_empty() && all.rest.is_empty());
    assert!(
        all.frames
            .iter()
            .all(|it| it.framing == Framing::Mbus && !it.trouble),
        "{:#?}",
        all.frames
    );
    let says = |name: &str| {
        let field = all.frames[1].fields.iter().find(|it| it.name == name);
        field.unwrap().value.clone()
    };
    assert_eq!(says("CI"), "00: segment 0, more follow");
    assert_eq!(says("invocation-counter"), "35");
    assert!(says("ciphertext").contains("continues in the next segment"));
    bytes[40] ^= 1;
    let all = explain(&bytes);
    assert!(!all.frames[1].fcs_ok && all.frames[1].trouble);
}
