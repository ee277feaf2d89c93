//! Follows one APDU octet by octet and says which octets are secret: the authentication value of an AARQ, or what a SET or
//! ACTION carries. It knows only as much of each as it takes to find the next field.

use crate::cosem::decode::secret;

const AARQ: u8 = 0x60;
const SET_REQUEST: u8 = 0xC1;
const ACTION_REQUEST: u8 = 0xC3;
const GET_REQUEST: u8 = 0xC0;
const ACCESS_REQUEST: u8 = 0xD9;
const RELEASE_REQUEST: u8 = 0x62;
/// calling-authentication-value, ACSE tag [12]
const AUTHENTICATION_VALUE: u8 = 0xAC;

/// Where the next octet stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    at: At,
    /// The value of a SET or ACTION is a secret; otherwise only an AARQ holds one.
    value: bool,
    /// Whether it really is one is told by its descriptor.
    judged: bool,
    action: bool,
    /// Octets of the head so far, and the descriptor: class, OBIS code, attribute or method.
    got: usize,
    descriptor: [u8; 9],
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// LLC octets still to come.
    Llc(u8),
    Outer,
    /// Length octets after the AARQ's tag.
    OuterLength(Length),
    Tag,
    FieldLength(u8, Length),
    Field(usize),
    /// `80` before the length of the secret.
    Choice,
    ChoiceLength(Length),
    Secret(usize),
    /// The choice of a SET or ACTION request.
    Request(u8),
    /// So many octets of invoke-id, descriptor and flags, and what follows them.
    Head(u8, After),
    /// The tag of a value, and of each element in it.
    Type,
    /// The length of a string, or the count of a structure's elements.
    Octets(Length),
    Bits(Length),
    Count(Length),
    /// Hidden to the end: part of a value, or a form that is not followed.
    Rest,
    /// Nothing to hide, or over.
    Other,
}

/// What follows a request's head.
#[derive(Clone, Copy, Debug)]
enum After {
    /// 00, then the value; or 01 and a selection before it.
    AccessSelection,
    /// 01, then the parameters; or 00 and none.
    Parameters,
    /// A block of the encoded value.
    Block,
}

impl Walk {
    pub(super) const fn association() -> Self {
        Self {
            at: At::Llc(3),
            value: false,
            judged: false,
            action: false,
            got: 0,
            descriptor: [0; 9],
        }
    }

    pub(super) const fn value() -> Self {
        Self {
            value: true,
            ..Self::association()
        }
    }

    /// For a conversation nobody announced: what a SET or ACTION carries is hidden where the attribute or method says
    /// so, and where nothing is said.
    pub(super) const fn judged() -> Self {
        Self {
            judged: true,
            ..Self::value()
        }
    }

    /// As it begins where no LLC goes before: behind a wrapper's header.
    pub(super) const fn without_llc(self) -> Self {
        Self {
            at: At::Outer,
            ..self
        }
    }

    /// Takes one octet; true when it is part of a secret.
    pub(super) fn step(&mut self, octet: u8) -> bool {
        let secret = matches!(self.at, At::Secret(_) | At::Rest);
        self.at = match self.at {
            At::Llc(1) => At::Outer,
            At::Llc(n) => At::Llc(n - 1),
            At::Outer => self.outer(octet),
            At::OuterLength(length) => match length.step(octet) {
                Length::Is(_) => At::Tag,
                length => At::OuterLength(length),
            },
            At::Tag => At::FieldLength(octet, Length::Start),
            At::FieldLength(tag, length) => match length.step(octet) {
                Length::Is(0) => At::Tag,
                Length::Is(_) if tag == AUTHENTICATION_VALUE => At::Choice,
                Length::Is(n) => At::Field(n),
                length => At::FieldLength(tag, length),
            },
            At::Field(1) => At::Tag,
            At::Field(n) => At::Field(n - 1),
            At::Choice => At::ChoiceLength(Length::Start),
            At::ChoiceLength(length) => match length.step(octet) {
                Length::Is(0) => At::Tag,
                Length::Is(n) => At::Secret(n),
                length => At::ChoiceLength(length),
            },
            At::Secret(1) if self.value => At::Type,
            At::Secret(1) => At::Tag,
            At::Secret(n) => At::Secret(n - 1),
            At::Request(tag) => request(tag, octet),
            At::Head(n, after) => {
                if let Some(to) = self
                    .got
                    .checked_sub(1)
                    .and_then(|n| self.descriptor.get_mut(n))
                {
                    *to = octet;
                }
                self.got += 1;
                match n {
                    1 if self.harmless() => At::Other,
                    1 => head_ends(after, octet),
                    n => At::Head(n - 1, after),
                }
            }
            At::Type => value_of(octet),
            At::Octets(length) => match length.step(octet) {
                Length::Is(0) => At::Type,
                Length::Is(n) => At::Secret(n),
                length => At::Octets(length),
            },
            At::Bits(length) => match length.step(octet) {
                Length::Is(0) => At::Type,
                Length::Is(n) => At::Secret(n.div_ceil(8)),
                length => At::Bits(length),
            },
            At::Count(length) => match length.step(octet) {
                Length::Is(_) => At::Type,
                length => At::Count(length),
            },
            At::Rest => At::Rest,
            At::Other => At::Other,
        };
        secret
    }

