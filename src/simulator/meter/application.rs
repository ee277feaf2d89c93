//! The meter's application layer: which service is served (`reading`, `writing`), ciphered or not (`protect`), whole or in
//! general blocks (`gbt`). Every request gets one answer in the standard's own words, and nothing but AARQ is served before
//! an association.

use super::association::{Association, SMALLEST_PDU};
use super::gbt::{BlockTransfer, Came};
use super::kept::Kept;
use super::protect::Counters;
use super::registers::Registers;
use super::short::LongRead;
use super::transfer::Transfer;
use super::wall::Wall;
use super::writing::Incoming;
use crate::dlms::acse::Rlre;
use crate::dlms::security::{Form, SecurityError};
use crate::dlms::xdlms::{Conformance, ExceptionResponse, tag};
use crate::simulator::clients::Client;
use crate::simulator::fault::{ApduFaults, Disc};
use crate::simulator::profile::Profile;
use std::time::Instant;

/// A release that is as it should be (RLRE reason).
const NORMAL: u8 = 0;

#[derive(Debug)]
pub(super) struct Application {
    pub(super) wall: Wall,
    pub(super) registers: Registers,
    pub(super) kept: Kept,
    pub(super) counters: Counters,
    pub(super) association: Option<Association>,
    pub(super) transfer: Option<Transfer>,
    pub(super) incoming: Option<Incoming>,
    pub(super) long_read: Option<LongRead>,
    blocks: BlockTransfer,
    /// The answer being made may be of any length: it will go in general blocks.
    general: bool,
    /// Encoded data of the answer being made; kept so that a GET allocates nothing.
    pub(super) data: Vec<u8>,
    /// An answer before it is ciphered; kept for the same reason.
    plain: Vec<u8>,
    faults: Option<Box<ApduFaults>>,
}

impl Application {
    pub fn new(profile: &Profile, wall: Wall, now: Instant) -> Self {
        Self {
            registers: Registers::new(profile),
            kept: Kept::default(),
            counters: Counters::new(profile.seed, wall.unix(now)),
            wall,
            association: None,
            transfer: None,
            incoming: None,
            long_read: None,
            blocks: BlockTransfer::default(),
            general: false,
            data: Vec::new(),
            plain: Vec::new(),
            faults: ApduFaults::new(profile, now),
        }
    }

    /// The link came up anew or is gone.
    pub fn reset(&mut self) {
        self.association = None;
        self.transfer = None;
        self.incoming = None;
        self.long_read = None;
        self.blocks.reset();
    }

    pub fn is_associated(&self) -> bool {
        self.association
            .as_ref()
            .is_some_and(|association| !association.is_pending())
    }

    /// A client said DISC, perhaps one whose association is open only on purpose.
    pub fn released(&mut self, disc: Disc) {
        if let Some(faults) = &mut self.faults {
            faults.released(disc);
        }
    }

    /// Appends the answer to one APDU. None is due to a block that others follow.
    pub fn request(
        &mut self,
        now: Instant,
        client: &Client,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let associated = self.association.is_some();
        let start = out.len();
        if let Some(faults) = &mut self.faults
            && faults.instead(now, profile, associated, apdu, out)
        {
            return;
        }
        self.answer(now, client, profile, apdu, out);
        if let Some(faults) = &mut self.faults {
            faults.after(now, apdu, start, out);
        }
    }

    fn answer(
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
        let general = self.agreed(Conformance::GENERAL_BLOCK_TRANSFER);
        if *first != tag::GENERAL_BLOCK_TRANSFER || !general {
            // Some clients agree to general blocks and cannot read them: the service's own come first where they may.
            let own = self.agreed(Conformance::BLOCK_GET) && !profile.general_blocks;
            self.general = general && !own;
            self.blocks.reset();
            return self.whole(now, profile, apdu, out);
        }
        self.general = true;
        match self.blocks.take(apdu, out) {
            Came::Whole(apdu) => self.whole(now, profile, &apdu, out),
            Came::Wrong => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            Came::Answered | Came::Nothing => {}
        }
    }

    /// Appends the APDU that follows the last one unasked, if one does.
    pub fn stream(&mut self, out: &mut Vec<u8>) {
        self.blocks.next(out);
    }

    /// One request as the client meant it; its answer goes in blocks when it must and may.
    fn whole(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let Some(association) = &mut self.association else {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        };
        let first = apdu.first().copied().unwrap_or_default();
        let longest = if association
            .conformance
            .has(Conformance::GENERAL_BLOCK_TRANSFER)
        {
            association.longest
        } else {
            usize::MAX
        };
        let required = association.security.and_then(|terms| terms.required);
        let start = out.len();
        if tag::is_ciphered(first) {
            self.ciphered(now, profile, apdu, out);
        } else if required.is_some() && first != tag::RLRQ {
            exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        } else {
            self.service(now, profile, apdu, out);
        }
        if out.len() - start > longest {
            let answer = out.split_off(start);
            if self.blocks.begin(answer, longest) {
                self.blocks.next(out);
            } else {
                exception(NOT_ALLOWED, TOO_LONG, out);
            }
        }
    }

