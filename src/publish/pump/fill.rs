//! What goes out next, and when: the question first, then answers and the greeting, then rows in their order. The rule: what
//! the platform's limits hold back holds back nothing that has room of its own.

use rumqttc::{Publish, QoS};
use tokio::time::Instant;

use super::Pump;
use super::settle::set_aside;
use crate::cosem::data::printable;
use crate::publish::dialect;
use crate::publish::drain::Drain;
use crate::publish::limits::{Cost, points};
use crate::publish::line::Line;
use crate::publish::suspects::{self, ALONE, Mode};
use crate::publish::window::Load;
use crate::publish::words::Trouble;
use crate::store::{LOT_BYTES, Message, OutboxRow, fit_topic};

/// Rows that may make one message.
const PACKED: usize = 100;

/// Whether rows wait for the platform's limits.
struct Held(bool);

impl Pump {
    pub(super) async fn fill(&mut self, drain: &mut Drain, line: &Line) -> Result<(), Trouble> {
        self.held_until = None;
        let filled = self.fill_up(drain, line).await;
        let now = Instant::now();
        let since = |is: bool, before: Option<Instant>| is.then(|| before.unwrap_or(now));
        drain.held_since = since(matches!(filled, Ok(Held(true))), drain.held_since);
        let full = self.window.len() >= self.agreed.width;
        drain.full_since = since(full, drain.full_since);
        filled.map(|_| ())
    }

    async fn fill_up(&mut self, drain: &mut Drain, line: &Line) -> Result<Held, Trouble> {
        while self.window.len() < self.agreed.width {
            if self.mode.is_alone() && !self.window.is_empty() {
                break;
            }
            if let Some(question) = self.question.take() {
                self.submit(line, aside(&question), question)?;
                continue;
            }
            let now = Instant::now();
            self.held_until = drain.gate.holds(now);
            if self.held_until.is_some() {
                break;
            }
            if let Some(message) = self.answers.front().or(self.greeting.front()) {
                let cost = Cost::of(&message.topic, &message.payload);
                self.held_until = drain.gate.not_before(cost, now);
                if self.held_until.is_none() {
                    let next = self.answers.pop_front();
                    if let Some(message) = next.or_else(|| self.greeting.pop_front()) {
                        drain.gate.spend(cost, now);
                        self.calls.says(drain, &message);
                        self.submit(line, aside(&message), message)?;
                    }
                    continue;
                }
                // Readings have a budget of their own and go on.
            }
            drain.introduced |= self.greeting.is_empty() && !self.window.has_aside();
            if self.ahead.is_empty() && !self.fetch(drain).await {
                break;
            }
            if let Some(row) = self.ahead.front()
                && let Some(at) = self.introduction(drain, row)
            {
                if let Some(first) = self.greeting.remove(at) {
                    self.greeting.push_front(first);
                }
                return Ok(Held(true));
            }
            if let Some(until) = self.held_back(drain, now) {
                self.held_until = Some(self.held_until.map_or(until, |it| it.min(until)));
                return Ok(Held(true));
            }
            let alone = self.ahead.front().is_some_and(|row| row.attempts >= ALONE);
            if alone && !self.window.is_empty() {
                break;
            }
            let Some((mode, row)) = suspects::next(self.mode, &mut self.ahead) else {
                break;
            };
            self.mode = mode;
            self.cursor = self.cursor.max(row.id);
            if let Some(reason) = unsendable(&row, self.agreed.most) {
                // Whatever it was to show, nothing passed.
                self.mode = Mode::Normal;
                set_aside(drain, row.id, &reason).await?;
                continue;
            }
            self.send(drain, line, row)?;
        }
        Ok(Held(false))
    }

    /// Where in the greeting the device of this row is named for the first time ever: a platform that hears of it by its
    /// readings takes it for a device of another type, for good.
    fn introduction(&self, drain: &Drain, row: &OutboxRow) -> Option<usize> {
        if drain.introduced || row.device.is_none() {
            return None;
        }
        let names = |it: &Message| dialect::introduces(it) && it.device == row.device;
        self.greeting.iter().position(names)
    }

