//! Notes in a trace as observations. The rule: every reader of a trace takes a note for the same thing.

use super::{Closing, ConnectFailure, Observation};

/// What a note in a trace of ours says of the connection, if anything.
pub fn of_note(text: &str) -> Option<Observation<'static>> {
    let lower = text.to_ascii_lowercase();
    let said = |words: &str| lower.contains(words);
    Some(match text {
        "connected" => Observation::Connected,
        "closed" => Observation::Closed(Closing::ByUs),
        _ if said("connection") && said("refused") => {
            Observation::ConnectFailed(ConnectFailure::Refused)
        }
        _ if said("unreachable") || said("no route to host") => {
            Observation::ConnectFailed(ConnectFailure::Unreachable)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_say_what_became_of_the_connection() {
        let refused = Some(Observation::ConnectFailed(ConnectFailure::Refused));
        assert_eq!(of_note("TCP to h:1: connection refused"), refused);
        assert_eq!(of_note("Connection was refused"), refused);
        let unreachable = Some(Observation::ConnectFailed(ConnectFailure::Unreachable));
        assert_eq!(of_note("No route to host"), unreachable);
        assert_eq!(of_note("connected"), Some(Observation::Connected));
        assert_eq!(of_note("closed"), Some(Observation::Closed(Closing::ByUs)));
        assert_eq!(of_note("mark: look here"), None);
    }
}
