//! Associations at the meter's end: who is let in, and the proofs of passes 3 and 4. The one rule: until a client that must
//! prove itself has done so, it is served nothing else.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, exception};
use super::protect::{Counters, Dress, Guard, LONGEST_DRESS};
use crate::cosem::{Data, Obis};
use crate::dlms::acse::{
    Aare, Aarq, ApplicationContext, Diagnostic, InitiateRequest, InitiateResponse, Mechanism,
    UserInformation,
};
use crate::dlms::security::hls::{self, HlsMechanism, Proof, Prover};
use crate::dlms::security::{Keys, Protection, Secret, SecurityError, Suite, SystemTitle};
use crate::dlms::xdlms::action::{ActionRequest, ActionResponse, Returned};
use crate::dlms::xdlms::{
    ActionResult, Conformance, ExceptionResponse, InvokeId, MethodRef, ServiceError,
};
use crate::simulator::clients::{Access, Client};
use crate::simulator::profile::Profile;

/// Below this no block would hold anything (a peer that says 0 sets no limit).
pub(super) const SMALLEST_PDU: u16 = 32;
/// AARE result: refused, and not for the moment only.
const PERMANENT: u8 = 1;
/// AARE diagnostic of a client that has still to prove itself.
const AUTHENTICATION_REQUIRED: u8 = 14;
/// Octets of a challenge (Green Book: 8 to 64, for ECDSA 32 to 64).
const CHALLENGE: usize = 32;
/// reply_to_HLS_authentication.
const REPLY: MethodRef = MethodRef {
    class: 15,
    obis: Obis([0, 0, 40, 0, 0, 255]),
    method: 1,
};

/// What was agreed with the client.
#[derive(Debug)]
pub(super) struct Association {
    pub sap: u8,
    pub context: ApplicationContext,
    pub mechanism: Mechanism,
    pub conformance: Conformance,
    /// As the client said it.
    pub client_max_pdu: u16,
    /// It proved itself.
    pub authenticated: bool,
    pub security: Option<Terms>,
    /// Ciphers, and is away while a request is served.
    pub guard: Option<Guard>,
    /// The longest APDU to the client.
    pub longest: usize,
    /// The longest answer of a service, before it is ciphered.
    pub limit: usize,
    hls: Option<Challenges>,
}

/// What the security setup shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub suite: Suite,
    pub required: Option<Protection>,
    pub client: Option<SystemTitle>,
}

#[derive(Debug)]
struct Challenges {
    mechanism: HlsMechanism,
    secret: Secret,
    suite: Suite,
    keys: Keys,
    client: Vec<u8>,
    meter: Vec<u8>,
    client_title: Option<SystemTitle>,
    meter_title: SystemTitle,
}

impl Challenges {
    fn proof(&self, prover: Prover) -> Proof<'_> {
        Proof {
            mechanism: self.mechanism,
            prover,
            client_challenge: &self.client,
            meter_challenge: &self.meter,
            client_title: self.client_title,
            meter_title: Some(self.meter_title),
            secret: Some(&self.secret),
            suite: self.suite,
            keys: &self.keys,
        }
    }
}

impl Association {
    /// Objects are called by short names.
    pub const fn is_short(&self) -> bool {
        by_short_names(self.context)
    }

    /// It has still to prove itself.
    pub const fn is_pending(&self) -> bool {
        self.hls.is_some() && !self.authenticated
    }
}

/// Why a client is not let in.
enum Refusal {
    Diagnostic(u8),
    Service(ServiceError),
    /// The lowest counter that would be taken.
    Counter(u32),
}

const NO_REASON: Refusal = Refusal::Diagnostic(1);
const CONTEXT: Refusal = Refusal::Diagnostic(2);
const TITLE: Refusal = Refusal::Diagnostic(3);
const MECHANISM: Refusal = Refusal::Diagnostic(11);
const FAILURE: Refusal = Refusal::Diagnostic(13);
const REQUIRED: Refusal = Refusal::Diagnostic(AUTHENTICATION_REQUIRED);

/// The initiate itself is refused.
const fn initiate(value: u8) -> Refusal {
    Refusal::Service(ServiceError {
        service: 1,
        kind: 6,
        value,
    })
}

/// The initiate could not be deciphered.
const UNREADABLE: Refusal = Refusal::Service(ServiceError {
    service: 1,
    kind: 0,
    value: 6,
});

impl From<SecurityError> for Refusal {
    fn from(error: SecurityError) -> Self {
        match error {
            SecurityError::CounterTooLow { lowest, .. } => Self::Counter(lowest),
            _ => UNREADABLE,
        }
    }
}

