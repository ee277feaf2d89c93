//! What may be asked of a meter besides one attribute: part of one, several at once, SET and ACTION. What the meter did not
//! grant, or what must not be written, is a `LocalError` and sends nothing.
use super::guard::Guard;
use super::state::Call;
use super::transfer::Service;
use super::{Association, LocalError, State};
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::list::encode_references;
use crate::dlms::xdlms::{
    ActionRequest, Conformance, GetRequest, MethodRef, Selection, SetRequest,
};
use std::time::Instant;

impl Association {
    /// Asks for part of one attribute; the answer comes as [`Event::Got`](super::Event::Got).
    pub fn get_with(
        &mut self,
        now: Instant,
        attribute: AttributeRef,
        access: &Selection,
    ) -> Result<(), LocalError> {
        if self.is_short() {
            return self.short_get(now, attribute, Some(access));
        }
        self.allow(
            Conformance::SELECTIVE_ACCESS,
            "the meter grants no selective access; read the whole attribute",
        )?;
        let mut selection = Vec::new();
        access.encode(&mut selection);
        let invoke = self.begin(Service::Get);
        GetRequest::Normal {
            invoke,
            attribute,
            access: &selection,
        }
        .encode(&mut self.request);
        self.fits("the selection is longer than the meter's largest APDU")?;
        self.ask(now);
        Ok(())
    }

    /// Asks for several attributes at once; the answers come as one [`Event::GotList`](super::Event::GotList).
    pub fn get_list(&mut self, now: Instant, list: &[AttributeRef]) -> Result<(), LocalError> {
        if self.is_short() {
            return self.short_get_list(now, list);
        }
        self.allow(
            Conformance::MULTIPLE_REFERENCES,
            "the meter grants no lists of references; ask one by one",
        )?;
        if list.is_empty() {
            return Err(LocalError("a list of no attributes"));
        }
        let mut references = Vec::new();
        encode_references(list, &mut references);
        let invoke = self.begin(Service::List(list.len()));
        GetRequest::WithList {
            invoke,
            list: &references,
        }
        .encode(&mut self.request);
        self.fits("the list is longer than the meter's largest APDU; ask in parts")?;
        self.ask(now);
        Ok(())
    }

    /// Writes one attribute; the answer comes as [`Event::Set`](super::Event::Set).
    pub fn set(
        &mut self,
        now: Instant,
        attribute: AttributeRef,
        value: &Data,
    ) -> Result<(), LocalError> {
        if self.config.read_only {
            return Err(LocalError(
                "set: this association only reads; nothing was sent",
            ));
        }
        if self.is_short() {
            return self.short_set(now, attribute, value);
        }
        self.allow(Conformance::SET, "the meter grants no SET")?;
        let octets = value.to_bytes();
        let invoke = self.begin(Service::Set);
        SetRequest::Normal {
            invoke,
            attribute,
            access: &[],
            value: &octets,
        }
        .encode(&mut self.request);
        if self.is_too_long() && !self.general_blocks(Conformance::BLOCK_SET) {
            self.request.clear();
            self.allow(
                Conformance::BLOCK_SET,
                "the value is longer than the meter's largest APDU, and it grants no SET in blocks",
            )?;
            self.transfer.outgoing.start(octets, self.longest());
            self.transfer.first_set_block(attribute, &mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    /// Runs one method; the answer comes as [`Event::Acted`](super::Event::Acted).
    pub fn action(
        &mut self,
        now: Instant,
        method: MethodRef,
        parameters: Option<&Data>,
    ) -> Result<(), LocalError> {
        if self.config.read_only {
            return Err(LocalError(
                "action: this association only reads; nothing was sent",
            ));
        }
        if self.is_short() {
            return self.short_action(now, method, parameters);
        }
        self.allow(Conformance::ACTION, "the meter grants no ACTION")?;
        let octets = parameters.map(Data::to_bytes).unwrap_or_default();
        let invoke = self.begin(Service::Action);
        ActionRequest::Normal {
            invoke,
            method,
            parameters: &octets,
        }
        .encode(&mut self.request);
        if self.is_too_long() && !self.general_blocks(Conformance::BLOCK_ACTION) {
            self.request.clear();
            self.allow(
                Conformance::BLOCK_ACTION,
                "the parameters are longer than the meter's largest APDU, and it grants no ACTION in blocks",
            )?;
            self.transfer.outgoing.start(octets, self.longest());
            self.transfer.first_action_block(method, &mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    /// Whether SET and ACTION are held back.
    pub const fn is_read_only(&self) -> bool {
        self.config.read_only
    }

    /// Lets SET and ACTION out, or holds them back again.
    pub const fn set_read_only(&mut self, read_only: bool) {
        self.config.read_only = read_only;
    }

    /// The state is right and the meter granted this bit.
    pub(super) fn allow(&self, bit: u8, otherwise: &'static str) -> Result<(), LocalError> {
        self.state.check(Call::Get)?;
        if self.conformance().is_some_and(|granted| granted.has(bit)) {
            Ok(())
        } else {
            Err(LocalError(otherwise))
        }
    }

    pub(super) fn begin(&mut self, service: Service) -> crate::dlms::xdlms::InvokeId {
        self.request.clear();
        self.transfer.begin(service)
    }

    /// The longest APDU the meter takes, before sealing.
    pub(super) fn longest(&self) -> usize {
        let longest = match self.granted.map_or(0, |granted| granted.max_pdu) {
            0 => usize::from(u16::MAX),
            longest => longest.into(),
        };
        longest.saturating_sub(self.guard.as_ref().map_or(0, Guard::overhead))
    }

    fn is_too_long(&self) -> bool {
        self.request.len() > self.longest()
    }

    /// General block transfer takes what is too long, since this service has no blocks of its own here.
    fn general_blocks(&self, own: u8) -> bool {
        self.conformance().is_some_and(|granted| {
            granted.has(Conformance::GENERAL_BLOCK_TRANSFER) && !granted.has(own)
        })
    }

    pub(super) fn fits(&self, otherwise: &'static str) -> Result<(), LocalError> {
        let general = self
            .conformance()
            .is_some_and(|granted| granted.has(Conformance::GENERAL_BLOCK_TRANSFER));
        if !self.is_too_long() || general {
            Ok(())
        } else {
            Err(LocalError(otherwise))
        }
    }

    pub(super) fn ask(&mut self, now: Instant) {
        self.state = State::Reading;
        self.send_request(now);
        self.pump(now);
    }
}
