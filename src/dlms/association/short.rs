//! READ and WRITE for meters that call objects by short names. A caller still says class, logical name and attribute; the
//! names learned from the meter's object list say which number that is. What has no name is answered here as the meter would
//! have, and nothing is sent.
use super::state::Call;
use super::transfer::Service;
use super::{ActionError, Association, Event, GetError, LocalError, Naming, SetError};
use crate::cosem::data::encode_length;
use crate::cosem::short_name::{Nameless, REPLY_TO_HLS, ShortNames};
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::short::{
    ReadAnswer, ReadAnswers, ReadRequest, ReadResponse, Variable, WriteRequest, encode_variables,
};
use crate::dlms::xdlms::{ActionResult, Conformance, DataAccessResult, MethodRef, Selection};
use std::time::Instant;

const NO_READ: &str = "the meter grants no READ";
const NO_WRITE: &str = "the meter grants no WRITE";
const NO_LISTS: &str = "the meter grants no lists of references; ask one by one";
const NO_PARAMETERS: &str = "the meter grants no parameterised access; read the whole attribute";
const TOO_LONG: &str =
    "the request is longer than the meter's largest APDU, and it grants no WRITE in blocks";

impl Association {
    /// Objects are called by short names.
    pub fn is_short(&self) -> bool {
        self.config.naming == Naming::ShortName
    }

    /// The names of this meter's objects; before this is said, only the association itself has one.
    pub fn set_short_names(&mut self, names: ShortNames) {
        self.names = names;
    }

    pub fn short_names(&self) -> &ShortNames {
        &self.names
    }

    pub(super) fn short_get(
        &mut self,
        now: Instant,
        attribute: AttributeRef,
        access: Option<&Selection>,
    ) -> Result<(), LocalError> {
        self.allow(Conformance::READ, NO_READ)?;
        if access.is_some() {
            self.allow(Conformance::PARAMETERISED_ACCESS, NO_PARAMETERS)?;
        }
        let name = match self.names.attribute(attribute) {
            Ok(name) => name,
            Err(nameless) => {
                let error = GetError::Access(refusal(nameless));
                self.answer_here(Event::Got(Err(error)));
                return Ok(());
            }
        };
        let parameter = access.map(|access| access.parameters().to_bytes());
        let variable = match (access, &parameter) {
            (Some(access), Some(parameter)) => Variable::Parameterised {
                name,
                selector: access.selector(),
                parameter,
            },
            _ => Variable::Name(name),
        };
        self.read(now, Service::Read, &[variable])
    }

    pub(super) fn short_get_list(
        &mut self,
        now: Instant,
        list: &[AttributeRef],
    ) -> Result<(), LocalError> {
        self.allow(Conformance::READ, NO_READ)?;
        self.allow(Conformance::MULTIPLE_REFERENCES, NO_LISTS)?;
        if list.is_empty() {
            return Err(LocalError("a list of no attributes"));
        }
        let mut names = Vec::with_capacity(list.len());
        for attribute in list {
            match self.names.attribute(*attribute) {
                Ok(name) => names.push(Variable::Name(name)),
                Err(_) => {
                    return Err(LocalError(
                        "one of the list has no short name; ask one by one",
                    ));
                }
            }
        }
        self.read(now, Service::ReadList(list.len()), &names)
    }

    pub(super) fn short_set(
        &mut self,
        now: Instant,
        attribute: AttributeRef,
        value: &Data,
    ) -> Result<(), LocalError> {
        self.allow(Conformance::WRITE, NO_WRITE)?;
        let name = match self.names.attribute(attribute) {
            Ok(name) => name,
            Err(nameless) => {
                let error = SetError::Access(refusal(nameless));
                self.answer_here(Event::Set(Err(error)));
                return Ok(());
            }
        };
        let mut values = vec![1];
        value.encode(&mut values);
        self.write(now, Service::Write, &[Variable::Name(name)], &values)
    }

    pub(super) fn short_set_list(
        &mut self,
        now: Instant,
        list: &[(AttributeRef, Data)],
    ) -> Result<(), LocalError> {
        self.allow(Conformance::WRITE, NO_WRITE)?;
        self.allow(Conformance::MULTIPLE_REFERENCES, NO_LISTS)?;
        let mut names = Vec::with_capacity(list.len());
        let mut values = Vec::new();
        encode_length(list.len(), &mut values);
        for (attribute, value) in list {
            let Ok(name) = self.names.attribute(*attribute) else {
                return Err(LocalError(
                    "one of the list has no short name; ask one by one",
                ));
            };
            names.push(Variable::Name(name));
            value.encode(&mut values);
        }
        self.write(now, Service::WriteList(list.len()), &names, &values)
    }

