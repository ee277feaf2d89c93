//! The keys of one meter as text and as a value: `ek=HEX ak=HEX`, in a file or a variable.
//!
//! The one rule: what is wrong is named by its word; the value is never shown.
use super::secret::Secret;
use zeroize::Zeroizing;

/// Every key an association may need; most need two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// `ek`: global unicast encryption key.
    pub encryption: Option<Secret>,
    /// `bk`: global broadcast encryption key.
    pub broadcast: Option<Secret>,
    /// `ak`: authentication key.
    pub authentication: Option<Secret>,
    /// `dk`: dedicated key, for one association.
    pub dedicated: Option<Secret>,
    /// `kek`: master key, which wraps other keys.
    pub wrapping: Option<Secret>,
    /// `sk`: our private key for digital signature, the bare scalar.
    pub signing: Option<Secret>,
    /// `kak`: our private key for key agreement, the bare scalar.
    pub agreement: Option<Secret>,
    /// `pk`: the other side's public key for digital signature, x and y.
    pub peer_signing: Option<Vec<u8>>,
    /// `pkak`: the other side's public key for key agreement, x and y.
    pub peer_agreement: Option<Vec<u8>>,
}

/// What is wrong with a key text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("word {0} is not NAME=HEX: keys are written like ek=00010203… ak=D0D1D2D3…")]
    NotAPair(usize),
    #[error("word {0} names no key: known are ek, ak, dk, bk, kek, sk, kak, pk and pkak")]
    UnknownName(usize),
    #[error("{0} is not written in hex digits, two an octet")]
    NotHex(&'static str),
    #[error("{name} has {got} octets: {wanted} are due")]
    Length {
        name: &'static str,
        wanted: &'static str,
        got: usize,
    },
    #[error("{0} is given twice")]
    Twice(&'static str),
    #[error("no key in the text: write ek=HEX ak=HEX, one a line or side by side")]
    Nothing,
}

impl Keys {
    /// Words `name=hex`, apart by blanks or lines; what follows `#` on a line is a remark.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::default();
        let words = text
            .lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(str::split_whitespace);
        let mut count = 0_usize;
        for word in words {
            count = count.saturating_add(1);
            let (name, value) = word.split_once('=').ok_or(KeyError::NotAPair(count))?;
            keys.set(name, value, count)?;
        }
        if count == 0 {
            return Err(KeyError::Nothing);
        }
        Ok(keys)
    }

    fn set(&mut self, name: &str, value: &str, count: usize) -> Result<(), KeyError> {
        let lower = name.to_ascii_lowercase();
        let (name, place) = match lower.as_str() {
            "ek" => ("ek", &mut self.encryption),
            "bk" => ("bk", &mut self.broadcast),
            "ak" => ("ak", &mut self.authentication),
            "dk" => ("dk", &mut self.dedicated),
            "kek" => ("kek", &mut self.wrapping),
            "sk" => ("sk", &mut self.signing),
            "kak" => ("kak", &mut self.agreement),
            "pk" => return public("pk", value, &mut self.peer_signing),
            "pkak" => return public("pkak", value, &mut self.peer_agreement),
            _ => return Err(KeyError::UnknownName(count)),
        };
        let octets = hex_octets(value).ok_or(KeyError::NotHex(name))?;
        let (fits, wanted) = if matches!(name, "sk" | "kak") {
            (matches!(octets.len(), 32 | 48), "32 (P-256) or 48 (P-384)")
        } else {
            (
                matches!(octets.len(), 16 | 32),
                "16 (suites 0 and 1) or 32 (suite 2)",
            )
        };
        if !fits {
            let got = octets.len();
            return Err(KeyError::Length { name, wanted, got });
        }
        if place.is_some() {
            return Err(KeyError::Twice(name));
        }
        *place = Some(Secret::new(octets.as_slice()));
        Ok(())
    }
}

/// `x y`, or `04 x y` as curve tools print it.
fn public(name: &'static str, value: &str, place: &mut Option<Vec<u8>>) -> Result<(), KeyError> {
    let octets = hex_octets(value).ok_or(KeyError::NotHex(name))?;
    let point = match octets.as_slice() {
        [0x04, point @ ..] if matches!(point.len(), 64 | 96) => point,
        point => point,
    };
    if !matches!(point.len(), 64 | 96) {
        return Err(KeyError::Length {
            name,
            wanted: "64 (P-256) or 96 (P-384)",
            got: octets.len(),
        });
    }
    if place.is_some() {
        return Err(KeyError::Twice(name));
    }
    *place = Some(point.to_vec());
    Ok(())
}

/// Hex digits, two an octet, with blanks, colons and dashes stepped over. Wiped when dropped: it may be a key.
pub(super) fn hex_octets(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len().div_ceil(2)));
    let mut high: Option<u8> = None;
    for digit in text.chars() {
        if matches!(digit, ' ' | ':' | '-') {
            continue;
        }
        let value = u8::try_from(digit.to_digit(16)?).ok()?;
        match high.take() {
            Some(first) => octets.push(first << 4 | value),
            None => high = Some(value),
        }
    }
    high.is_none().then_some(octets)
}
