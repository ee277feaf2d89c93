//! How often a secret was shown to a meter, and whether it may be shown again: meters lock after a few wrong ones.
//! The rule: an attempt is counted for good before its bytes go out, and what came of it is noted afterwards, so no
//! crash in between loses a count; a secret that was refused goes out again only when a person says so.

use super::definition::{Definition, TransportKind};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// Whose secret is shown to whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credential {
    /// `host:port`, or the device of a serial line.
    pub endpoint: String,
    /// The server address as it travels, `02 03`; over the wrapper its number.
    pub server: String,
    pub client: u8,
    /// Two octets of a digest: enough to know a changed secret, too few to find it out.
    pub mark: u16,
}

impl Credential {
    /// `None` where no secret is shown, nor proven with.
    pub fn of(meter: &Definition) -> Option<Self> {
        if !meter.auth.shows_a_secret() {
            return None;
        }
        let mut digest = Sha256::new();
        digest.update(meter.auth.name());
        let keys = meter.security.as_ref().map(|it| &it.keys);
        let secrets = [
            meter.password.as_ref(),
            keys.and_then(|keys| keys.encryption.as_ref()),
            keys.and_then(|keys| keys.authentication.as_ref()),
        ];
        for secret in secrets {
            let octets = secret.map_or(&[][..], |it| it.expose());
            digest.update(octets.len().to_be_bytes());
            digest.update(octets);
        }
        let digest = digest.finalize();
        Some(Self {
            endpoint: meter.endpoint(),
            server: server(meter),
            client: meter.client.sap(),
            mark: u16::from_be_bytes([digest[0], digest[1]]),
        })
    }
}

fn server(meter: &Definition) -> String {
    match &meter.transport {
        TransportKind::WrapperTcp | TransportKind::WrapperUdp => meter.server.upper().to_string(),
        _ => {
            let mut octets = Vec::new();
            meter.server.encode(&mut octets);
            crate::cosem::hex::spaced(&octets)
        }
    }
}

/// What is known of a client's attempts at one meter. A success sets back what was refused of that secret, never `total`;
/// a wrong secret stays wrong when the right one was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// With any secret, ever.
    pub total: u32,
    /// In a row, with any secret: a secret last tried before one that was not refused does not count.
    pub refused: u32,
    /// With this very secret, since the last success.
    pub refused_so: u32,
    /// With this very secret; nothing was noted of them, so the program ended in the middle.
    pub open_so: u32,
    pub last: Option<Timestamp>,
    /// By the meter itself, earlier.
    pub told: Option<Told>,
}

/// What a meter said of itself that matters before a secret goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: Timestamp,
    /// Three letters, FLAG; `None` leaves what was known.
    pub maker: Option<String>,
    /// Of its locks, a sentence each; empty leaves what was known.
    pub facts: Vec<String>,
}

impl Told {
    /// Over what was known before.
    #[must_use]
    pub fn over(self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self };
        Self {
            maker: self.maker.or_else(|| before.maker.clone()),
            at: if self.facts.is_empty() {
                before.at
            } else {
                self.at
            },
            facts: if self.facts.is_empty() {
                before.facts.clone()
            } else {
                self.facts
            },
        }
    }
}

/// A program that is killed again and again before it hears the answer must not go on for ever.
const MOST_OPEN: u32 = 2;

impl Record {
    /// A person must say go on.
    pub const fn asks(&self) -> bool {
        self.refused_so > 0 || self.open_so >= MOST_OPEN
    }

    /// Count, last time and what is known of such meters' locks; one sentence each.
    pub fn words(&self, meter: &Definition) -> Vec<String> {
        let client = meter.client.sap();
        let mut words = vec![if self.refused_so > 0 {
            let times = times(self.refused_so);
            format!("this secret of client {client} was refused {times}")
        } else {
            let times = times(self.open_so);
            format!(
                "this secret of client {client} was sent {times} and what came of it is not known"
            )
        }];
        if let Some(last) = self.last {
            words.push(format!(
                "the last try was at {}",
                super::clock::rfc3339(last)
            ));
        }
        if self.refused > self.refused_so {
            let row = self.refused;
            words.push(format!(
                "{row} in a row were refused, counting other secrets"
            ));
        }
        words.push(format!("in all {} counted here", times(self.total)));
        words.extend(super::locks::words(meter, self.told.as_ref()));
        words
    }
}

