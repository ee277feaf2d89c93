//! How the bytes of a meter travel, as a definition says it. The rule: one name per kind, the same on the command line,
//! in files and in the database.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TransportKind {
    /// HDLC frames over TCP: a converter, a modem, a meter with its own port.
    #[default]
    HdlcTcp,
    /// IEC 62056-47 wrapper over TCP.
    WrapperTcp,
    /// The same over UDP, a PDU a datagram.
    WrapperUdp,
    /// HDLC frames over a serial line of this computer.
    Serial(SerialLine),
}

impl TransportKind {
    pub const NAMES: [&str; 4] = ["hdlc-tcp", "wrapper-tcp", "wrapper-udp", "serial"];

    pub const fn name(&self) -> &'static str {
        let [hdlc, tcp, udp, serial] = Self::NAMES;
        match self {
            Self::HdlcTcp => hdlc,
            Self::WrapperTcp => tcp,
            Self::WrapperUdp => udp,
            Self::Serial(_) => serial,
        }
    }

    /// APDUs travel in HDLC frames; otherwise behind wrapper headers.
    pub const fn is_hdlc(&self) -> bool {
        matches!(self, Self::HdlcTcp | Self::Serial(_))
    }

    pub const fn serial(&self) -> Option<&SerialLine> {
        match self {
            Self::Serial(line) => Some(line),
            _ => None,
        }
    }
}

/// A serial device and how it is set. With the hand-over of mode E (IEC 62056-21) the line begins at 300 7E1 instead,
/// and `baud` is the fastest it may switch to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Such as `/dev/ttyUSB0`, `COM3`.
    pub path: String,
    pub baud: u32,
    /// 7 or 8.
    pub data_bits: u8,
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl SerialLine {
    /// 9600 8N1, as HDLC has it on optical heads and RS-485.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            baud: 9600,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: 1,
        }
    }

    /// `9600 8N1`
    pub fn settings(&self) -> String {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let (baud, data, stop) = (self.baud, self.data_bits, self.stop_bits);
        format!("{baud} {data}{parity}{stop}")
    }

    /// Whether a TARGET is a serial device and not a name or HOST:PORT.
    pub fn looks_like_a_device(text: &str) -> bool {
        let windows = text.get(..3).is_some_and(|t| t.eq_ignore_ascii_case("com"))
            && text.len() > 3
            && text.bytes().skip(3).all(|b| b.is_ascii_digit());
        text.starts_with("/dev/") || text.starts_with(r"\\.\") || windows
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    #[default]
    None,
    Even,
    Odd,
}

impl Parity {
    pub const NAMES: [&str; 3] = ["none", "even", "odd"];

    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Parity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::None, Self::Even, Self::Odd]
            .into_iter()
            .find(|parity| parity.name() == text)
            .ok_or_else(|| format!("{text:?} is no parity; write none, even or odd"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_settings() {
        for device in ["/dev/ttyUSB0", "/dev/serial/by-id/x", "COM3", "com12"] {
            assert!(SerialLine::looks_like_a_device(device), "{device}");
        }
        for other in ["feeder-7", "h:1", "COM", "COMB", "complex", "dev/tty", ""] {
            assert!(!SerialLine::looks_like_a_device(other), "{other}");
        }
        let mut line = SerialLine::new("COM3");
        assert_eq!(line.settings(), "9600 8N1");
        (line.baud, line.data_bits, line.parity) = (300, 7, Parity::Even);
        assert_eq!(line.settings(), "300 7E1");
        for name in Parity::NAMES {
            assert_eq!(name.parse::<Parity>().unwrap().name(), name);
        }
        assert!("mark".parse::<Parity>().is_err());
    }
}