impl Application {
    pub(super) fn associate(
        &mut self,
        client: &Client,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.reset();
        let (diagnostic, information) = match admit(client, profile, apdu, &mut self.counters) {
            Ok((association, aare)) => {
                aare.encode(out);
                self.association = Some(association);
                return;
            }
            Err(Refusal::Counter(lowest)) => {
                return ExceptionResponse {
                    state: NOT_ALLOWED,
                    service: 6,
                    counter: Some(lowest),
                }
                .encode(out);
            }
            Err(Refusal::Service(error)) => (1, UserInformation::ServiceError(error)),
            Err(Refusal::Diagnostic(diagnostic)) if profile.refusal_carries_initiate() => {
                let response = InitiateResponse::new(profile.offers(false), profile.max_pdu);
                (diagnostic, UserInformation::Initiate(response))
            }
            Err(Refusal::Diagnostic(diagnostic)) => (diagnostic, UserInformation::None),
        };
        Aare::refused(PERMANENT, Diagnostic::User(diagnostic), information).encode(out);
    }

    /// Pass 3, and pass 4 as the answer; anything else before that is refused.
    pub(super) fn prove(&mut self, request: &ActionRequest<'_>, out: &mut Vec<u8>) {
        let ActionRequest::Normal {
            invoke,
            method: REPLY,
            parameters,
        } = *request
        else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        let mut returned = Vec::new();
        let result = match self.proven(parameters) {
            Ok(proof) => {
                super::attributes::octets(&proof, &mut returned);
                ActionResult::SUCCESS
            }
            Err(result) => result,
        };
        let returned = if returned.is_empty() {
            Returned::Nothing
        } else {
            Returned::Data(&returned)
        };
        answer(invoke, result, returned, out);
    }

    /// Our own proof, if the client's is right.
    pub(super) fn proven(&mut self, parameters: &[u8]) -> Result<Vec<u8>, ActionResult> {
        let denied = ActionResult::READ_WRITE_DENIED;
        let Ok(Data::OctetString(got)) = Data::decode_all(parameters) else {
            return Err(ActionResult::TYPE_UNMATCHED);
        };
        let association = self.association.as_mut().ok_or(denied)?;
        let challenges = association.hls.as_ref().ok_or(denied)?;
        let used = hls::verify(&challenges.proof(Prover::Client), &got).map_err(|_| denied)?;
        if let Some(counter) = used {
            self.counters.take(challenges.suite, counter);
        }
        let proof = challenges.proof(Prover::Meter);
        let own = hls::answer(&proof, self.counters.next()).map_err(|_| denied)?;
        association.authenticated = true;
        Ok(own)
    }
}

fn answer(invoke: InvokeId, result: ActionResult, returned: Returned<'_>, out: &mut Vec<u8>) {
    ActionResponse::Normal {
        invoke,
        result,
        returned,
    }
    .encode(out);
}

