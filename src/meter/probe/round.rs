//! A short round of reading on an association that stands: many faults show only there. The rule: nothing is written,
//! every answer is bounded, and what ends the link ends the round.

use super::{Outcome, Progress, Report, Step};
use crate::cosem::data::printable_bytes;
use crate::cosem::object_list::ObjectList;
use crate::cosem::{AttributeRef, Data, DateTime, Obis, ObjectSpec, catalogue};
use crate::dlms::xdlms::Conformance;
use crate::meter::Definition;
use crate::meter::evidence;
use crate::meter::reading::Reading;
use crate::meter::session::{Session, SessionError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, timeout};

/// Of the meter's own objects; more would tell no more.
const MOST_OBJECTS: usize = 6;
/// A list of objects may be long and the line slow.
const LONGEST_LIST: Duration = Duration::from_mins(1);

/// In every logical device (Green Book 6.2.20).
const NAME: AttributeRef = attribute(1, Obis::new(0, 0, 42, 0, 0, 255));
const CLOCK: AttributeRef = attribute(8, Obis::new(0, 0, 1, 0, 0, 255));
const LIST: AttributeRef = attribute(15, Obis::new(0, 0, 40, 0, 0, 255));

const fn attribute(class: u16, obis: Obis) -> AttributeRef {
    AttributeRef {
        class,
        obis,
        attribute: 2,
    }
}

pub(super) struct Round<'a> {
    pub meter: &'a Definition,
    pub session: &'a mut Session,
    pub report: &'a mut Report,
    pub say: &'a UnboundedSender<Progress>,
    /// What came, to be judged together.
    pub readings: Vec<Reading>,
    /// Something was given.
    pub answered: bool,
    /// An object of the definition was refused.
    pub missed: bool,
}

