//! Faults that come and go with time, or with what others do; and those that need another client.

use super::*;

fn controls(octets: &[u8]) -> Vec<u8> {
    frames(octets)
        .into_iter()
        .map(|(control, _)| control)
        .collect()
}

fn linked(faults: &[&str]) -> Desk {
    let mut desk = Desk::generic(faults);
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
    desk
}

fn lls(password: &str) -> String {
    let n = password.len();
    format!(
        "60{:02X}A1090607608574050801018A0207808B0760857405080201AC{:02X}80{n:02X}{}BE10040E01000000065F1F0400007E1F04B0",
        0x2E + n,
        n + 2,
        hex(password.as_bytes()),
    )
}

#[test]
fn address_forms() {
    let forms: [&[u8]; 3] = [&[0x03], &[0x02, 0x23], &[0x00, 0x02, 0x00, 0x23]];
    for (text, heard) in [
        ("address-size=1", 0),
        ("address-size=2", 1),
        ("address-size=4", 2),
    ] {
        for (index, form) in forms.into_iter().enumerate() {
            let mut desk = Desk::generic(&[text]);
            desk.server = form.to_vec();
            let came = desk.frame(0x93, "");
            assert_eq!(!came.is_empty(), index == heard, "{text} {form:02X?}");
            if index == heard {
                let frame = Frame::parse(&came[1..came.len() - 1]).unwrap();
                assert_eq!(frame.source(), form, "answered in the form that was used");
                let aare = desk.apdu(0x10, AARQ);
                assert_eq!(controls(&aare), [0x30]);
            }
        }
    }
    // A meter of one byte that wants four; its lower part is then any individual one.
    let profile = Profile::microstar(1).with_fault(fault("address-size=4"));
    let mut desk = Desk::new(profile);
    desk.server = vec![0x00, 0x02, 0x00, 0x03];
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
    desk.server = vec![0x03];
    assert!(desk.frame(0x93, "").is_empty());
}

#[test]
fn the_all_station_address() {
    let mut desk = Desk::generic(&["answers-all"]);
    desk.server = vec![0x02, 0xFF];
    let came = desk.frame(0x93, "");
    let frame = Frame::parse(&came[1..came.len() - 1]).unwrap();
    assert_eq!(frame.source(), [0x02, 0x23], "it gives its own away");
    let mut desk = Desk::generic(&["echo-part=1"]);
    desk.server = vec![0x02, 0xFF];
    assert_eq!(desk.frame(0x93, ""), [0x7E]);
}

#[test]
fn one_client_is_not_heard() {
    let mut desk = Desk::generic(&["silent-to=16"]);
    assert!(desk.frame(0x93, "").is_empty());
    desk.client = 17;
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
}

#[test]
fn busy_until_the_other_leaves() {
    let mut desk = Desk::generic(&["busy=32"]);
    assert_eq!(controls(&desk.frame(0x93, "")), [0x1F]);
    desk.client = 32;
    assert_eq!(controls(&desk.frame(0x53, "")), [0x73]);
    desk.client = 16;
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
    let mut desk = Desk::generic(&["busy=32"]);
    assert_eq!(controls(&desk.frame(0x93, "")), [0x1F]);
    desk.wait(Duration::from_secs(121));
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73], "gone by itself");
}

#[test]
fn associations_left_open() {
    for (text, client, server) in [
        ("stale-association=32", 32, vec![0x02, 0x23]),
        ("stale-link=33", 33, vec![0x02, 0x23]),
        // CALLING, as it was needed in the field: upper 1, lower 3FFE.
        ("stale-calling", 32, vec![0x00, 0x02, 0xFE, 0xFD]),
    ] {
        let refused = |answer: &[u8]| {
            let answer = hex(answer);
            answer.contains("E6E700D80101") || answer.contains("A203020101")
        };
        let mut desk = linked(&[text]);
        assert!(refused(&desk.apdu(0x10, AARQ)), "{text}");
        // Our own DISC does not help.
        assert_eq!(controls(&desk.frame(0x53, "")), [0x73]);
        let again = controls(&desk.frame(0x53, ""));
        assert_eq!(
            again,
            [if text.starts_with("stale-link") {
                0x73
            } else {
                0x1F
            }]
        );
        desk.frame(0x93, "");
        assert!(refused(&desk.apdu(0x10, AARQ)), "{text}");
        desk.frame(0x53, "");
        let ours = (desk.client, desk.server.clone());
        (desk.client, desk.server) = (client, server);
        assert_eq!(controls(&desk.frame(0x53, "")), [0x73], "{text}");
        (desk.client, desk.server) = ours;
        desk.frame(0x93, "");
        assert!(!refused(&desk.apdu(0x10, AARQ)), "{text}");
        // Or one waits.
        let mut desk = linked(&[text]);
        desk.wait(Duration::from_secs(121));
        desk.frame(0x93, "");
        assert!(!refused(&desk.apdu(0x10, AARQ)), "{text}");
    }
    let mut desk = linked(&["no-reassociation"]);
    assert!(hex(&desk.apdu(0x10, AARQ)).contains("A203020100"));
    assert!(hex(&desk.apdu(0x32, AARQ)).contains("A203020101A305A103020101"));
}

