//! Ciphering at the meter's end: opens requests, seals answers in the form that was asked, and keeps the counters. The one
//! rule: a counter is taken once, and one of ours goes out once, over power cuts too.

use crate::dlms::security::{
    Cipher, Form, Incoming, Keys, Opened, Outgoing, Protection, Secret, SecurityError, Suite,
    SystemTitle,
};
use crate::simulator::clients::ClientSecurity;

/// Our counter starts with the seconds since this moment (2020-09-13), so that it has risen when the program starts anew.
const COUNTED_FROM: i64 = 1_600_000_000;

/// What is kept of counters and chance, whoever is associated.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    /// The lowest to be taken of a client's, for each suite: suites do not share keys.
    lowest: [u32; 3],
    /// The last of ours.
    sent: u32,
    random: fastrand::Rng,
}

impl Counters {
    pub fn new(seed: u64, unix: i64) -> Self {
        Self {
            lowest: [0; 3],
            sent: u32::try_from(unix - COUNTED_FROM).unwrap_or(0),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// The last counter taken.
    pub fn taken(&self, suite: u8) -> u32 {
        let lowest = self.lowest.get(usize::from(suite)).copied();
        lowest.unwrap_or(0).saturating_sub(1)
    }

    /// The lowest that would be taken.
    pub fn lowest(&self, suite: Suite) -> u32 {
        let lowest = self.lowest.get(usize::from(suite.number())).copied();
        lowest.unwrap_or(0)
    }

    pub fn take(&mut self, suite: Suite, counter: u32) {
        if let Some(lowest) = self.lowest.get_mut(usize::from(suite.number())) {
            *lowest = counter.saturating_add(1).max(*lowest);
        }
    }

    pub fn next(&mut self) -> u32 {
        self.sent = self.sent.wrapping_add(1);
        self.sent
    }

    /// So many octets, other ones each time.
    pub fn challenge(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.random.u8(..))
            .take(length)
            .collect()
    }
}

/// What one association ciphers with.
#[derive(Debug)]
pub(super) struct Guard {
    pub suite: Suite,
    pub required: Option<Protection>,
    /// Who the client said it is.
    pub client: SystemTitle,
    own: SystemTitle,
    global: Cipher,
    dedicated: Option<Cipher>,
    /// The lowest counter to be taken under the dedicated key.
    lowest: u32,
}

/// How a request came, and its answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dress {
    protection: Protection,
    form: Form,
    dedicated: bool,
}

impl Dress {
    pub const fn form(self) -> Form {
        self.form
    }
}

impl Guard {
    pub fn new(
        security: &ClientSecurity,
        client: SystemTitle,
        own: SystemTitle,
    ) -> Result<Self, SecurityError> {
        Ok(Self {
            suite: security.suite,
            required: security.required,
            client,
            own,
            global: Cipher::new(security.suite, &security.keys)?,
            dedicated: None,
            lowest: 0,
        })
    }

    pub fn keys(&self) -> &Keys {
        self.global.keys()
    }

    /// The key the client brought for this association.
    pub fn agree(&mut self, key: Option<Secret>) -> Result<(), SecurityError> {
        self.dedicated = match key {
            None => None,
            dedicated => {
                let keys = Keys {
                    dedicated,
                    ..self.keys().clone()
                };
                Some(Cipher::new(self.suite, &keys)?)
            }
        };
        Ok(())
    }

    /// The plain request; its counter is taken.
    pub fn open(
        &mut self,
        apdu: &[u8],
        counters: &mut Counters,
    ) -> Result<(Vec<u8>, Dress), SecurityError> {
        let dedicated = apdu.first().copied().is_some_and(is_dedicated);
        let lowest = if dedicated {
            self.lowest
        } else {
            counters.lowest(self.suite)
        };
        let cipher = match &self.dedicated {
            Some(cipher) if dedicated => cipher,
            _ => &self.global,
        };
        let expected = Incoming {
            peer_title: Some(self.client),
            lowest_counter: Some(lowest),
            verify: true,
            least: self.required,
        };
        let Opened {
            plain,
            control,
            counter,
            form,
            ..
        } = cipher.open(apdu, expected)?;
        if dedicated {
            self.lowest = counter.saturating_add(1);
        } else {
            counters.take(self.suite, counter);
        }
        let dress = Dress {
            protection: control.protection().unwrap_or(Protection::Both),
            form,
            dedicated,
        };
        Ok((plain, dress))
    }

    /// Appends the answer, dressed as the request was.
    pub fn seal(
        &self,
        plain: &[u8],
        dress: Dress,
        counters: &mut Counters,
        out: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        let cipher = match &self.dedicated {
            Some(cipher) if dress.dedicated => cipher,
            _ => &self.global,
        };
        let how = Outgoing {
            protection: dress.protection,
            form: dress.form,
            title: self.own,
            counter: counters.next(),
        };
        cipher.seal(plain, how, out)
    }
}

/// ded-… and general-ded-ciphering.
const fn is_dedicated(tag: u8) -> bool {
    matches!(tag, 0x41..=0x5F | 0xD0..=0xD7 | 0xDC)
}

/// What ciphering adds to an APDU at most: tag, title, length, security control and counter, authentication tag.
pub(super) const LONGEST_DRESS: usize = 1 + 9 + 5 + 5 + 12;
