//! A broker in memory, in virtual time. rumqttc opens its sockets itself and takes no stream from outside, so this one
//! stands where a connection's words are (`publish::Dial`); rumqttc's own bytes are proven over loopback elsewhere. The rule:
//! a message is written down before it is acknowledged.

use crate::world::World;
use obiscope::publish::{Dial, Ends, Said, Told};
use obiscope::store::BrokerDefinition;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ill {
    /// Connections end, and nobody listens.
    Down,
    /// CONNECT is refused.
    Refusing,
    /// Nothing is answered.
    Hangs,
    /// Who is connected is put out by another of its name; at the beginning of it.
    Kick,
    /// One message in ten is taken, and the connection ends before its PUBACK.
    Forgets,
}

#[derive(Clone)]
pub struct Broker(Arc<Mutex<Hall>>);

pub struct Hall {
    world: World,
    ills: Vec<(Duration, Duration, Ill)>,
    dice: fastrand::Rng,
    /// Payloads by topic and number.
    pub taken: BTreeMap<String, BTreeMap<u64, Vec<u8>>>,
    pub twice: u64,
    pub connections: u64,
    pub broken: Vec<String>,
}

impl Broker {
    pub fn new(world: &World, seed: u64, ills: Vec<(u64, u64, Ill)>) -> Self {
        let ills = ills.into_iter().map(|(from, lasts, ill)| {
            let from = Duration::from_secs(from);
            (from, from + Duration::from_secs(lasts), ill)
        });
        Self(Arc::new(Mutex::new(Hall {
            world: world.clone(),
            ills: ills.collect(),
            dice: fastrand::Rng::with_seed(seed),
            taken: BTreeMap::new(),
            twice: 0,
            connections: 0,
            broken: Vec::new(),
        })))
    }

    pub fn look(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap()
    }

    fn now(&self) -> (Duration, Vec<Ill>, Option<Duration>) {
        let hall = self.look();
        let at = hall.world.look().at();
        let ill = hall
            .ills
            .iter()
            .filter(|(from, until, _)| *from <= at && at < *until);
        let edges = hall
            .ills
            .iter()
            .flat_map(|(from, until, _)| [*from, *until]);
        (
            at,
            ill.map(|(.., ill)| *ill).collect(),
            edges.filter(|edge| *edge > at).min(),
        )
    }

    fn log(&self, what: &str, bytes: &[u8]) {
        let hall = self.look();
        let mut world = hall.world.look();
        let at = world.at();
        world.log.add(at, "broker", what, bytes);
    }

    /// False when the connection ends over it.
    fn take(&self, topic: &str, payload: &[u8]) -> bool {
        self.log(topic, payload);
        let (_, ills, _) = self.now();
        let mut hall = self.look();
        let told: Value = serde_json::from_slice(payload).unwrap_or_default();
        if let Some(number) = told["seq"].as_u64() {
            let of_topic = hall.taken.entry(topic.to_owned()).or_default();
            match of_topic.insert(number, payload.to_vec()) {
                None => {}
                Some(before) if before == payload => hall.twice += 1,
                Some(_) => {
                    let words = format!("{topic}: message {number} came twice and differs");
                    hall.broken.push(words);
                }
            }
        }
        !ills.contains(&Ill::Forgets) || hall.dice.u8(0..10) > 0
    }

    async fn converse(self, mut said: mpsc::UnboundedReceiver<Said>, told: mpsc::Sender<Told>) {
        sleep(Duration::from_millis(5)).await;
        let (_, ills, _) = self.now();
        let no = if ills.contains(&Ill::Down) {
            Some(Told::Unreachable("nobody listens there".to_owned()))
        } else if ills.contains(&Ill::Refusing) {
            Some(Told::Refused(
                "the broker refuses user and password".to_owned(),
            ))
        } else if ills.contains(&Ill::Hangs) {
            sleep(Duration::from_secs(10)).await;
            Some(Told::Unreachable("no CONNACK within 10 s".to_owned()))
        } else {
            None
        };
        self.log(if no.is_some() { "not let in" } else { "let in" }, &[]);
        let refused = no.is_some();
        // Whoever asked may be gone; then so are we.
        if told.send(no.unwrap_or(Told::Connected)).await.is_err() || refused {
            return;
        }
        self.look().connections += 1;
        let mut packet = 0_u16;
        loop {
            let (at, ills, edge) = self.now();
            if ills.contains(&Ill::Down) {
                drop(
                    told.send(Told::Closed("the broker went away".to_owned()))
                        .await,
                );
                return;
            }
            let until = edge.map(|edge| tokio::time::Instant::now() + edge.saturating_sub(at));
            let what = tokio::select! {
                biased;
                what = said.recv() => what,
                () = sleep_until(until.unwrap_or_else(tokio::time::Instant::now)), if until.is_some() => {
                    if self.now().1.contains(&Ill::Kick) && !ills.contains(&Ill::Kick) {
                        self.log("kicked", &[]);
                        drop(told.send(Told::TakenOver("session taken over".to_owned())).await);
                        return;
                    }
                    continue;
                }
            };
            let answers = match what {
                None => return,
                Some(Said::Disconnect) => vec![Told::Left],
                Some(Said::Subscribe(_)) => vec![Told::Subscribed],
                // Taken in, and nothing said of it.
                Some(Said::Publish(_)) if ills.contains(&Ill::Hangs) => continue,
                Some(Said::Publish(message)) => {
                    packet = packet.checked_add(1).unwrap_or(1);
                    if self.take(&message.topic, &message.payload) {
                        vec![Told::Sent(packet), Told::Taken(packet)]
                    } else {
                        vec![Told::Sent(packet), Told::Closed("hung up".to_owned())]
                    }
                }
            };
            let last = matches!(answers.last(), Some(Told::Left | Told::Closed(_)));
            for answer in answers {
                if told.send(answer).await.is_err() {
                    return;
                }
            }
            if last {
                return;
            }
        }
    }
}

impl Dial for Broker {
    fn dial(&self, _: &BrokerDefinition, _: &str) -> Ends {
        let (said, heard) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::channel(64);
        tokio::spawn(self.clone().converse(heard, tell));
        Ends { said, told }
    }
}
