//! The keys of one association with their schedules made, to seal and open APDU after APDU.
//!
//! The one rule: every key's length is checked against the suite once, here.
//!
//! One long file: sealing and opening mirror each other step by step, and are read side by side.
use super::aad::Aad;
use super::agreement::Agreement;
use super::control::{Protection, SecurityControl};
use super::envelope::Envelope;
use super::error::SecurityError;
use super::form::{self, Form};
use super::gcm::{Gcm, TAG, nonce};
use super::general::{Header, Key, KeyInfo};
use super::keys::Keys;
use super::open::{Opened, Opening};
use super::secret::Secret;
use super::suite::Suite;
use super::title::SystemTitle;
use super::wrap;
use crate::cosem::data::encode_length;
use std::fmt;

/// Prepared once per association, or once per sender for a listener.
pub struct Cipher {
    suite: Suite,
    global: Option<Gcm>,
    broadcast: Option<Gcm>,
    dedicated: Option<Gcm>,
    keys: Keys,
}

/// What differs between one sealed APDU and the next.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    pub protection: Protection,
    pub form: Form,
    /// Our own.
    pub title: SystemTitle,
    /// Never used before with this key.
    pub counter: u32,
}

/// What is expected of an APDU that comes in; as in [`Opening`].
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    pub peer_title: Option<SystemTitle>,
    pub lowest_counter: Option<u32>,
    pub verify: bool,
    pub least: Option<Protection>,
}

impl From<&Opening<'_>> for Incoming {
    fn from(opening: &Opening<'_>) -> Self {
        Self {
            peer_title: opening.peer_title,
            lowest_counter: opening.lowest_counter,
            verify: opening.verify,
            least: opening.least,
        }
    }
}

impl Cipher {
    pub fn new(suite: Suite, keys: &Keys) -> Result<Self, SecurityError> {
        let make = |name, key: &Option<Secret>| {
            let Some(key) = key else { return Ok(None) };
            suite.check(name, key)?;
            Ok(Gcm::new(key.expose()))
        };
        if let Some(key) = &keys.authentication {
            suite.check("authentication", key)?;
        }
        if let Some(key) = &keys.wrapping {
            suite.check("key encrypting", key)?;
        }
        Ok(Self {
            suite,
            global: make("encryption", &keys.encryption)?,
            broadcast: make("broadcast", &keys.broadcast)?,
            dedicated: make("dedicated", &keys.dedicated)?,
            keys: keys.clone(),
        })
    }

    pub const fn suite(&self) -> Suite {
        self.suite
    }

    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The key of the association about to open, or none.
    pub fn set_dedicated(&mut self, key: Option<Secret>) -> Result<(), SecurityError> {
        self.dedicated = match &key {
            Some(key) => {
                self.suite.check("dedicated", key)?;
                Gcm::new(key.expose())
            }
            None => None,
        };
        self.keys.dedicated = key;
        Ok(())
    }

    /// Adds the ciphered APDU to `out`; the tag is chosen by the plain one's. On an error `out` is as it was.
    pub fn seal(
        &self,
        plain: &[u8],
        how: Outgoing,
        out: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        let &tag = plain.first().ok_or(SecurityError::Empty)?;
        // The initiate APDUs bring the dedicated key, so they cannot be under it.
        let dedicated = !form::is_initiate(tag)
            && match how.form {
                Form::Global => false,
                Form::Dedicated => true,
                Form::General => self.dedicated.is_some(),
            };
        let own = match how.form {
            Form::General => None,
            Form::Global | Form::Dedicated if dedicated => form::ded(tag),
            Form::Global | Form::Dedicated => form::glo(tag),
        };
        let key = if dedicated {
            self.dedicated
                .as_ref()
                .ok_or(SecurityError::MissingKey("dedicated"))?
        } else {
            self.global
                .as_ref()
                .ok_or(SecurityError::MissingKey("encryption"))?
        };
        let before = out.len();
        out.reserve(plain.len().saturating_add(40));
        if let Some(own) = own {
            out.push(own);
        } else {
            out.push(if dedicated {
                form::GENERAL_DED
            } else {
                form::GENERAL_GLO
            });
            out.push(8);
            out.extend_from_slice(&how.title.0);
        }
        let control = SecurityControl::new(self.suite, how.protection);
        self.finish(plain, control, how, key, &[], out)
            .inspect_err(|_| out.truncate(before))
    }

