//! Every way a meter says no to a client without secret or with a password, and that DISC follows each.
use super::connect::lls;
use super::*;
use crate::dlms::acse::Diagnostic;
use crate::dlms::xdlms::{ExceptionResponse, ServiceError};

/// What came of an AARQ answered with `apdu`.
fn refused_with(config: Config, apdu: &str) -> Failure {
    let mut line = Line::new(config);
    line.linked();
    line.events();
    line.reply_hex(apdu);
    assert_eq!(line.client.state(), State::Idle);
    assert_eq!(line.client.conformance(), None);
    let failure = match &line.outcomes()[..] {
        [Event::Failed(failure)] => failure.clone(),
        other => panic!("{other:?}"),
    };
    // The link is still up: release owes the meter a DISC.
    line.client.release(line.now, Duration::from_secs(2));
    assert_eq!(line.heard(), [Heard::Disc]);
    line.unnumbered(Control::Ua { poll: true });
    assert_eq!(line.outcomes(), [Event::Released]);
    failure
}

#[test]
fn refusals_keep_result_and_diagnostic() {
    let refusal = |result: u8, source: u8, code: u8| {
        format!("6117A109060760857405080101A2030201{result:02X}A305{source:02X}030201{code:02X}")
    };
    // Rows A2, A3, A5, A6 are for a person; A7, A8, A9, A11 are not about the secret.
    for (result, source, code, authentication, words) in [
        (
            1,
            0xA1,
            13,
            true,
            "association refused: rejected-permanent, authentication-failure (13)",
        ),
        (
            1,
            0xA1,
            14,
            true,
            "association refused: rejected-permanent, authentication-required (14)",
        ),
        (
            1,
            0xA1,
            11,
            true,
            "association refused: rejected-permanent, authentication-mechanism-name-not-recognised (11)",
        ),
        (
            1,
            0xA1,
            12,
            true,
            "association refused: rejected-permanent, authentication-mechanism-name-required (12)",
        ),
        (
            1,
            0xA1,
            2,
            false,
            "association refused: rejected-permanent, application-context-name-not-supported (2)",
        ),
        (
            1,
            0xA1,
            1,
            false,
            "association refused: rejected-permanent, no-reason-given (1)",
        ),
        (
            2,
            0xA1,
            1,
            false,
            "association refused: rejected-transient, no-reason-given (1)",
        ),
        (
            1,
            0xA2,
            2,
            false,
            "association refused: rejected-permanent, no-common-acse-version (provider 2)",
        ),
        // A4: accepted so far, but high-level security is to follow.
        (
            0,
            0xA1,
            14,
            true,
            "the meter wants high-level security (HLS) before it accepts: authentication-required (14)",
        ),
    ] {
        let failure = refused_with(lls(), &refusal(result, source, code));
        let diagnostic = if source == 0xA1 {
            Diagnostic::User(code)
        } else {
            Diagnostic::Provider(code)
        };
        assert_eq!(
            failure,
            Failure::Refused {
                result,
                diagnostic,
                service_error: None
            }
        );
        assert_eq!(failure.to_string(), words);
        assert_eq!(failure.is_authentication(), authentication, "{words}");
    }
}

#[test]
fn an_initiate_response_beside_a_refusal_is_no_success() {
    // A12 turned round: the Gurux C server on a wrong password.
    let failure = refused_with(
        lls(),
        "6129A109060760857405080101A203020101A305A10302010DBE10040E0800065F1F0400001E1D02000007",
    );
    assert!(failure.is_authentication());
}

#[test]
fn service_errors_at_initiate_are_named() {
    for (value, name) in [
        (1, "dlms-version-too-low"),
        (2, "incompatible-conformance"),
        (3, "pdu-size-too-short"),
        (4, "refused-by-the-VDE-handler"),
    ] {
        let error = ServiceError {
            service: 1,
            kind: 6,
            value,
        };
        let service_error = Some(error);
        let inside = refused_with(
            config(Authentication::None),
            &format!("611FA109060760857405080101A203020101A305A103020101BE0604040E0106{value:02X}"),
        );
        assert_eq!(
            inside,
            Failure::Refused {
                result: 1,
                diagnostic: Diagnostic::User(1),
                service_error
            }
        );
        assert!(inside.to_string().contains(name) && !inside.is_authentication());
        let bare = refused_with(config(Authentication::None), &format!("0E0106{value:02X}"));
        assert_eq!(
            bare,
            Failure::Refused {
                result: 1,
                diagnostic: Diagnostic::Missing,
                service_error
            }
        );
        assert_eq!(bare.to_string(), format!("association refused: {error}"));
    }
}

#[test]
fn an_exception_in_place_of_aare_is_named() {
    // A17: an earlier association is still open.
    let failure = refused_with(config(Authentication::None), "D80101");
    assert_eq!(
        failure,
        Failure::Exception(ExceptionResponse {
            state: 1,
            service: 1,
            counter: None
        })
    );
    assert!(failure.to_string().contains("operation-not-possible"));
}

#[test]
fn an_answer_that_makes_no_sense_says_why() {
    for (apdu, words) in [
        (
            "6117A109060760857405080101A203020100A305A103020100",
            "the meter accepts without an InitiateResponse: what it grants is unknown",
        ),
        (
            "6118A109060760857405080101A203020100A305A103020100",
            "the meter's AARE cannot be read: a field that is longer than what holds it at byte 0",
        ),
        (
            "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F03000030191900000700",
            "the meter's AARE cannot be read: bytes after the end that the length tells at byte 43",
        ),
        (
            "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F050000301D19000007",
            "the meter accepts, but its InitiateResponse is wrong: a conformance block that is not four octets at byte 5",
        ),
        (
            "611BA109060760857405080101A203020100A305A103020100BE0404022800",
            "the meter's AARE cannot be read: bytes after the end that the length tells at byte 29",
        ),
        (
            "611DA109060760857405080101A203020100A305A103020100BE0404022800",
            "the meter accepts, but says so in a ciphered answer and there is no key for it",
        ),
        (
            "C001C1000800",
            "the meter answered AARQ with get-request (C0), not with AARE",
        ),
        (
            "7F",
            "the meter answered AARQ with an unknown APDU (7F), not with AARE",
        ),
    ] {
        let failure = refused_with(config(Authentication::None), apdu);
        assert_eq!(failure.to_string(), words);
    }
}
