//! Faults of the application: a filter on APDUs. Associations are judged as they are on the line, services as they are
//! under their ciphering. The one rule: whatever is answered in the meter's place is a whole APDU of the standard.

use super::link::Disc;
use super::{Faults, Kind};
use crate::dlms::acse::{
    Aare, Aarq, ApplicationContext, Diagnostic, InitiateResponse, UserInformation,
};
use crate::dlms::xdlms::{ExceptionResponse, ServiceError, tag};
use crate::simulator::profile::Profile;
use std::time::{Duration, Instant};

mod services;

/// AARE result: for good, as far as the meter knows.
const PERMANENT: u8 = 1;
const FAILURE: Diagnostic = Diagnostic::User(13);
/// Where an association in short-name referencing has its objects.
const SHORT_NAMES: u16 = 0xFA00;
const GATEWAY: &[u8] = b"NEXERRORNO-1";

#[derive(Debug)]
pub(in crate::simulator) struct ApduFaults {
    faults: Faults,
    /// Wrong passwords since the last right one.
    wrong: u32,
    locked_until: Option<Instant>,
    /// An association of someone who is gone ends at this moment by itself.
    stale_until: Option<Instant>,
}

impl ApduFaults {
    pub fn new(profile: &Profile, now: Instant) -> Option<Box<Self>> {
        let faults = &profile.faults;
        if faults.is_empty() {
            return None;
        }
        let stale = [Kind::StaleAssociation, Kind::StaleLink, Kind::StaleCalling]
            .into_iter()
            .any(|kind| faults.has(kind));
        // Zero: it never ends by itself.
        let inactivity = if profile.inactivity.is_zero() {
            Duration::from_hours(24 * 366)
        } else {
            profile.inactivity
        };
        Some(Box::new(Self {
            faults: faults.clone(),
            wrong: 0,
            locked_until: None,
            stale_until: now.checked_add(inactivity).filter(|_| stale),
        }))
    }

    /// A DISC was heard.
    pub fn released(&mut self, disc: Disc) {
        let by = |kind| self.faults.number(kind) == Some(disc.sap.into());
        if by(Kind::StaleAssociation)
            || by(Kind::StaleLink)
            || disc.calling && self.faults.has(Kind::StaleCalling)
        {
            self.stale_until = None;
        }
    }

    /// Answers in the meter's place; false when the meter shall.
    pub fn instead(
        &mut self,
        now: Instant,
        profile: &Profile,
        associated: bool,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let before = out.len();
        match apdu.first() {
            Some(&tag::AARQ) => self.instead_of_aare(now, profile, associated, apdu, out),
            Some(&tag::RLRQ) if self.faults.has(Kind::RlreException) => {
                exception(2, 2, None, out);
            }
            None | Some(&tag::RLRQ) => {}
            Some(_) => {
                if self.faults.has(Kind::InvocationCounter) {
                    exception(1, 6, self.faults.number(Kind::InvocationCounter), out);
                } else if self.faults.has(Kind::GatewayText) {
                    out.extend_from_slice(GATEWAY);
                }
            }
        }
        out.len() > before
    }

    fn instead_of_aare(
        &self,
        now: Instant,
        profile: &Profile,
        associated: bool,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let faults = &self.faults;
        let none = UserInformation::None;
        let refused =
            |result, diagnostic, information| Some(Aare::refused(result, diagnostic, information));
        let stale = self.stale_until.is_some_and(|until| now < until);
        let locked = self.locked_until.is_some_and(|until| now < until);
        let aare = if let Some((state, service)) = faults.pair(Kind::ExceptionAarq) {
            return exception(state, service, None, out);
        } else if stale && faults.has(Kind::StaleAssociation) {
            return exception(1, 1, None, out);
        } else if faults.has(Kind::InvocationCounter) && is_ciphered(apdu) {
            return exception(1, 6, faults.number(Kind::InvocationCounter), out);
        } else if stale || associated && faults.has(Kind::NoReassociation) {
            refused(PERMANENT, Diagnostic::User(1), none)
        } else if locked && Aarq::decode(apdu).is_ok_and(|aarq| aarq.secret.is_some()) {
            refused(PERMANENT, FAILURE, none)
        } else if let Some((result, diagnostic)) = faults.pair(Kind::Aare) {
            refused(result, Diagnostic::User(diagnostic), none)
        } else if let Some((result, diagnostic)) = faults.pair(Kind::AareInfo) {
            let response = InitiateResponse::new(profile.offers(false), profile.max_pdu);
            let information = UserInformation::Initiate(response);
            refused(result, Diagnostic::User(diagnostic), information)
        } else if let Some((result, diagnostic)) = faults.pair(Kind::AareProvider) {
            refused(result, Diagnostic::Provider(diagnostic), none)
        } else if let Some(value) = faults.octet(Kind::InitiateError) {
            let error = ServiceError {
                service: 1,
                kind: 6,
                value,
            };
            let information = UserInformation::ServiceError(error);
            refused(PERMANENT, Diagnostic::User(1), information)
        } else {
            None
        };
        if let Some(aare) = aare {
            aare.encode(out);
        }
    }

    /// Changes what the meter answered; it stands in `out` from `start` on.
    pub fn after(&mut self, now: Instant, apdu: &[u8], start: usize, out: &mut Vec<u8>) {
        if apdu.first() != Some(&tag::AARQ) {
            return;
        }
        let Ok(mut aare) = Aare::decode(out.get(start..).unwrap_or_default()) else {
            return;
        };
        let shown = || Aarq::decode(apdu).is_ok_and(|aarq| aarq.secret.is_some());
        if let Some(time) = self.faults.time(Kind::Locked).filter(|_| shown()) {
            if aare.result == 0 {
                self.wrong = 0;
            } else if aare.diagnostic == FAILURE {
                self.wrong += 1;
            }
            if self
                .faults
                .number(Kind::Locked)
                .is_some_and(|most| self.wrong >= most)
            {
                self.wrong = 0;
                self.locked_until = now.checked_add(time);
            }
        }
        let mut changed = false;
        if self.faults.has(Kind::EmptyTitle) && aare.result == 0 {
            aare.responding_title = Some(Vec::new());
            changed = true;
        }
        if self.faults.has(Kind::VaaName)
            && let UserInformation::Initiate(response) = &mut aare.user_information
        {
            response.vaa_name = SHORT_NAMES;
            changed = true;
        }
        if changed {
            out.truncate(start);
            aare.encode(out);
        }
    }
}

fn is_ciphered(aarq: &[u8]) -> bool {
    Aarq::decode(aarq).is_ok_and(|aarq| {
        matches!(
            aarq.context,
            ApplicationContext::LnCiphered | ApplicationContext::SnCiphered
        )
    })
}

fn exception(state: u8, service: u8, counter: Option<u32>, out: &mut Vec<u8>) {
    ExceptionResponse {
        state,
        service,
        counter,
    }
    .encode(out);
}
