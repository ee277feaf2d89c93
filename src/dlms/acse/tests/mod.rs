//! ACSE against other people's bytes: recorded sessions, a vendor's guide, and every way to be wrong.
mod properties;

use super::*;
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn lls(password: &str, conformance: u32, max_pdu: u16) -> Vec<u8> {
    let initiate = InitiateRequest::new(Conformance(conformance), max_pdu);
    encoded(|out| Aarq::new(Some(Secret::new(password)), initiate).encode(out))
}

#[test]
fn every_recorded_apdu_is_read_and_written_back_as_it_was() {
    let (mut counts, mut slips) = ([0; 4], 0);
    for line in include_str!("../../../../tests/data/acse.txt")
        .lines()
        .skip(1)
    {
        let [session, direction, octets] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let apdu = hex(octets);
        // Slips of the Gurux C client and server: octets stand outside the length.
        let slip = match (apdu[0], &apdu[1..3]) {
            (0x62, [0x01, 0x02]) => Rlrq::decode(&apdu).err().map(|error| (error, 3)),
            (0x63, [0x24, 0x80]) => Rlre::decode(&apdu).err().map(|error| (error, 38)),
            _ => None,
        };
        if let Some((error, offset)) = slip {
            assert_eq!(error.offset, offset, "{session}");
            slips += 1;
            continue;
        }
        let sent = direction == "tx";
        match apdu[0] {
            0x60 if sent => {
                let aarq = Aarq::decode(&apdu).unwrap();
                assert!(!matches!(
                    aarq.user_information,
                    UserInformation::None | UserInformation::Other(_)
                ));
                assert_eq!(encoded(|out| aarq.encode(out)), apdu, "{line}");
                counts[0] += 1;
            }
            0x61 => {
                let aare = Aare::decode(&apdu).unwrap();
                assert!(!matches!(aare.user_information, UserInformation::Other(_)));
                assert_eq!(encoded(|out| aare.encode(out)), apdu, "{line}");
                counts[1] += 1;
            }
            0x62 => {
                assert_eq!(Rlrq::decode(&apdu).unwrap().reason, Some(0), "{line}");
                counts[2] += 1;
            }
            0x63 => {
                assert_eq!(Rlre::decode(&apdu).unwrap().reason, Some(0), "{line}");
                counts[3] += 1;
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!((counts, slips), ([38, 31, 13, 1], 3));
}

#[test]
fn aarq_without_authentication_is_the_vendors() {
    let initiate = InitiateRequest::new(Conformance(0x0000_301D), 0xFFFF);
    let aarq = Aarq::new(None, initiate);
    assert_eq!(
        encoded(|out| aarq.encode(out)),
        hex("601DA109060760857405080101BE10040E01000000065F1F040000301DFFFF")
    );
}

#[test]
fn aarq_with_lls_is_what_other_clients_send() {
    // p_hdlc_gxpy_low, c_hdlc_gxc_low, and the Microstar bridge's one with eight characters.
    assert_eq!(
        lls("12345678", 0x0040_1E5D, 0xFFFF),
        hex(
            "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738\
             BE10040E01000000065F1F0400401E5DFFFF"
        )
    );
    assert_eq!(
        lls("Gurux", 0x0040_1E1D, 0xFFFF),
        hex(
            "6033A1090607608574050801018A0207808B0760857405080201AC0780054775727578\
             BE10040E01000000065F1F0400401E1DFFFF"
        )
    );
    assert_eq!(
        lls("22222222", 0x0000_7E1F, 0x04B0),
        hex(
            "6036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232\
             BE10040E01000000065F1F0400007E1F04B0"
        )
    );
}

#[test]
fn every_password_length_gives_right_lengths() {
    for length in 0..=255_usize {
        let password = "x".repeat(length);
        let apdu = lls(&password, 0x0000_301D, 0xFFFF);
        if length <= 81 {
            // 2E + n and n + 2 hold while both fit one octet.
            assert_eq!(usize::from(apdu[1]), 0x2E + length);
            assert_eq!(usize::from(apdu[27]), length + 2);
        }
        let aarq = Aarq::decode(&apdu).unwrap();
        assert_eq!(aarq.mechanism, Mechanism::Lls);
        assert_eq!(aarq.secret, Some(Secret::new(password)));
        assert_eq!(aarq.initiate().unwrap().max_pdu, 0xFFFF);
    }
}

#[test]
fn a_length_octet_from_a_template_is_found_out() {
    // Ten characters behind a length of 36h, as one bridge sent it: two octets stand outside.
    let apdu = hex(
        "6036A1090607608574050801018A0207808B0760857405080201AC0C800A32323232323232323232\
         BE10040E01000000065F1F0400007E1F04B0",
    );
    let error = Aarq::decode(&apdu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bytes after the end that the length tells at byte 56"
    );
}

#[test]
fn aare_accepted_refused_and_pending() {
    let accepted = Aare::decode(&hex(
        "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007",
    ))
    .unwrap();
    assert_eq!(
        accepted,
        Aare::accepted(InitiateResponse::new(Conformance(0x0000_301D), 6400))
    );
    let refused = Aare::decode(&hex("6117A109060760857405080101A203020101A305A10302010D")).unwrap();
    assert_eq!(
        refused,
        Aare::refused(1, Diagnostic::User(13), UserInformation::None)
    );
    assert_eq!(
        refused.diagnostic.to_string(),
        "authentication-failure (13)"
    );
    // Refused, and an InitiateResponse all the same.
    let with = Aare::decode(&hex(
        "6129A109060760857405080101A203020101A305A10302010DBE10040E0800065F1F0400001E1D02000007",
    ))
    .unwrap();
    assert_eq!((with.result, with.diagnostic), (1, Diagnostic::User(13)));
    assert!(matches!(
        with.user_information,
        UserInformation::Initiate(_)
    ));
    let pending = Aare::decode(&hex(
        "6129A109060760857405080101A203020100A305A10302010EBE10040E0800065F1F040000181D04000007",
    ))
    .unwrap();
    assert_eq!(
        (pending.result, pending.diagnostic),
        (0, Diagnostic::User(14))
    );
}

#[test]
fn a_service_error_in_user_information_is_read() {
    let aare = Aare::decode(&hex(
        "611FA109060760857405080101A203020101A305A103020101BE0604040E010603",
    ))
    .unwrap();
    let UserInformation::ServiceError(error) = aare.user_information else {
        panic!("{aare:?}")
    };
    assert_eq!(error.value_name(), "pdu-size-too-short");
}

#[test]
fn provider_and_missing_diagnostics() {
    let provider = Aare::decode(&hex("610C A203020101 A305A203020102")).unwrap();
    assert_eq!(provider.diagnostic, Diagnostic::Provider(2));
    assert_eq!(
        provider.diagnostic.to_string(),
        "no-common-acse-version (provider 2)"
    );
    assert_eq!(provider.context, None);
    let missing = Aare::decode(&hex("6105 A203020102")).unwrap();
    assert_eq!(
        (missing.result, missing.diagnostic),
        (2, Diagnostic::Missing)
    );
    assert_eq!(encoded(|out| missing.encode(out)), hex("6105 A203020102"));
    let nothing = Aare::decode(&hex("6107 A305A103020101")).unwrap_err();
    assert_eq!(nothing.to_string(), "no result in the AARE at byte 0");
}

#[test]
fn order_long_lengths_and_unknown_fields_do_not_matter() {
    let usual = Aare::decode(&hex(
        "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007",
    ))
    .unwrap();
    let odd = Aare::decode(&hex(
        "61820032 BE8110 040E0800065F1F040000301D19000007 BD0101 \
         A38105 A1030201 00 A203020100 80020780 A109060760857405080101",
    ));
    // BD holds no field of its own: its contents are nobody's business here.
    let odd = odd.unwrap();
    assert_eq!(odd.user_information, usual.user_information);
    assert_eq!((odd.result, odd.diagnostic), (0, Diagnostic::User(0)));
    assert_eq!(odd.other.len(), 2);
    // Written back, the fields stand in the standard's order and none is lost.
    assert_eq!(
        encoded(|out| odd.encode(out)),
        hex(
            "6130 80020780 A109060760857405080101 A203020100 A305A103020100 BD0101 \
             BE10040E0800065F1F040000301D19000007"
        )
    );
}

#[test]
fn conformance_without_the_second_tag_octet_is_accepted() {
    let response = InitiateResponse::decode(&hex("0800065F040000301D19000007")).unwrap();
    assert_eq!(
        response,
        InitiateResponse::new(Conformance(0x0000_301D), 6400)
    );
    let request = InitiateRequest::decode(&hex("01000000065F040000301DFFFF")).unwrap();
    assert_eq!(
        request,
        InitiateRequest::new(Conformance(0x0000_301D), 0xFFFF)
    );
}

#[test]
fn an_initiate_request_with_everything() {
    let request = InitiateRequest {
        dedicated_key: Some(Secret::new([7; 16])),
        response_allowed: false,
        quality_of_service: Some(1),
        ..InitiateRequest::new(Conformance(0x0000_301D), 1024)
    };
    let apdu = encoded(|out| request.encode(out));
    assert_eq!(
        apdu,
        hex("01 0110 07070707070707070707070707070707 0100 0101 06 5F1F0400 00301D 0400")
    );
    assert_eq!(InitiateRequest::decode(&apdu).unwrap(), request);
    assert!(!format!("{request:?}").contains("7, 7"));
    let cut = InitiateRequest::decode(&apdu[..10]).unwrap_err();
    assert_eq!(cut.to_string(), "the dedicated key at byte 2");
}

#[test]
fn unreadable_user_information_does_not_hide_the_verdict() {
    let aare = Aare::decode(&hex(
        "611BA109060760857405080101A203020101A305A10302010D BE0204 00",
    ))
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(aare.diagnostic, Diagnostic::User(13));
    assert_eq!(aare.user_information, UserInformation::Other(vec![]));
}

#[test]
fn a_requirement_without_mechanism_is_kept() {
    // 8A without 8B: a meter answers it with mechanism-name-required.
    let apdu = hex("6021A1090607608574050801018A020780BE10040E01000000065F1F040000301DFFFF");
    let aarq = Aarq::decode(&apdu).unwrap();
    assert_eq!(aarq.mechanism, Mechanism::None);
    assert_eq!(aarq.other(0x8A), Some(&[0x07, 0x80][..]));
    assert_eq!(encoded(|out| aarq.encode(out)), apdu);
}

#[test]
fn foreign_contexts_and_mechanisms_are_not_taken_for_ours() {
    let aarq = Aarq::decode(&hex("600EA105060328CA01 8B0760857405080209".trim_start()))
        .or_else(|_| Aarq::decode(&hex("6010A105060328CA018B0760857405080209")))
        .unwrap();
    assert_eq!(aarq.context, ApplicationContext::Other(0));
    assert_eq!(aarq.mechanism, Mechanism::Other(9));
}

#[test]
fn bounds_are_strict() {
    for (apdu, offset, what) in [
        ("", 0, "not an AARE"),
        ("60", 0, "not an AARE"),
        ("61", 0, "a tag without a length"),
        ("6180", 0, "an indefinite length"),
        ("6185 0000000000", 0, "a length of more than four octets"),
        ("6182 00", 0, "a length that is cut off"),
        (
            "6184 FFFFFFFF",
            0,
            "a field that is longer than what holds it",
        ),
        (
            "6105 A2030201",
            0,
            "a field that is longer than what holds it",
        ),
        (
            "6105 A2030201 00 FF",
            7,
            "bytes after the end that the length tells",
        ),
        (
            "6105 A2040201 00",
            2,
            "a field that is longer than what holds it",
        ),
        ("6102 A200", 2, "a result that is empty"),
        ("6103 1F0100", 2, "a tag of more than one octet"),
        (
            "610A A203020100 A203020101",
            7,
            "a field that was there already",
        ),
        ("6107 A205020101 0500", 7, "a second value where one is due"),
        ("6106 A204 0202 0100", 4, "an integer that is not one octet"),
        (
            "610A A203020100 A303 810200",
            9,
            "a field that is longer than what holds it",
        ),
        (
            "610C A203020100 A305 A303020100",
            9,
            "a diagnostic of neither user nor provider",
        ),
    ] {
        let error = Aare::decode(&hex(apdu)).unwrap_err();
        assert_eq!((error.offset, error.what), (offset, what), "{apdu}");
    }
}

#[test]
fn release_with_reason_without_and_with_user_information() {
    assert_eq!(
        encoded(|out| Rlrq { reason: Some(0) }.encode(out)),
        hex("6203800100")
    );
    assert_eq!(
        encoded(|out| Rlre { reason: None }.encode(out)),
        hex("6300")
    );
    let rlre = Rlre::decode(&hex("6315800100BE10040E0800065F1F040000521D00EF0007")).unwrap();
    assert_eq!(rlre.reason, Some(0));
    assert_eq!(rlre_reason_name(1), "not-finished");
    assert_eq!(rlrq_reason_name(1), "urgent");
    assert_eq!(rlrq_reason_name(30), "user-defined");
}

#[test]
fn diagnostics_have_their_names() {
    let user: Vec<_> = (0..=15).map(|code| Diagnostic::User(code).name()).collect();
    assert_eq!(user[2], "application-context-name-not-supported");
    assert_eq!(user[11], "authentication-mechanism-name-not-recognised");
    assert_eq!(user[14], "authentication-required");
    assert_eq!(user[15], "unknown diagnostic");
    let known: std::collections::HashSet<_> = user.iter().take(15).collect();
    assert_eq!(known.len(), 15);
    assert_eq!(result_name(2), "rejected-transient");
}
