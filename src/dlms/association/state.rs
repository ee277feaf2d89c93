//! Which call is legal in which state. The table is the code; nothing leaves before it was looked up here.
use super::LocalError;

/// Where an association stands.
///
/// | state         | waits for                | `connect` | `get`… | `keep_alive` | `release`        |
/// |---------------|--------------------------|-----------|-------|--------------|------------------|
/// | Idle          | nothing                  | yes       | no    | no           | DISC if owed     |
/// | Linking       | a quiet line, then UA    | no        | no    | no           | DISC if SNRM went |
/// | Associating   | AARE                     | no        | no    | no           | DISC             |
/// | Proving       | the meter's proof (HLS)  | no        | no    | no           | DISC             |
/// | Ready         | nothing                  | no        | yes   | yes          | RLRQ, then DISC  |
/// | Reading       | the answer to a request  | no        | no    | no           | DISC             |
/// | Releasing     | RLRE                     | no        | no    | no           | shortens the wait |
/// | Disconnecting | UA or DM to DISC         | no        | no    | no           | shortens the wait |
///
/// `get` stands for every request: `get_with`, `get_list`, `set` and `action` as well. `reset` is legal everywhere and sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Linking,
    Associating,
    Proving,
    Ready,
    Reading,
    Releasing,
    Disconnecting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Connect,
    Get,
    KeepAlive,
}

impl State {
    pub(super) const fn check(self, call: Call) -> Result<(), LocalError> {
        Err(LocalError(match (self, call) {
            (Self::Idle, Call::Connect) | (Self::Ready, Call::Get | Call::KeepAlive) => {
                return Ok(());
            }
            (_, Call::Connect) => {
                "connect: this association is under way; release or reset it first"
            }
            (Self::Reading, Call::Get) => "another request is under way; its answer comes first",
            (Self::Reading, Call::KeepAlive) => {
                "keep-alive: a request is under way, which serves as well"
            }
            (Self::Releasing | Self::Disconnecting, _) => "the association is being released",
            (_, _) => "there is no association yet; connect and wait for Ready",
        }))
    }
}
