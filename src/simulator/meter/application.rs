//! The meter's application layer: associations, and which service is served (`reading`, `writing`). Every request gets one
//! answer in the standard's own words, and nothing but AARQ is served before an association.

use super::kept::Kept;
use super::registers::Registers;
use super::transfer::Transfer;
use super::wall::Wall;
use super::writing::Incoming;
use crate::dlms::acse::{
    Aare, Aarq, ApplicationContext, Diagnostic, InitiateResponse, Mechanism, Rlre, UserInformation,
};
use crate::dlms::xdlms::{Conformance, ExceptionResponse, ServiceError, tag};
use crate::simulator::profile::{Client, Profile};
use std::time::Instant;

/// Below this no block would hold anything (a peer that says 0 sets no limit).
const SMALLEST_PDU: u16 = 32;
/// AARE result: refused, and not for the moment only.
const PERMANENT: u8 = 1;
/// A release that is as it should be (RLRE reason).
const NORMAL: u8 = 0;

/// What was agreed with the client.
#[derive(Clone, Debug)]
pub(super) struct Association {
    pub sap: u8,
    pub conformance: Conformance,
    /// As the client said it.
    pub client_max_pdu: u16,
    /// By password.
    pub authenticated: bool,
    /// The longest answer.
    limit: usize,
}

#[derive(Debug)]
pub(super) struct Application {
    pub(super) wall: Wall,
    pub(super) registers: Registers,
    pub(super) kept: Kept,
    pub(super) association: Option<Association>,
    pub(super) transfer: Option<Transfer>,
    pub(super) incoming: Option<Incoming>,
    /// Encoded data of the answer being made; kept so that a GET allocates nothing.
    pub(super) data: Vec<u8>,
}

impl Application {
    pub fn new(profile: &Profile, wall: Wall) -> Self {
        Self {
            wall,
            registers: Registers::new(profile),
            kept: Kept::default(),
            association: None,
            transfer: None,
            incoming: None,
            data: Vec::new(),
        }
    }

    /// The link came up anew or is gone.
    pub fn reset(&mut self) {
        self.association = None;
        self.transfer = None;
        self.incoming = None;
    }

    pub fn is_associated(&self) -> bool {
        self.association.is_some()
    }

    /// Appends the answer to one APDU.
    pub fn request(
        &mut self,
        now: Instant,
        client: &Client,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Some(first) = apdu.first() else {
            return;
        };
        if *first == tag::AARQ {
            return self.associate(client, profile, apdu, out);
        }
        let Some(association) = &self.association else {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        };
        match *first {
            tag::RLRQ => {
                self.reset();
                let reason = Some(NORMAL);
                Rlre { reason }.encode(out);
            }
            tag::GET_REQUEST if association.conformance.has(Conformance::GET) => {
                self.get(now, profile, apdu, out);
            }
            tag::SET_REQUEST if association.conformance.has(Conformance::SET) => {
                self.transfer = None;
                self.set(now, profile, apdu, out);
            }
            tag::ACTION_REQUEST if association.conformance.has(Conformance::ACTION) => {
                self.transfer = None;
                self.action(now, profile, apdu, out);
            }
            tag::GET_REQUEST | tag::SET_REQUEST | tag::ACTION_REQUEST => {
                exception(NOT_ALLOWED, NOT_SUPPORTED, out);
            }
            _ => exception(UNKNOWN, NOT_SUPPORTED, out),
        }
    }

    fn associate(&mut self, client: &Client, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        self.reset();
        match admit(client, profile, apdu) {
            Ok(association) => {
                let response = InitiateResponse::new(association.conformance, profile.max_pdu);
                Aare::accepted(response).encode(out);
                self.association = Some(association);
            }
            Err((diagnostic, error)) => {
                let information = match error {
                    Some(error) => UserInformation::ServiceError(error),
                    None if profile.refusal_carries_initiate() => UserInformation::Initiate(
                        InitiateResponse::new(profile.conformance, profile.max_pdu),
                    ),
                    None => UserInformation::None,
                };
                Aare::refused(PERMANENT, Diagnostic::User(diagnostic), information).encode(out);
            }
        }
    }

    pub(super) fn agreed(&self, bit: u8) -> bool {
        self.association
            .as_ref()
            .is_some_and(|association| association.conformance.has(bit))
    }

    /// Whether this client proved itself.
    pub(super) fn may_write(&self) -> bool {
        self.association
            .as_ref()
            .is_some_and(|association| association.authenticated)
    }

    /// The longest answer.
    pub(super) fn limit(&self) -> usize {
        self.association
            .as_ref()
            .map_or(usize::from(SMALLEST_PDU), |association| association.limit)
    }
}

/// Either the association, or the diagnostic and what the xDLMS layer has to say.
fn admit(
    client: &Client,
    profile: &Profile,
    apdu: &[u8],
) -> Result<Association, (u8, Option<ServiceError>)> {
    const NO_REASON: u8 = 1;
    const CONTEXT: u8 = 2;
    const MECHANISM: u8 = 11;
    const FAILURE: u8 = 13;
    const REQUIRED: u8 = 14;
    let initiate_error = |value| {
        let error = ServiceError {
            service: 1,
            kind: 6,
            value,
        };
        Err((NO_REASON, Some(error)))
    };
    let aarq = Aarq::decode(apdu).map_err(|_| (NO_REASON, None))?;
    if aarq.context != ApplicationContext::Ln {
        return Err((CONTEXT, None));
    }
    match (&client.password, aarq.mechanism) {
        (None, Mechanism::None) => {}
        (Some(_), Mechanism::None) => return Err((REQUIRED, None)),
        (Some(password), Mechanism::Lls) if aarq.secret.as_ref() == Some(password) => {}
        (Some(_), Mechanism::Lls) => return Err((FAILURE, None)),
        _ => return Err((MECHANISM, None)),
    }
    let initiate = aarq.initiate().ok_or((NO_REASON, None))?;
    if initiate.dlms_version < 6 {
        return initiate_error(1);
    }
    let conformance = initiate.conformance.and(profile.conformance);
    if conformance.0 == 0 {
        return initiate_error(2);
    }
    let asked = initiate.max_pdu;
    if asked != 0 && asked < SMALLEST_PDU {
        return initiate_error(3);
    }
    let limit = if asked == 0 { u16::MAX } else { asked };
    Ok(Association {
        sap: client.sap,
        conformance,
        client_max_pdu: asked,
        authenticated: client.password.is_some(),
        limit: limit.min(profile.max_pdu).into(),
    })
}

pub(super) const NOT_ALLOWED: u8 = 1;
const UNKNOWN: u8 = 2;
pub(super) const NOT_POSSIBLE: u8 = 1;
pub(super) const NOT_SUPPORTED: u8 = 2;

pub(super) fn exception(state: u8, service: u8, out: &mut Vec<u8>) {
    ExceptionResponse {
        state,
        service,
        counter: None,
    }
    .encode(out);
}
