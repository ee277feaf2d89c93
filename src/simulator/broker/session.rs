//! A client from its CONNACK to its end: what each of its packets brings about. The rule: a message is recorded before
//! anything else becomes of it; if it cannot be, the connection ends without its PUBACK.

use super::acks::{Ack, Acks};
use super::answer::{self, Terms};
use super::behaviour::{Behaviour, Close, Fate};
use super::connection::most;
use super::deliveries::Deliveries;
use super::hub::{BACKLOG, Client, Farewell, Hub};
use super::packet::{self, Connect, Fault, Filter, Frame, Packet, Publish, Version};
use super::reason;
use super::sink::Received;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::bytes::BytesMut;

pub(super) struct Session {
    pub version: Version,
    /// The largest packet we read.
    pub most: usize,
    /// When its last bytes came.
    pub heard: Instant,
    hub: Arc<Hub>,
    number: u64,
    client: String,
    since: Instant,
    /// One and a half times the keep-alive (clause 3.1.2.10); none means for ever.
    patience: Option<Duration>,
    /// What its CONNACK allowed.
    receive_max: Option<u16>,
    /// The largest packet it reads.
    their_most: usize,
    will: Option<Publish>,
    publishes: u32,
    acks: Acks,
    deliveries: Deliveries,
    forwarded: mpsc::Receiver<Publish>,
}

impl Session {
    pub fn enter(hub: &Arc<Hub>, number: u64, connect: Connect, out: &mut BytesMut) -> Self {
        let behaviour = Arc::clone(&hub.behaviour.borrow());
        let (forward, forwarded) = mpsc::channel(BACKLOG);
        let nameless = connect.client.is_empty();
        let client = if nameless {
            format!("nameless-{number}")
        } else {
            connect.client.clone()
        };
        if let Some(platform) = &hub.platform {
            for twin in platform.enter(number, &connect, forward.clone()) {
                hub.end(twin, Farewell::Saying(reason::SESSION_TAKEN_OVER));
            }
        }
        hub.enter(
            number,
            Client {
                id: client.clone(),
                filters: Vec::new(),
                forward,
            },
        );
        let terms = Terms {
            receive_max: behaviour.receive_max,
            max_packet: behaviour.max_packet,
            assigned: nameless.then_some(client.as_str()),
            no_session: connect.keeps_session,
        };
        answer::connack(out, connect.version, reason::SUCCESS, &terms);
        let now = Instant::now();
        let patience = Duration::from_millis(u64::from(connect.keep_alive) * 1_500);
        Self {
            version: connect.version,
            most: most(behaviour.max_packet),
            heard: now,
            hub: Arc::clone(hub),
            number,
            client,
            since: now,
            patience: (!patience.is_zero()).then_some(patience),
            receive_max: (connect.version == Version::V5)
                .then_some(behaviour.receive_max)
                .flatten(),
            their_most: connect.max_packet.map_or(usize::MAX, |most| most as usize),
            will: connect.will,
            publishes: 0,
            acks: Acks::new(behaviour.seed.wrapping_add(number)),
            deliveries: Deliveries::new(connect.receive_max.unwrap_or(u16::MAX)),
            forwarded,
        }
    }

    fn behaviour(&self) -> Arc<Behaviour> {
        Arc::clone(&self.hub.behaviour.borrow())
    }

    /// When it has something to do by itself.
    pub fn wakes(&self) -> Option<Instant> {
        let age = self.hub.behaviour.borrow().drop_every;
        let ends = age.map(|age| self.since + age);
        let silent = self.patience.map(|patience| self.heard + patience);
        let times = [self.acks.next(), ends, silent];
        times.into_iter().flatten().min()
    }

    /// Writes the PUBACKs that are due; says when it is over.
    pub fn tick(&mut self, out: &mut BytesMut) -> Option<Farewell> {
        let now = Instant::now();
        let behaviour = self.behaviour();
        self.acks.write(out, self.version, &behaviour, now);
        if self
            .patience
            .is_some_and(|patience| self.heard + patience <= now)
        {
            return Some(Farewell::Saying(reason::KEEP_ALIVE_TIMEOUT));
        }
        let old = behaviour
            .drop_every
            .is_some_and(|age| self.since + age <= now);
        old.then(|| end(Close::Silently, &behaviour))
    }

    /// The PUBACKs that are due go before the end, and before the one that comes with it.
    fn settle(&mut self, out: &mut BytesMut) {
        let behaviour = self.behaviour();
        self.acks
            .write(out, self.version, &behaviour, Instant::now());
    }

