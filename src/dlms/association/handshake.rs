//! AARQ out, AARE in. The verdict is read from result and diagnostic; user-information alone never makes an association.
use super::{Authentication, Config, Failure};
use crate::dlms::acse::{
    Aare, Aarq, Diagnostic, InitiateRequest, InitiateResponse, UserInformation,
};
use crate::dlms::xdlms::{ExceptionResponse, ServiceError, tag};

/// What an APDU means while AARE is awaited.
#[derive(Debug)]
pub(super) enum Answer {
    Granted(InitiateResponse),
    Refused(Failure),
    /// A late answer to an earlier service, by its tag.
    Stale(u8),
    Unsolicited,
}

pub(super) fn aarq(config: &Config, out: &mut Vec<u8>) {
    let password = match &config.authentication {
        Authentication::None => None,
        Authentication::Lls(password) => Some(password.clone()),
        Authentication::Hls { .. } => None,
    };
    let initiate = InitiateRequest::new(config.conformance, config.max_pdu);
    Aarq::new(password, initiate).encode(out);
}

pub(super) fn judge(apdu: &[u8]) -> Answer {
    match apdu.first() {
        Some(&tag::AARE) => match Aare::decode(apdu) {
            Ok(aare) => verdict(&aare),
            Err(error) => protocol(format!("the meter's AARE cannot be read: {error}")),
        },
        Some(&tag::EXCEPTION_RESPONSE) => match ExceptionResponse::decode(apdu) {
            Ok(exception) => Answer::Refused(Failure::Exception(exception)),
            Err(error) => protocol(format!("the meter's exception cannot be read: {error}")),
        },
        Some(&tag::CONFIRMED_SERVICE_ERROR) => match ServiceError::decode(apdu) {
            Ok(error) => refused(1, Diagnostic::Missing, Some(error)),
            Err(error) => protocol(format!("the meter's refusal cannot be read: {error}")),
        },
        Some(&(tag::DATA_NOTIFICATION | tag::EVENT_NOTIFICATION)) => Answer::Unsolicited,
        Some(
            &stale @ (tag::GET_RESPONSE | tag::SET_RESPONSE | tag::ACTION_RESPONSE | tag::RLRE),
        ) => Answer::Stale(stale),
        Some(&other) => protocol(format!(
            "the meter answered AARQ with {} ({other:02X}), not with AARE",
            tag::name(other).unwrap_or("an unknown APDU"),
        )),
        None => protocol("the meter answered AARQ with an empty frame".to_owned()),
    }
}

fn verdict(aare: &Aare) -> Answer {
    let service_error = match &aare.user_information {
        UserInformation::ServiceError(error) => Some(*error),
        _ => None,
    };
    let pending = aare.diagnostic == Diagnostic::User(14);
    if aare.result != 0 || pending || service_error.is_some() {
        return refused(aare.result, aare.diagnostic, service_error);
    }
    match &aare.user_information {
        UserInformation::Initiate(response) => Answer::Granted(*response),
        UserInformation::Ciphered(_) => protocol(
            "the meter accepts, but says so in a ciphered answer and there is no key for it"
                .to_owned(),
        ),
        UserInformation::Other(bytes) => protocol(match InitiateResponse::decode(bytes) {
            Err(error) => format!("the meter accepts, but its InitiateResponse is wrong: {error}"),
            Ok(_) => "the meter accepts, but its user-information is wrong".to_owned(),
        }),
        _ => protocol(
            "the meter accepts without an InitiateResponse: what it grants is unknown".to_owned(),
        ),
    }
}

const fn refused(
    result: u8,
    diagnostic: Diagnostic,
    service_error: Option<ServiceError>,
) -> Answer {
    Answer::Refused(Failure::Refused {
        result,
        diagnostic,
        service_error,
    })
}

const fn protocol(what: String) -> Answer {
    Answer::Refused(Failure::Protocol(what))
}
