//! Requests to one meter. The rule: its owner is asked, and nobody else touches the line.

use super::super::Command;
use super::super::changes::Level;
use super::{Answer, Asked, done, no};
use crate::cosem::data::printable;
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec};
use crate::meter::poller::{Order, ReadOrder, WriteOrder, Written};
use crate::meter::{Definition, Phase, Reading};
use crate::publish::INTERVAL;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;

/// Objects in one request.
const MOST_OBJECTS: usize = 32;

impl Asked<'_> {
    pub(super) async fn of_meter(&self, meter: &Definition) -> Answer {
        let id = meter.id;
        let command = async |command| {
            let done = self.inner.command(command).await;
            done.map_err(|words| no(words, 503))
        };
        match self.method {
            "read" => self.read(meter, self.objects(meter)?).await,
            "get" => self.read(meter, Objects::One(self.attribute()?)).await,
            "write" => self.write(meter).await,
            "clock_sync" => self.clock_sync(meter).await,
            "poll_now" => {
                command(Command::PollNow(id)).await?;
                Ok(done())
            }
            "set_interval" => {
                self.allowed()?;
                let seconds = self.params.get("seconds").unwrap_or(self.params);
                self.set_interval(meter, seconds).await
            }
            "reconnect" => {
                self.allowed()?;
                command(Command::Reconnect(id)).await?;
                Ok(done())
            }
            "stats" => self.stats(meter),
            "ping" => Ok(json!({ "code": 200, "resp": "pong", "phase": self.phase(meter)? })),
            _ => super::unknown(),
        }
    }

    fn phase(&self, meter: &Definition) -> Result<&'static str, (String, u16)> {
        let phase = self.inner.phase(meter.id);
        Ok(super::gateway::phase_name(
            &phase.map_err(|words| no(words, 404))?,
        ))
    }

    /// `obis` or `object`, one or several; without any, what is polled.
    fn objects(&self, meter: &Definition) -> Result<Objects, (String, u16)> {
        let given = ["object", "obis", "objects"];
        let Some(given) = given.iter().find_map(|name| self.params.get(*name)) else {
            let polled: Vec<_> = meter.objects.iter().map(|object| object.spec).collect();
            if polled.is_empty() {
                return Err(no(SAY_WHAT, 400));
            }
            return Ok(Objects::Several(polled));
        };
        match given {
            Value::Array(all) if (1..=MOST_OBJECTS).contains(&all.len()) => {
                let all: Result<_, _> = all.iter().map(spec).collect();
                Ok(Objects::Several(all?))
            }
            Value::Array(_) => Err(no("name 1 to 32 objects", 400)),
            one => Ok(Objects::One(spec(one)?)),
        }
    }

    /// `{"class":3,"obis":"1.0.1.8.0.255","attr":2}`.
    fn attribute(&self) -> Result<ObjectSpec, (String, u16)> {
        let number = |name: &str| self.params.get(name).and_then(Value::as_i64);
        let obis = self.params.get("obis").and_then(Value::as_str);
        let obis = obis.and_then(|obis| obis.parse::<Obis>().ok());
        let class = number("class").and_then(|class| u16::try_from(class).ok());
        let attribute = number("attr").or_else(|| number("attribute")).unwrap_or(2);
        let attribute = i8::try_from(attribute).ok();
        match (class.filter(|class| *class > 0), obis, attribute) {
            (Some(class), Some(obis), Some(attribute)) => Ok(ObjectSpec::Attribute(AttributeRef {
                class,
                obis,
                attribute,
            })),
            _ => Err(no(
                r#"write {"class":3,"obis":"1.0.1.8.0.255","attr":2}"#,
                400,
            )),
        }
    }

    async fn read(&self, meter: &Definition, objects: Objects) -> Answer {
        let (specs, one) = match objects {
            Objects::One(spec) => (vec![spec], true),
            Objects::Several(specs) => (specs, false),
        };
        let (reply, answer) = oneshot::channel();
        let readings = self
            .ask(
                meter,
                Order::Read(Box::new(ReadOrder { specs, reply })),
                answer,
            )
            .await?;
        let mut shown: Vec<Value> = readings.iter().map(Reading::to_json).collect();
        Ok(match shown.pop() {
            Some(last) if one => last,
            last => {
                shown.extend(last);
                Value::Array(shown)
            }
        })
    }

    async fn write(&self, meter: &Definition) -> Answer {
        self.allowed()?;
        read_only(meter)?;
        let object = self.params.get("object").unwrap_or(&Value::Null);
        let ObjectSpec::Attribute(attribute) = spec(object)? else {
            return Err(no(
                "say which attribute to write, as CLASS/OBIS/ATTRIBUTE: 1/0-0:96.1.9/2",
                400,
            ));
        };
        let value = match self.params.get("value") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => return Err(no("say the value to write", 400)),
            Some(other) => other.to_string(),
        };
        let (reply, answer) = oneshot::channel();
        let order = Order::Write(Box::new(WriteOrder {
            attribute,
            value,
            reply,
        }));
        let written = self.ask(meter, order, answer).await?;
        self.changed(&format!("{attribute} of {} was written", meter.name));
        Ok(shown(&written))
    }

    async fn clock_sync(&self, meter: &Definition) -> Answer {
        self.allowed()?;
        read_only(meter)?;
        let (reply, answer) = oneshot::channel();
        let synced = self.ask(meter, Order::SyncClock { reply }, answer).await?;
        self.changed(&format!("the clock of {} was set", meter.name));
        let mut json = synced.before.to_json();
        json["after"] = synced.after.map_or(Value::Null, |it| it.to_json());
        Ok(json)
    }

    async fn set_interval(&self, meter: &Definition, seconds: &Value) -> Answer {
        let poll = seconds.as_f64().filter(|it| *it > 0.0);
        let poll = poll.and_then(|it| Duration::try_from_secs_f64(it).ok());
        let poll = poll.ok_or_else(|| no(r#"write {"seconds":60}"#, 400))?;
        // What a platform holds is told again on every connection: what is so already is no news.
        if self.change(meter, move |it| it.poll = poll).await? {
            let long = humantime::format_duration(poll);
            self.changed(&format!("{} is polled every {long} now", meter.name));
        }
        Ok(json!({ "success": true, "seconds": poll.as_secs_f64() }))
    }

    /// A person sees what a platform changed.
    fn changed(&self, what: &str) {
        let words = format!("{what}, as asked over broker {}", self.broker.name);
        self.inner.notice(Level::Info, words);
    }

    fn stats(&self, meter: &Definition) -> Answer {
        let status = super::super::lock(&self.inner.state).status_of(meter.id);
        let status = status.ok_or_else(|| no("that meter is no longer there", 404))?;
        let counters = status.counters;
        Ok(json!({
            "phase": super::gateway::phase_name(&status.phase),
            "polls": counters.polls,
            "polls_failed": counters.polls_failed,
            "polls_missed": counters.polls_missed,
            "polls_lost": counters.polls_lost,
            "gets": counters.gets,
            "get_errors": counters.get_errors,
            "reconnects": counters.reconnects,
            "bytes_sent": counters.bytes_sent,
            "bytes_received": counters.bytes_received,
            "round_trip_us": counters.round_trip_us,
            "last_error": status.last_error.map(|error| printable(&error.what)),
        }))
    }

    /// What is told of a meter: nothing of it is carried out but what was allowed.
    pub(super) async fn told_of(&self, meter: &Definition) -> Answer {
        match self.method {
            "attributes" => {
                let Some(seconds) = self.params.get(INTERVAL) else {
                    return Ok(done());
                };
                if !self.broker.allow.iter().any(|it| it == "set_interval") {
                    return Ok(done());
                }
                self.set_interval(meter, seconds).await
            }
            "device_disconnected" => {
                let words = format!(
                    "broker {}: the platform ended the session of {} (reason {}); its next message opens it again",
                    self.broker.name,
                    meter.device_name(),
                    self.params.get("reason").unwrap_or(&Value::Null)
                );
                self.inner.notice(Level::Warning, words);
                Ok(done())
            }
            _ => Ok(done()),
        }
    }

    /// Gives the order to the meter's owner; away, busy and refused are said in words.
    async fn ask<T>(
        &self,
        meter: &Definition,
        order: Order,
        answer: oneshot::Receiver<Result<T, String>>,
    ) -> Result<T, (String, u16)> {
        let phase = self.inner.phase(meter.id).map_err(|words| no(words, 404))?;
        if phase != Phase::Ready {
            let words = format!("the meter is {}", super::gateway::phase_name(&phase));
            return Err(no(words, 503));
        }
        let ordered = self.inner.order(meter.id, order).await;
        ordered.map_err(|words| no(words, 503))?;
        match answer.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(words)) => Err(no(printable(&words), 502)),
            Err(_) => Err(no("the meter was let go before its turn came", 503)),
        }
    }
}