    /// Waits for messages to it, and writes as many as there are and as it takes.
    pub async fn forward(&mut self, out: &mut BytesMut) {
        if !self.deliveries.open() {
            std::future::pending::<()>().await;
        }
        let mut next = self.forwarded.recv().await;
        while let Some(mut message) = next {
            // Larger than it reads: as if it had been delivered (clause 3.1.2.11.4).
            if answer::size(self.version, &message) <= self.their_most {
                self.deliveries.number(&mut message);
                answer::publish(out, self.version, &message);
            }
            next = if self.deliveries.open() {
                self.forwarded.try_recv().ok()
            } else {
                None
            };
        }
    }

    /// Some when the conversation is over.
    pub fn take(&mut self, frame: Frame, out: &mut BytesMut) -> io::Result<Option<Farewell>> {
        match packet::read(frame, self.version) {
            Ok(Packet::Publish(message)) => return self.publish(&message, out),
            Ok(Packet::PubAck(packet)) => self.deliveries.done(packet),
            Ok(Packet::Subscribe { packet, filters }) => self.subscribe(packet, filters, out),
            Ok(Packet::Unsubscribe { packet, filters }) => {
                let codes = self.hub.unsubscribe(self.number, &filters);
                answer::unsuback(out, self.version, packet, &codes);
            }
            Ok(Packet::PingReq) => answer::pingresp(out),
            Ok(Packet::Disconnect { with_will }) => {
                if !with_will {
                    self.will = None;
                }
                self.settle(out);
                return Ok(Some(Farewell::Quiet));
            }
            Err(Fault(reason)) => {
                self.settle(out);
                return Ok(Some(Farewell::Saying(reason)));
            }
        }
        Ok(None)
    }

    fn publish(&mut self, message: &Publish, out: &mut BytesMut) -> io::Result<Option<Farewell>> {
        self.publishes = self.publishes.saturating_add(1);
        let now = Instant::now();
        let behaviour = self.behaviour();
        let mut fate = behaviour.fate(message, self.publishes);
        let platform = self.hub.platform.as_ref();
        if fate.taken()
            && let Some(platform) = platform
        {
            let theirs = platform.receive(self.number, self.version, message, now);
            fate = Fate {
                reason: if theirs.taken() {
                    fate.reason
                } else {
                    theirs.reason
                },
                ack: fate.ack && theirs.ack,
                close: fate.close.or(theirs.close),
            };
        }
        self.hub.record(Received {
            client: self.client.clone(),
            topic: message.topic.clone(),
            payload: message.payload.to_vec(),
            packet: message.packet,
            reason: fate.reason,
        })?;
        if fate.taken() && platform.is_none() {
            self.hub.route(Some(self.number), message);
        }
        if fate.close.is_some() {
            self.settle(out);
        }
        if message.qos > 0 {
            let packet = message.packet;
            match fate {
                Fate { ack: false, .. } => self.acks.swallow(),
                Fate { close: Some(_), .. } => {
                    answer::puback(out, self.version, packet, fate.reason);
                }
                Fate { reason, .. } => self.acks.add(Ack { packet, reason }, &behaviour, now),
            }
        }
        let allowed = self.receive_max.map_or(usize::MAX, usize::from);
        let close = if self.acks.open() > allowed {
            Some(Close::Saying(reason::RECEIVE_MAXIMUM_EXCEEDED))
        } else {
            fate.close
        };
        Ok(close.map(|close| end(close, &behaviour)))
    }

    fn subscribe(&mut self, packet: u16, mut filters: Vec<Filter>, out: &mut BytesMut) {
        let known = self
            .hub
            .platform
            .as_ref()
            .map(|platform| platform.subscribe(self.number, &filters));
        if let Some(known) = &known {
            let mut known = known.iter();
            filters.retain(|_| known.next().is_some_and(|code| *code < 0x80));
        }
        let (codes, retained) = self.hub.subscribe(self.number, filters);
        let mut codes = known.unwrap_or(codes);
        if self.version == Version::V311 {
            // It has one code for every failure (its clause 3.9.3).
            for code in codes.iter_mut().filter(|code| **code >= 0x80) {
                *code = 0x80;
            }
        }
        answer::suback(out, self.version, packet, &codes);
        for mut message in retained {
            if answer::size(self.version, &message) > self.their_most {
                continue;
            }
            if !self.deliveries.open() {
                // Better once at most than one too many under way.
                message.qos = 0;
            }
            self.deliveries.number(&mut message);
            answer::publish(out, self.version, &message);
        }
    }

    /// It left without a DISCONNECT: its will is done.
    pub fn end(self) {
        if let Some(platform) = &self.hub.platform {
            platform.leave(self.number);
        } else if let Some(will) = &self.will {
            self.hub.route(None, will);
        }
    }
}

fn end(close: Close, behaviour: &Behaviour) -> Farewell {
    match close {
        _ if behaviour.abrupt => Farewell::Abrupt,
        Close::Silently => Farewell::Quiet,
        Close::Saying(reason) => Farewell::Saying(reason),
    }
}
