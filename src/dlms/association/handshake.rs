//! AARQ out, AARE in. The verdict is read from result and diagnostic; user-information alone never makes an association.
use super::guard::Guard;
use super::{Authentication, Config, Failure, Naming};
use crate::dlms::acse::{
    Aare, Aarq, ApplicationContext, Diagnostic, InitiateRequest, InitiateResponse, Mechanism, Rlrq,
    UserInformation,
};
use crate::dlms::security::{Secret, SecurityError};
use crate::dlms::xdlms::{ExceptionResponse, ServiceError, tag};

/// What an APDU means while AARE is awaited.
#[derive(Debug)]
pub(super) enum Answer {
    /// Accepted, or accepted if both sides prove themselves; what it grants is still to be read.
    Accepted(Box<Aare>),
    Refused(Failure),
    /// A late answer to an earlier service, by its tag.
    Stale(u8),
    Unsolicited,
}

pub(super) fn aarq(
    config: &Config,
    guard: Option<&mut Guard>,
    challenge: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SecurityError> {
    let (mechanism, secret, titles) = match &config.authentication {
        Authentication::None => (Mechanism::None, None, false),
        Authentication::Lls(password) => (Mechanism::Lls, Some(password.clone()), false),
        Authentication::Hls { mechanism, .. } => (
            Mechanism::from_arc(mechanism.number()),
            Some(Secret::new(challenge)),
            mechanism.needs_titles(),
        ),
    };
    let ciphered = config.is_ciphered();
    let title = config
        .security
        .as_ref()
        .filter(|_| ciphered || titles)
        .map(|security| security.title.0.to_vec());
    Aarq {
        context: match (config.naming, ciphered) {
            (Naming::LogicalName, false) => ApplicationContext::Ln,
            (Naming::LogicalName, true) => ApplicationContext::LnCiphered,
            (Naming::ShortName, false) => ApplicationContext::Sn,
            (Naming::ShortName, true) => ApplicationContext::SnCiphered,
        },
        mechanism,
        secret,
        calling_title: title,
        user_information: initiate(config, guard)?,
        other: Vec::new(),
    }
    .encode(out);
    Ok(())
}

/// RLRQ; in a ciphered association with the InitiateRequest of the AARQ in it, sealed anew.
pub(super) fn rlrq(
    config: &Config,
    guard: Option<&mut Guard>,
    out: &mut Vec<u8>,
) -> Result<(), SecurityError> {
    let request = Rlrq { reason: Some(0) };
    if config.is_ciphered() {
        request.encode_with(&initiate(config, guard)?, out);
    } else {
        request.encode(out);
    }
    Ok(())
}

fn initiate(config: &Config, guard: Option<&mut Guard>) -> Result<UserInformation, SecurityError> {
    let mut request = InitiateRequest::new(config.conformance, config.max_pdu);
    let Some(guard) = guard.filter(|guard| guard.is_sealing()) else {
        return Ok(UserInformation::Request(request));
    };
    request.dedicated_key = guard.dedicated().cloned();
    // Room for it all, so that growing leaves no copy of the key behind.
    let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(64));
    request.encode(&mut plain);
    let mut sealed = Vec::new();
    guard.seal(&plain, &mut sealed)?;
    Ok(UserInformation::Ciphered(sealed))
}

pub(super) fn judge(apdu: &[u8]) -> Answer {
    match apdu.first() {
        Some(&tag::AARE) => match Aare::decode(apdu) {
            Ok(aare) => verdict(aare),
            Err(error) => protocol(format!("the meter's AARE cannot be read: {error}")),
        },
        Some(&tag::EXCEPTION_RESPONSE) => match ExceptionResponse::decode(apdu) {
            Ok(exception) => Answer::Refused(Failure::Exception(exception)),
            Err(error) => protocol(format!("the meter's exception cannot be read: {error}")),
        },
        Some(&tag::CONFIRMED_SERVICE_ERROR) => match ServiceError::decode(apdu) {
            Ok(error) => Answer::Refused(refused(1, Diagnostic::Missing, Some(error))),
            Err(error) => protocol(format!("the meter's refusal cannot be read: {error}")),
        },
        Some(&first) if tag::is_notification(first) => Answer::Unsolicited,
        Some(
            &stale @ (tag::GET_RESPONSE
            | tag::SET_RESPONSE
            | tag::ACTION_RESPONSE
            | tag::ACCESS_RESPONSE
            | tag::READ_RESPONSE
            | tag::WRITE_RESPONSE
            | tag::RLRE),
        ) => Answer::Stale(stale),
        Some(&other) => protocol(format!(
            "the meter answered AARQ with {} ({other:02X}), not with AARE",
            tag::name(other).unwrap_or("an unknown APDU"),
        )),
        None => protocol("the meter answered AARQ with an empty frame".to_owned()),
    }
}

fn verdict(aare: Aare) -> Answer {
    let service_error = match &aare.user_information {
        UserInformation::ServiceError(error) => Some(*error),
        _ => None,
    };
    if aare.result != 0 || service_error.is_some() {
        return Answer::Refused(refused(aare.result, aare.diagnostic, service_error));
    }
    Answer::Accepted(Box::new(aare))
}

/// What an accepting AARE grants.
pub(super) fn granted(
    information: &UserInformation,
    guard: Option<&mut Guard>,
) -> Result<InitiateResponse, Failure> {
    let guard = guard.filter(|guard| guard.is_sealing());
    let words = match (information, guard) {
        (UserInformation::Ciphered(sealed), Some(guard)) => {
            return match UserInformation::from_apdu(&guard.open(sealed)?) {
                UserInformation::Initiate(response) => Ok(response),
                UserInformation::ServiceError(error) => {
                    Err(refused(0, Diagnostic::Missing, Some(error)))
                }
                _ => Err(Failure::Protocol(
                    "the meter accepts, but what it sealed is no InitiateResponse".to_owned(),
                )),
            };
        }
        (_, Some(guard)) => {
            let wanted = guard.security().protection;
            return Err(match wanted {
                Some(wanted) => Failure::Security(SecurityError::Weak { wanted, got: None }),
                None => Failure::Protocol("the meter accepts in clear".to_owned()),
            });
        }
        (UserInformation::Initiate(response), None) => return Ok(*response),
        (UserInformation::Ciphered(_), None) => {
            "the meter accepts, but says so in a ciphered answer and there is no key for it"
                .to_owned()
        }
        (UserInformation::Other(bytes), None) => match InitiateResponse::decode(bytes) {
            Err(error) => format!("the meter accepts, but its InitiateResponse is wrong: {error}"),
            Ok(_) => "the meter accepts, but its user-information is wrong".to_owned(),
        },
        _ => "the meter accepts without an InitiateResponse: what it grants is unknown".to_owned(),
    };
    Err(Failure::Protocol(words))
}

pub(super) const fn refused(
    result: u8,
    diagnostic: Diagnostic,
    service_error: Option<ServiceError>,
) -> Failure {
    Failure::Refused {
        result,
        diagnostic,
        service_error,
    }
}

const fn protocol(what: String) -> Answer {
    Answer::Refused(Failure::Protocol(what))
}
