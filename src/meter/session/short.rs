//! Meters that call objects by short names: the names come from the association's own object list, are learned once and kept
//! with what else was learned of the meter. To everyone else an attribute stays class, logical name and number.

use super::{Session, SessionError};
use crate::cosem::AttributeRef;
use crate::cosem::Data;
use crate::cosem::object_list::{CURRENT_LIST, ObjectList};
use crate::cosem::short_name::{ACCESS_RIGHTS, OBJECT_LIST, ShortNames};
use crate::dlms::xdlms::Conformance;
use crate::meter::tap::Note;

impl Session {
    /// Whether this meter calls its objects by short names.
    pub fn is_short(&self) -> bool {
        self.association.is_short()
    }

    /// The current association's object list, in the class this meter has it in.
    pub fn object_list_attribute(&self) -> AttributeRef {
        if self.is_short() {
            OBJECT_LIST
        } else {
            CURRENT_LIST
        }
    }

    /// Adds to a list by short names what the association says of rights, where it says anything.
    pub async fn add_rights(&mut self, list: &mut ObjectList) -> Result<(), SessionError> {
        if self.is_short()
            && let Ok(rights) = self.get(ACCESS_RIGHTS).await?
        {
            list.add_rights(&rights);
        }
        Ok(())
    }

    /// After every new association: names it knows, or reads.
    pub(super) async fn learn_short_names(&mut self) -> Result<(), SessionError> {
        if !self.is_short() {
            return Ok(());
        }
        if self.objects.short_names().is_none() {
            // Without the list only the association itself has a name; every other object is then answered as undefined.
            match self.get(OBJECT_LIST).await? {
                Ok(data) => self.keep_names(&data),
                Err(error) => self.say(format!("the object list by short names: {error}")),
            }
        }
        if let Some(names) = self.objects.short_names() {
            self.association.set_short_names(names.clone());
        }
        Ok(())
    }

    fn keep_names(&mut self, data: &Data) {
        match ObjectList::from_data(data) {
            Ok(list) => {
                for problem in &list.problems {
                    self.say(problem.to_string());
                }
                self.objects.set_short_names(ShortNames::from_list(&list));
            }
            Err(error) => self.say(error.to_string()),
        }
    }

    fn say(&self, what: String) {
        self.wire.note(Note::Text(what));
    }

    /// The bit that grants this by short names; a service asked for by its LN bit has another there.
    pub(super) fn granted_as(&self, bit: u8) -> u8 {
        match bit {
            _ if !self.is_short() => bit,
            Conformance::GET => Conformance::READ,
            Conformance::SET => Conformance::WRITE,
            Conformance::ACTION | Conformance::SELECTIVE_ACCESS => {
                Conformance::PARAMETERISED_ACCESS
            }
            other => other,
        }
    }
}
