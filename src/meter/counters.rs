//! Invocation counters: a number that must never be used twice with one key and system title, over every crash.
//! The rule: what a session may use is set aside in steps before any frame that uses it goes out; what it did not use
//! is given back when it ends in order, and lost when it does not.

use crate::dlms::security::{Secret, SystemTitle};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// Whose counter: our system title, and which key, by a short digest that tells nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterName {
    pub title: SystemTitle,
    pub key: [u8; 8],
}

impl CounterName {
    pub fn new(title: SystemTitle, key: &Secret) -> Self {
        let digest = Sha256::digest(key.expose());
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        Self { title, key: short }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CounterError {
    #[error(
        "the invocation counter of this key is used up (FFFFFFFF): the keys must be changed before another frame may go"
    )]
    UsedUp,
    #[error("the invocation counter cannot be stored, and unstored none is used: {0}")]
    Store(String),
    /// Named where nothing vouches for it; nothing was sent with it.
    #[error(
        "the meter says that its invocation counter stands at {named}, ours at {ours}: that number is not authenticated, \
         and whoever made it up would use up the key for good, so it is not taken without a person"
    )]
    Leap { ours: u32, named: u32 },
    /// Another session took the numbers that came next.
    #[error(
        "another session uses the same key and system title; this one begins again with numbers of its own"
    )]
    Taken,
}

pub type Reserving<'a> =
    Pin<Box<dyn Future<Output = Result<Range<u32>, CounterError>> + Send + 'a>>;
pub type GivingBack<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where counters are kept.
pub trait Counters: Send + Sync {
    /// Sets `count` numbers aside, none below `least` and none ever given out before; kept for good before it returns.
    fn reserve(&self, name: CounterName, least: u32, count: u32) -> Reserving<'_>;

    /// Of what was set aside up to `end`, `next` and above was not used. Nothing happens when others took numbers since.
    fn give_back(&self, name: CounterName, end: u32, next: u32) -> GivingBack<'_>;
}

/// Forward by so much a counter follows what a meter says: months of another client's work.
const USUAL_LEAP: u32 = 1 << 20;
/// A store that never used the key knows nothing of what others did: a sixteenth of all numbers.
const FIRST_LEAP: u32 = 1 << 28;
/// Within the last sixteenth numbers are not given away by the million.
const SCARCE: u32 = u32::MAX - (1 << 28);
const SCARCE_LEAP: u32 = 1 << 12;
/// Beyond what a person accepted: what other clients use until the next try.
const SLACK: u32 = 1 << 12;

/// Whether ours may go on above `named`. Exceptions and the public client's values travel unauthenticated: one forged
/// number near 2^32 would leave the key without any.
pub fn may_leap(ours: u32, named: u32, accepted: Option<u32>) -> Result<(), CounterError> {
    let most = match ours {
        _ if named >= SCARCE => SCARCE_LEAP,
        0 => FIRST_LEAP,
        _ => USUAL_LEAP,
    };
    let accepted = accepted.is_some_and(|it| named <= it.saturating_add(SLACK));
    if named.saturating_sub(ours) <= most || accepted {
        Ok(())
    } else {
        Err(CounterError::Leap { ours, named })
    }
}

/// The numbers to set aside when `next` is the first that was never given out.
pub fn reservation(next: u32, least: u32, count: u32) -> Result<Range<u32>, CounterError> {
    let start = next.max(least);
    match start.checked_add(count.max(1)) {
        Some(end) => Ok(start..end),
        // The last numbers are no good for a whole step.
        None if start < u32::MAX => Ok(start..u32::MAX),
        None => Err(CounterError::UsedUp),
    }
}

/// For tests, benches and one-time system titles: gone with the process.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<HashMap<CounterName, u32>>);

impl InMemory {
    /// What would be given out next.
    pub fn next(&self, name: CounterName) -> u32 {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&name).copied().unwrap_or(0)
    }
}

impl Counters for InMemory {
    fn reserve(&self, name: CounterName, least: u32, count: u32) -> Reserving<'_> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = kept.entry(name).or_default();
        let reserved = reservation(*next, least, count);
        if let Ok(reserved) = &reserved {
            *next = reserved.end;
        }
        Box::pin(std::future::ready(reserved))
    }

    fn give_back(&self, name: CounterName, end: u32, next: u32) -> GivingBack<'_> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = kept.get_mut(&name)
            && *stored == end
        {
            *stored = next.min(end);
        }
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_the_end() {
        assert_eq!(reservation(5, 0, 32), Ok(5..37));
        assert_eq!(reservation(5, 100, 32), Ok(100..132));
        assert_eq!(reservation(u32::MAX - 3, 0, 32), Ok(u32::MAX - 3..u32::MAX));
        assert_eq!(reservation(u32::MAX, 0, 32), Err(CounterError::UsedUp));
    }

    #[test]
    fn a_forged_number_does_not_use_up_the_key() {
        let ok = |ours, named, accepted| may_leap(ours, named, accepted).is_ok();
        assert!(ok(500, 90, None), "behind ours, nothing leaps");
        assert!(ok(500, 1_000_000, None));
        assert!(ok(0, 200_000_000, None), "first seen");
        assert!(!ok(1, 200_000_000, None));
        assert!(!ok(0, 0xF000_0001, None) && !ok(0, u32::MAX, None));
        assert!(ok(0xF800_0000, 0xF800_0400, None) && !ok(0xF800_0000, 0xF810_0000, None));
        // A person says which, and no more than that.
        assert!(ok(1, 200_000_000, Some(200_000_000)));
        assert!(ok(1, 200_000_900, Some(200_000_000)));
        assert!(!ok(1, 0xFFFF_0000, Some(200_000_000)));
        let words = may_leap(7, u32::MAX, None).unwrap_err().to_string();
        assert!(
            words.contains("4294967295") && words.contains("ours at 7"),
            "{words}"
        );
    }

    #[tokio::test]
    async fn nothing_is_given_out_twice() {
        let name = |key: &str| CounterName::new(SystemTitle(*b"OBS00001"), &Secret::new(key));
        let (a, b) = (name("a"), name("b"));
        let kept = InMemory::default();
        assert_eq!(kept.reserve(a, 0, 32).await, Ok(0..32));
        assert_eq!(kept.reserve(b, 7, 32).await, Ok(7..39));
        kept.give_back(a, 32, 3).await;
        assert_eq!(kept.reserve(a, 0, 32).await, Ok(3..35));
        assert_eq!(kept.reserve(a, 0, 32).await, Ok(35..67));
        kept.give_back(a, 35, 4).await;
        assert_eq!(kept.next(a), 67, "others took numbers since");
    }
}
