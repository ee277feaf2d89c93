//! What each maker's push says, value by value.
use super::*;
use crate::dlms::push::{Guard, Source};
use crate::dlms::security::SystemTitle;

/// `code value unit`, a line a value.
fn said(pushed: &Pushed) -> Vec<String> {
    let notification = pushed.notification.as_ref().expect("a notification");
    let line = |value: &crate::dlms::push::Value| {
        let code = value
            .obis
            .map_or_else(|| value.name(), |obis| format!("{obis:#}"));
        let unit = value.unit.map_or("", crate::cosem::Unit::symbol);
        format!("{code} {} {unit}", value.text())
            .trim_end()
            .to_owned()
    };
    notification.values.iter().map(line).collect()
}

fn only(bytes: &[u8], reader: &mut Reader) -> Pushed {
    let mut all = pushed(bytes, reader);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn kaifa_by_position() {
    let one = only(&published("kaifa-1"), &mut Reader::new());
    assert_eq!(said(&one), ["1-0:1.7.0 3423 W"]);
    let notification = one.notification.unwrap();
    assert_eq!(notification.pattern, Some("Kaifa"));
    assert_eq!(
        notification.time.unwrap().to_string(),
        "2022-10-16 21:00:18"
    );
    assert_eq!(notification.values[0].source, Source::Position);

    let three = only(&published("kaifa-18"), &mut Reader::new());
    assert_eq!(
        said(&three),
        [
            "1-0:0.2.129 KFM_001",
            "0-0:96.1.0 6970631403757615",
            "0-0:96.1.7 MA304H3E",
            "1-0:1.7.0 3426 W",
            "1-0:2.7.0 0 W",
            "1-0:3.7.0 0 var",
            "1-0:4.7.0 51 var",
            "1-0:31.7.0 10.533 A",
            "1-0:51.7.0 12.269 A",
            "1-0:71.7.0 4.624 A",
            "1-0:32.7.0 232.5 V",
            "1-0:52.7.0 0.0 V",
            "1-0:72.7.0 234.5 V",
            "0-0:1.0.0 2022-10-16 21:00:10",
            "1-0:1.8.0 82840532 Wh",
            "1-0:2.8.0 0 Wh",
            "1-0:3.8.0 35883243 varh",
            "1-0:4.8.0 2143101 varh",
        ]
    );
    assert_eq!(
        said(&only(&published("kaifa-13"), &mut Reader::new())).len(),
        13
    );
    let sweden = only(&published("kaifa-se"), &mut Reader::new());
    let lines = said(&sweden);
    assert_eq!(lines.len(), 18);
    assert_eq!(lines[7], "1-0:31.7.0 0.301 A");
    assert_eq!(lines[14], "1-0:1.8.0 17291472 Wh");
    assert_eq!(
        sweden.notification.unwrap().list.as_deref(),
        Some("KFM_001")
    );
}

#[test]
fn kamstrup_with_codes_and_without_units() {
    let pushed = only(&published("kamstrup"), &mut Reader::new());
    assert_eq!(
        said(&pushed),
        [
            "element 1 Kamstrup_V0001",
            "1-1:0.0.5 5706567326590407",
            "1-1:96.1.1 6841138BN245101090",
            "1-1:1.7.0 826 W",
            "1-1:2.7.0 0 W",
            "1-1:3.7.0 104 var",
            "1-1:4.7.0 176 var",
            "1-1:31.7.0 2.37 A",
            "1-1:51.7.0 0.89 A",
            "1-1:71.7.0 0.75 A",
            "1-1:32.7.0 232 V",
            "1-1:52.7.0 233 V",
            "1-1:72.7.0 236 V",
        ]
    );
    let notification = pushed.notification.unwrap();
    assert_eq!(
        notification.time.unwrap().to_string(),
        "2022-01-24 18:58:50"
    );
    assert_eq!(notification.list.as_deref(), Some("Kamstrup_V0001"));
    assert_eq!(notification.values[4].source, Source::Scaled);
    assert_eq!(pushed.guard, Guard::Clear);
    assert!(!said(&only(&published("kamstrup-b"), &mut Reader::new())).is_empty());
}

#[test]
fn aidon_says_all_itself() {
    let one = only(&published("aidon-1"), &mut Reader::new());
    assert_eq!(said(&one), ["1-0:1.7.0 512 W"]);
    let three = only(&published("aidon-3"), &mut Reader::new());
    let lines = said(&three);
    assert_eq!(lines.len(), 18);
    assert_eq!(lines[0], "1-1:0.2.129 AIDON_V0001");
    assert_eq!(lines[7], "1-0:31.7.0 2.0 A");
    assert_eq!(lines[10], "1-0:32.7.0 234.3 V");
    assert_eq!(lines[14], "1-0:1.8.0 163777250 Wh");
    let notification = three.notification.unwrap();
    // None in front; the clock in the body tells.
    assert_eq!(
        notification.time.unwrap().to_string(),
        "2022-10-15 20:00:00"
    );
    assert_eq!(notification.values[14].source, Source::Sent);
}

const EVN: &str = "ek=36C66639E48A8CA4D6BC8B282A793BBB";

#[test]
fn the_austrian_example_of_two_m_bus_frames() {
    let pushed = only(&published("evn"), &mut reader(EVN));
    assert_eq!(pushed.plain, Some(published("evn-plain")));
    let lines = said(&pushed);
    assert_eq!(
        lines[0],
        "element 1 2021-09-27 09:47:15 (deviation -120 min, status 80: DST)"
    );
    assert_eq!(lines[1], "1-0:1.8.0 12937 Wh");
    assert_eq!(lines[5], "1-0:32.7.0 233.7 V");
    assert_eq!(lines[8], "1-0:31.7.0 0.00 A");
    assert_eq!(lines[11], "1-0:13.7.0 1.000");
    assert_eq!(lines[12], "element 35 181220000009");
    // Encrypted and nothing more: nobody can prove who wrote it.
    let Guard::Opened {
        title,
        counter,
        verified,
        ..
    } = pushed.guard
    else {
        panic!("{:?}", pushed.guard)
    };
    assert_eq!(title, Some(SystemTitle(*b"KFMgP\0\0\x09")));
    assert_eq!((counter, verified), (0x23, false));
    assert!(pushed.problem.is_none());

    let wrong = only(
        &published("evn"),
        &mut reader("ek=36C66639E48A8CA4D6BC8B282A793BBC"),
    );
    let words = wrong.problem.unwrap().to_string();
    assert!(words.contains("wrong encryption key"), "{words}");
    assert!(wrong.notification.is_none());
}

#[test]
fn what_the_gurux_server_pushed_opens_and_verifies() {
    for (bytes, counter) in recorded().into_iter().zip([240, 77]) {
        let mut reader = reader(RECORDED_KEYS);
        let pushed = only(&bytes, &mut reader);
        assert_eq!(pushed.problem, None);
        assert!(pushed.guard.is_verified(), "{:?}", pushed.guard);
        assert!(pushed.is_reading());
        assert_eq!(
            said(&pushed),
            ["0-0:42.0.0 GRX0000000123456", "0-0:25.1.0 16777343"]
        );
        // The same again: its counter does not rise.
        let again = only(&bytes, &mut reader);
        assert!(again.notification.is_some() && !again.is_reading());
        let words = again.replay.unwrap().to_string();
        let expected = format!("{counter} is not above {counter}");
        assert!(words.contains(&expected), "{words}");
    }
}

#[test]
fn keys_that_are_missing_or_wrong() {
    let bytes = &recorded()[0];
    let problem = |reader: &mut Reader| only(bytes, reader).problem.unwrap().to_string();
    assert!(problem(&mut Reader::new()).contains("no keys were given"));
    let ek = "ek=000102030405060708090A0B0C0D0E0F";
    assert!(problem(&mut reader(ek)).contains("authentication key (ak)"));
    let words = problem(&mut reader(
        "ek=000102030405060708090A0B0C0D0EFF ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
    ));
    assert!(words.contains("the tag does not match") && words.contains("4142434445464748"));
    let other = RECORDED_KEYS;
    let title = "4142434445464749".parse().unwrap();
    let words = problem(&mut reader(other).with_title(title));
    assert!(words.contains("4142434445464749"), "{words}");

    let unverified = only(bytes, &mut reader(ek).unverified_too());
    assert_eq!(unverified.problem, None);
    assert!(unverified.notification.is_some() && !unverified.guard.is_verified());
    let wrong = only(
        bytes,
        &mut reader("ek=000102030405060708090A0B0C0D0EFF").unverified_too(),
    );
    let words = wrong.problem.unwrap().to_string();
    assert!(words.contains("wrong encryption key"), "{words}");
    // With the right authentication key the choice changes nothing.
    let both = only(bytes, &mut reader(RECORDED_KEYS).unverified_too());
    assert!(both.guard.is_verified());

    let short = Reader::new().with_keys(
        Keys::parse("ek=000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
            .unwrap(),
    );
    assert!(short.is_err());
}

#[test]
fn an_unproven_counter_does_not_shut_out_a_proven_one() {
    let mut reader = reader(RECORDED_KEYS).unverified_too();
    let mut forged = recorded()[1].clone();
    // Counter FFFFFFFF under a broken tag: the same length, so the wrapper still fits.
    for octet in &mut forged[20..24] {
        *octet = 0xFF;
    }
    let forged = only(&forged, &mut reader);
    assert!(!forged.guard.is_verified());
    assert!(only(&recorded()[1], &mut reader).is_reading());
}

#[test]
fn events_and_reports() {
    let event = octets("C2010C07E60A1007150012FF80000000010000600B00FF021107");
    let pushed = only(&event, &mut Reader::new());
    assert_eq!(said(&pushed), ["0-0:96.11.0 7"]);
    let notification = pushed.notification.unwrap();
    assert_eq!(
        (
            notification.values[0].class,
            notification.values[0].attribute
        ),
        (Some(1), Some(2))
    );
    assert!(notification.time.is_some());
    let report = octets("18000202FA0802FB0002110712012C");
    assert_eq!(
        said(&only(&report, &mut Reader::new())),
        ["short name FA08 7", "short name FB00 300"]
    );
}

#[test]
fn a_push_object_list_in_front_names_the_rest() {
    // {[{40, 0-0:25.9.0, 2, 0}, {3, 1-0:1.8.0, 2, 0}, {3, 1-0:1.8.0, 3, 0}], 1234, {-1, Wh}}
    let body = "0203\
        010302041200280906000019090 0FF0F02120000\
        020412000309060100010800FF0F02120000\
        020412000309060100010800FF0F03120000\
        06000004D2\
        02020FFF161E"
        .replace(' ', "");
    let bytes = octets(&format!("0F0000000100{body}"));
    let pushed = only(&bytes, &mut Reader::new());
    let lines = said(&pushed);
    assert_eq!(lines[0], "1-0:1.8.0 123.4 Wh");
    assert_eq!(pushed.notification.unwrap().values[0].class, Some(3));
}
