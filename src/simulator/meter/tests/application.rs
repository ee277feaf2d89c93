//! Associations, GET, blocks and refusals.

use super::*;
use crate::cosem::Data;
use proptest::prelude::*;

const GENERIC_AARQ: &str = "601DA109060760857405080101BE10040E01000000065F1F0400";

/// Result and diagnostic of an AARE.
fn verdict(aare: &str) -> (String, String) {
    assert!(aare.starts_with("61"), "{aare}");
    (aare[34..36].into(), aare[48..50].into())
}

fn lls(password: &str) -> String {
    let secret = hex(password.as_bytes());
    let n = password.len();
    format!(
        "60{:02X}A1090607608574050801018A0207808B0760857405080201AC{:02X}80{n:02X}{secret}BE10040E01000000065F1F0400007E1F04B0",
        0x2E + n,
        n + 2,
    )
}

#[test]
fn each_client_has_its_own_password() {
    for (client, password, expected) in [
        (1, "22222222", ("00", "00")),
        (17, "00000000", ("00", "00")),
        (32, "11111111", ("00", "00")),
        (1, "11111111", ("01", "0D")),
        (1, "2222222222", ("01", "0D")),
        (32, "22222222", ("01", "0D")),
        (17, "", ("01", "0D")),
        (16, "22222222", ("01", "0B")),
    ] {
        let mut line = Line::microstar();
        line.client = (client << 1) | 1;
        let (session, aare) = Session::open(line, &lls(password));
        let (result, diagnostic) = verdict(&aare);
        assert_eq!(
            (result.as_str(), diagnostic.as_str()),
            expected,
            "client {client} {password}"
        );
        assert_eq!(
            session.line.meter.is_associated(session.line.now),
            expected.0 == "00"
        );
    }
}

/// A refusal of the Microstar is the recorded one, and the next AARQ on the same link may be right.
#[test]
fn wrong_then_right_password_on_one_link() {
    let mut line = Line::microstar();
    line.client = 0x41;
    let (mut session, aare) = Session::open(line, &lls("00000000"));
    assert_eq!(aare, "6117A109060760857405080101A203020101A305A10302010D");
    assert_eq!(verdict(&session.apdu(&lls("11111111"))).0, "00");
}

#[test]
fn refused_requests_for_association() {
    let initiate = "BE10040E01000000065F1F040000301DFFFF";
    for (aarq, expected, tail) in [
        // SN context; ciphered context; no mechanism where a password is due; HLS-MD5 where LLS is due.
        (
            format!("601DA109060760857405080102{initiate}"),
            ("01", "02"),
            "",
        ),
        (
            format!("601DA109060760857405080103{initiate}"),
            ("01", "02"),
            "",
        ),
        (
            format!("601DA109060760857405080101{initiate}"),
            ("01", "0E"),
            "",
        ),
        (
            lls("22222222").replace("60857405080201", "60857405080203"),
            ("01", "0B"),
            "",
        ),
        // DLMS version 5, no common conformance, a client that takes 12 octets.
        (
            lls("22222222").replace("065F1F", "055F1F"),
            ("01", "01"),
            "BE0604040E010601",
        ),
        (
            lls("22222222").replace("007E1F04B0", "00000004B0"),
            ("01", "01"),
            "BE0604040E010602",
        ),
        (
            lls("22222222").replace("04B0", "000C"),
            ("01", "01"),
            "BE0604040E010603",
        ),
        // The field's mistake: the length of an 8-octet password in front of 10 octets.
        (
            lls("2222222222").replacen("6038", "6036", 1),
            ("01", "01"),
            "",
        ),
    ] {
        let (session, aare) = Session::open(Line::microstar(), &aarq);
        let (result, diagnostic) = verdict(&aare);
        assert_eq!((result.as_str(), diagnostic.as_str()), expected, "{aarq}");
        assert_eq!(&aare[50..], tail, "{aarq}");
        assert!(!session.line.meter.is_associated(session.line.now));
    }
}

/// The generic meter's refusals carry an InitiateResponse that must not be taken for success.
#[test]
fn a_refusal_that_looks_like_success() {
    let mut line = Line::generic();
    line.client = 0x23;
    let (_, aare) = Session::open(line, &lls("wrong"));
    assert_eq!(verdict(&aare), ("01".into(), "0D".into()));
    assert!(
        aare.ends_with("BE10040E0800065F1F0400607E5D10000007"),
        "{aare}"
    );
}