    /// The same in general-ciphering (DD), with the header of the Green Book and the key found as `header.key` says.
    pub fn seal_general(
        &self,
        plain: &[u8],
        how: Outgoing,
        header: &Header,
        key: Key<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        if plain.is_empty() {
            return Err(SecurityError::Empty);
        }
        let mut control = SecurityControl::new(self.suite, how.protection);
        let fresh: Gcm;
        let (info, gcm) = match key {
            Key::Unsaid => (KeyInfo::Unsaid, self.global.as_ref()),
            Key::Global => (KeyInfo::Identified(0), self.global.as_ref()),
            Key::Broadcast => {
                control = control.with_broadcast_key();
                (KeyInfo::Identified(1), self.broadcast.as_ref())
            }
            Key::Wrapped(session) => {
                self.suite.check("session", session)?;
                let kek = self.wrapping()?;
                fresh = Gcm::new(session.expose()).ok_or(SecurityError::BadKey("session"))?;
                let key = wrap::wrap(kek, session)?;
                (KeyInfo::Wrapped { kek: 0, key }, Some(&fresh))
            }
            Key::Agreed(scheme) => {
                let (info, session) = Agreement {
                    suite: self.suite,
                    keys: &self.keys,
                    header,
                }
                .initiate(scheme)?;
                fresh = Gcm::new(session.expose()).ok_or(SecurityError::BadKey("session"))?;
                (info, Some(&fresh))
            }
        };
        let gcm = gcm.ok_or(SecurityError::MissingKey(if control.broadcast() {
            "broadcast"
        } else {
            "encryption"
        }))?;
        let before = out.len();
        out.push(form::GENERAL);
        let head = header.encoded();
        out.extend_from_slice(&head);
        info.encode(out);
        self.finish(plain, control, how, gcm, &head, out)
            .inspect_err(|_| out.truncate(before))
    }

