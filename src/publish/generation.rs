//! One connection, from CONNECT to its end. Everything in it is thrown away with it; the table remembers.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, Outgoing, Packet, Publish, QoS};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{self, MAX_PACKET};
use super::drain::{BrokerPhase, Drain};
use super::window::{Stray, WIDTH, Window};
use super::words::{Trouble, explain, no_acknowledgement};
use crate::cosem::data::printable;
use crate::store::OutboxRow;

/// An open connection that does not acknowledge for so long is given up.
const ACK_TIMEOUT: Duration = Duration::from_secs(20);
/// Rows fetched at once.
const FETCH: usize = 5 * WIDTH;
/// How often the table is looked at without being woken, and what waits is counted.
const LOOK: Duration = Duration::from_secs(1);
/// Events heard at a time: a broker that never stops talking does not keep us from stopping.
const EARFUL: usize = 4 * WIDTH;
/// How much of the last payload is shown.
const SHOWN: usize = 4096;

pub(super) enum End {
    Stopped,
    Lost(Trouble),
}

type Polled = Result<Event, ConnectionError>;

/// `EventLoop::poll` must never be dropped half-way, so it has a task of its own that only polls.
struct Line {
    client: AsyncClient,
    events: mpsc::Receiver<Polled>,
    poller: AbortHandle,
}