#[test]
fn inactivity() {
    for (text, then) in [
        ("inactivity=30s", vec![0x1F]),
        ("inactivity-silent=30s", vec![]),
    ] {
        let mut desk = linked(&[text]);
        desk.wait(Duration::from_secs(29));
        assert_eq!(controls(&desk.frame(0x11, "")), [0x11]);
        desk.wait(Duration::from_secs(31));
        assert_eq!(controls(&desk.apdu(0x10, AARQ)), then, "{text}");
        assert_eq!(controls(&desk.frame(0x93, "")), [0x73], "{text}");
    }
}

#[test]
fn locked_for_everyone_who_gives_a_password() {
    let mut profile = Profile::microstar(1).with_fault(fault("locked=1m/2"));
    profile.inactivity = Duration::ZERO;
    let mut desk = Desk::new(profile);
    (desk.client, desk.server) = (1, vec![0x03]);
    desk.frame(0x93, "");
    let accepted = |answer: &[u8]| hex(answer).contains("A203020100");
    assert!(!accepted(&desk.apdu(0x10, &lls("wrong"))));
    assert!(
        accepted(&desk.apdu(0x32, &lls("22222222"))),
        "one is forgiven"
    );
    assert!(!accepted(&desk.apdu(0x54, &lls("wrong"))));
    assert!(!accepted(&desk.apdu(0x76, &lls("wrong"))));
    let right = desk.apdu(0x98, &lls("22222222"));
    assert!(hex(&right).contains("A203020101A305A10302010D"), "locked");
    desk.wait(Duration::from_secs(61));
    assert!(accepted(&desk.apdu(0xBA, &lls("22222222"))));
}

#[test]
fn rnr_so_many_times() {
    let mut desk = linked(&["rnr=3"]);
    assert_eq!(controls(&desk.apdu(0x10, AARQ)), [0x35]);
    assert_eq!(controls(&desk.frame(0x11, "")), [0x35]);
    assert_eq!(controls(&desk.frame(0x11, "")), [0x35]);
    assert_eq!(controls(&desk.frame(0x11, "")), [0x30]);
    assert_eq!(
        controls(&desk.apdu(0x32, GET_CLOCK)),
        [0x55],
        "and each time again"
    );
}

#[test]
fn numbers_and_segments() {
    for (text, first, second) in [
        ("wrong-ns", vec![0x30], vec![0x50]),
        ("wrong-nr", vec![0x30], vec![0x92]),
        ("duplicate", vec![0x30, 0x30], vec![0x52, 0x52]),
        ("one-behind", vec![0x30], vec![]),
    ] {
        let mut desk = linked(&[text]);
        assert_eq!(controls(&desk.apdu(0x10, AARQ)), first, "{text}");
        let answer = desk.apdu(0x32, GET_CLOCK);
        assert_eq!(controls(&answer), second, "{text}");
        if text == "one-behind" {
            let late = desk.apdu(0x54, GET_VOLTAGE);
            assert_eq!(controls(&late), [0x52]);
            assert!(hex(&late).contains("C401C100"), "the clock's");
        }
    }
    let mut desk = linked(&["segment-endless"]);
    desk.apdu(0x10, AARQ);
    let answer = desk.apdu(0x32, GET_CLOCK);
    assert_eq!(answer[1] & 0xF8, 0xA8);
    assert!(desk.frame(0x51, "").is_empty());
    assert!(desk.frame(0x51, "").is_empty());
}

#[test]
fn late_and_residual() {
    let mut desk = Desk::generic(&["late=8s"]);
    assert!(desk.frame(0x93, "").is_empty());
    assert!(desk.wait(Duration::from_secs(7)).is_empty());
    assert_eq!(controls(&desk.wait(Duration::from_secs(1))), [0x73]);
    let mut desk = Desk::generic(&["residual"]);
    let old = desk.wait(Duration::ZERO);
    assert_ne!(old[0], 0x7E);
    assert_eq!(controls(&old), [0xDA], "an I frame of earlier");
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
}

