//! From the table to one connection: rows out in order, acknowledged ones out of the table. The rule: what a message
//! is told of by PUBACK decides what becomes of it, and nothing else does.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{Publish, QoS};
use tokio::time::{Instant, sleep_until};

use super::calls::Calls;
use super::dialect;
use super::drain::{Control, Drain};
use super::generation::{Agreed, End};
use super::limits::{Cost, points};
use super::line::{Heard, Line};
use super::status::Cause;
use super::suspects::{self, ALONE, Mode};
use super::verdict::Verdict;
use super::window::{Load, Stray, Window};
use super::words::{Trouble, no_acknowledgement};
use crate::cosem::data::printable;
use crate::store::{Message, OutboxRow, fit_topic};

/// An open connection that does not acknowledge for so long is given up.
const ACK_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the table is looked at without being woken, and what waits is counted.
const LOOK: Duration = Duration::from_secs(1);
/// Acknowledged rows leave the table together: so many, or after so long. As many come twice when the process is killed.
const REMOVE: (usize, Duration) = (100, Duration::from_millis(100));
/// The last message shown is no newer than this.
const SHOW: Duration = Duration::from_millis(100);
/// How much of the last payload is shown.
const SHOWN: usize = 4096;
/// Refusals without a clear cause, after which a message is set aside.
const REFUSALS: u32 = 5;
/// Answers that may wait behind one another.
const ANSWERS: usize = 64;
/// Rows that may make one message.
const PACKED: usize = 100;

pub(super) struct Pump {
    agreed: Agreed,
    window: Window,
    mode: Mode,
    calls: Calls,
    /// Goes before everything, and before limits are known.
    question: Option<Message>,
    greeting: VecDeque<Message>,
    /// Fetched, not yet submitted.
    ahead: VecDeque<OutboxRow>,
    /// No row up to this one is looked at again on this connection.
    cursor: i64,
    /// There may be rows past `ahead`.
    more: bool,
    /// What earlier connections left acknowledged is out of the table.
    clean: bool,
    refused: Vec<(Load, Verdict)>,
    taken: Vec<Duration>,
    taken_rows: usize,
    /// A row was taken on this connection.
    passed: bool,
    sent_bytes: u64,
    last_sent: Option<(String, Vec<u8>)>,
    next_show: Instant,
    next_look: Instant,
    remove_by: Option<Instant>,
    /// When the platform's limits let the next message go.
    held_until: Option<Instant>,
    /// Set when stopping.
    give_up: Option<Instant>,
}

impl Pump {
    pub(super) fn new(agreed: Agreed) -> Self {
        let now = Instant::now();
        Self {
            agreed,
            window: Window::default(),
            mode: Mode::Normal,
            calls: Calls::default(),
            question: None,
            greeting: VecDeque::new(),
            ahead: VecDeque::new(),
            cursor: 0,
            more: true,
            clean: false,
            refused: Vec::new(),
            taken: Vec::new(),
            taken_rows: 0,
            passed: false,
            sent_bytes: 0,
            last_sent: None,
            next_show: now,
            next_look: now + LOOK,
            remove_by: None,
            held_until: None,
            give_up: None,
        }
    }

    /// To go out before anything else; what it asks is awaited.
    pub(super) fn ask(&mut self, question: Message) {
        self.question = Some(question);
    }

    /// To go out before anything from the table.
    pub(super) fn greet(&mut self, messages: Vec<Message>) {
        self.greeting.extend(messages);
    }

    pub(super) async fn run(mut self, drain: &mut Drain, line: &mut Line) -> End {
        drain.trails.begin();
        let mut end = self.pump(drain, line).await;
        if let End::Lost(trouble) = &mut end
            && !self.refused.is_empty()
        {
            // A refusal that came with the end is the better reason for it.
            *trouble = match self.settle(drain).await {
                Err(said) => said,
                Ok(()) => trouble.clone().blameless(),
            };
        }
        self.remove(drain).await;
        self.tell(drain, true);
        (drain.held_since, drain.full_since) = (None, None);
        if let End::Lost(trouble) = &end
            && trouble.suspicious
        {
            self.blame(drain, &trouble.what).await;
        }
        end
    }