fn times(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// The meter did not take the secret.
    Refused,
    /// Neither: no answer, a lost line, a refusal for another reason.
    Unclear,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    #[error("the secret was not sent: {}", .words.join("; "))]
    Asks { words: Vec<String> },
    #[error("the attempt cannot be counted, and uncounted no secret is sent: {0}")]
    Store(String),
}

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where attempts are counted.
pub trait Attempts: Send + Sync {
    fn record(&self, who: Credential) -> Later<'_, Result<Record, AttemptError>>;

    /// Counts one attempt unless the record asks and nobody `confirmed`; kept for good before it returns. Gives the
    /// record as it was before. In one step, so that two programs do not both go.
    fn count(
        &self,
        who: Credential,
        confirmed: bool,
        at: Timestamp,
    ) -> Later<'_, Result<Counted, AttemptError>>;

    /// Of the attempt counted last.
    fn note(&self, who: Credential, outcome: Outcome) -> Later<'_, ()>;

    /// Of the meter, whoever the client is; later records carry it.
    fn told(&self, who: Credential, told: Told) -> Later<'_, ()>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    Yes,
    /// Nothing was counted, nothing may be sent.
    Asks(Record),
}

/// One row: what is kept of one secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub total: u32,
    pub refused: u32,
    pub open: u32,
    /// Milliseconds.
    pub last: i64,
}

impl Row {
    pub fn noted(self, outcome: Outcome) -> Self {
        let open = self.open.saturating_sub(1);
        match outcome {
            Outcome::Accepted => Self {
                refused: 0,
                open: 0,
                ..self
            },
            Outcome::Refused => Self {
                refused: self.refused.saturating_add(1),
                open,
                ..self
            },
            Outcome::Unclear => Self { open, ..self },
        }
    }
}

/// All rows of one client at one meter, by their marks.
pub fn record(rows: impl IntoIterator<Item = (u16, Row)>, mark: u16) -> Record {
    let rows: Vec<(u16, Row)> = rows.into_iter().collect();
    let well = rows.iter().map(|(_, row)| row);
    let well = well.filter(|row| row.refused == 0 && row.open == 0);
    let well = well.map(|row| row.last).max();
    let mut record = Record::default();
    for (of, row) in rows {
        record.total = record.total.saturating_add(row.total);
        if of == mark || Some(row.last) > well {
            record.refused = record.refused.saturating_add(row.refused);
        }
        record.last = record.last.max(Timestamp::from_millisecond(row.last).ok());
        if of == mark {
            record.refused_so = row.refused;
            record.open_so = row.open;
        }
    }
    record
}

/// For tests and benches: gone with the process.
#[derive(Debug, Default)]
pub struct InMemory {
    rows: Mutex<BTreeMap<Credential, Row>>,
    /// By endpoint and server.
    told: Mutex<BTreeMap<(String, String), Told>>,
}

impl InMemory {
    fn look(&self, kept: &BTreeMap<Credential, Row>, who: &Credential) -> Record {
        let same = |it: &&Credential| {
            (&it.endpoint, &it.server, it.client) == (&who.endpoint, &who.server, who.client)
        };
        let rows = kept.iter().filter(|(it, _)| same(it));
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Record {
            told: told
                .get(&(who.endpoint.clone(), who.server.clone()))
                .cloned(),
            ..record(rows.map(|(it, row)| (it.mark, *row)), who.mark)
        }
    }
}