    /// Until when the platform's limits hold the next row back. While rows go alone, it is not known which is next.
    fn held_back(&self, drain: &mut Drain, now: Instant) -> Option<Instant> {
        if !drain.gate.limits() {
            return None;
        }
        let normal = (self.ahead.front()).is_some_and(|row| row.attempts < ALONE);
        let some = if normal { 1 } else { self.ahead.len() };
        let costs = self.ahead.iter().take(some);
        costs
            .filter_map(|row| (drain.gate).not_before(Cost::of(&row.topic, &row.payload), now))
            .max()
    }

    fn send(&mut self, drain: &mut Drain, line: &Line, row: OutboxRow) -> Result<(), Trouble> {
        let attempts = row.attempts;
        let now = Instant::now();
        let limited = drain.gate.limits();
        let mut room = u64::MAX;
        if limited {
            let cost = Cost::of(&row.topic, &row.payload);
            room = drain
                .gate
                .room(cost, now)
                .saturating_sub(points(&row.payload));
        }
        let mut rows = vec![row];
        if self.mode == Mode::Normal && dialect::packs(&drain.broker) {
            while rows.len() < PACKED
                && let Some(row) = self.ahead.front()
                && self.introduction(drain, row).is_none()
                && let Some(next) = self.ahead.pop_front_if(|row| {
                    let cost = if limited { points(&row.payload) } else { 0 };
                    let fits = row.attempts < ALONE && cost <= room;
                    if fits {
                        room -= cost;
                    }
                    fits
                })
            {
                rows.push(next);
            }
        }
        let (message, taken) = dialect::pack(&rows, self.agreed.most);
        if limited {
            let cost = Cost::of(&message.topic, &message.payload);
            drain.gate.spend(cost, now);
        }
        self.calls.says(drain, &message);
        for unused in rows.drain(taken.max(1)..).rev() {
            self.ahead.push_front(unused);
        }
        drain.trails.sent(&rows, drain.clock.now());
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.cursor = ids.iter().copied().fold(self.cursor, i64::max);
        let load = Load {
            rows: ids,
            topic: message.topic.clone(),
            attempts,
        };
        self.submit(line, load, message)
    }

    fn submit(&mut self, line: &Line, load: Load, message: Message) -> Result<(), Trouble> {
        self.sent_bytes += (message.topic.len() + message.payload.len()) as u64;
        self.last_sent = Some((message.topic.clone(), message.payload.clone()));
        line.publish(message).map_err(|_| Trouble::given_up())?;
        self.window.submit(load, Instant::now());
        Ok(())
    }

    /// True when there is something ahead now.
    async fn fetch(&mut self, drain: &mut Drain) -> bool {
        if !self.more {
            return false;
        }
        let lot = 5 * self.agreed.width.max(20);
        match drain.store.outbox(drain.broker.id, self.cursor, lot).await {
            Ok(rows) => {
                let octets: usize = rows.iter().map(OutboxRow::octets).sum();
                self.more = rows.len() == lot || octets >= LOT_BYTES;
                self.ahead = rows.into();
            }
            Err(error) => {
                self.more = false;
                drain.error(error.to_string());
            }
        }
        !self.ahead.is_empty()
    }
}

/// What is not kept in the table.
fn aside(message: &Message) -> Load {
    Load {
        rows: Vec::new(),
        topic: message.topic.clone(),
        attempts: 0,
    }
}

/// Why this row would break every connection it is tried on. rumqttc drops the connection for an
/// oversize packet and not the packet, so this is asked before.
fn unsendable(row: &OutboxRow, most: usize) -> Option<String> {
    if let Err(problem) = fit_topic(&row.topic) {
        return Some(format!("{problem}: {}", printable(&row.topic)));
    }
    let size = overhead() + row.topic.len() + row.payload.len();
    (size > most).then(|| {
        format!("it is {size} bytes long, more than the {most} a packet may have; let the meter read fewer objects")
    })
}

fn overhead() -> usize {
    Publish::new("", QoS::AtLeastOnce, Vec::new()).size() + 8
}