/// Either the association and what to say, or why not.
fn admit(
    client: &Client,
    profile: &Profile,
    apdu: &[u8],
    counters: &mut Counters,
) -> Result<(Association, Aare), Refusal> {
    let aarq = Aarq::decode(apdu).map_err(|_| NO_REASON)?;
    let required = client.security.as_ref().and_then(|it| it.required);
    let ciphered = match aarq.context {
        ApplicationContext::Ln if required.is_none() => false,
        ApplicationContext::Sn if required.is_none() && profile.speaks_short_names() => false,
        ApplicationContext::LnCiphered if client.security.is_some() => true,
        ApplicationContext::SnCiphered
            if client.security.is_some() && profile.speaks_short_names() =>
        {
            true
        }
        _ => return Err(CONTEXT),
    };
    let challenge = authenticate(&client.access, &aarq)?;
    let title = aarq.calling_title.as_deref();
    let title = title.and_then(|octets| SystemTitle::try_from(octets).ok());
    let needs_titles = challenge.as_ref().is_some_and(|(it, _)| it.needs_titles());
    if title.is_none() && (ciphered || needs_titles) {
        return Err(TITLE);
    }
    let own = profile.system_title();
    let mut guard = match (&client.security, title) {
        (Some(security), Some(title)) if ciphered => {
            Some(Guard::new(security, title, own).map_err(|_| NO_REASON)?)
        }
        _ => None,
    };
    let (proposed, dress) = proposal(&aarq, guard.as_mut(), required, counters)?;
    let terms = negotiate(&proposed, profile, by_short_names(aarq.context))?;
    if let Some(guard) = &mut guard {
        guard.agree(proposed.dedicated_key).map_err(|_| NO_REASON)?;
    }

    let mut granted = Aare::accepted(terms);
    granted.context = Some(aarq.context);
    if ciphered || needs_titles {
        granted.responding_title = Some(own.0.to_vec());
    }
    if let (Some(dress), Some(guard)) = (dress, &guard) {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        terms.encode(&mut plain);
        guard.seal(&plain, dress, counters, &mut sealed)?;
        granted.user_information = UserInformation::Ciphered(sealed);
    }
    let hls = challenge.map(|(mechanism, asked)| {
        let meter = counters.challenge(CHALLENGE);
        granted.diagnostic = Diagnostic::User(AUTHENTICATION_REQUIRED);
        granted.mechanism = Some(aarq.mechanism);
        granted.authentication_value = Some(meter.clone());
        let security = client.security.as_ref();
        Challenges {
            mechanism,
            secret: match &client.access {
                Access::Hls { secret, .. } => secret.clone(),
                _ => Secret::new([]),
            },
            suite: security.map_or(Suite::Zero, |security| security.suite),
            keys: security.map_or_else(Keys::default, |security| security.keys.clone()),
            client: asked,
            meter,
            client_title: title,
            meter_title: own,
        }
    });

    let asked = proposed.max_pdu;
    let longest = if asked == 0 { u16::MAX } else { asked };
    let longest = usize::from(longest.min(profile.max_pdu));
    let dress = if ciphered { LONGEST_DRESS } else { 0 };
    let association = Association {
        sap: client.sap,
        context: aarq.context,
        mechanism: aarq.mechanism,
        conformance: terms.conformance,
        client_max_pdu: asked,
        authenticated: matches!(client.access, Access::Password(_)),
        security: client.security.as_ref().map(|security| Terms {
            suite: security.suite,
            required,
            client: title,
        }),
        guard,
        longest,
        limit: longest.saturating_sub(dress),
        hls,
    };
    Ok((association, granted))
}

/// For HLS the mechanism and the client's challenge.
fn authenticate(access: &Access, aarq: &Aarq) -> Result<Option<(HlsMechanism, Vec<u8>)>, Refusal> {
    match (access, aarq.mechanism) {
        (Access::Public, Mechanism::None) => Ok(None),
        (_, Mechanism::None) => Err(REQUIRED),
        (Access::Password(password), Mechanism::Lls) => {
            if aarq.secret.as_ref() == Some(password) {
                Ok(None)
            } else {
                Err(FAILURE)
            }
        }
        (Access::Hls { mechanism, .. }, asked) if asked.arc() == mechanism.number() => {
            let challenge = aarq.secret.as_ref().map_or(&[][..], Secret::expose);
            if (8..=64).contains(&challenge.len()) {
                Ok(Some((*mechanism, challenge.to_vec())))
            } else {
                Err(FAILURE)
            }
        }
        _ => Err(MECHANISM),
    }
}

/// What the client proposes, and how it was ciphered.
fn proposal(
    aarq: &Aarq,
    guard: Option<&mut Guard>,
    required: Option<Protection>,
    counters: &mut Counters,
) -> Result<(InitiateRequest, Option<Dress>), Refusal> {
    match (&aarq.user_information, guard) {
        (UserInformation::Request(request), _) if required.is_none() => Ok((request.clone(), None)),
        (UserInformation::Ciphered(sealed), Some(guard)) => {
            let (plain, dress) = guard.open(sealed, counters)?;
            let request = InitiateRequest::decode(&plain).map_err(|_| UNREADABLE)?;
            Ok((request, Some(dress)))
        }
        _ => Err(NO_REASON),
    }
}

/// Objects are called by short names.
const fn by_short_names(context: ApplicationContext) -> bool {
    matches!(
        context,
        ApplicationContext::Sn | ApplicationContext::SnCiphered
    )
}

fn negotiate(
    proposed: &InitiateRequest,
    profile: &Profile,
    short: bool,
) -> Result<InitiateResponse, Refusal> {
    if proposed.dlms_version < 6 {
        return Err(initiate(1));
    }
    let conformance = proposed.conformance.and(profile.offers(short));
    if conformance.0 == 0 {
        return Err(initiate(2));
    }
    if proposed.max_pdu != 0 && proposed.max_pdu < SMALLEST_PDU {
        return Err(initiate(3));
    }
    let mut response = InitiateResponse::new(conformance, profile.max_pdu);
    if short {
        response.vaa_name = crate::cosem::short_name::ASSOCIATION;
    }
    Ok(response)
}
