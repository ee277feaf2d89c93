//! Several objects of a poll in one request, and who the meter is. The rule: only what was read one by one before goes in a
//! list, so that an answer always means the same; and what a meter fails at is not asked of it for ever.

use super::{Session, SessionError};
use crate::cosem::{AttributeRef, ObjectSpec};
use crate::dlms::xdlms::Conformance;
use crate::meter::identity::{ASKED, Change, Identity};
use crate::meter::objects::{Scaler, Together, scaler_attribute};
use crate::meter::reading::Reading;
use crate::meter::tap::Note;
use std::time::Duration;

/// Values that are a few octets long. Others (profiles, lists) go by themselves: in a list they would hold up the rest.
const SHORT: [u16; 5] = [1, 3, 4, 5, 8];
/// What stands around the references, sealing included.
const AROUND: usize = 40;
/// A reference: class, code, attribute, and that nothing is selected.
const REFERENCE: usize = 11;
/// A value with its tags, as meters' registers and their names are long. Only where an answer cannot come in blocks.
const VALUE: usize = 16;

impl Session {
    /// How long an answer is awaited before the meter is asked again, where that is measured and under the timeout.
    pub fn waits(&self) -> Option<Duration> {
        self.association.waits()
    }

    /// How many of these, from the front, can be read in one request; 0 or 1: one by one.
    pub(in crate::meter) fn together(&self, specs: impl Iterator<Item = ObjectSpec>) -> usize {
        let may =
            !self.objects.fails_at(Together::Get) && self.grants(Conformance::MULTIPLE_REFERENCES);
        if !may {
            return 0;
        }
        specs
            .take(self.longest_list())
            .take_while(|spec| self.plain(*spec).is_some())
            .count()
    }

    fn longest_list(&self) -> usize {
        let longest = match self.settled.max_pdu {
            None | Some(0) => usize::from(u16::MAX),
            Some(longest) => longest.into(),
        };
        let blocks = self.grants(Conformance::BLOCK_GET);
        let each = if blocks { REFERENCE } else { VALUE };
        (longest.saturating_sub(AROUND) / each).min(self.objects.longest_list())
    }

    /// The one attribute to read, where class and scaler are known.
    fn plain(&self, spec: ObjectSpec) -> Option<AttributeRef> {
        let attribute = match spec {
            ObjectSpec::Attribute(attribute) => attribute,
            ObjectSpec::Value(obis) => {
                let known = self.objects.get(obis).filter(|it| it.found)?;
                if known.scaler == Scaler::Unread && scaler_attribute(known.class).is_some() {
                    return None;
                }
                AttributeRef {
                    class: known.class,
                    obis,
                    attribute: 2,
                }
            }
        };
        SHORT.contains(&attribute.class).then_some(attribute)
    }

    /// Reads them as `read` would, in one request; `None` where the meter must be asked one by one. Only for as many as
    /// `together` says.
    pub(in crate::meter) async fn read_together(
        &mut self,
        objects: &[(ObjectSpec, &str)],
    ) -> Result<Option<Vec<Reading>>, SessionError> {
        let plain = objects.iter().map(|(spec, _)| self.plain(*spec));
        let Some(attributes) = plain.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let Some(answers) = self.list(&attributes).await? else {
            return Ok(None);
        };
        let at = self.wire.stamp(self.now);
        let readings = objects.iter().zip(attributes).zip(answers);
        let readings = readings.map(|(((spec, key), attribute), value)| Reading {
            spec: *spec,
            key: (*key).to_owned(),
            attribute,
            scaler_unit: match spec {
                ObjectSpec::Attribute(_) => None,
                ObjectSpec::Value(obis) => self.objects.get(*obis).and_then(|it| it.scaler.known()),
            },
            at,
            value: value.map_err(Into::into),
        });
        Ok(Some(readings.collect()))
    }

    /// Asks the meter who it is, as far as it ever said. Where it is another than before, or has other firmware, all that was
    /// learned of it is forgotten, and the change is said.
    pub(in crate::meter) async fn identify(&mut self) -> Result<Option<Change>, SessionError> {
        let asks = self.objects.asks_identity();
        let list: Vec<_> = (ASKED.into_iter().zip(asks))
            .filter_map(|(attribute, asks)| asks.then_some(attribute))
            .collect();
        if list.is_empty() {
            return Ok(None);
        }
        // Should the link not survive this, it is not tried for ever.
        self.objects.asked_identity();
        let mut answers = self.get_list(&list).await?.into_iter();
        let mut said = [None, None];
        for (place, asked) in asks.into_iter().enumerate() {
            match asked.then(|| answers.next()).flatten() {
                Some(Ok(data)) => said[place] = Some(data),
                Some(Err(error)) if !super::read::passes(&error) => self.objects.unsaid(place),
                _ => {}
            }
        }
        let now = Identity::of(said);
        let before = self.objects.identity().cloned();
        let change = before.as_ref().and_then(|before| before.differs(&now));
        if let Some(change) = &change {
            self.wire.note(Note::Text(change.to_string()));
            let short = self.objects.short_names().is_some();
            self.objects = self.objects.of_another();
            if short {
                Box::pin(self.learn_short_names()).await?;
            }
        }
        let before = before.filter(|_| change.is_none());
        self.objects.identified(now.or(before.as_ref()));
        Ok(change)
    }

    /// What a list came to, for the next.
    pub(super) fn listed(&mut self, done: &Result<Option<impl Sized>, SessionError>) {
        match done {
            Ok(Some(_)) => self.objects.lists_worked(),
            // It never answered a list: more likely it cannot than that the link was lost just then.
            Err(_) if !self.objects.have_lists_worked() => {
                self.objects.set_fails_at(Together::Get);
            }
            _ => {}
        }
    }
}
