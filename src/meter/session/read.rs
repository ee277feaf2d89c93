//! Reading an object as a person means it: class found out, scaler and unit read once, value with its time.

use super::{Session, SessionError};
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit};
use crate::dlms::association::GetError;
use crate::meter::objects::{Object, Scaler, scaler_attribute};
use crate::meter::reading::Reading;

/// data-access-results by which a meter says "not in this class": object-undefined, object-class-inconsistent,
/// object-unavailable (meters differ in which).
const NOT_THIS_CLASS: [u8; 3] = [4, 9, 11];
/// Those that may be gone next time: hardware-fault, temporary-failure, other-reason.
const PASSING: [u8; 3] = [1, 2, 250];

/// Whether another answer may come next time.
pub(super) fn passes(error: &GetError) -> bool {
    !matches!(error, GetError::Access(result) if !PASSING.contains(&result.0))
}

impl Session {
    /// Resolves the class, reads scaler_unit once per object and keeps it, reads the value.
    pub async fn read(&mut self, spec: ObjectSpec, key: &str) -> Result<Reading, SessionError> {
        let (attribute, scaler_unit, at, value) = match spec {
            ObjectSpec::Attribute(attribute) => {
                let value = self.get(attribute).await?;
                (attribute, None, self.wire.stamp(self.now), value)
            }
            ObjectSpec::Value(obis) => {
                let (attribute, value) = self.find(obis).await?;
                // The value is dated when it came, not when its unit did.
                let at = self.wire.stamp(self.now);
                let (scaler_unit, value) = match value {
                    Ok(value) => match self.scaler(attribute).await? {
                        Ok(scaler_unit) => (scaler_unit, Ok(value)),
                        // Unscaled it would be wrong by a power of ten: better none this time.
                        Err(error) => (None, Err(error)),
                    },
                    Err(error) => (None, Err(error)),
                };
                (attribute, scaler_unit, at, value)
            }
        };
        Ok(Reading {
            spec,
            key: key.to_owned(),
            attribute,
            scaler_unit,
            at,
            value: value.map_err(Into::into),
        })
    }

    /// The value attribute in the first class the meter knows it by.
    async fn find(
        &mut self,
        obis: Obis,
    ) -> Result<(AttributeRef, Result<Data, GetError>), SessionError> {
        let known = self.objects.get(obis);
        let mut refused = None;
        for class in self.objects.classes(obis) {
            let attribute = AttributeRef {
                class,
                obis,
                attribute: 2,
            };
            let answer = self.get(attribute).await?;
            match answer {
                Err(GetError::Access(result)) if NOT_THIS_CLASS.contains(&result.0) => {
                    refused.get_or_insert((attribute, Err(GetError::Access(result))));
                }
                Err(error) => return Ok((attribute, Err(error))),
                Ok(value) => {
                    if known.is_none_or(|o| !o.found) {
                        self.learn(attribute, true, Scaler::Unread);
                    }
                    return Ok((attribute, Ok(value)));
                }
            }
        }
        // `classes` is never empty, so there is a refusal; the first came from the likeliest class.
        let (attribute, answer) = refused.ok_or(SessionError::Closed)?;
        if known.is_none() {
            self.learn(attribute, false, Scaler::Unread);
        }
        Ok((attribute, answer))
    }

    async fn scaler(
        &mut self,
        value: AttributeRef,
    ) -> Result<Result<Option<ScalerUnit>, GetError>, SessionError> {
        let attribute = match self.objects.get(value.obis).map(|o| o.scaler) {
            Some(Scaler::Known(scaler_unit)) => return Ok(Ok(Some(scaler_unit))),
            Some(Scaler::None) => return Ok(Ok(None)),
            Some(Scaler::Unread) | None => match scaler_attribute(value.class) {
                Some(attribute) => attribute,
                None => return Ok(Ok(None)),
            },
        };
        let scaler_unit = match self.get(AttributeRef { attribute, ..value }).await? {
            Ok(data) => ScalerUnit::from_data(&data),
            Err(GetError::Access(result)) if !PASSING.contains(&result.0) => None,
            Err(error) => return Ok(Err(error)),
        };
        let scaler = scaler_unit.map_or(Scaler::None, Scaler::Known);
        self.learn(value, true, scaler);
        Ok(Ok(scaler_unit))
    }

    fn learn(&mut self, attribute: AttributeRef, found: bool, scaler: Scaler) {
        let class = attribute.class;
        self.objects.set(
            attribute.obis,
            Object {
                class,
                found,
                scaler,
            },
        );
    }
}
