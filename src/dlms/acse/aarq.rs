//! AARQ: the client asks for an association.
use super::ber::{self, Field};
use super::{AcseError, ApplicationContext, InitiateRequest, Mechanism, RawField, UserInformation};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::tag;

/// `07 80`: the authentication functional unit is asked for.
pub(super) const REQUIREMENTS: [u8; 2] = [0x07, 0x80];

/// An association request. `Debug` never shows the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aarq {
    pub context: ApplicationContext,
    /// `None` leaves sender-acse-requirements and the mechanism name out.
    pub mechanism: Mechanism,
    /// The password (LLS) or the client's challenge (HLS), of any length.
    pub secret: Option<Secret>,
    /// The client's system title.
    pub calling_title: Option<Vec<u8>>,
    pub user_information: UserInformation,
    /// Everything else, kept for encoding.
    pub other: Vec<RawField>,
}

impl Aarq {
    /// Logical names; `password` makes it low-level security.
    pub fn new(password: Option<Secret>, initiate: InitiateRequest) -> Self {
        Self {
            context: ApplicationContext::Ln,
            mechanism: if password.is_some() {
                Mechanism::Lls
            } else {
                Mechanism::None
            },
            secret: password,
            calling_title: None,
            user_information: UserInformation::Request(initiate),
            other: Vec::new(),
        }
    }

    /// What the client proposes, where it can be read (not ciphered).
    pub const fn initiate(&self) -> Option<&InitiateRequest> {
        match &self.user_information {
            UserInformation::Request(request) => Some(request),
            _ => None,
        }
    }

    /// The contents of a field that has no name here, such as `0x80` (protocol version).
    pub fn other(&self, tag: u8) -> Option<&[u8]> {
        let found = self.other.iter().find(|field| field.tag == tag)?;
        Some(&found.contents)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let secret = self.secret.as_ref().map(Secret::expose);
        // One allocation, so that growing leaves no copy of the secret behind.
        out.reserve(secret.map_or(0, <[u8]>::len).saturating_add(128));
        let authenticates = self.mechanism != Mechanism::None || secret.is_some();
        ber::wrap(out, tag::AARQ, |out| {
            RawField::encode(&self.other, 0..=0, out);
            ber::wrap(out, 0xA1, |out| {
                ber::field(out, 0x06, &self.context.identifier());
            });
            RawField::encode(&self.other, 1..=5, out);
            if let Some(title) = &self.calling_title {
                ber::wrap(out, 0xA6, |out| ber::field(out, 0x04, title));
            }
            RawField::encode(&self.other, 6..=9, out);
            if authenticates && self.other(0x8A).is_none() {
                ber::field(out, 0x8A, &REQUIREMENTS);
            }
            RawField::encode(&self.other, 10..=10, out);
            if self.mechanism != Mechanism::None {
                ber::field(out, 0x8B, &self.mechanism.identifier());
            }
            RawField::encode(&self.other, 11..=11, out);
            if let Some(secret) = secret {
                ber::wrap(out, 0xAC, |out| ber::field(out, 0x80, secret));
            }
            RawField::encode(&self.other, 12..=29, out);
            self.user_information.encode(out);
            RawField::encode(&self.other, 30..=30, out);
        });
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, AcseError> {
        let whole = ber::open(apdu, tag::AARQ, "not an AARQ")?;
        let (mut context, mut mechanism, mut secret) = (None, None, None);
        let (mut calling_title, mut user_information) = (None, None);
        let mut other = Vec::new();
        let mut fields = whole.fields();
        while let Some(field) = fields.next()? {
            match field.tag {
                0xA1 => set(&mut context, &field, application_context(&field)?)?,
                0xA6 => match octet_string(&field) {
                    Some(title) => set(&mut calling_title, &field, title.to_vec())?,
                    None => other.push(raw(&field)),
                },
                0x8B => {
                    let name = Mechanism::from_identifier(field.contents);
                    set(&mut mechanism, &field, name)?;
                }
                0xAC => set(
                    &mut secret,
                    &field,
                    Secret::new(authentication_value(&field)?),
                )?,
                UserInformation::TAG => {
                    let information = UserInformation::decode(&field)?;
                    set(&mut user_information, &field, information)?;
                }
                _ => other.push(raw(&field)),
            }
        }
        let mechanism = mechanism.unwrap_or(Mechanism::None);
        if mechanism != Mechanism::None || secret.is_some() {
            forget_usual_requirements(&mut other, 0x8A);
        }
        Ok(Self {
            context: context.ok_or(whole.error("no application context name in the AARQ"))?,
            mechanism,
            secret,
            calling_title,
            user_information: user_information.unwrap_or(UserInformation::None),
            other,
        })
    }
}

pub(super) fn raw(field: &Field<'_>) -> RawField {
    RawField {
        tag: field.tag,
        contents: field.contents.to_vec(),
    }
}

/// A known field has one value: of two, neither can be trusted.
pub(super) fn set<T>(slot: &mut Option<T>, field: &Field<'_>, value: T) -> Result<(), AcseError> {
    if slot.replace(value).is_some() {
        return Err(field.error("a field that was there already"));
    }
    Ok(())
}

/// Encoding writes `07 80` wherever a mechanism is named, so only other contents are worth keeping.
pub(super) fn forget_usual_requirements(other: &mut Vec<RawField>, tag: u8) {
    other.retain(|field| field.tag != tag || field.contents != REQUIREMENTS);
}

pub(super) fn application_context(field: &Field<'_>) -> Result<ApplicationContext, AcseError> {
    let inner = field.only("an application context name that is empty")?;
    if inner.tag != 0x06 {
        return Err(inner.error("an application context name that is no object identifier"));
    }
    Ok(ApplicationContext::from_identifier(inner.contents))
}

pub(super) fn authentication_value<'a>(field: &Field<'a>) -> Result<&'a [u8], AcseError> {
    let inner = field.only("an authentication value that is empty")?;
    if inner.tag != 0x80 {
        return Err(inner.error("an authentication value that is no character string"));
    }
    Ok(inner.contents)
}

pub(super) fn octet_string<'a>(field: &Field<'a>) -> Option<&'a [u8]> {
    field
        .only("")
        .ok()
        .filter(|inner| inner.tag == 0x04)
        .map(|inner| inner.contents)
}