impl Attempts for InMemory {
    fn record(&self, who: Credential) -> Later<'_, Result<Record, AttemptError>> {
        let kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.look(&kept, &who);
        Box::pin(std::future::ready(Ok(record)))
    }

    fn count(
        &self,
        who: Credential,
        confirmed: bool,
        at: Timestamp,
    ) -> Later<'_, Result<Counted, AttemptError>> {
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.look(&kept, &who);
        let counted = if record.asks() && !confirmed {
            Counted::Asks(record)
        } else {
            let row = kept.entry(who).or_default();
            row.total += 1;
            row.open += 1;
            row.last = at.as_millisecond();
            Counted::Yes
        };
        Box::pin(std::future::ready(Ok(counted)))
    }

    fn note(&self, who: Credential, outcome: Outcome) -> Later<'_, ()> {
        let mut kept = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = kept.get_mut(&who) {
            *row = row.noted(outcome);
        }
        Box::pin(std::future::ready(()))
    }

    fn told(&self, who: Credential, told: Told) -> Later<'_, ()> {
        let mut kept = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (who.endpoint, who.server);
        let told = told.over(kept.get(&place));
        kept.insert(place, told);
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dlms::security::Secret;

    fn with(password: &str) -> Definition {
        let mut meter = Definition::microstar("m", "10.0.0.1", 3333);
        meter.password = Some(Secret::new(password));
        meter
    }

    #[tokio::test]
    async fn a_changed_secret_resets_the_question_and_not_the_count() {
        let kept = InMemory::default();
        rules(&kept).await;
    }

    /// What holds of every place attempts are kept in.
    pub async fn rules(kept: &dyn Attempts) {
        let at = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let who = |password: &str| Credential::of(&with(password)).unwrap();
        let (a, b) = (who("11111111"), who("22222222"));
        assert_ne!(a.mark, b.mark);
        assert_eq!(kept.count(a.clone(), false, at).await, Ok(Counted::Yes));
        kept.note(a.clone(), Outcome::Refused).await;
        let record = kept.record(a.clone()).await.unwrap();
        assert!(record.asks());
        assert_eq!(
            (record.total, record.refused_so, record.last),
            (1, 1, Some(at))
        );
        assert_eq!(
            kept.count(a.clone(), false, at).await,
            Ok(Counted::Asks(record))
        );
        // Another secret goes without a question; the count goes on.
        assert_eq!(kept.count(b.clone(), false, at).await, Ok(Counted::Yes));
        kept.note(b.clone(), Outcome::Refused).await;
        let record = kept.record(b.clone()).await.unwrap();
        assert_eq!((record.total, record.refused, record.refused_so), (2, 2, 1));
        // And back to the first does not come round the question.
        assert!(kept.record(a.clone()).await.unwrap().asks());
        assert_eq!(kept.count(a.clone(), true, at).await, Ok(Counted::Yes));
        kept.note(a.clone(), Outcome::Accepted).await;
        // The right one says nothing for the wrong one.
        for (it, refused) in [(&a, 0), (&b, 1)] {
            let record = kept.record(it.clone()).await.unwrap();
            let asks = (record.refused_so, record.asks());
            assert_eq!(
                (record.total, record.refused, asks),
                (3, refused, (refused, refused > 0))
            );
        }
        assert_eq!(kept.count(b.clone(), true, at).await, Ok(Counted::Yes));
        kept.note(b.clone(), Outcome::Accepted).await;
        let record = kept.record(b.clone()).await.unwrap();
        assert_eq!((record.total, record.refused, record.asks()), (4, 0, false));
        // Nothing noted twice is a program that was killed twice.
        for n in 0..2 {
            assert_eq!(
                kept.count(b.clone(), false, at).await,
                Ok(Counted::Yes),
                "{n}"
            );
        }
        assert!(kept.record(b.clone()).await.unwrap().asks());
        kept.note(b.clone(), Outcome::Unclear).await;
        assert!(!kept.record(b.clone()).await.unwrap().asks());
        // What the meter told of itself goes with every client's record, the newest of each.
        let told = |maker: Option<&str>, facts: &[&str]| Told {
            at,
            maker: maker.map(str::to_owned),
            facts: facts.iter().map(|it| (*it).to_owned()).collect(),
        };
        kept.told(a.clone(), told(None, &["failed tries so far: 1"]))
            .await;
        kept.told(b.clone(), told(Some("LGZ"), &[])).await;
        let record = kept.record(a.clone()).await.unwrap();
        let due = told(Some("LGZ"), &["failed tries so far: 1"]);
        assert_eq!(record.told, Some(due));
        // Somebody else's are not these.
        let mut other = with("22222222");
        other.port = 4059;
        let record = kept.record(Credential::of(&other).unwrap()).await.unwrap();
        assert_eq!(record, Record::default());
    }

    #[test]
    fn the_question_says_count_time_and_lock() {
        let record = Record {
            total: 3,
            refused: 2,
            refused_so: 1,
            open_so: 0,
            last: Timestamp::from_millisecond(1_800_000_000_000).ok(),
            told: None,
        };
        let words = record.words(&with("x")).join("; ");
        for part in [
            "client 1 was refused once",
            "2027-01-15T",
            "2 in a row",
            "3 times",
            "Microstar",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(Credential::of(&Definition::new("m", "h", 1)).is_none());
    }
}