    /// Where parameterised access is granted a method is read, so that it can give something back; elsewhere it is
    /// written.
    pub(super) fn short_action(
        &mut self,
        now: Instant,
        method: MethodRef,
        parameters: Option<&Data>,
    ) -> Result<(), LocalError> {
        self.state.check(Call::Get)?;
        let name = match self.names.method(method.class, method.obis, method.method) {
            Ok(name) => name,
            Err(Nameless::NoOffset) => {
                return Err(LocalError(
                    "where this class keeps this method by short names is not known; nothing was sent",
                ));
            }
            Err(nameless) => {
                let error = ActionError::Result(ActionResult(refusal(nameless).0));
                self.answer_here(Event::Acted(Err(error)));
                return Ok(());
            }
        };
        let parameter = parameters.unwrap_or(&Data::Null).to_bytes();
        let grants = |bit| self.conformance().is_some_and(|granted| granted.has(bit));
        if grants(Conformance::READ) && grants(Conformance::PARAMETERISED_ACCESS) {
            let parameter = &parameter;
            let variable = Variable::Parameterised {
                name,
                selector: 0,
                parameter,
            };
            return self.read(now, Service::Invoke, &[variable]);
        }
        self.allow(
            Conformance::WRITE,
            "the meter grants neither parameterised access nor WRITE",
        )?;
        let values = [&[1], &parameter[..]].concat();
        self.write(
            now,
            Service::InvokeByWrite,
            &[Variable::Name(name)],
            &values,
        )
    }

    fn read(
        &mut self,
        now: Instant,
        service: Service,
        variables: &[Variable<'_>],
    ) -> Result<(), LocalError> {
        let mut list = Vec::new();
        encode_variables(variables, &mut list);
        let _ = self.begin(service);
        ReadRequest { list: &list }.encode(&mut self.request);
        if self.fits("").is_err() {
            self.request.clear();
            self.allow(Conformance::BLOCK_SET, TOO_LONG)?;
            self.transfer.outgoing.start(list, self.longest());
            self.transfer.next_short_block(&mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    fn write(
        &mut self,
        now: Instant,
        service: Service,
        variables: &[Variable<'_>],
        values: &[u8],
    ) -> Result<(), LocalError> {
        let mut list = Vec::new();
        encode_variables(variables, &mut list);
        let _ = self.begin(service);
        WriteRequest {
            confirmed: true,
            list: &list,
            values,
        }
        .encode(&mut self.request);
        if self.fits("").is_err() {
            self.request.clear();
            self.allow(Conformance::BLOCK_SET, TOO_LONG)?;
            list.extend_from_slice(values);
            self.transfer.outgoing.start(list, self.longest());
            self.transfer.next_short_block(&mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    /// An answer that needs no meter.
    fn answer_here(&mut self, event: Event) {
        self.push(event);
    }
}

/// As a meter by logical names would have said it.
const fn refusal(nameless: Nameless) -> DataAccessResult {
    match nameless {
        Nameless::NoObject => DataAccessResult::OBJECT_UNDEFINED,
        Nameless::OtherClass => DataAccessResult::OBJECT_CLASS_INCONSISTENT,
        Nameless::NoOffset => DataAccessResult::SCOPE_OF_ACCESS_VIOLATED,
    }
}

/// Pass 3 of high-level security by short names: our proof (an octet-string, encoded), for the meter's.
pub(super) fn reply_to_hls(proof: &[u8], out: &mut Vec<u8>) {
    let variable = Variable::Parameterised {
        name: REPLY_TO_HLS,
        selector: 0,
        parameter: proof,
    };
    let mut list = Vec::new();
    encode_variables(&[variable], &mut list);
    ReadRequest { list: &list }.encode(out);
}

/// Pass 4 by short names: the meter's proof, or what is wrong with its answer.
pub(super) fn proof(apdu: &[u8]) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("the answer to our proof cannot be read: {error}");
    let response = ReadResponse::decode(apdu).map_err(unreadable)?;
    let mut answers = ReadAnswers::new(response.list).map_err(unreadable)?;
    match answers.next().transpose().map_err(unreadable)? {
        Some(ReadAnswer::Data(octets)) => match Data::decode(octets) {
            Ok((Data::OctetString(proof), _)) => Ok(proof),
            _ => Err("what the meter gave as its proof is no octet-string".to_owned()),
        },
        Some(ReadAnswer::Error(result)) => Err(format!("the meter refused our proof: {result}")),
        Some(_) => Err("the meter answered our proof in blocks".to_owned()),
        None => Err("the meter took our proof and gave none of its own".to_owned()),
    }
}
