//! How a client proves itself, by the names everything uses. Mechanism ids: Green Book 9.2.7.2.4, 0 to 7.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    None,
    /// Low-level: a password.
    Lls,
    /// High-level: both sides prove that they know a secret; here by MD5 over challenge and password.
    HlsMd5,
    HlsSha1,
    /// By the encryption and authentication keys; no password.
    HlsGmac,
    HlsSha256,
    /// By signatures; no password.
    HlsEcdsa,
}

impl Auth {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Lls,
        Self::HlsMd5,
        Self::HlsSha1,
        Self::HlsGmac,
        Self::HlsSha256,
        Self::HlsEcdsa,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lls => "lls",
            Self::HlsMd5 => "hls-md5",
            Self::HlsSha1 => "hls-sha1",
            Self::HlsGmac => "hls-gmac",
            Self::HlsSha256 => "hls-sha256",
            Self::HlsEcdsa => "hls-ecdsa",
        }
    }

    /// As a person reads it: `LLS`, `HLS GMAC`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "no authentication",
            Self::Lls => "LLS",
            Self::HlsMd5 => "HLS MD5",
            Self::HlsSha1 => "HLS SHA-1",
            Self::HlsGmac => "HLS GMAC",
            Self::HlsSha256 => "HLS SHA-256",
            Self::HlsEcdsa => "HLS ECDSA",
        }
    }

    /// A password is part of the proof.
    pub const fn wants_password(self) -> bool {
        matches!(
            self,
            Self::Lls | Self::HlsMd5 | Self::HlsSha1 | Self::HlsSha256
        )
    }

    /// Both sides prove themselves after the AARE.
    pub const fn is_high_level(self) -> bool {
        !matches!(self, Self::None | Self::Lls)
    }

    /// A password goes out, or the proof that a secret is known: what meters count and lock on.
    pub const fn shows_a_secret(self) -> bool {
        !matches!(self, Self::None)
    }

    /// System titles are part of the proof, so that there must be one of ours (Green Book, HLS mechanisms 5 to 7).
    pub const fn wants_title(self) -> bool {
        matches!(self, Self::HlsGmac | Self::HlsSha256 | Self::HlsEcdsa)
    }

    /// Keys are part of the proof.
    pub const fn wants_keys(self) -> bool {
        matches!(self, Self::HlsGmac | Self::HlsEcdsa)
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|auth| auth.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not known; write one of {names}")
        })
    }
}
