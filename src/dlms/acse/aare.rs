//! AARE: the meter grants or refuses. Result and diagnostic are read first-hand, never guessed from user-information.
use super::aarq::{
    REQUIREMENTS, application_context, authentication_value, forget_usual_requirements,
    octet_string, raw, set,
};
use super::ber::{self, Field};
use super::{
    AcseError, ApplicationContext, Diagnostic, InitiateResponse, Mechanism, RawField,
    UserInformation,
};
use crate::dlms::xdlms::tag;

/// The answer to an AARQ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aare {
    pub context: Option<ApplicationContext>,
    /// 0 accepted, 1 rejected for good, 2 rejected for now.
    pub result: u8,
    pub diagnostic: Diagnostic,
    /// The meter's system title.
    pub responding_title: Option<Vec<u8>>,
    pub mechanism: Option<Mechanism>,
    /// The meter's challenge (HLS).
    pub authentication_value: Option<Vec<u8>>,
    pub user_information: UserInformation,
    /// Everything else, kept for encoding.
    pub other: Vec<RawField>,
}

impl Aare {
    /// Accepted, in the logical-name context.
    pub const fn accepted(response: InitiateResponse) -> Self {
        Self::new(0, Diagnostic::User(0), UserInformation::Initiate(response))
    }

    /// Refused, with or without a word in user-information.
    pub const fn refused(
        result: u8,
        diagnostic: Diagnostic,
        user_information: UserInformation,
    ) -> Self {
        Self::new(result, diagnostic, user_information)
    }

    const fn new(result: u8, diagnostic: Diagnostic, user_information: UserInformation) -> Self {
        Self {
            context: Some(ApplicationContext::Ln),
            result,
            diagnostic,
            responding_title: None,
            mechanism: None,
            authentication_value: None,
            user_information,
            other: Vec::new(),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let requirements = self.mechanism.is_some() || self.authentication_value.is_some();
        ber::wrap(out, tag::AARE, |out| {
            RawField::encode(&self.other, 0..=0, out);
            if let Some(context) = self.context {
                ber::wrap(out, 0xA1, |out| {
                    ber::field(out, 0x06, &context.identifier());
                });
            }
            RawField::encode(&self.other, 1..=1, out);
            ber::wrap(out, 0xA2, |out| integer(out, self.result));
            match self.diagnostic {
                Diagnostic::Missing => {}
                Diagnostic::User(code) => diagnostic(out, 0xA1, code),
                Diagnostic::Provider(code) => diagnostic(out, 0xA2, code),
            }
            RawField::encode(&self.other, 2..=3, out);
            if let Some(title) = &self.responding_title {
                ber::wrap(out, 0xA4, |out| ber::field(out, 0x04, title));
            }
            RawField::encode(&self.other, 4..=7, out);
            if requirements && !self.other.iter().any(|field| field.tag == 0x88) {
                ber::field(out, 0x88, &REQUIREMENTS);
            }
            RawField::encode(&self.other, 8..=8, out);
            if let Some(mechanism) = self.mechanism {
                ber::field(out, 0x89, &mechanism.identifier());
            }
            RawField::encode(&self.other, 9..=9, out);
            if let Some(value) = &self.authentication_value {
                ber::wrap(out, 0xAA, |out| ber::field(out, 0x80, value));
            }
            RawField::encode(&self.other, 10..=29, out);
            self.user_information.encode(out);
            RawField::encode(&self.other, 30..=30, out);
        });
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, AcseError> {
        let whole = ber::open(apdu, tag::AARE, "not an AARE")?;
        let (mut context, mut result, mut found_diagnostic) = (None, None, None);
        let (mut responding_title, mut mechanism, mut value) = (None, None, None);
        let mut user_information = None;
        let mut other = Vec::new();
        let mut fields = whole.fields();
        while let Some(field) = fields.next()? {
            match field.tag {
                0xA1 => set(&mut context, &field, application_context(&field)?)?,
                0xA2 => {
                    let inner = field.only("a result that is empty")?;
                    set(&mut result, &field, inner.small_integer()?)?;
                }
                0xA3 => set(&mut found_diagnostic, &field, source_diagnostic(&field)?)?,
                0xA4 => match octet_string(&field) {
                    Some(title) => set(&mut responding_title, &field, title.to_vec())?,
                    None => other.push(raw(&field)),
                },
                0x89 => {
                    let name = Mechanism::from_identifier(field.contents);
                    set(&mut mechanism, &field, name)?;
                }
                0xAA => set(&mut value, &field, authentication_value(&field)?.to_vec())?,
                UserInformation::TAG => {
                    let information = UserInformation::decode(&field)?;
                    set(&mut user_information, &field, information)?;
                }
                _ => other.push(raw(&field)),
            }
        }
        if mechanism.is_some() || value.is_some() {
            forget_usual_requirements(&mut other, 0x88);
        }
        Ok(Self {
            context,
            result: result.ok_or(whole.error("no result in the AARE"))?,
            diagnostic: found_diagnostic.unwrap_or(Diagnostic::Missing),
            responding_title,
            mechanism,
            authentication_value: value,
            user_information: user_information.unwrap_or(UserInformation::None),
            other,
        })
    }
}

fn integer(out: &mut Vec<u8>, value: u8) {
    // BER integers are signed: 128… needs a zero in front.
    if value < 0x80 {
        ber::field(out, 0x02, &[value]);
    } else {
        ber::field(out, 0x02, &[0, value]);
    }
}

fn diagnostic(out: &mut Vec<u8>, source: u8, code: u8) {
    ber::wrap(out, 0xA3, |out| {
        ber::wrap(out, source, |out| integer(out, code));
    });
}

fn source_diagnostic(field: &Field<'_>) -> Result<Diagnostic, AcseError> {
    let source = field.only("a diagnostic that is empty")?;
    let code = source
        .only("a diagnostic without a number")?
        .small_integer()?;
    match source.tag {
        0xA1 => Ok(Diagnostic::User(code)),
        0xA2 => Ok(Diagnostic::Provider(code)),
        _ => Err(source.error("a diagnostic of neither user nor provider")),
    }
}