#[test]
fn sign_on() {
    let ident = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let mut desk = Desk::generic(&["ascii-port"]);
    assert!(ident(&desk.frame(0x93, "")).starts_with("/SIM5\\2"));
    desk.raw(b"/?!\r\n");
    assert_eq!(desk.raw(b"\x06252\r\n"), b"\x06252\r\n");
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73], "then it is HDLC");
    let mut desk = Desk::generic(&["no-mode-e"]);
    assert!(ident(&desk.raw(b"/?!\r\n")).starts_with("/SIM50"));
    assert!(desk.raw(b"\x06252\r\n").is_empty());
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
    let mut desk = Desk::generic(&["no-sign-on"]);
    assert!(desk.raw(b"/?!\r\n").is_empty());
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
    let mut desk = Desk::generic(&["mode-c"]);
    desk.raw(b"/?!\r\n");
    assert!(ident(&desk.raw(b"\x06252\r\n")).contains("1.8.0("));
    let mut desk = Desk::generic(&["no-parity-switch"]);
    desk.raw(b"/?!\r\n");
    assert_eq!(desk.raw(b"\x06252\r\n"), b"\x06252\r\n");
    let ua = desk.frame(0x93, "");
    assert!(!ua.is_empty() && controls(&ua).is_empty(), "{ua:02X?}");
    assert!(ua.iter().all(|octet| octet.count_ones() % 2 == 0));
    let mut desk = Desk::generic(&["slow-switch=1s"]);
    desk.raw(b"/?!\r\n");
    desk.raw(b"\x06252\r\n");
    assert!(desk.frame(0x93, "").is_empty());
    desk.wait(Duration::from_secs(1));
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
}

/// HLS MD5: client 35, whose proof is MD5(challenge || secret).
#[test]
fn proofs() {
    use crate::dlms::acse::{Aarq, InitiateRequest, Mechanism};
    use crate::dlms::security::Secret;
    use crate::dlms::xdlms::Conformance;
    let challenge = b"12345678";
    for text in ["hls=1", "wrong-proof", "deaf-to-ciphered", "echo-part=1"] {
        let mut desk = Desk::generic(&[text]);
        desk.client = 35;
        desk.frame(0x93, "");
        let conformance = Conformance(0x0000_7E1D);
        let mut aarq = Aarq::new(
            Some(Secret::new(challenge)),
            InitiateRequest::new(conformance, 0),
        );
        aarq.mechanism = Mechanism::HlsMd5;
        let mut apdu = Vec::new();
        aarq.encode(&mut apdu);
        let answer = frames(&desk.apdu(0x10, &hex(&apdu)));
        let answer = crate::dlms::acse::Aare::decode(&bytes(&answer[0].1)[3..]).unwrap();
        let challenged = answer.authentication_value.unwrap();
        let proof = md5_of(&[&challenged[..], b"12345678"].concat());
        let request = format!(
            "C301C1000F0000280000FF010109{:02X}{}",
            proof.len(),
            hex(&proof)
        );
        let answer = frames(&desk.apdu(0x32, &request));
        let answer = answer
            .first()
            .map_or("", |(_, information)| information.as_str());
        let right = hex(&md5_of(&[&challenge[..], b"12345678"].concat()));
        match text {
            "hls=1" => assert_eq!(answer, "E6E700C701C10100"),
            "wrong-proof" => {
                assert!(answer.starts_with("E6E700C701C10001000910"), "{answer}");
                assert!(!answer.ends_with(&right));
            }
            _ => assert!(answer.ends_with(&right), "{answer}"),
        }
        let sealed = desk.apdu(0x54, "C8120000000001000102030405060708090A0B0C");
        assert_eq!(sealed.is_empty(), text == "deaf-to-ciphered", "{text}");
    }
}

fn md5_of(octets: &[u8]) -> Vec<u8> {
    use md5::Digest;
    md5::Md5::digest(octets).to_vec()
}

#[test]
fn over_the_wrapper() {
    let wrapped = |text: &str| {
        let profile = Profile::generic(1).over(Transport::WrapperTcp);
        let mut desk = Desk::new(profile.with_fault(fault(text)));
        desk.conversation();
        desk.all()
    };
    assert!(wrapped("access-result=4").contains("C401C20104"));
    assert!(!wrapped("no-aare").contains("6129"));
    assert!(wrapped("echo").contains(AARQ));
    // Held back by one: what answers the voltage is the clock's.
    assert!(!wrapped("one-behind").contains("630380"));
    let mut desk = Desk::generic(&["hdlc-port"]);
    let mut octets = Vec::new();
    wrapper::build(16, 1, &bytes(AARQ), &mut octets).unwrap();
    assert_eq!(controls(&desk.raw(&octets)), [0x1F]);
    assert_eq!(controls(&desk.frame(0x93, "")), [0x73]);
}