    /// The head was of a whole descriptor, and that holds no secret.
    fn harmless(&self) -> bool {
        let [high, low, .., which] = self.descriptor;
        let (class, which) = (u16::from_be_bytes([high, low]), which.cast_signed());
        let secret = if self.action {
            secret::method(class, which)
        } else {
            secret::attribute(class, which)
        };
        self.judged && self.got > self.descriptor.len() && !secret
    }

    fn outer(&mut self, tag: u8) -> At {
        self.action = tag == ACTION_REQUEST;
        self.got = 0;
        match tag {
            AARQ => At::OuterLength(Length::Start),
            SET_REQUEST | ACTION_REQUEST if self.value => At::Request(tag),
            // Others may carry a value: not followed, so nothing of them is shown. A ciphered one may only be
            // authenticated, and its key may become known.
            GET_REQUEST | RELEASE_REQUEST => At::Other,
            // Explained item by item where someone judges.
            ACCESS_REQUEST if self.judged => At::Other,
            _ if self.value => At::Rest,
            _ => At::Other,
        }
    }
}

/// Invoke-id, class, OBIS code, attribute or method; flag, number and length of a block are shown with them.
const fn request(tag: u8, choice: u8) -> At {
    const INVOKE: u8 = 1;
    const DESCRIPTOR: u8 = 9;
    // Set: 1 normal, 2 first block, 3 block. Action: 1 normal, 4 first block, 6 block.
    match (tag, choice) {
        (SET_REQUEST, 1) => At::Head(INVOKE + DESCRIPTOR + 1, After::AccessSelection),
        (ACTION_REQUEST, 1) => At::Head(INVOKE + DESCRIPTOR + 1, After::Parameters),
        // Without a selection; with one it is the piece that is hidden too early, never too late.
        (SET_REQUEST, 2) => At::Head(INVOKE + DESCRIPTOR + 1 + 5, After::Block),
        (ACTION_REQUEST, 4) => At::Head(INVOKE + DESCRIPTOR + 5, After::Block),
        (SET_REQUEST, 3) | (ACTION_REQUEST, 6) => At::Head(INVOKE + 5, After::Block),
        // The next block of a return value.
        (ACTION_REQUEST, 2) => At::Other,
        _ => At::Rest,
    }
}

const fn head_ends(after: After, octet: u8) -> At {
    match (after, octet) {
        (After::Parameters, 0) => At::Other,
        (After::AccessSelection, 0) | (After::Parameters, _) => At::Type,
        (After::AccessSelection | After::Block, _) => At::Rest,
    }
}

/// By the type's tag (A-XDR). Containers are gone into, what they hold is hidden; a PIN is a number.
const fn value_of(tag: u8) -> At {
    match tag {
        0 => At::Type,
        1 | 2 => At::Count(Length::Start),
        4 => At::Bits(Length::Start),
        9 | 10 | 12 => At::Octets(Length::Start),
        3 | 15 | 17 | 22 => At::Secret(1),
        16 | 18 => At::Secret(2),
        5 | 6 | 23 => At::Secret(4),
        20 | 21 | 24 => At::Secret(8),
        _ => At::Rest,
    }
}

/// A BER length, octet by octet.
#[derive(Clone, Copy, Debug)]
enum Length {
    Start,
    Long(u8, usize),
    Is(usize),
}

impl Length {
    fn step(self, octet: u8) -> Self {
        match self {
            Self::Long(1, n) => Self::Is(n << 8 | usize::from(octet)),
            Self::Long(left, n) => Self::Long(left - 1, n << 8 | usize::from(octet)),
            _ if octet > 0x80 => Self::Long(octet & 0x7F, 0),
            _ => Self::Is(usize::from(octet & 0x7F)),
        }
    }
}