impl Line {
    fn new(client: AsyncClient, events: EventLoop) -> Self {
        let (tell, told) = mpsc::channel(4 * WIDTH);
        let poller = tokio::spawn(poll(events, tell)).abort_handle();
        Self {
            client,
            events: told,
            poller,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

async fn poll(mut events: EventLoop, tell: mpsc::Sender<Polled>) {
    loop {
        let polled = events.poll().await;
        // After either of these another poll would connect again.
        let last = matches!(polled, Err(_) | Ok(Event::Outgoing(Outgoing::Disconnect)));
        if tell.send(polled).await.is_err() || last {
            return;
        }
    }
}

pub(super) async fn run(drain: &mut Drain) -> End {
    let client_id = drain.broker.client_id.clone();
    let stop = drain.stop.clone();
    let opened = tokio::select! {
        biased;
        () = stop.cancelled() => return End::Stopped,
        opened = connection::open(&drain.broker, &client_id) => opened,
    };
    let mut line = match opened {
        Ok((client, events)) => Line::new(client, events),
        Err(what) => return End::Lost(Trouble::lasting(what)),
    };
    let answer = tokio::select! {
        biased;
        () = stop.cancelled() => return End::Stopped,
        answer = line.events.recv() => answer,
    };
    match answer {
        Some(Ok(Event::Incoming(Packet::ConnAck(_)))) => {}
        Some(Err(error)) => return End::Lost(explain(&error, &drain.broker, false)),
        Some(Ok(_)) | None => return End::Lost(Trouble::passing("the connection was given up")),
    }
    drain.phase(BrokerPhase::Connected);
    drain.count().await;
    let end = Pump::new().run(drain, &mut line).await;
    if matches!(end, End::Stopped) {
        say_goodbye(&mut line).await;
    }
    end
}

async fn say_goodbye(line: &mut Line) {
    if line.client.try_disconnect().is_ok() {
        let gone = async { while line.events.recv().await.is_some() {} };
        drop(timeout(Duration::from_secs(1), gone).await);
    }
}

struct Pump {
    window: Window,
    /// Fetched, not yet submitted.
    ahead: VecDeque<OutboxRow>,
    /// The last row submitted or set aside: never looked at again on this connection.
    cursor: i64,
    /// There may be rows past `ahead`.
    more: bool,
    next_look: Instant,
    /// Set when stopping.
    give_up: Option<Instant>,
}

impl Pump {
    fn new() -> Self {
        Self {
            window: Window::default(),
            ahead: VecDeque::new(),
            cursor: 0,
            more: true,
            next_look: Instant::now() + LOOK,
            give_up: None,
        }
    }

    async fn run(mut self, drain: &mut Drain, line: &mut Line) -> End {
        let (stop, wake) = (drain.stop.clone(), drain.wake.clone());
        loop {
            self.remove(drain).await;
            // While the table does not let go of what was acknowledged, nothing new is sent.
            if drain.unremoved.is_empty()
                && let Err(trouble) = self.fill(drain, line).await
            {
                return End::Lost(trouble);
            }
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
            let due = [patience, self.give_up]
                .into_iter()
                .flatten()
                .fold(self.next_look, Instant::min);
            tokio::select! {
                biased;
                event = line.events.recv() => {
                    if let Err(trouble) = self.hear(drain, line, event) {
                        self.remove(drain).await;
                        return End::Lost(trouble);
                    }
                }
                () = stop.cancelled(), if self.give_up.is_none() => {}
                () = wake.notified() => self.more = true,
                () = sleep_until(due) => {}
            }
        }
    }

    /// Everything that is there to be heard, so that acknowledgements leave the table together.
    fn hear(
        &mut self,
        drain: &mut Drain,
        line: &mut Line,
        first: Option<Polled>,
    ) -> Result<(), Trouble> {
        self.take(drain, first)?;
        for _ in 0..EARFUL {
            match line.events.try_recv() {
                Ok(next) => self.take(drain, Some(next))?,
                // Its end, if it has ended, is told by the next `recv`.
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, drain: &mut Drain, polled: Option<Polled>) -> Result<(), Trouble> {
        match polled {
            Some(Ok(event)) => self
                .event(drain, &event)
                .map_err(|Stray(packet)| stray(drain, packet)),
            Some(Err(error)) => Err(explain(&error, &drain.broker, true)),
            None => Err(Trouble::passing("the connection was given up")),
        }
    }

    fn event(&mut self, drain: &mut Drain, event: &Event) -> Result<(), Stray> {
        match event {
            Event::Outgoing(Outgoing::Publish(packet)) => self.window.sent(*packet),
            Event::Incoming(Packet::PubAck(ack)) => {
                let (row, latency) = self.window.acknowledge(ack.pkid, Instant::now())?;
                drain.unremoved.push(row);
                drain.acknowledged(1, latency);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn remove(&mut self, drain: &mut Drain) {
        if drain.unremoved.is_empty() {
            return;
        }
        let rows = drain.unremoved.clone();
        match drain.store.acknowledged(rows).await {
            Ok(()) => drain.unremoved.clear(),
            // Kept, and tried again: at the latest with the next look.
            Err(error) => drain.error(error.to_string()),
        }
    }

    async fn fill(&mut self, drain: &mut Drain, line: &Line) -> Result<(), Trouble> {
        let mut last: Option<(String, Vec<u8>)> = None;
        while self.window.has_room() {
            if self.ahead.is_empty() && !self.fetch(drain).await {
                break;
            }
            let Some(row) = self.ahead.pop_front() else {
                break;
            };
            self.cursor = row.id;
            if let Some(reason) = unsendable(&row) {
                if let Err(error) = drain.store.reject(row.id, &reason).await {
                    drain.error(error.to_string());
                } else {
                    drain.error(format!("a message was set aside: {reason}"));
                    drain.count().await;
                }
                continue;
            }
            let topic = row.topic.clone();
            last = Some((row.topic.clone(), row.payload.clone()));
            line.client
                .try_publish(row.topic, QoS::AtLeastOnce, false, row.payload)
                .map_err(|_| Trouble::passing("the connection was given up"))?;
            self.window.submit(row.id, topic, Instant::now());
        }
        if let Some((topic, payload)) = last {
            drain.sent(printable(&topic), shown(&payload));
        }
        Ok(())
    }

    /// True when there is something ahead now.
    async fn fetch(&mut self, drain: &mut Drain) -> bool {
        if !self.more {
            return false;
        }
        match drain
            .store
            .outbox(drain.broker.id, self.cursor, FETCH)
            .await
        {
            Ok(rows) => {
                self.more = rows.len() == FETCH;
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

fn stray(drain: &Drain, packet: u16) -> Trouble {
    Trouble::passing(format!(
        "{} acknowledged packet {packet}, which was not sent",
        drain.broker.endpoint()
    ))
}

/// Why this row would break every connection it is tried on. rumqttc drops the connection for an
/// oversize packet and not the packet, so this is asked before.
fn unsendable(row: &OutboxRow) -> Option<String> {
    if row.topic.is_empty() || row.topic.len() > usize::from(u16::MAX) {
        return Some("its topic is empty or over 65535 bytes".to_owned());
    }
    if row.topic.contains(['+', '#', '\0']) {
        return Some(format!(
            "its topic {} holds a character MQTT keeps for itself",
            printable(&row.topic)
        ));
    }
    let overhead = Publish::new("", QoS::AtLeastOnce, Vec::new()).size() + 8;
    let size = overhead + row.topic.len() + row.payload.len();
    (size > MAX_PACKET).then(|| {
        format!("it is {size} bytes long, more than the {MAX_PACKET} a packet may have; let the meter read fewer objects")
    })
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
