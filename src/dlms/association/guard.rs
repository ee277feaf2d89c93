//! What protects an association: seals what goes out under the next counter, opens what comes in. The one rule: a counter
//! goes out once, and one that came is not taken again.
use crate::dlms::security::{
    Cipher, Form, Incoming, Keys, Outgoing, Protection, Secret, Security, SecurityError,
    SystemTitle,
};
use crate::dlms::xdlms::{Conformance, tag};

pub(super) struct Guard {
    security: Security,
    cipher: Box<Cipher>,
    /// The next counter that goes out.
    counter: u32,
    peer_title: Option<SystemTitle>,
    /// The lowest counter still to be taken, by key: global, dedicated, broadcast.
    lowest: [u32; 3],
    /// How services are dressed now.
    form: Form,
}

/// Tag, length, security control, counter and the authentication tag around one APDU.
const OVERHEAD: usize = 1 + 3 + 5 + 12;

/// The system title in a general form, with its length.
const TITLE: usize = 9;

impl Guard {
    pub fn new(security: Security) -> Result<Self, SecurityError> {
        Ok(Self {
            cipher: Box::new(Cipher::new(security.suite, &security.keys)?),
            counter: 0,
            peer_title: None,
            lowest: [0; 3],
            form: Form::Global,
            security,
        })
    }

    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// Counters only ever rise.
    pub fn raise(&mut self, counter: u32) {
        self.counter = self.counter.max(counter);
    }

    pub const fn security(&self) -> &Security {
        &self.security
    }

    pub const fn keys(&self) -> &Keys {
        self.cipher.keys()
    }

    pub const fn peer_title(&self) -> Option<SystemTitle> {
        self.peer_title
    }

    /// APDUs are sealed; otherwise only proofs are made with our keys.
    pub const fn is_sealing(&self) -> bool {
        self.security.protection.is_some()
    }

    /// A new association begins. Until it stands, all goes under the global key.
    pub fn begin(&mut self, dedicated: Option<Secret>) -> Result<(), SecurityError> {
        self.form = Form::Global;
        set(&mut self.lowest, 1, 0);
        self.cipher
            .set_dedicated(dedicated.or_else(|| self.security.keys.dedicated.clone()))?;
        if self.is_sealing() && self.security.form == Form::Dedicated && self.dedicated().is_none()
        {
            return Err(SecurityError::MissingKey("dedicated"));
        }
        Ok(())
    }

    /// The key the InitiateRequest brings, where services are to go under it.
    pub fn dedicated(&self) -> Option<&Secret> {
        let wanted = self.is_sealing() && self.security.form != Form::Global;
        self.keys().dedicated.as_ref().filter(|_| wanted)
    }

    /// The AARE came: this is who we talk to.
    pub fn meet(&mut self, title: Option<&[u8]>) {
        let title = title.and_then(|octets| SystemTitle::try_from(octets).ok());
        if title != self.peer_title {
            self.lowest = [0; 3];
        }
        self.peer_title = title;
    }

    /// The association stands. A meter that does not grant general protection gets the services' own ciphered forms.
    pub fn settle(&mut self, granted: Conformance) {
        let general = granted.has(Conformance::GENERAL_PROTECTION);
        self.form = match self.security.form {
            Form::General if !general && self.dedicated().is_some() => Form::Dedicated,
            Form::General if !general => Form::Global,
            form => form,
        };
    }

    /// Octets that sealing adds at most.
    pub fn overhead(&self) -> usize {
        match (self.is_sealing(), self.form) {
            (false, _) => 0,
            (true, Form::General) => OVERHEAD.saturating_add(TITLE),
            (true, _) => OVERHEAD,
        }
    }

    /// Uses up the next counter.
    pub fn next_counter(&mut self) -> Result<u32, SecurityError> {
        let counter = self.counter;
        self.counter = counter
            .checked_add(1)
            .ok_or(SecurityError::CounterExhausted)?;
        Ok(counter)
    }

    /// Adds the sealed APDU to `out`.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SecurityError> {
        let protection = self.security.protection.unwrap_or(Protection::Both);
        let counter = self.next_counter()?;
        // The InitiateRequest, in RLRQ too, has a form of its own that every meter knows.
        let form = if plain.first() == Some(&tag::INITIATE_REQUEST) {
            Form::Global
        } else {
            self.form
        };
        let how = Outgoing {
            protection,
            form,
            title: self.security.title,
            counter,
        };
        self.cipher.seal(plain, how, out)
    }

    /// The plain APDU. In a ciphered association what comes in clear is refused, but for the meter's words that it could
    /// not understand ours, and ACSE, which is never ciphered as a whole.
    pub fn open(&mut self, apdu: &[u8]) -> Result<Vec<u8>, SecurityError> {
        let Some(&first) = apdu.first().filter(|first| tag::is_ciphered(**first)) else {
            return match (self.security.protection, apdu.first()) {
                (None, _)
                | (
                    _,
                    Some(
                        &(tag::EXCEPTION_RESPONSE
                        | tag::CONFIRMED_SERVICE_ERROR
                        | tag::AARE
                        | tag::RLRE),
                    ),
                ) => Ok(apdu.to_vec()),
                (Some(wanted), _) => Err(SecurityError::Weak { wanted, got: None }),
            };
        };
        let least = self.security.protection.map(|ours| {
            if ours.authenticates() {
                Protection::Authentication
            } else {
                Protection::Encryption
            }
        });
        let opened = self.cipher.open(
            apdu,
            Incoming {
                peer_title: self.peer_title,
                lowest_counter: None,
                verify: true,
                least,
            },
        )?;
        let key = match first {
            _ if opened.control.broadcast() => 2,
            0x41..=0x58 | 0xD0..=0xD7 | 0xDC => 1,
            _ => 0,
        };
        let lowest = self.lowest.get(key).copied().unwrap_or_default();
        if opened.counter < lowest {
            return Err(SecurityError::CounterTooLow {
                got: opened.counter,
                lowest,
            });
        }
        set(&mut self.lowest, key, opened.counter.saturating_add(1));
        Ok(opened.plain)
    }
}

fn set(lowest: &mut [u32; 3], key: usize, value: u32) {
    if let Some(slot) = lowest.get_mut(key) {
        *slot = value;
    }
}