    /// The connection ended over what was under way, it seems.
    async fn blame(&self, drain: &mut Drain, what: &str) {
        let under_way = self.window.under_way();
        if let Mode::LastChance(row) = self.mode
            && under_way.contains(&row)
        {
            let reason = format!(
                "each connection ended while it was under way, while others passed: {what}"
            );
            if let Err(full) = set_aside(drain, row, &reason).await {
                drain.error(full.what);
            }
            return;
        }
        if let Err(error) = drain.store.attempted(under_way).await {
            drain.error(error.to_string());
        }
    }

    async fn pump(&mut self, drain: &mut Drain, line: &mut Line) -> End {
        let (stop, wake) = (drain.stop.clone(), drain.wake.clone());
        loop {
            if let Err(trouble) = self.settle(drain).await {
                return End::Lost(trouble);
            }
            self.remove_if_due(drain).await;
            // While the table does not let go of what was acknowledged, nothing new is sent.
            if self.clean
                && drain.unremoved.len() < REMOVE.0
                && let Err(trouble) = self.fill(drain, line).await
            {
                return End::Lost(self.last_words(drain, line, trouble));
            }
            self.tell(drain, false);
            let now = Instant::now();
            if stop.is_cancelled() {
                let Some(give_up) = self.give_up else {
                    // The last polls were committed just now: look once more before leaving.
                    self.give_up = Some(now + drain.flush);
                    self.more = true;
                    continue;
                };
                let empty = self.window.is_empty() && self.ahead.is_empty() && !self.more;
                if now >= give_up || (empty && drain.unremoved.is_empty()) {
                    return End::Stopped;
                }
            }
            let patience = self.window.oldest().map(|(since, _)| since + ACK_TIMEOUT);
            if let Some((_, topic)) = self.window.oldest()
                && patience.is_some_and(|until| now >= until)
            {
                let seconds = ACK_TIMEOUT.as_secs();
                return End::Lost(no_acknowledgement(&drain.broker, seconds, topic));
            }
            if now >= self.next_look {
                drain.count().await;
                self.more = true;
                self.next_look = now + LOOK;
                continue;
            }
            let show = self.last_sent.as_ref().map(|_| self.next_show);
            let due = [
                patience,
                self.give_up,
                self.remove_by,
                show,
                self.held_until,
            ]
            .into_iter()
            .flatten()
            .fold(self.next_look, Instant::min);
            let room = self.window.len() < self.agreed.width;
            tokio::select! {
                biased;
                event = line.events.recv() => {
                    if let Err(trouble) = self.hear(drain, line, event) {
                        return End::Lost(trouble);
                    }
                }
                () = stop.cancelled(), if self.give_up.is_none() => {}
                Some(control) = drain.controls.recv() => match control {
                    Control::Pause => return End::Paused,
                    Control::Reconnect => return End::Again,
                    Control::Replace(broker) => {
                        drain.broker = *broker;
                        return End::Again;
                    }
                    Control::Flush => self.more = true,
                    Control::Resume => {}
                },
                Some(answer) = drain.answers.1.recv(), if room && self.greeting.len() < ANSWERS => self.greeting.push_back(answer),
                () = wake.notified() => self.more = true,
                () = sleep_until(due) => {}
            }
        }
    }

    /// The connection ended before we heard it out: what it said in the end, or else `trouble`.
    fn last_words(&mut self, drain: &mut Drain, line: &mut Line, trouble: Trouble) -> Trouble {
        while let Ok(heard) = line.events.try_recv() {
            if let Err(said) = self.take(drain, Some(heard)) {
                return said;
            }
        }
        trouble
    }