#[test]
fn conformance_is_what_both_know() {
    let (_, aare) = Session::open(Line::generic(), &format!("{GENERIC_AARQ}FFFFFF0000"));
    assert!(aare.ends_with("5F1F0400607E5D10000007"), "{aare}");
    let (_, aare) = Session::open(Line::generic(), &format!("{GENERIC_AARQ}0010100000"));
    assert!(aare.ends_with("5F1F040000101010000007"), "{aare}");
}

#[test]
fn nothing_before_the_association_nor_after_release() {
    let mut line = Line::microstar();
    line.client = 0x21;
    let (mut session, answer) = Session::open(line, "C001C100080000010000FF0200");
    assert_eq!(answer, "D80102");
    assert_eq!(session.apdu("6203800100"), "D80102");
    let mut session = Session::public();
    assert_eq!(
        session.get(1, [0, 0, 96, 1, 0, 255], 2),
        "C401C100090C303030303139303030303031"
    );
    assert_eq!(session.apdu("6203800100"), "6303800100");
    assert!(!session.line.meter.is_associated(session.line.now));
    assert_eq!(session.get(1, [0, 0, 96, 1, 0, 255], 2), "D80102");
    // The link is still up.
    assert_eq!(session.line.controls(0x51 | 0x11, "").len(), 1);
}

#[test]
fn services_that_are_not_there() {
    let mut session = Session::public();
    for (request, expected) in [
        // With-list was not agreed; no such service; no APDU to speak of; no such GET.
        ("C003C1010003010120070 0FF0200", "D80102"),
        ("FF0001", "D80202"),
        ("05010200", "D80202"),
        ("C001C100", "D80101"),
        ("C009C100030101200700FF0200", "D80101"),
        // SET and ACTION are agreed, but not for a client without a password; blocks of either are not.
        (
            "C101C100080000010000FF0200090C07EA0101FF000000FF800000",
            "C501C103",
        ),
        ("C301C100080000010000FF01010F00", "C701C10300"),
        ("C102C1", "D80101"),
        ("C103C1010000000100", "D80102"),
        ("C306C1010000000100", "D80102"),
    ] {
        assert_eq!(session.apdu(request), expected, "{request}");
    }
    let mut session = Session::generic("001010", "0000");
    assert_eq!(
        session.apdu("C101C100080000010000FF0200090C07EA0101FF000000FF800000"),
        "D80102"
    );
}

#[test]
fn refused_reads() {
    let mut session = Session::public();
    for (class, obis, attribute, expected) in [
        // Channel 0 is not this meter's.
        (3, [1, 0, 32, 7, 0, 255], 2, "04"),
        (1, [1, 1, 32, 7, 0, 255], 2, "09"),
        (3, [1, 1, 32, 7, 0, 255], 4, "03"),
        (15, [0, 0, 40, 0, 0, 255], 7, "03"),
        (3, [1, 1, 32, 7, 0, 255], 0x80, "03"),
    ] {
        assert_eq!(
            session.get(class, obis, attribute),
            format!("C401C101{expected}")
        );
    }
    // Selective access, where there is nothing to select.
    assert_eq!(
        session.apdu("C001C100030101200700FF02010112000 1"),
        "C401C1010D"
    );
}

#[test]
fn invoke_ids_are_echoed() {
    let mut session = Session::public();
    for invoke in ["01", "7E", "81", "C5"] {
        let answer = session.apdu(&format!("C001{invoke}00030101200700FF0300"));
        assert_eq!(answer, format!("C401{invoke}0002020FFE1623"));
    }
}

#[test]
fn scalers_and_units_of_the_field_meters() {
    let mut session = Session::public();
    for (obis, expected) in [
        ([1, 1, 32, 7, 0, 255], "0FFE1623"),
        ([1, 1, 31, 7, 0, 255], "0FFD1621"),
        ([1, 1, 1, 8, 0, 255], "0F00161E"),
        ([1, 1, 1, 7, 0, 255], "0FFF161B"),
        ([1, 1, 14, 7, 0, 255], "0FFE162C"),
        ([1, 1, 13, 7, 0, 255], "0FFD16FF"),
    ] {
        assert_eq!(session.get(3, obis, 3), format!("C401C1000202{expected}"));
        assert_eq!(
            session.get(3, obis, 1),
            format!("C401C1000906{}", hex(&obis))
        );
        assert!(session.get(3, obis, 2).starts_with("C401C10005"));
    }
}

