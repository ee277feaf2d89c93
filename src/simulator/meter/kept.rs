//! What a client may change in a simulated meter and what stays so, over power cuts too. The clock is not here: it belongs
//! to `wall`.

use super::image::Image;
use crate::cosem::Data;
use crate::dlms::xdlms::{ActionResult, DataAccessResult};

/// Longer notes are refused; this is more than one APDU holds, so that blocks can be tried.
const LONGEST_NOTE: usize = 8192;

#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// A text for whoever reads the meter (0-0:96.1.9).
    pub note: Vec<u8>,
    pub relay: Relay,
    /// The load profile was cleared at this moment (seconds since 1970).
    pub cleared: Option<i64>,
    pub image: Image,
}

/// Disconnect control (class 70).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relay {
    pub state: RelayState,
    /// control_mode, 0 to 6.
    pub mode: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RelayState {
    Disconnected = 0,
    Connected = 1,
    /// Someone must press the button at the meter.
    ReadyForReconnection = 2,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            note: b"simulated".to_vec(),
            relay: Relay {
                state: RelayState::Connected,
                mode: 2,
            },
            cleared: None,
            image: Image::default(),
        }
    }
}

impl Kept {
    pub fn set_note(&mut self, value: Data) -> Result<(), DataAccessResult> {
        match value {
            Data::OctetString(note) if note.len() <= LONGEST_NOTE => {
                self.note = note;
                Ok(())
            }
            Data::OctetString(_) => Err(DataAccessResult::OTHER_REASON),
            _ => Err(DataAccessResult::TYPE_UNMATCHED),
        }
    }
}

impl Relay {
    pub fn set_mode(&mut self, value: &Data) -> Result<(), DataAccessResult> {
        match value {
            Data::Enum(mode @ 0..=6) => {
                self.mode = *mode;
                Ok(())
            }
            Data::Enum(_) => Err(DataAccessResult::OTHER_REASON),
            _ => Err(DataAccessResult::TYPE_UNMATCHED),
        }
    }

    /// remote_disconnect (1) and remote_reconnect (2): mode 0 takes neither; 2 and 4 connect at once, the others wait for
    /// a hand at the meter (Blue Book, control_mode).
    pub fn command(&mut self, method: i8) -> Result<(), ActionResult> {
        self.state = match (method, self.mode) {
            (_, 0) => return Err(ActionResult::TEMPORARY_FAILURE),
            (1, _) => RelayState::Disconnected,
            (_, 2 | 4) => RelayState::Connected,
            _ if self.state == RelayState::Connected => RelayState::Connected,
            _ => RelayState::ReadyForReconnection,
        };
        Ok(())
    }
}