    /// Everything that is there to be heard, so that acknowledgements leave the table together.
    fn hear(
        &mut self,
        drain: &mut Drain,
        line: &mut Line,
        first: Option<Result<Heard, Trouble>>,
    ) -> Result<(), Trouble> {
        self.take(drain, first)?;
        // A broker that never stops talking does not keep us from stopping.
        for _ in 0..4 * self.agreed.width {
            match line.events.try_recv() {
                Ok(next) => self.take(drain, Some(next))?,
                // Its end, if it has ended, is told by the next `recv`.
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        drain: &mut Drain,
        heard: Option<Result<Heard, Trouble>>,
    ) -> Result<(), Trouble> {
        let event = heard.ok_or_else(Trouble::given_up)??;
        let stray = |Stray(packet)| {
            Trouble::passing(
                Cause::Other,
                format!(
                    "{} acknowledged packet {packet}, which was not sent",
                    drain.broker.endpoint()
                ),
            )
            .blameless()
        };
        match event {
            Heard::Sent(packet) => self.window.sent(packet).map_err(stray),
            Heard::Acknowledged(packet, verdict) => {
                let (load, latency) = self
                    .window
                    .acknowledge(packet, Instant::now())
                    .map_err(stray)?;
                if verdict == Verdict::Taken {
                    drain.trails.acknowledged(&load.rows, drain.clock.now());
                    self.taken.push(latency);
                    self.taken_rows += load.rows.len();
                    self.passed |= !load.rows.is_empty();
                    drain.unremoved.extend(load.rows);
                    self.remove_by
                        .get_or_insert_with(|| Instant::now() + REMOVE.1);
                } else {
                    self.refused.push((load, verdict));
                }
                Ok(())
            }
            Heard::Message { topic, payload } => {
                drain.received(payload.len());
                let sizes = self.calls.hear(drain, self.agreed.most, &topic, &payload);
                if let Some(sizes) = sizes {
                    let (most, width) = (sizes.payload, sizes.under_way);
                    self.agreed.most = self.agreed.most.min(most.unwrap_or(usize::MAX));
                    self.agreed.width = self.agreed.width.min(width.unwrap_or(usize::MAX));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Carries out what the broker thinks of messages it did not take.
    async fn settle(&mut self, drain: &mut Drain) -> Result<(), Trouble> {
        let mut ends = Ok(());
        for (load, verdict) in std::mem::take(&mut self.refused) {
            let place = drain.broker.endpoint();
            let topic = printable(&load.topic);
            match verdict {
                Verdict::Taken => {}
                // Not of the table: told, and the readings go on.
                Verdict::Later(why) | Verdict::Forbidden(why) if load.rows.is_empty() => {
                    drain.error(format!("{place} refused a message on {topic}: {why}"));
                }
                Verdict::Later(why) => {
                    ends = Err(Trouble::passing(
                        Cause::Quota,
                        format!("{place} takes no more for now: {why} on {topic}"),
                    ));
                }
                Verdict::Forbidden(why) => {
                    ends = Err(Trouble::lasting(
                        Cause::Forbidden,
                        format!(
                            "{place} does not let us publish on {topic}: {why}; may this client publish there?"
                        ),
                    ));
                }
                Verdict::Never(why) | Verdict::Unclear(why) => {
                    let never = matches!(verdict, Verdict::Never(_));
                    if self.judge(drain, &load, never, why).await? {
                        ends = Err(Trouble::passing(
                            Cause::Other,
                            format!(
                                "{place} refused a message on {topic}: {why}; it is sent again"
                            ),
                        )
                        .blameless());
                    }
                }
            }
        }
        ends
    }

    /// True when it is to be sent again on another connection.
    async fn judge(
        &self,
        drain: &mut Drain,
        load: &Load,
        never: bool,
        why: &str,
    ) -> Result<bool, Trouble> {
        Ok(match load.rows.as_slice() {
            [] => {
                drain.error(format!(
                    "{} refused a message on {}: {why}",
                    drain.broker.endpoint(),
                    printable(&load.topic)
                ));
                false
            }
            // Without a clear cause it is the message's only where another got through on this connection.
            [row] if never || (load.attempts + 1 >= REFUSALS && self.passed) => {
                let reason = format!("the broker refused it: {why}");
                set_aside(drain, *row, &reason).await?;
                false
            }
            rows => {
                // Several in one message: each by itself shows which of them it is.
                let times = if rows.len() > 1 { ALONE } else { 1 };
                for _ in 0..times {
                    if let Err(error) = drain.store.attempted(rows.to_vec()).await {
                        drain.error(error.to_string());
                    }
                }
                true
            }
        })
    }

    async fn remove_if_due(&mut self, drain: &mut Drain) {
        let idle = self.window.is_empty() && self.ahead.is_empty();
        let due = self.remove_by.is_some_and(|by| Instant::now() >= by);
        if !self.clean || due || idle || drain.unremoved.len() >= REMOVE.0 {
            self.remove(drain).await;
        }
    }

    async fn remove(&mut self, drain: &mut Drain) {
        self.remove_by = None;
        self.clean |= drain.unremoved.is_empty();
        if drain.unremoved.is_empty() {
            return;
        }
        let rows = drain.unremoved.clone();
        match drain.store.acknowledged(rows).await {
            Ok(()) => {
                drain.unremoved.clear();
                self.clean = true;
            }
            Err(error) => {
                // Kept, and tried again: at the latest with the next look.
                self.remove_by = Some(Instant::now() + LOOK);
                drain.error(error.to_string());
            }
        }
    }

    /// Tells the screen, a few times a second at most.
    fn tell(&mut self, drain: &mut Drain, last: bool) {
        let now = Instant::now();
        if (last || now >= self.next_show || self.window.is_empty())
            && let Some((topic, payload)) = self.last_sent.take()
        {
            self.next_show = now + SHOW;
            let bytes = std::mem::take(&mut self.sent_bytes);
            drain.sent(bytes, printable(&topic), shown(&payload));
        }
        if !self.taken.is_empty() {
            drain.acknowledged(&self.taken, std::mem::take(&mut self.taken_rows));
            self.taken.clear();
        }
    }

    async fn fill(&mut self, drain: &mut Drain, line: &Line) -> Result<(), Trouble> {
        self.held_until = None;
        let filled = self.fill_up(drain, line).await;
        let now = Instant::now();
        let since = |is: bool, before: Option<Instant>| is.then(|| before.unwrap_or(now));
        drain.held_since = since(self.held_until.is_some(), drain.held_since);
        let full = self.window.len() >= self.agreed.width;
        drain.full_since = since(full, drain.full_since);
        filled
    }

    async fn fill_up(&mut self, drain: &mut Drain, line: &Line) -> Result<(), Trouble> {
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
            if let Some(message) = self.greeting.front() {
                let cost = Cost::of(&message.topic, &message.payload);
                self.held_until = drain.gate.not_before(cost, now);
                if self.held_until.is_some() {
                    break;
                }
                if let Some(message) = self.greeting.pop_front() {
                    drain.gate.spend(cost, now);
                    self.calls.says(drain, &message);
                    self.submit(line, aside(&message), message)?;
                }
                continue;
            }
            if self.ahead.is_empty() && !self.fetch(drain).await {
                break;
            }
            self.held_until = self.held_back(drain, now);
            if self.held_until.is_some() {
                break;
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
        Ok(())
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
                self.more = rows.len() == lot;
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

/// An error where so many were set aside already that a person must look first.
async fn set_aside(drain: &mut Drain, row: i64, reason: &str) -> Result<(), Trouble> {
    let at = drain.clock.now();
    match drain.store.reject(row, reason, at).await {
        Ok(true) => {
            drain.error(format!("a message was set aside: {reason}"));
            drain.count().await;
        }
        Ok(false) => {
            return Err(Trouble::lasting(
                Cause::Forbidden,
                format!(
                    "a thousand messages were set aside already, the next is due ({reason}): nothing more is sent until \
                     they were looked at, `obiscope mqtt dead` shows them"
                ),
            ));
        }
        Err(error) => drain.error(error.to_string()),
    }
    Ok(())
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

fn shown(payload: &[u8]) -> String {
    let cut = payload.len() > SHOWN;
    let part = payload.get(..SHOWN).unwrap_or(payload);
    let mut text = printable(&String::from_utf8_lossy(part));
    if cut {
        text.push('…');
    }
    text
}
