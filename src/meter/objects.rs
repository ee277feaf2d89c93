//! What was learned of a meter's objects: the class each answers to, and its scaler and unit.
//! Each is asked for once and kept as long as the meter is the same, over reconnects too.

use super::identity::Identity;
use crate::cosem::by_object::ByObject;
use crate::cosem::object_list::ObjectList;
use crate::cosem::short_name::ShortNames;
use crate::cosem::{Obis, ScalerUnit, catalogue};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    known: ByObject<Object>,
    /// Classes by the association's object list, as far as one is at hand: tried first, not believed blindly.
    listed: BTreeMap<Obis, u16>,
    /// What the meter grants and then fails at.
    fails_at: BTreeSet<Together>,
    /// The public client was not let in, or brought no invocation counter.
    public_refused: bool,
    /// Where the meter calls its objects by short names, and they were read.
    short_names: Option<ShortNames>,
    /// References in one GET, where longer lists were too long for this meter.
    longest_list: Option<usize>,
    /// A list for reading was answered once.
    lists_worked: bool,
    identity: Option<Box<Identity>>,
    /// What of its identity the meter does not say.
    unsaid: [bool; 2],
    /// How often the identity was asked for since an answer came.
    asked_identity: u8,
}

/// References in one request at most: more would only make the answer need more blocks.
const MOST_REFERENCES: usize = 32;
/// A link that broke so often when the meter was asked who it is: then it is no more.
const MOST_ASKED: u8 = 2;

/// Several things in one request: to read, to write, to run methods, or all of these by ACCESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Together {
    Get,
    Set,
    Action,
    Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub class: u16,
    /// The meter answered for this class. Otherwise it answered for none, and the likeliest stands here so that each
    /// poll asks once and not four times.
    pub found: bool,
    pub scaler: Scaler,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaler {
    Unread,
    /// The class has none, or the meter does not give it.
    None,
    Known(ScalerUnit),
}

impl Scaler {
    pub(super) const fn known(self) -> Option<ScalerUnit> {
        match self {
            Self::Known(scaler_unit) => Some(scaler_unit),
            Self::Unread | Self::None => None,
        }
    }
}

/// Tried in this order where the catalogue does not know: register, data, extended register, clock.
const USUAL_CLASSES: [u16; 4] = [3, 1, 4, 8];

/// Profiles and associations: attribute 2 of these is a whole table.
const NO_VALUE: [u16; 3] = [7, 12, 15];

impl Objects {
    pub fn get(&self, obis: Obis) -> Option<Object> {
        self.known.get(obis).copied()
    }

    pub fn set(&mut self, obis: Obis, object: Object) {
        self.known.insert(obis, object);
    }

    /// Takes the classes from an object list, of those objects that have one value to read.
    pub fn listed(&mut self, list: &ObjectList) {
        for object in &list.objects {
            if !NO_VALUE.contains(&object.class) {
                self.listed.entry(object.obis).or_insert(object.class);
            }
        }
    }

    /// Whether that was tried in vain with this meter.
    pub fn fails_at(&self, what: Together) -> bool {
        self.fails_at.contains(&what)
    }

    pub fn set_fails_at(&mut self, what: Together) {
        self.fails_at.insert(what);
    }

    pub(super) fn longest_list(&self) -> usize {
        self.longest_list.unwrap_or(MOST_REFERENCES)
    }

    /// A list of so many was too long.
    pub(super) fn shorten_lists(&mut self, length: usize) {
        self.longest_list = Some((length / 2).min(self.longest_list()));
    }

    pub(super) fn lists_worked(&mut self) {
        self.lists_worked = true;
    }

    pub(super) fn have_lists_worked(&self) -> bool {
        self.lists_worked
    }

    /// What the meter said it is.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Which of `identity::ASKED` is worth asking for.
    pub(super) fn asks_identity(&self) -> [bool; 2] {
        // Links that are lost just then are no reason to stop asking a meter that did answer once.
        let may = self.identity.is_some() || self.asked_identity < MOST_ASKED;
        self.unsaid.map(|unsaid| may && !unsaid)
    }

    pub(super) fn asked_identity(&mut self) {
        self.asked_identity = self.asked_identity.saturating_add(1);
    }

    pub(super) fn unsaid(&mut self, place: usize) {
        self.unsaid[place] = true;
    }

    pub(super) fn identified(&mut self, identity: Identity) {
        self.asked_identity = 0;
        self.identity = Some(Box::new(identity));
    }

    /// Another meter answers: nothing that was learned holds, but what it does not say it will not say now.
    pub(super) fn of_another(&self) -> Self {
        Self {
            unsaid: self.unsaid,
            ..Self::default()
        }
    }

    /// Whether the public client was asked for the invocation counter in vain.
    pub fn public_is_refused(&self) -> bool {
        self.public_refused
    }

    pub fn set_public_is_refused(&mut self) {
        self.public_refused = true;
    }

    pub fn short_names(&self) -> Option<&ShortNames> {
        self.short_names.as_ref()
    }

    pub fn set_short_names(&mut self, names: ShortNames) {
        self.short_names = Some(names);
    }

    /// A new association may show objects an earlier one did not: what was not found is asked for again.
    pub fn forget_missing(&mut self) {
        self.known.retain(|_, object| object.found);
    }

    /// The classes to try for an object, in order; never empty.
    pub(super) fn classes(&self, obis: Obis) -> impl Iterator<Item = u16> + use<> {
        let known = self.get(obis).map(|o| o.class);
        let first = known
            .or_else(|| self.listed.get(&obis).copied())
            .or_else(|| catalogue::usual_class(obis));
        let others = if known.is_some() {
            &[][..]
        } else {
            &USUAL_CLASSES[..]
        };
        let others = others.iter().copied().filter(move |&c| Some(c) != first);
        first.into_iter().chain(others)
    }
}

/// The attribute that holds scaler_unit, for the classes that have one.
pub(super) const fn scaler_attribute(class: u16) -> Option<i8> {
    match class {
        3 | 4 => Some(3),
        5 => Some(4),
        _ => None,
    }
}