const SAY_WHAT: &str = r#"say what to read: {"obis":"1-1:32.7.0"}"#;

enum Objects {
    One(ObjectSpec),
    Several(Vec<ObjectSpec>),
}

fn spec(object: &Value) -> Result<ObjectSpec, (String, u16)> {
    let text = object.as_str().ok_or_else(|| no(SAY_WHAT, 400))?;
    text.parse()
        .map_err(|error: crate::cosem::attribute::ObjectSpecError| {
            no(printable(&error.to_string()), 400)
        })
}

fn read_only(meter: &Definition) -> Result<(), (String, u16)> {
    if meter.read_only {
        return Err(no(
            "the meter is marked read-only: nothing is written to it",
            403,
        ));
    }
    Ok(())
}

/// As `obiscope set --json`.
fn shown(written: &Written) -> Value {
    let raw = |data: Option<&Data>| data.map_or(Value::Null, Data::to_json);
    let attribute = written.attribute;
    let mut json = json!({
        "obis": attribute.obis.to_string(),
        "class": attribute.class,
        "attribute": attribute.attribute,
        "type": written.sent.type_name(),
        "before": raw(written.before.as_ref()),
        "sent": raw(Some(&written.sent)),
        "after": raw(written.after.as_ref()),
    });
    // A clock has moved on by the time it is read back.
    let other = (written.after.as_ref()).is_some_and(|after| *after != written.sent);
    if other && attribute.class != 8 {
        json["error"] = "the meter took it but shows another value".into();
    }
    json
}
