//! The control octet: what a frame is. Every octet decodes; the unknown keep their value.

/// `poll` is the P/F bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Information { send: u8, receive: u8, poll: bool },
    ReceiveReady { receive: u8, poll: bool },
    ReceiveNotReady { receive: u8, poll: bool },
    Reject { receive: u8, poll: bool },
    SelectiveReject { receive: u8, poll: bool },
    Snrm { poll: bool },
    Disc { poll: bool },
    Ua { poll: bool },
    Dm { poll: bool },
    Frmr { poll: bool },
    Ui { poll: bool },
    Unknown(u8),
}

const POLL: u8 = 0x10;

impl Control {
    pub const fn decode(octet: u8) -> Self {
        let poll = octet & POLL != 0;
        let receive = octet >> 5;
        if octet & 1 == 0 {
            let send = (octet >> 1) & 7;
            return Self::Information {
                send,
                receive,
                poll,
            };
        }
        match octet & 0x0F {
            0x01 => return Self::ReceiveReady { receive, poll },
            0x05 => return Self::ReceiveNotReady { receive, poll },
            0x09 => return Self::Reject { receive, poll },
            0x0D => return Self::SelectiveReject { receive, poll },
            _ => {}
        }
        match octet & !POLL {
            0x83 => Self::Snrm { poll },
            0x43 => Self::Disc { poll },
            0x63 => Self::Ua { poll },
            0x0F => Self::Dm { poll },
            0x87 => Self::Frmr { poll },
            0x03 => Self::Ui { poll },
            _ => Self::Unknown(octet),
        }
    }

    /// Sequence numbers count modulo 8; what is above is dropped.
    pub const fn encode(self) -> u8 {
        let (octet, receive, poll) = match self {
            Self::Information {
                send,
                receive,
                poll,
            } => ((send & 7) << 1, receive, poll),
            Self::ReceiveReady { receive, poll } => (0x01, receive, poll),
            Self::ReceiveNotReady { receive, poll } => (0x05, receive, poll),
            Self::Reject { receive, poll } => (0x09, receive, poll),
            Self::SelectiveReject { receive, poll } => (0x0D, receive, poll),
            Self::Snrm { poll } => (0x83, 0, poll),
            Self::Disc { poll } => (0x43, 0, poll),
            Self::Ua { poll } => (0x63, 0, poll),
            Self::Dm { poll } => (0x0F, 0, poll),
            Self::Frmr { poll } => (0x87, 0, poll),
            Self::Ui { poll } => (0x03, 0, poll),
            Self::Unknown(octet) => return octet,
        };
        octet | ((receive & 7) << 5) | if poll { POLL } else { 0 }
    }

    /// `SNRM`, `UA`, `I`, `RR` …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Information { .. } => "I",
            Self::ReceiveReady { .. } => "RR",
            Self::ReceiveNotReady { .. } => "RNR",
            Self::Reject { .. } => "REJ",
            Self::SelectiveReject { .. } => "SREJ",
            Self::Snrm { .. } => "SNRM",
            Self::Disc { .. } => "DISC",
            Self::Ua { .. } => "UA",
            Self::Dm { .. } => "DM",
            Self::Frmr { .. } => "FRMR",
            Self::Ui { .. } => "UI",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The P/F bit: a command with it asks for an answer, an answer with it is the last.
    pub const fn poll(self) -> bool {
        self.encode() & POLL != 0
    }
}

/// `I N(S)=2 N(R)=2 P/F`, `RR N(R)=1`, `SNRM P/F`, `unknown EF`.
impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        match *self {
            Self::Information { send, receive, .. } => write!(f, " N(S)={send} N(R)={receive}")?,
            Self::ReceiveReady { receive, .. }
            | Self::ReceiveNotReady { receive, .. }
            | Self::Reject { receive, .. }
            | Self::SelectiveReject { receive, .. } => write!(f, " N(R)={receive}")?,
            Self::Unknown(octet) => return write!(f, " {octet:02X}"),
            _ => {}
        }
        if self.poll() {
            f.write_str(" P/F")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_survives() {
        for octet in 0..=u8::MAX {
            assert_eq!(Control::decode(octet).encode(), octet, "{octet:02X}");
        }
    }

    #[test]
    fn known_octets() {
        for (octet, text) in [
            (0x93, "SNRM P/F"),
            (0x83, "SNRM"),
            (0x53, "DISC P/F"),
            (0x73, "UA P/F"),
            (0x1F, "DM P/F"),
            (0x97, "FRMR P/F"),
            (0x13, "UI P/F"),
            (0x03, "UI"),
            (0x10, "I N(S)=0 N(R)=0 P/F"),
            (0x30, "I N(S)=0 N(R)=1 P/F"),
            (0x54, "I N(S)=2 N(R)=2 P/F"),
            (0x22, "I N(S)=1 N(R)=1"),
            (0x31, "RR N(R)=1 P/F"),
            (0x35, "RNR N(R)=1 P/F"),
            (0x39, "REJ N(R)=1 P/F"),
            (0x3D, "SREJ N(R)=1 P/F"),
            (0xEF, "unknown EF"),
        ] {
            assert_eq!(Control::decode(octet).to_string(), text);
        }
    }
}