    /// Length, security control, counter, content and tag, after whatever stands before them.
    fn finish(
        &self,
        plain: &[u8],
        control: SecurityControl,
        how: Outgoing,
        key: &Gcm,
        head: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SecurityError> {
        let authenticates = how.protection.authenticates();
        let tag_length = if authenticates { TAG } else { 0 };
        // Looked for before anything is written.
        let aad = if authenticates {
            self.aad(control, head, (!how.protection.encrypts()).then_some(plain))?
        } else {
            Aad::Empty
        };
        encode_length(
            plain.len().saturating_add(tag_length).saturating_add(5),
            out,
        );
        out.push(control.0);
        out.extend_from_slice(&how.counter.to_be_bytes());
        let start = out.len();
        out.extend_from_slice(plain);
        let nonce = nonce(how.title, how.counter);
        let content = if how.protection.encrypts() {
            out.get_mut(start..).unwrap_or_default()
        } else {
            &mut []
        };
        let tag = key.encrypt(nonce, aad.octets(), content)?;
        if authenticates {
            out.extend_from_slice(&tag);
        }
        Ok(())
    }

    /// Prepares only what this one APDU needs.
    pub(super) fn for_opening(apdu: &[u8], with: &Opening<'_>) -> Result<Self, SecurityError> {
        let control = Envelope::read(apdu)?.control;
        let suite = control
            .suite()
            .ok_or(SecurityError::UnknownSuite(control))?;
        if let Some(wanted) = with.suite.filter(|wanted| *wanted != suite) {
            return Err(SecurityError::OtherSuite { wanted, got: suite });
        }
        Self::new(suite, with.keys)
    }

    /// Opens all of `apdu`, in any of the five forms.
    pub fn open(&self, apdu: &[u8], with: Incoming) -> Result<Opened, SecurityError> {
        let envelope = Envelope::read(apdu)?;
        let control = envelope.control;
        self.accept(control, with.least)?;
        let title = envelope.sender(with)?;
        let fresh: Gcm;
        let key = if let Some((header, _)) = &envelope.general {
            match self.found_key(header, &envelope)? {
                Found::Kept(key) => key,
                Found::Fresh(key) => {
                    fresh = key;
                    &fresh
                }
            }
        } else if envelope.dedicated {
            self.dedicated
                .as_ref()
                .ok_or(SecurityError::MissingKey("dedicated"))?
        } else {
            self.unicast_or_broadcast(control.broadcast())?
        };
        let (plain, verified) = self.decipher(&envelope, key, title, with.verify)?;
        // Nothing vouches for these octets but that they begin as they must; a right tag needs no such help.
        if let Some(wanted) = envelope.inside().filter(|_| !verified) {
            match plain.first() {
                Some(&got) if got != wanted => {
                    return Err(SecurityError::Garbled { wanted, got, title });
                }
                _ => {}
            }
        }
        // Only now: a counter that nothing vouches for is no evidence of a replay.
        if let Some(lowest) = with
            .lowest_counter
            .filter(|lowest| envelope.counter < *lowest)
        {
            return Err(SecurityError::CounterTooLow {
                got: envelope.counter,
                lowest,
            });
        }
        Ok(Opened {
            plain,
            control,
            counter: envelope.counter,
            title: Some(title),
            form: envelope.form(),
            verified,
            header: envelope.general.map(|(header, _)| header),
        })
    }

    fn accept(
        &self,
        control: SecurityControl,
        least: Option<Protection>,
    ) -> Result<(), SecurityError> {
        if control.compressed() {
            return Err(SecurityError::Compressed(control));
        }
        let suite = control
            .suite()
            .ok_or(SecurityError::UnknownSuite(control))?;
        if suite != self.suite {
            return Err(SecurityError::OtherSuite {
                wanted: self.suite,
                got: suite,
            });
        }
        let got = control.protection();
        match least {
            Some(wanted) if !got.is_some_and(|got| got.covers(wanted)) => {
                Err(SecurityError::Weak { wanted, got })
            }
            _ => Ok(()),
        }
    }

    fn decipher(
        &self,
        envelope: &Envelope<'_>,
        key: &Gcm,
        title: SystemTitle,
        verify: bool,
    ) -> Result<(Vec<u8>, bool), SecurityError> {
        let nonce = nonce(title, envelope.counter);
        let Some(protection) = envelope.control.protection() else {
            return Ok((envelope.payload.to_vec(), false));
        };
        if !protection.authenticates() {
            let mut plain = envelope.payload.to_vec();
            key.decrypt_unverified(nonce, &mut plain)?;
            return Ok((plain, false));
        }
        let Some((content, tag)) = envelope.payload.split_last_chunk::<TAG>() else {
            return Err(SecurityError::Truncated {
                needed: TAG,
                got: envelope.payload.len(),
            });
        };
        let mut plain = content.to_vec();
        if !verify {
            if protection.encrypts() {
                key.decrypt_unverified(nonce, &mut plain)?;
            }
            return Ok((plain, false));
        }
        let control = envelope.control;
        let right = if protection.encrypts() {
            let aad = self.aad(control, envelope.head, None)?;
            key.decrypt(nonce, aad.octets(), &mut plain, tag)
        } else {
            let aad = self.aad(control, envelope.head, Some(content))?;
            key.decrypt(nonce, aad.octets(), &mut [], tag)
        };
        if right {
            Ok((plain, true))
        } else {
            Err(SecurityError::TagMismatch { title })
        }
    }

    fn unicast_or_broadcast(&self, broadcast: bool) -> Result<&Gcm, SecurityError> {
        let (key, name) = if broadcast {
            (&self.broadcast, "broadcast")
        } else {
            (&self.global, "encryption")
        };
        key.as_ref().ok_or(SecurityError::MissingKey(name))
    }

    fn wrapping(&self) -> Result<&Secret, SecurityError> {
        self.keys
            .wrapping
            .as_ref()
            .ok_or(SecurityError::MissingKey("key encrypting"))
    }

    /// The key a general-ciphering APDU was sealed under.
    fn found_key(
        &self,
        header: &Header,
        envelope: &Envelope<'_>,
    ) -> Result<Found<'_>, SecurityError> {
        let Some((_, info)) = &envelope.general else {
            return Err(SecurityError::NotCiphered(0));
        };
        let broadcast = envelope.control.broadcast();
        let session = match info {
            KeyInfo::Unsaid => return self.unicast_or_broadcast(broadcast).map(Found::Kept),
            KeyInfo::Identified(0) => return self.unicast_or_broadcast(false).map(Found::Kept),
            KeyInfo::Identified(1) => return self.unicast_or_broadcast(true).map(Found::Kept),
            KeyInfo::Identified(other) => return Err(SecurityError::UnknownKeyInfo(*other)),
            KeyInfo::Wrapped { kek: 0, key } => wrap::unwrap(self.wrapping()?, key)?,
            KeyInfo::Wrapped { kek, .. } => return Err(SecurityError::UnknownKeyInfo(*kek)),
            KeyInfo::Agreed { parameters, data } => Agreement {
                suite: self.suite,
                keys: &self.keys,
                header,
            }
            .respond(parameters, data)?,
        };
        self.suite.check("session", &session)?;
        Gcm::new(session.expose())
            .map(Found::Fresh)
            .ok_or(SecurityError::BadKey("session"))
    }

    /// Security control, authentication key, then what else the tag covers.
    fn aad(
        &self,
        control: SecurityControl,
        head: &[u8],
        plain: Option<&[u8]>,
    ) -> Result<Aad, SecurityError> {
        let key = self
            .keys
            .authentication
            .as_ref()
            .ok_or(SecurityError::MissingKey("authentication"))?;
        let parts = [&[control.0], key.expose(), head, plain.unwrap_or_default()];
        Ok(Aad::new(&parts))
    }
}

enum Found<'k> {
    Kept(&'k Gcm),
    Fresh(Gcm),
}

/// Says no more than the suite.
impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({})", self.suite)
    }
}
