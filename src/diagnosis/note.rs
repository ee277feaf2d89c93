//! Observations as notes in a trace, and back. The rule: every reader of a trace takes a note for the same thing, and finds in
//! it what was found while it was written.

use super::{Closing, ConnectFailure, Observation};

const ENDS: [(Observation<'static>, &str); 8] = [
    (
        Observation::Closed(Closing::ByPeer),
        "closed by the other side",
    ),
    (
        Observation::Closed(Closing::Reset),
        "broken off by the other side",
    ),
    (
        Observation::ConnectFailed(ConnectFailure::Refused),
        "not connected: refused",
    ),
    (
        Observation::ConnectFailed(ConnectFailure::TimedOut),
        "not connected: no answer",
    ),
    (
        Observation::ConnectFailed(ConnectFailure::Unreachable),
        "not connected: no route",
    ),
    (
        Observation::ConnectFailed(ConnectFailure::Name),
        "not connected: unknown name",
    ),
    (
        Observation::ConnectFailed(ConnectFailure::Other),
        "not connected: failed",
    ),
    (Observation::Quiet, "no answer came"),
];
const UNPROVEN: &str = "the meter's proof is not right: ";

/// How a note says it, where no record does; `detail` is for people.
pub fn note_of(what: &Observation<'_>, detail: Option<&str>) -> Option<String> {
    if let Observation::Unproven(why) = what {
        return Some(format!("{UNPROVEN}{why}"));
    }
    let (_, words) = ENDS.iter().find(|(it, _)| it == what)?;
    Some(match detail {
        Some(detail) => format!("{words} ({detail})"),
        None => (*words).to_owned(),
    })
}

/// What a note in a trace says of the connection, if anything.
pub fn of_note(text: &str) -> Option<Observation<'_>> {
    if let Some(why) = text.strip_prefix(UNPROVEN) {
        return Some(Observation::Unproven(why));
    }
    let plain = text.split_once(" (").map_or(text, |(plain, _)| plain);
    if let Some((what, _)) = ENDS.iter().find(|(_, words)| *words == plain) {
        return Some(*what);
    }
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
    fn what_is_noted_is_read_back() {
        for (what, _) in ENDS {
            for detail in [None, Some("h:1: Connection refused (os error 111)")] {
                let note = note_of(&what, detail).unwrap();
                assert_eq!(of_note(&note), Some(what), "{note}");
            }
        }
        let unproven = Observation::Unproven("it differs (GMAC)");
        let note = note_of(&unproven, None).unwrap();
        assert_eq!(of_note(&note), Some(unproven));
        for record in [Observation::Connected, Observation::Closed(Closing::ByUs)] {
            assert_eq!(note_of(&record, None), None);
        }
    }

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