#[test]
fn the_clock_runs_and_can_be_wrong() {
    let clock = |session: &mut Session| session.get(8, [0, 0, 1, 0, 0, 255], 2);
    let mut session = Session::public();
    // 07:00:00 at five hours west: 300 minutes to add.
    assert_eq!(
        clock(&mut session),
        "C401C100090C07E90B1404070000 00012C00".replace(' ', "")
    );
    session.line.wait(Duration::from_secs(90));
    assert_eq!(clock(&mut session), "C401C100090C07E90B140407011E00012C00");
    let profile = Profile::microstar(1).clock(jiff::SignedDuration::from_secs(-3600), 1_000_000);
    let mut line = Line::new(profile);
    line.client = 0x21;
    let (mut session, _) = Session::open(line, &format!("{GENERIC_AARQ}00301DFFFF"));
    session.line.wait(Duration::from_secs(10));
    assert_eq!(clock(&mut session), "C401C100090C07E90B140406001400012C00");
}

#[test]
fn lists_and_attribute_zero() {
    let mut session = Session::generic("00721D", "0000");
    let list = "C003C1020001000060010 0FF02000003010020070 0FF0300";
    assert_eq!(
        session.apdu(list),
        "C403C10200090C3030303035373030303030310002020FFE1623"
    );
    // One of them refused; a list that ends early.
    assert_eq!(
        session.apdu("C003C101000301012007 00FF0200"),
        "C403C1010104"
    );
    assert_eq!(session.apdu("C003C1020003010120070 0FF0200"), "D80101");
    let all = data(&session.get(3, [1, 0, 32, 7, 0, 255], 0));
    let Data::Structure(all) = all else { panic!() };
    assert_eq!(all.len(), 3);
    assert_eq!(all[0], Data::OctetString(vec![1, 0, 32, 7, 0, 255]));
}

/// Window 7 and 2030 octets: several frames in one turn, and a lost one sent again.
#[test]
fn windows() {
    let mut line = Line::generic();
    let group = "818014050200400602004007040000000308040000000 3";
    assert_eq!(line.controls(0x93, group), [0x73]);
    assert_eq!(
        line.controls(0x10, &format!("E6E600{GENERIC_AARQ}00721D0000")),
        [0x30]
    );
    let turn = line.controls(0x32, "E6E600C001C1000F0000280000FF0200");
    assert_eq!(
        turn,
        [0x42, 0x44, 0x56],
        "three frames, the last with the final bit"
    );
    // The second was lost: it and the third come again, and the next one.
    assert_eq!(line.controls(0x51, ""), [0x44, 0x46, 0x58]);
    // All lost.
    assert_eq!(line.controls(0x51, ""), [0x44, 0x46, 0x58]);
    assert_eq!(line.controls(0xB1, ""), [0x4A, 0x4C, 0x5E]);
    // Not ready: nothing but RR; then on.
    assert_eq!(line.controls(0x15, ""), [0x51]);
    assert_eq!(line.controls(0x11, ""), [0x40, 0x42, 0x54]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, the meter neither panics nor hangs, and lives on.
    #[test]
    fn any_bytes(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..6)) {
        let mut line = Line::microstar();
        line.say(SNRM_1);
        line.say(AARQ_1);
        for chunk in &chunks {
            line.raw(chunk);
        }
        line.wait(Duration::from_secs(2));
        prop_assert!(line.say(SNRM_1).ends_with(UA_1));
    }

    /// Any APDU in good frames: answered with something, and the next read works.
    #[test]
    fn any_apdu(tag in prop_oneof![Just(0xC0u8), Just(0xC1), Just(0xC3), Just(0x62), any::<u8>()], rest in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut session = Session::public();
        let answer = session.apdu(&format!("{tag:02X}{}", hex(&rest)));
        prop_assert!(!answer.is_empty());
        let aare = session.apdu("601DA109060760857405080101BE10040E01000000065F1F040000301DFFFF");
        prop_assert_eq!(verdict(&aare).0, "00");
    }
}

#[test]
fn a_client_can_be_added() {
    let mut line = Line::new(Profile::microstar(1).with_client(5, Some(secret("open sesame"))));
    line.client = 0x0B;
    let (_, aare) = Session::open(line, &lls("open sesame"));
    assert_eq!(verdict(&aare).0, "00");
}
