//! From the table to one connection: rows out in order, acknowledged ones out of the table. The rule: what a message
//! is told of by PUBACK decides what becomes of it, and nothing else does.

mod fill;
mod settle;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::calls::Calls;
use super::drain::{Control, Drain};
use super::generation::{Agreed, End};
use super::line::{Heard, Line};
use super::status::Cause;
use super::suspects::Mode;
use super::verdict::Verdict;
use super::window::{Load, Stray, Window};
use super::words::{Trouble, no_acknowledgement};
use crate::cosem::data::printable;
use crate::store::{Message, OutboxRow};

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
/// Answers that may wait behind one another.
const ANSWERS: usize = 64;

pub(super) struct Pump {
    agreed: Agreed,
    window: Window,
    mode: Mode,
    calls: Calls,
    /// Goes before everything, and before limits are known.
    question: Option<Message>,
    /// To what the platform asks; before the greeting, which may be long.
    answers: VecDeque<Message>,
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
            answers: VecDeque::new(),
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

    /// What came before the connection was ready.
    pub(super) fn heard(&mut self, drain: &mut Drain, early: Vec<Heard>) {
        for said in early {
            // Messages alone, and those end nothing.
            drop(self.take(drain, Some(Ok(said))));
        }
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
                        drain.replace(*broker);
                        return End::Again;
                    }
                    Control::Flush => self.more = true,
                    Control::Resume => {}
                },
                Some(answer) = drain.answers.1.recv(), if room && self.answers.len() < ANSWERS => self.answers.push_back(answer),
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
