//! What the numbers in ACSE mean: contexts, mechanisms, results, diagnostics, reasons. Unknown numbers stay numbers.
use std::fmt;

/// Application context name, 2.16.756.5.8.1.n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationContext {
    Ln,
    Sn,
    LnCiphered,
    SnCiphered,
    /// 0 stands for an object identifier of another family.
    Other(u8),
}

impl ApplicationContext {
    pub const fn from_arc(arc: u8) -> Self {
        match arc {
            1 => Self::Ln,
            2 => Self::Sn,
            3 => Self::LnCiphered,
            4 => Self::SnCiphered,
            other => Self::Other(other),
        }
    }

    pub const fn arc(self) -> u8 {
        match self {
            Self::Ln => 1,
            Self::Sn => 2,
            Self::LnCiphered => 3,
            Self::SnCiphered => 4,
            Self::Other(arc) => arc,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ln => "logical names",
            Self::Sn => "short names",
            Self::LnCiphered => "logical names, ciphered",
            Self::SnCiphered => "short names, ciphered",
            Self::Other(_) => "unknown context",
        }
    }

    pub(super) const fn from_identifier(identifier: &[u8]) -> Self {
        match identifier {
            [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, arc] => Self::from_arc(*arc),
            _ => Self::Other(0),
        }
    }

    pub(super) const fn identifier(self) -> [u8; 7] {
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x01, self.arc()]
    }
}

/// Authentication mechanism name, 2.16.756.5.8.2.n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    None,
    Lls,
    HlsVendor,
    HlsMd5,
    HlsSha1,
    HlsGmac,
    HlsSha256,
    HlsEcdsa,
    /// 255 stands for an object identifier of another family.
    Other(u8),
}

impl Mechanism {
    pub const fn from_arc(arc: u8) -> Self {
        match arc {
            0 => Self::None,
            1 => Self::Lls,
            2 => Self::HlsVendor,
            3 => Self::HlsMd5,
            4 => Self::HlsSha1,
            5 => Self::HlsGmac,
            6 => Self::HlsSha256,
            7 => Self::HlsEcdsa,
            other => Self::Other(other),
        }
    }

    pub const fn arc(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Lls => 1,
            Self::HlsVendor => 2,
            Self::HlsMd5 => 3,
            Self::HlsSha1 => 4,
            Self::HlsGmac => 5,
            Self::HlsSha256 => 6,
            Self::HlsEcdsa => 7,
            Self::Other(arc) => arc,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lls => "low-level security",
            Self::HlsVendor => "high-level security, vendor's own",
            Self::HlsMd5 => "high-level security, MD5",
            Self::HlsSha1 => "high-level security, SHA-1",
            Self::HlsGmac => "high-level security, GMAC",
            Self::HlsSha256 => "high-level security, SHA-256",
            Self::HlsEcdsa => "high-level security, ECDSA",
            Self::Other(_) => "unknown mechanism",
        }
    }

    pub(super) const fn from_identifier(identifier: &[u8]) -> Self {
        match identifier {
            [0x60, 0x85, 0x74, 0x05, 0x08, 0x02, arc] => Self::from_arc(*arc),
            _ => Self::Other(255),
        }
    }

    pub(super) const fn identifier(self) -> [u8; 7] {
        [0x60, 0x85, 0x74, 0x05, 0x08, 0x02, self.arc()]
    }
}

/// Who refused, and why. `Missing` when the AARE carries none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnostic {
    User(u8),
    Provider(u8),
    Missing,
}

impl Diagnostic {
    /// `authentication-failure` …
    pub const fn name(self) -> &'static str {
        match self {
            Self::User(0) | Self::Provider(0) => "null",
            Self::User(1) | Self::Provider(1) => "no-reason-given",
            Self::User(2) => "application-context-name-not-supported",
            Self::User(3) => "calling-AP-title-not-recognized",
            Self::User(4) => "calling-AP-invocation-identifier-not-recognized",
            Self::User(5) => "calling-AE-qualifier-not-recognized",
            Self::User(6) => "calling-AE-invocation-identifier-not-recognized",
            Self::User(7) => "called-AP-title-not-recognized",
            Self::User(8) => "called-AP-invocation-identifier-not-recognized",
            Self::User(9) => "called-AE-qualifier-not-recognized",
            Self::User(10) => "called-AE-invocation-identifier-not-recognized",
            Self::User(11) => "authentication-mechanism-name-not-recognised",
            Self::User(12) => "authentication-mechanism-name-required",
            Self::User(13) => "authentication-failure",
            Self::User(14) => "authentication-required",
            Self::Provider(2) => "no-common-acse-version",
            Self::User(_) | Self::Provider(_) => "unknown diagnostic",
            Self::Missing => "no diagnostic",
        }
    }

    pub const fn code(self) -> Option<u8> {
        match self {
            Self::User(code) | Self::Provider(code) => Some(code),
            Self::Missing => None,
        }
    }
}

/// `authentication-failure (13)`, `no-common-acse-version (provider 2)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::User(code) => write!(f, " ({code})"),
            Self::Provider(code) => write!(f, " (provider {code})"),
            Self::Missing => Ok(()),
        }
    }
}

/// `accepted`, `rejected-permanent`, `rejected-transient`
pub const fn result_name(result: u8) -> &'static str {
    match result {
        0 => "accepted",
        1 => "rejected-permanent",
        2 => "rejected-transient",
        _ => "unknown result",
    }
}

/// Why the client releases.
pub const fn rlrq_reason_name(reason: u8) -> &'static str {
    match reason {
        0 => "normal",
        1 => "urgent",
        30 => "user-defined",
        _ => "unknown reason",
    }
}

/// How the meter takes it.
pub const fn rlre_reason_name(reason: u8) -> &'static str {
    match reason {
        0 => "normal",
        1 => "not-finished",
        30 => "user-defined",
        _ => "unknown reason",
    }
}