impl Round<'_> {
    pub async fn run(&mut self) -> Result<(), SessionError> {
        self.name().await?;
        let clock = self.read("clock", ObjectSpec::Attribute(CLOCK)).await?;
        self.readings.extend(clock);
        let list = self.list().await?;
        let specs = self.objects(list.as_ref());
        let mut read = Vec::new();
        for spec in specs {
            let words = spec_words(&spec);
            let reading = self.read(&words, spec).await?;
            let given = self.meter.objects.iter().any(|object| object.spec == spec);
            self.missed |= given && reading.as_ref().is_some_and(|it| it.value.is_err());
            read.extend(
                reading
                    .iter()
                    .filter(|it| it.value.is_ok())
                    .map(|it| it.attribute),
            );
            self.readings.extend(reading);
        }
        self.together(&read).await?;
        let protected = |list: &ObjectList| list.objects.iter().any(|object| object.class == 124);
        if list.as_ref().is_some_and(protected) {
            super::lock::read(self.session, &mut self.report.facts).await;
        }
        Ok(())
    }

    /// Idle for so long, as a poller with a long period is; then whether it still answers.
    pub async fn stay(&mut self, time: Duration) -> Result<(), SessionError> {
        let started = Instant::now();
        let words = "the logical device name again, after nothing for a while".to_owned();
        let _ = self.say.send(Progress::Trying(words));
        let until = started + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let _ = self.say.send(Progress::Waiting(left));
            let tick = left.min(Duration::from_secs(1));
            if let Ok(error) = timeout(tick, self.session.idle()).await {
                return Err(self.broken("stay", started, "nothing was said", error));
            }
        }
        let words = format!("{} s idle", time.as_secs());
        self.step("stay", Outcome::Ok, started, words);
        self.name().await
    }

    /// The least there is to ask: whether it still answers.
    async fn name(&mut self) -> Result<(), SessionError> {
        self.read("logical device name", ObjectSpec::Attribute(NAME))
            .await
            .map(drop)
    }

    async fn read(
        &mut self,
        what: &str,
        spec: ObjectSpec,
    ) -> Result<Option<Reading>, SessionError> {
        let started = Instant::now();
        match self.session.read(spec, "").await {
            Ok(reading) => {
                let outcome = if reading.value.is_ok() {
                    self.answered = true;
                    Outcome::Ok
                } else {
                    Outcome::Refused
                };
                let words = format!("{what}: {}", value_words(&reading));
                self.step("read", outcome, started, words);
                Ok(Some(reading))
            }
            Err(error) => Err(self.broken("read", started, what, error)),
        }
    }

    /// What the association shows: the longest answer most meters have, so blocks and segments are tried too.
    async fn list(&mut self) -> Result<Option<ObjectList>, SessionError> {
        let started = Instant::now();
        let what = "list of objects";
        let Ok(answer) = timeout(LONGEST_LIST, self.session.get(LIST)).await else {
            let words = format!("{what}: not whole after {} s", LONGEST_LIST.as_secs());
            self.step("list", Outcome::Failed, started, words);
            return Err(SessionError::Closed);
        };
        let (outcome, words, list) = match answer {
            Ok(Ok(data)) => {
                self.answered = true;
                match ObjectList::from_data(&data) {
                    Ok(list) => {
                        let words = format!("{} objects", list.objects.len());
                        (Outcome::Ok, words, Some(list))
                    }
                    Err(error) => (Outcome::Failed, error.to_string(), None),
                }
            }
            Ok(Err(error)) => (Outcome::Refused, format!("{what}: {error}"), None),
            Err(error) => return Err(self.broken("list", started, what, error)),
        };
        self.step("list", outcome, started, words);
        if let Some(list) = &list {
            self.session.objects.listed(list);
        }
        Ok(list)
    }

    /// The definition's, else registers that the list shows: never one that the meter may not have.
    fn objects(&self, list: Option<&ObjectList>) -> Vec<ObjectSpec> {
        if !self.meter.objects.is_empty() {
            let given = self.meter.objects.iter().map(|object| object.spec);
            return given.take(MOST_OBJECTS).collect();
        }
        let listed = list.map_or(&[][..], |list| &list.objects);
        let registers = listed.iter().filter(|object| {
            let readable = object.attribute(2).is_none_or(|it| it.read);
            object.class == 3 && readable
        });
        let mut obis: Vec<Obis> = registers.map(|object| object.obis).collect();
        // Voltage, current, power, then whatever else.
        obis.sort_by_key(|obis| match obis.0 {
            [1, _, 32 | 52 | 72, 7, 0, _] => 0,
            [1, _, 1 | 31, 7, 0, _] => 1,
            [1, _, _, 8, ..] => 2,
            _ => 3,
        });
        let few = obis.into_iter().take(MOST_OBJECTS / 2);
        few.map(ObjectSpec::Value).collect()
    }

    /// The same once more in one request, where the meter granted that.
    async fn together(&mut self, read: &[AttributeRef]) -> Result<(), SessionError> {
        if read.len() < 2 || !self.session.grants(Conformance::MULTIPLE_REFERENCES) {
            return Ok(());
        }
        let started = Instant::now();
        let what = format!("{} objects in one request", read.len());
        match self.session.get_list(read).await {
            Ok(values) => {
                let came = values.iter().filter(|value| value.is_ok()).count();
                let outcome = if came == read.len() {
                    Outcome::Ok
                } else {
                    Outcome::Refused
                };
                self.step("read", outcome, started, format!("{what}: {came} came"));
                Ok(())
            }
            Err(error) => Err(self.broken("read", started, &what, error)),
        }
    }

    fn broken(
        &mut self,
        step: &'static str,
        started: Instant,
        what: &str,
        error: SessionError,
    ) -> SessionError {
        let outcome = if evidence::is_silence(&error) {
            Outcome::Silent
        } else {
            Outcome::Failed
        };
        self.step(step, outcome, started, format!("{what}: {error}"));
        error
    }

    pub fn step(&mut self, step: &'static str, outcome: Outcome, started: Instant, words: String) {
        let step = Step {
            step,
            outcome,
            took: started.elapsed(),
            words,
            asked: None,
        };
        // Nobody may listen.
        let _ = self.say.send(Progress::Step(step.clone()));
        self.report.steps.push(step);
    }
}

fn spec_words(spec: &ObjectSpec) -> String {
    match spec {
        ObjectSpec::Value(obis) => format!("{obis} {}", catalogue::name(*obis)),
        ObjectSpec::Attribute(it) => format!("{}/{}/{}", it.class, it.obis, it.attribute),
    }
}

fn value_words(reading: &Reading) -> String {
    match &reading.value {
        Ok(Data::OctetString(octets)) if reading.attribute == NAME => printable_bytes(octets),
        Ok(Data::OctetString(octets)) if reading.attribute == CLOCK => {
            DateTime::from_octets(octets).map_or_else(|| reading.text(), |it| it.to_string())
        }
        _ => {
            let unit = reading.scaler_unit.filter(|_| reading.decimal().is_some());
            let unit = unit.map_or("", |it| it.unit.symbol());
            format!("{} {unit}", reading.text()).trim_end().to_owned()
        }
    }
}
