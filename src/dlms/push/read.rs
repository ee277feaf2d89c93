//! From a whole APDU to what it says: opened, read, and held against the counters already seen.
//! The rule: a counter that does not rise is named, and what came with it is not taken as new.

use super::notification::{self, Notification};
use super::open::{self, Closed, Guard};
use super::stream::Apdu;
use crate::dlms::security::{Keys, SecurityError, SystemTitle};
use crate::dlms::xdlms::{ApduError, tag};
use std::collections::HashMap;

/// Layers of protection around one notification: signed around ciphered is two.
const LAYERS: usize = 3;

/// Senders whose counters are remembered.
const SENDERS: usize = 1024;

/// One pushed APDU, as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    pub guard: Guard,
    /// The innermost APDU, where there was something to open.
    pub plain: Option<Vec<u8>>,
    pub notification: Option<Notification>,
    /// Why there is none.
    pub problem: Option<Problem>,
    pub replay: Option<Replay>,
}

impl Pushed {
    /// Whether a reader may take the values as a new reading.
    pub const fn is_reading(&self) -> bool {
        self.notification.is_some() && self.replay.is_none()
    }
}

/// An invocation counter that is not above the highest seen of this sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invocation counter {got} is not above {highest}, which was seen before: a repetition or a replay, not a new reading"
)]
pub struct Replay {
    pub got: u32,
    pub highest: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    Closed(#[from] Closed),
    #[error(
        "deciphered, but what came out is no notification (it begins with {0:02X}): wrong encryption key or system title"
    )]
    WrongKey(u8),
    #[error("the notification cannot be read: {0}")]
    Unreadable(#[from] ApduError),
    #[error("nothing that a meter pushes: {0:02X} {name}", name = tag::name(*.0).unwrap_or("no known APDU"))]
    NotPushed(u8),
    #[error("sealed more than {LAYERS} times over")]
    TooDeep,
}

/// Serves all lines and peers of one listener.
#[derive(Debug, Default)]
pub struct Reader {
    keys: Option<Keys>,
    title: Option<SystemTitle>,
    unverified_too: bool,
    /// Highest counters of who proved to hold the keys.
    proven: HashMap<SystemTitle, u32>,
    /// Of the others: what they say cannot shut out the first.
    unproven: HashMap<SystemTitle, u32>,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses keys that no suite can use.
    pub fn with_keys(mut self, keys: Keys) -> Result<Self, SecurityError> {
        open::check(&keys)?;
        self.keys = Some(keys);
        Ok(self)
    }

    /// The sender's system title, for APDUs that do not bring it; those that bring another are refused.
    pub fn with_title(mut self, title: SystemTitle) -> Self {
        self.title = Some(title);
        self
    }

    /// Also give out what can be deciphered and not verified. Each [`Guard`] then says so.
    pub fn unverified_too(mut self) -> Self {
        self.unverified_too = true;
        self
    }

    pub fn read(&mut self, apdu: &Apdu) -> Pushed {
        let mut pushed = Pushed {
            guard: Guard::Clear,
            plain: None,
            notification: None,
            problem: None,
            replay: None,
        };
        match self.innermost(&apdu.octets, &mut pushed) {
            Ok(notification) => {
                pushed.replay = self.counted(&pushed.guard);
                pushed.notification = Some(notification);
            }
            Err(problem) => pushed.problem = Some(problem),
        }
        pushed
    }

    fn innermost(&self, octets: &[u8], pushed: &mut Pushed) -> Result<Notification, Problem> {
        for _ in 0..LAYERS {
            let apdu = pushed.plain.as_deref().unwrap_or(octets);
            let (guard, opened) =
                open::open(apdu, self.keys.as_ref(), self.title, self.unverified_too);
            if guard != Guard::Clear {
                // The outer layer's proof covers the inner one.
                if !pushed.guard.is_verified() || matches!(guard, Guard::Sealed(_)) {
                    pushed.guard = guard;
                }
            }
            match opened? {
                Some(plain) => pushed.plain = Some(plain),
                None => return plain_notification(apdu, &pushed.guard),
            }
        }
        Err(Problem::TooDeep)
    }

    /// Notes the counter; says if it did not rise.
    fn counted(&mut self, guard: &Guard) -> Option<Replay> {
        let Guard::Opened {
            title: Some(title),
            counter,
            verified,
            ..
        } = *guard
        else {
            return None;
        };
        let highest = if verified {
            &mut self.proven
        } else {
            &mut self.unproven
        };
        match highest.get(&title) {
            Some(&highest) if counter <= highest => Some(Replay {
                got: counter,
                highest,
            }),
            known => {
                if known.is_none() && highest.len() >= SENDERS {
                    // One of many goes; only a flood of made-up titles gets here.
                    let one = highest.keys().next().copied();
                    if let Some(one) = one {
                        highest.remove(&one);
                    }
                }
                highest.insert(title, counter);
                None
            }
        }
    }
}

fn plain_notification(apdu: &[u8], guard: &Guard) -> Result<Notification, Problem> {
    let first = apdu.first().copied().unwrap_or_default();
    let deciphered = matches!(
        guard,
        Guard::Opened {
            verified: false,
            control,
            ..
        } if control.protection().is_some_and(crate::dlms::security::Protection::encrypts)
    );
    if notification::service(first).is_none() {
        return Err(if deciphered {
            Problem::WrongKey(first)
        } else {
            Problem::NotPushed(first)
        });
    }
    Notification::parse(apdu).map_err(|error| {
        // One wrong key in eighty gives a right first octet, hardly any a whole notification.
        if deciphered {
            Problem::WrongKey(first)
        } else {
            Problem::Unreadable(error)
        }
    })
}