    /// Opens the request, and seals its answer in the same form.
    fn ciphered(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let guard = self.association.as_mut().and_then(|it| it.guard.take());
        let Some(mut guard) = guard else {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        };
        match guard.open(apdu, &mut self.counters) {
            Ok((plain, dress)) => {
                let mut answer = std::mem::take(&mut self.plain);
                answer.clear();
                self.service(now, profile, &plain, &mut answer);
                // Of the exception-response there is no glo or ded form.
                let clear = answer.first() == Some(&tag::EXCEPTION_RESPONSE)
                    && dress.form() != Form::General;
                if clear {
                    out.extend_from_slice(&answer);
                } else if guard.seal(&answer, dress, &mut self.counters, out).is_err() {
                    exception(NOT_ALLOWED, DECIPHERING, out);
                }
                self.plain = answer;
            }
            Err(SecurityError::CounterTooLow { lowest, .. }) => ExceptionResponse {
                state: NOT_ALLOWED,
                service: COUNTER,
                counter: Some(lowest),
            }
            .encode(out),
            Err(SecurityError::Weak { .. }) => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            Err(_) => exception(NOT_ALLOWED, DECIPHERING, out),
        }
        if let Some(association) = &mut self.association {
            association.guard = Some(guard);
        }
    }

    fn service(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let association = self.association.as_ref();
        let pending = association.is_some_and(Association::is_pending);
        let start = out.len();
        if let Some(faults) = &self.faults
            && faults.instead_of_service(pending, apdu, out)
        {
            return;
        }
        self.serve(now, profile, apdu, out);
        if let Some(faults) = &self.faults {
            faults.after_service(pending, apdu, start, out);
        }
    }

    /// One plain request: this is where its tag decides who serves it.
    fn serve(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let Some(association) = &self.association else {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        };
        let pending = association.is_pending();
        match apdu.first().copied().unwrap_or_default() {
            tag::RLRQ => {
                self.reset();
                let reason = Some(NORMAL);
                Rlre { reason }.encode(out);
            }
            // The proof itself comes whatever was agreed.
            tag::ACTION_REQUEST if pending || association.conformance.has(Conformance::ACTION) => {
                self.transfer = None;
                self.action(now, profile, apdu, out);
            }
            // By short names the proof is read.
            tag::READ_REQUEST if pending => self.prove_short(apdu, out),
            _ if pending => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            tag::GET_REQUEST if association.conformance.has(Conformance::GET) => {
                self.get(now, profile, apdu, out);
            }
            tag::SET_REQUEST if association.conformance.has(Conformance::SET) => {
                self.transfer = None;
                self.set(now, profile, apdu, out);
            }
            tag::ACCESS_REQUEST if association.conformance.has(Conformance::ACCESS) => {
                self.transfer = None;
                self.access(now, profile, apdu, out);
            }
            tag::READ_REQUEST if association.conformance.has(Conformance::READ) => {
                self.short_read(now, profile, apdu, out);
            }
            tag::WRITE_REQUEST if association.conformance.has(Conformance::WRITE) => {
                self.short_write(now, profile, apdu, out);
            }
            tag::UNCONFIRMED_WRITE_REQUEST
                if association.conformance.has(Conformance::UNCONFIRMED_WRITE) =>
            {
                self.short_write(now, profile, apdu, out);
            }
            tag::GET_REQUEST | tag::SET_REQUEST | tag::ACTION_REQUEST => {
                exception(NOT_ALLOWED, NOT_SUPPORTED, out);
            }
            _ => exception(UNKNOWN, NOT_SUPPORTED, out),
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
        if self.general {
            return usize::MAX;
        }
        self.association
            .as_ref()
            .map_or(usize::from(SMALLEST_PDU), |association| association.limit)
    }
}

pub(super) const NOT_ALLOWED: u8 = 1;
const UNKNOWN: u8 = 2;
pub(super) const NOT_POSSIBLE: u8 = 1;
pub(super) const NOT_SUPPORTED: u8 = 2;
const TOO_LONG: u8 = 4;
const DECIPHERING: u8 = 5;
const COUNTER: u8 = 6;

pub(super) fn exception(state: u8, service: u8, out: &mut Vec<u8>) {
    ExceptionResponse {
        state,
        service,
        counter: None,
    }
    .encode(out);
}
