//! Passes 3 and 4 of high-level security: our proof goes out as an ACTION on the association object, the meter's comes back
//! and is checked. Every way to fail counts as a failed authentication and is said in words.
use super::guard::Guard;
use super::{Association, Authentication, Config, Event, Failure, State, Step};
use crate::cosem::{Data, Obis};
use crate::dlms::acse::Aare;
use crate::dlms::security::hls::{self, Proof, Prover};
use crate::dlms::security::{Keys, SecurityError, Suite};
use crate::dlms::xdlms::action::Returned;
use crate::dlms::xdlms::{
    ActionRequest, ActionResponse, ActionResult, ExceptionResponse, MethodRef, ServiceError, tag,
};
use std::time::Instant;

/// Challenges have 8 to 64 octets (Green Book, HLS).
pub(super) const SHORTEST: usize = 8;
pub(super) const LONGEST: usize = 64;

/// reply_to_HLS_authentication of the association in use.
pub(super) const REPLY: MethodRef = MethodRef {
    class: 15,
    obis: Obis::new(0, 0, 40, 0, 0, 255),
    method: 1,
};

/// What an APDU means while the meter's proof is awaited.
pub(super) enum Reply {
    /// f(CtoS) as it came.
    Proof(Vec<u8>),
    Failed(Failure),
    /// A late answer to something else, by its tag.
    Stale(u8),
    Unsolicited,
}

impl Association {
    /// The meter accepts if both sides prove themselves: pass 3.
    pub(super) fn prove(&mut self, now: Instant, aare: &Aare) {
        if let Err(failure) = self.challenged(aare) {
            return self.fail(failure);
        }
        let proof = {
            let none = Keys::default();
            // Only GMAC uses one up.
            let gmac = matches!(
                self.config.authentication,
                Authentication::Hls {
                    mechanism: hls::HlsMechanism::Gmac,
                    ..
                }
            );
            let counter = match &mut self.guard {
                Some(guard) if gmac => guard.next_counter(),
                _ => Ok(0),
            };
            counter.and_then(|counter| hls::answer(&self.facts(Prover::Client, &none), counter))
        };
        let proof = match proof {
            Ok(proof) => Data::OctetString(proof).to_bytes(),
            Err(error) => return self.fail(Failure::Security(error)),
        };
        if self.is_short() {
            let _ = self.begin(super::transfer::Service::Invoke);
            super::short::reply_to_hls(&proof, &mut self.request);
        } else {
            let invoke = self.begin(super::transfer::Service::Action);
            ActionRequest::Normal {
                invoke,
                method: REPLY,
                parameters: &proof,
            }
            .encode(&mut self.request);
        }
        self.state = State::Proving;
        self.push(Event::Step(Step::Hls));
        self.send_request(now);
    }

    /// Keeps the meter's challenge, if it is one.
    fn challenged(&mut self, aare: &Aare) -> Result<(), Failure> {
        let failed = |what: String| Err(Failure::Hls(what));
        let Some(challenge) = &aare.authentication_value else {
            return failed(
                "the meter sent no challenge (StoC), so neither side can prove itself".to_owned(),
            );
        };
        if *challenge == self.challenge {
            return failed(
                "the meter sent our own challenge back: its proof could be ours, reflected"
                    .to_owned(),
            );
        }
        if challenge.len() < SHORTEST {
            return failed(format!(
                "the meter's challenge has {} octets, at least {SHORTEST} are due: too easy to guess",
                challenge.len()
            ));
        }
        self.peer_challenge.clone_from(challenge);
        Ok(())
    }

    fn facts<'a>(&'a self, prover: Prover, none: &'a Keys) -> Proof<'a> {
        let security = self.guard.as_ref().map(Guard::security);
        let (mechanism, secret) = match &self.config.authentication {
            Authentication::Hls { mechanism, secret } => (*mechanism, Some(secret)),
            // Never proven with; the mechanism only fills the place.
            _ => (hls::HlsMechanism::Md5, None),
        };
        Proof {
            mechanism,
            prover,
            client_challenge: &self.challenge,
            meter_challenge: &self.peer_challenge,
            client_title: security.map(|security| security.title),
            meter_title: self.guard.as_ref().and_then(Guard::peer_title),
            secret: secret.filter(|secret| !secret.is_empty()),
            suite: security.map_or(Suite::Zero, |security| security.suite),
            keys: self.guard.as_ref().map_or(none, Guard::keys),
        }
    }

