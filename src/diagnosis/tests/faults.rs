//! Each fault, as bytes on the line, and the finding that must stand first.

use super::play::{findings, octets, play};
use crate::diagnosis::{
    Confidence, ConnectFailure, Direction, Engine, Finding, Known, Observation, Settings,
};
use crate::dlms::hdlc::{Control, fcs, frame};

const SNRM: &str = "7EA0070303938C117E";
const UA: &str = "7EA01F0303734F2F818012050201D2060201D20704000000010804000000015ACF7E";

fn show(found: &[Finding]) -> String {
    found
        .iter()
        .map(|f| {
            let evidence: Vec<_> = f.evidence.iter().map(ToString::to_string).collect();
            format!("{} {:?} {} {evidence:?}", f.id, f.confidence, f.title)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn first(text: &str, id: &str) -> Vec<Finding> {
    let found = findings(text);
    assert_eq!(
        found.first().map(|f| f.id),
        Some(id),
        "{text}\n{}",
        show(&found)
    );
    found
}

#[track_caller]
fn none(text: &str) {
    let found = findings(text);
    assert!(found.is_empty(), "{text}\n{}", show(&found));
}

fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .fold(String::new(), |hex, octet| format!("{hex}{octet:02X}"))
}

/// From client 1 to server 1, one octet each, or back: both are 03.
fn built(control: u8, information: &str, segmented: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let control = Control::decode(control);
    frame::build(
        &[3],
        &[3],
        control,
        segmented,
        &octets(information),
        &mut out,
    )
    .unwrap();
    out
}

fn line(word: &str, control: u8, information: &str) -> String {
    format!("{word} {}\n", hex(&built(control, information, false)))
}

/// SNRM and UA without parameters.
fn opened() -> String {
    line("TX", 0x93, "") + &line("RX", 0x73, "")
}

const GET: &str = "E6E600C001C10003010120 0700FF0200";
const DATA: &str = "E6E700C401C1000 60000 34E4";

fn get(invoke: &str) -> String {
    GET.replace("C001C1", &format!("C001{invoke}"))
        .replace(' ', "")
}

fn data(invoke: &str) -> String {
    format!("E6E700C401{invoke}0006000034E4")
}

#[test]
fn a_small_healthy_session_is_healthy() {
    none(
        &(opened()
            + &line("TX", 0x10, &get("C1"))
            + &line("RX", 0x30, &data("C1"))
            + &line("TX", 0x32, &get("C2"))
            + &line("RX", 0x52, &data("C2"))
            + &line("TX", 0x53, "")
            + &line("RX", 0x73, "")),
    );
    let _ = (UA, DATA);
}

#[test]
fn a_silent_address_is_doubted_before_anything_else() {
    let found = first(&format!("TX {SNRM}\n+5000\nTX {SNRM}\n"), "H1");
    assert_eq!(found[0].confidence, Confidence::Likely);
    assert!(found[0].evidence[0].to_string().starts_with("frame 1: "));
    // The wrong form, then the right one.
    let found = first(
        &format!(
            "TX 7EA0080203039305777E\n+2000\nTX {SNRM}\nRX {}\n",
            hex(&built(0x73, "", false))
        ),
        "H1",
    );
    assert_eq!(found[0].confidence, Confidence::Certain, "{}", show(&found));
}

#[test]
fn what_once_worked_says_more() {
    let server = "1/1".parse().unwrap();
    let known = |server| Settings {
        known_good: Some(Known {
            client: 1,
            server: Some(server),
            wrapper: false,
            when: "2026-11-01".to_owned(),
        }),
        ..Settings::default()
    };
    let mut engine = Engine::new(known(server));
    play(&mut engine, &format!("TX {SNRM}"));
    let found = engine.findings();
    assert_eq!(
        (found[0].id, found[0].confidence),
        ("H1", Confidence::Certain)
    );
    assert!(found[0].remedy[0].contains("1/1"), "{:?}", found[0].remedy);
    let mut engine = Engine::new(known("1".parse().unwrap()));
    play(&mut engine, &format!("TX {SNRM}"));
    assert_eq!(engine.findings()[0].id, "T19");
}

#[test]
fn addresses_that_cannot_be() {
    let found = first("TX 7EA009023A710393379C7E\n", "H2");
    assert_eq!(found[0].evidence[0].octets, Some(3..6));
    assert!(
        found[0].remedy[0].contains("1/3768"),
        "{:?}",
        found[0].remedy
    );
}

#[test]
fn connections_that_fail() {
    use crate::diagnosis::Closing::{ByPeer, ByUs, Reset};
    use Observation::{Bytes, Closed, ConnectFailed, Connected, Connecting};
    let run = |what: &[Observation<'_>]| {
        let mut engine = Engine::new(Settings::default());
        for (at, what) in what.iter().enumerate() {
            engine.observe(i64::try_from(at).unwrap() * 100, what);
        }
        engine.findings().first().map(|f| f.id)
    };
    assert_eq!(
        run(&[Connecting, ConnectFailed(ConnectFailure::Refused)]),
        Some("T1")
    );
    assert_eq!(
        run(&[Connecting, ConnectFailed(ConnectFailure::TimedOut)]),
        Some("T2")
    );
    let snrm = octets(SNRM);
    let sent = Bytes(Direction::Sent, &snrm);
    assert_eq!(
        run(&[Connecting, Connected, sent, Closed(Reset)]),
        Some("T3")
    );
    assert_eq!(
        run(&[Connecting, Connected, sent, Closed(ByPeer)]),
        Some("T3")
    );
    assert_eq!(run(&[Connecting, Connected, Closed(ByUs)]), None);
    let idle = format!(
        "connected\n{}+30000\ndropped\nconnected\n{0}+30000\ndropped\n",
        opened()
    );
    let text = idle.replace("{0}", &opened());
    assert_eq!(findings(&text)[0].id, "T5", "{}", show(&findings(&text)));
}

#[test]
fn the_line_plays_tricks() {
    let request = line("TX", 0x10, &get("C1"));
    let echo = request.replace("TX", "RX");
    let answer = line("RX", 0x30, &data("C1"));
    first(&(opened() + &request + &echo + &answer), "T8");
    first(&format!("TX {SNRM}\nRX {SNRM}\n"), "T9");
    first(&format!("TX {SNRM}\nRX 0001000100010003610101\n"), "T14");
    first(
        &format!(
            "TX 000100010001000362010 1\nRX {}\n",
            hex(&built(0x97, "", false))
        )
        .replace("10 1", "101"),
        "T15",
    );
    first(&format!("TX {SNRM}\nRX 2F4B414D350D0A\n"), "T16");
    let garbage = "7E20070303130C117E7E20070303130C117E";
    first(&format!("TX {SNRM}\nRX {garbage}\n"), "T12");
    first(
        &(opened() + &request + &line("RX", 0x30, "4E45584552524F524E4F2D31")),
        "T20",
    );
}

#[test]
fn damage_is_named_by_its_repair() {
    let request = line("TX", 0x10, &get("C1"));
    let good = built(0x30, &data("C1"), false);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = good.clone();
        change(&mut octets);
        opened() + &request + &format!("RX {}\n", hex(&octets))
    };
    let end = good.len();
    first(&with(&|o| o[14] ^= 0x04), "T13");
    first(&with(&|o| o.swap(end - 3, end - 2)), "H26");
    first(
        &with(&|o| {
            o[12] ^= 0x5A;
            o[15] ^= 0x33;
        }),
        "H25",
    );
    first(
        &with(&|o| {
            o[5] ^= 0x22;
            o[6] ^= 0x5A;
        }),
        "H24",
    );
    let filler = built(0x30, "E6E700C401C10006FF0034E4", false);
    let lost: Vec<u8> = filler.iter().copied().filter(|o| *o != 0xFF).collect();
    assert!(lost.len() < filler.len());
    first(
        &(opened() + &request + &format!("RX {}\n", hex(&lost))),
        "T11",
    );
}

#[test]
fn refusals_in_the_meters_own_words() {
    first(&(line("TX", 0x93, "") + &line("RX", 0x1F, "")), "H8");
    none(&(line("TX", 0x53, "") + &line("RX", 0x1F, "") + &opened()));
    first(
        &(opened() + &line("TX", 0x10, &get("C1")) + &line("RX", 0x1F, "")),
        "H12",
    );
    for (bits, id) in [
        ("01", "H14"),
        ("02", "H15"),
        ("04", "H16"),
        ("08", "H17"),
        ("10", "H18"),
        ("80", "H19"),
    ] {
        let reject = line("RX", 0x97, &format!("1000{bits}"));
        first(&(opened() + &line("TX", 0x10, &get("C1")) + &reject), id);
    }
    first(
        &(opened() + &line("TX", 0x10, &get("C1")) + &line("RX", 0x35, "")),
        "H21",
    );
    let idle = opened() + "+200000\n" + &line("TX", 0x10, &get("C1")) + "quiet\n";
    first(&idle, "H13");
}

#[test]
fn a_conversation_whose_acknowledgements_stand_still() {
    let text = opened()
        + &line("TX", 0x10, &get("01"))
        + &line("RX", 0x30, &data("01"))
        + &line("TX", 0x12, &get("02"))
        + &line("RX", 0x52, &data("02"))
        + &line("TX", 0x14, &get("03"))
        + &line("RX", 0x74, &data("03"));
    let found = first(&text, "H20");
    assert_eq!(found[0].confidence, Confidence::Certain);
    assert!(
        found[0].evidence[0].text.contains("1 is due")
            || found[0].evidence[0].text.contains("2 is due")
    );
    // The meter repeats what was not acknowledged.
    let again = opened()
        + &line("TX", 0x10, &get("01"))
        + &line("RX", 0x30, &data("01"))
        + &line("RX", 0x30, &data("01"));
    first(&again, "H20");
}

#[test]
fn answers_one_question_behind() {
    let text = opened()
        + &line("TX", 0x10, &get("C1"))
        + "+5000\nquiet\n"
        + &line("TX", 0x10, &get("C1"))
        + &line("RX", 0x30, &data("C1"))
        + &line("TX", 0x32, &get("C2"))
        + &line("RX", 0x30, &data("C1"))
        + &line("TX", 0x34, &get("C3"))
        + &line("RX", 0x52, &data("C2"));
    first(&text, "T7");
    first(
        &(line("TX", 0x93, "") + &line("RX", 0x30, &data("C1")) + &line("RX", 0x73, "")),
        "T6",
    );
}

#[test]
fn others_on_the_line() {
    let other = "RX 7EA00703219 30F017E\n".replace("9 3", "93");
    first(&(opened() + &other), "H30");
    let mut out = Vec::new();
    frame::build(
        &[0x21],
        &[3],
        Control::Ua { poll: true },
        false,
        &[],
        &mut out,
    )
    .unwrap();
    first(&(opened() + &format!("RX {}\n", hex(&out))), "H29");
    out.clear();
    frame::build(
        &[3],
        &[0x21],
        Control::Disc { poll: true },
        false,
        &[],
        &mut out,
    )
    .unwrap();
    first(&(opened() + &format!("TX {}\n", hex(&out))), "H10");
    let mut called = Vec::new();
    frame::build(
        &[0xFF],
        &[3],
        Control::Snrm { poll: true },
        false,
        &[],
        &mut called,
    )
    .unwrap();
    first(
        &format!("TX {}\nRX {}\n", hex(&called), hex(&built(0x73, "", false))),
        "H7",
    );
}

#[test]
fn the_clients_own_mistakes() {
    let mut bad = octets(SNRM);
    bad[6] ^= 0x5A;
    first(&format!("TX {}\n", hex(&bad)), "H3");
    first(
        &line("TX", 0x93, "81800C0502008006020080070400000001080400000001"),
        "H3",
    );
    let long = "E6E600C001C1".to_owned() + &"00".repeat(140);
    first(&(opened() + &line("TX", 0x10, &long)), "H4");
    first(
        &(opened()
            + &line(
                "TX",
                0x10,
                "E6E000C001C10003010120070 0FF0200"
                    .replace(' ', "")
                    .as_str(),
            )),
        "H32",
    );
    let segment = hex(&built(0x30, &data("C1"), true));
    first(
        &(opened()
            + &line("TX", 0x10, &get("C1"))
            + &format!("RX {segment}\n")
            + &line("TX", 0x32, &get("C2"))),
        "H22",
    );
    first(
        &(opened() + &line("TX", 0x10, &get("C1")) + &line("RX", 0x20, &data("C1")) + "quiet\n"),
        "H23",
    );
}

#[test]
fn a_frame_cut_at_the_flag_inside_it() {
    let mut inside = built(0x30, "E6E700C401C10006007E34E4", false);
    let whole = format!("RX {}\n", hex(&inside));
    let request = line("TX", 0x10, &get("C1"));
    first(&(opened() + &request + &whole + &request), "H27");
    none(
        &(opened()
            + &request
            + &whole
            + &line("TX", 0x32, &get("C2"))
            + &line("RX", 0x52, &data("C2"))),
    );
    let at = inside.iter().skip(1).position(|o| *o == 0x7E).unwrap() + 2;
    inside.truncate(at);
    first(
        &(opened() + &request + &format!("RX {}\n", hex(&inside)) + &line("TX", 0x93, "")),
        "H27",
    );
    assert!(fcs::ends_right(&octets(SNRM)[1..8]));
}

#[test]
fn octets_that_come_twice_or_in_front_of_no_type_3_frame() {
    let request = line("TX", 0x10, &get("C1"));
    let filler = built(0x30, "E6E700C401C10006FF0034E4", false);
    let twice: Vec<u8> = filler
        .iter()
        .flat_map(|octet| std::iter::repeat_n(*octet, if *octet == 0xFF { 2 } else { 1 }))
        .collect();
    let found = first(
        &(opened() + &request + &format!("RX {}\nquiet\n", hex(&twice))),
        "T11",
    );
    assert!(found[0].title.contains("twice"), "{}", show(&found));
    let mut other = built(0x73, "", false);
    other[1] = 0x80;
    let found = first(&format!("TX {SNRM}\nRX {}\nquiet\n", hex(&other)), "H28");
    assert_eq!(found.len(), 1, "{}", show(&found));
}

#[test]
fn a_push_port_is_known_by_its_telegrams() {
    first(
        &format!("TX {SNRM}\n+3000\nRX 680808680800723412000000\nquiet\n"),
        "T17",
    );
    first(
        &format!("RX 1B1B1B1B01010101760300016200\nTX {SNRM}\n+5000\nquiet\n"),
        "T17",
    );
    // Nothing was asked: nothing is wrong.
    none("RX 1B1B1B1B01010101760300016200\n");
}

#[test]
fn silence_everywhere_is_the_line_and_silence_somewhere_the_address() {
    let snrm = |server: &[u8]| {
        let mut out = Vec::new();
        frame::build(
            server,
            &[3],
            Control::Snrm { poll: true },
            false,
            &[],
            &mut out,
        )
        .unwrap();
        format!("TX {}\n+4000\nquiet\n", hex(&out))
    };
    let few = snrm(&[0x03]) + &snrm(&[0x02, 0x23]);
    first(&few, "H1");
    let found = first(&(few + &snrm(&[0x00, 0x02, 0x00, 0x23])), "T19");
    assert_eq!(
        found
            .iter()
            .map(|f| (f.id, f.confidence))
            .collect::<Vec<_>>(),
        [("T19", Confidence::Likely), ("H1", Confidence::Possible)]
    );
}

#[test]
fn a_request_on_a_link_that_was_refused_is_not_a_link_that_ended() {
    let found = first(
        &(line("TX", 0x93, "")
            + &line("RX", 0x1F, "")
            + &line("TX", 0x10, &get("C1"))
            + &line("RX", 0x1F, "")),
        "H8",
    );
    assert_eq!(found.len(), 1, "{}", show(&found));
}

#[test]
fn what_an_earlier_session_left_says_nothing_of_counts_and_clients() {
    let mut old = Vec::new();
    let answer = Control::Information {
        send: 5,
        receive: 6,
        poll: true,
    };
    frame::build(&[0x21], &[3], answer, false, &octets(&data("C1")), &mut old).unwrap();
    let found = first(
        &(line("TX", 0x93, "") + &format!("RX {}\n", hex(&old)) + &line("RX", 0x73, "")),
        "T6",
    );
    assert_eq!(found.len(), 1, "{}", show(&found));
}

#[test]
fn the_meters_llc_header_is_the_meters() {
    first(
        &(opened()
            + &line("TX", 0x10, &get("C1"))
            + &line("RX", 0x30, &data("C1").replace("E6E7", "E6E6"))),
        "H32",
    );
}

#[test]
fn pieces_matter_where_a_client_would_cut_them() {
    // Our N(S) is n and our N(R) too; the meter's N(S) is n, its N(R) one above.
    let talk = |gap: &str| {
        (0..4_u8).fold(opened(), |text, n| {
            let answer = built((n + 1) << 5 | 0x10 | n << 1, &data(&format!("C{n}")), false);
            let answer = hex(&answer);
            let (begin, rest) = answer.split_at(20);
            text + &line("TX", n << 5 | 0x10 | n << 1, &get(&format!("C{n}")))
                + &format!("RX {begin}\n{gap}RX {rest}\n")
        })
    };
    none(&talk(""));
    let found = first(&talk("+30\n"), "T10");
    assert_eq!(found[0].confidence, Confidence::Possible);
}

#[test]
fn a_slow_answer_from_where_nobody_asks_any_more() {
    let mut elsewhere = Vec::new();
    frame::build(
        &[0x02, 0x23],
        &[3],
        Control::Snrm { poll: true },
        false,
        &[],
        &mut elsewhere,
    )
    .unwrap();
    first(
        &(line("TX", 0x93, "")
            + "+4000\nquiet\n"
            + &format!("TX {}\n", hex(&elsewhere))
            + "+3000\n"
            + &line("RX", 0x73, "")),
        "T7",
    );
}

#[test]
fn what_only_our_own_side_can_tell() {
    let mut engine = Engine::new(Settings::default());
    play(&mut engine, &opened());
    engine.observe(9_000, &Observation::Unproven("it differs"));
    assert_eq!(engine.findings()[0].id, "A20");
}