    /// Pass 4: whether the meter knows the secret too.
    pub(super) fn check_proof(&self, proof: &[u8]) -> Result<(), Failure> {
        let none = Keys::default();
        match hls::verify(&self.facts(Prover::Meter, &none), proof) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Hls(format!(
                "the meter's proof is not accepted: {error}"
            ))),
        }
    }

    /// What the answer to pass 3 says.
    pub(super) fn judge_reply(&mut self, apdu: &[u8], certain: bool) -> Reply {
        let failed = |what: String| Reply::Failed(Failure::Hls(what));
        match apdu.first() {
            Some(&tag::READ_RESPONSE) if self.is_short() => match super::short::proof(apdu) {
                Ok(proof) => Reply::Proof(proof),
                Err(what) => failed(what),
            },
            Some(&tag::ACTION_RESPONSE) => match ActionResponse::decode(apdu) {
                Ok(ActionResponse::Normal {
                    invoke,
                    result,
                    returned,
                }) => {
                    if invoke.id() != self.transfer.invoke().id() && !certain {
                        return Reply::Stale(tag::ACTION_RESPONSE);
                    }
                    if result != ActionResult::SUCCESS {
                        return failed(format!("the meter refused our proof: {result}"));
                    }
                    match returned {
                        Returned::Data(octets) => match Data::decode(octets) {
                            Ok((Data::OctetString(proof), _)) => Reply::Proof(proof),
                            _ => failed(
                                "what the meter gave as its proof is no octet-string".to_owned(),
                            ),
                        },
                        Returned::Nothing => {
                            failed("the meter took our proof and gave none of its own".to_owned())
                        }
                        Returned::Error(result) => failed(format!(
                            "the meter took our proof and refused its own: {result}"
                        )),
                    }
                }
                Ok(_) => failed("the meter answered our proof in blocks".to_owned()),
                Err(error) => failed(format!("the answer to our proof cannot be read: {error}")),
            },
            Some(&tag::EXCEPTION_RESPONSE) => match ExceptionResponse::decode(apdu) {
                // The proof was not even looked at: with the right counter or keys it may be.
                Ok(exception) if exception.is_counter() || exception.is_deciphering() => {
                    Reply::Failed(Failure::Exception(exception))
                }
                Ok(exception) => failed(format!("the meter refused our proof: {exception}")),
                Err(error) => failed(format!("the answer to our proof cannot be read: {error}")),
            },
            Some(&tag::CONFIRMED_SERVICE_ERROR) => match ServiceError::decode(apdu) {
                Ok(error) => failed(format!("the meter refused our proof: {error}")),
                Err(error) => failed(format!("the answer to our proof cannot be read: {error}")),
            },
            Some(&first) if tag::is_notification(first) => Reply::Unsolicited,
            Some(&late @ (tag::GET_RESPONSE | tag::SET_RESPONSE | tag::AARE | tag::RLRE)) => {
                Reply::Stale(late)
            }
            Some(&other) => failed(format!(
                "the meter answered our proof with {} ({other:02X})",
                tag::name(other).unwrap_or("an unknown APDU")
            )),
            None => failed("the meter answered our proof with an empty APDU".to_owned()),
        }
    }
}

/// Whether the challenge at hand may go out.
pub(super) fn fit(config: &Config, challenge: &[u8]) -> Result<(), &'static str> {
    if !matches!(config.authentication, Authentication::Hls { .. }) {
        return Ok(());
    }
    match challenge.len() {
        SHORTEST..=LONGEST => Ok(()),
        0 => Err("connect: high-level security needs a fresh challenge each time (renew)"),
        _ => Err("connect: a challenge has 8 to 64 octets"),
    }
}

impl From<SecurityError> for super::GetError {
    fn from(error: SecurityError) -> Self {
        Self::Security(error)
    }
}
