//! Every thing a person can ask for, once: the keymap, the footer, the help, the palette and
//! the README's key list are all read off this table. The rule: nothing can be pressed that
//! is not listed here.
use super::key::Key;
use super::pane::Pane;
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Quit,
    Help,
    Palette,
    Freeze,
    Zoom,
    NextPane,
    PreviousPane,
    Go(Pane),
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Back,
    AddMeter,
    EditMeter,
    DeleteMeter,
    StartStop,
    PollNow,
    Reconnect,
    Proceed,
    Probe,
    ProbeAll,
    Step,
    RunOn,
    SkipStep,
    EditStep,
    ByHand,
    StopBench,
    Wait,
    KeepWorking,
    Frame,
    TestPublish,
    HoldBroker,
    FlushBroker,
    ReconnectBroker,
    DropWaiting,
    RetryDead,
    EmptyDead,
    Follow,
    Filter,
    NextTrouble,
    PreviousTrouble,
    Copy,
    SaveTrace,
    Proof,
    Mark,
    Annotate,
    NextMark,
    PreviousMark,
    ReplayStep,
    Faster,
    Slower,
    Mouse,
    Repaint,
    Suspend,
    NextField,
    PreviousField,
    Accept,
    Cancel,
    Yes,
    Order,
    Reverse,
    Group,
    NextNeedy,
    Overview,
    Alarms,
    Acknowledge,
    Chart,
    Herald,
    Nearer,
    Farther,
}

/// Where an entry's keys work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In every pane, when nothing lies over them.
    Panes,
    /// In one pane.
    Pane(Pane),
    /// In the session pane, while a session is stepped through.
    Stepper,
    Help,
    Form,
    Confirm,
    Palette,
    /// While a filter is being typed.
    Filter,
    /// While a note or a file name is being typed.
    Line,
    /// The fleet as a whole.
    Overview,
    /// What is wrong, and was.
    Alarms,
    /// The course of a value.
    Chart,
    /// Really everywhere.
    Always,
}

impl Place {
    /// Whether keys of this entry work when the eye is `here`.
    pub fn covers(self, here: Self) -> bool {
        self == here
            || self == Self::Always
            || (self == Self::Panes && matches!(here, Self::Pane(_) | Self::Stepper))
            || (self == Self::Pane(Pane::Session) && here == Self::Stepper)
    }

    /// Heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Panes => "Every pane",
            Self::Pane(pane) => pane.title(),
            Self::Stepper => "Session, stepping",
            Self::Help => "Help",
            Self::Form => "Form",
            Self::Confirm => "Question",
            Self::Palette => "Command line",
            Self::Filter => "Filter",
            Self::Line => "Note or file name",
            Self::Overview => "Fleet",
            Self::Alarms => "Alarms",
            Self::Chart => "Chart",
            Self::Always => "Everywhere",
        }
    }
}

/// All places, in the order the help and the README show them.
pub const PLACES: [Place; 17] = [
    Place::Panes,
    Place::Pane(Pane::Meters),
    Place::Pane(Pane::Values),
    Place::Pane(Pane::Trace),
    Place::Pane(Pane::Session),
    Place::Stepper,
    Place::Pane(Pane::Mqtt),
    Place::Form,
    Place::Confirm,
    Place::Palette,
    Place::Filter,
    Place::Line,
    Place::Overview,
    Place::Alarms,
    Place::Chart,
    Place::Help,
    Place::Always,
];

#[derive(Debug)]
pub struct Entry {
    pub action: Action,
    /// What the command line finds it by.
    pub name: &'static str,
    pub keys: &'static [&'static str],
    pub place: Place,
    /// Lower ranks keep their place in a narrow footer longer; 0 is never in the footer.
    pub rank: u8,
    /// The one or two words of the footer.
    pub short: &'static str,
    pub help: &'static str,
}

macro_rules! table {
    ($($place:expr => { $($action:expr, $name:literal, [$($key:literal),*], $rank:literal, $short:literal, $help:literal;)* })*) => {
        pub const TABLE: &[Entry] = &[$($(Entry {
            action: $action, name: $name, keys: &[$($key),*], place: $place, rank: $rank, short: $short, help: $help,
        },)*)*];
    };
}

table! {
    Place::Panes => {
        Action::Help, "help", ["?", "f1"], 1, "help", "Show every key that works here";
        Action::Quit, "quit", ["q"], 2, "quit", "Leave; open sessions are released first";
        Action::Palette, "command", [":", "ctrl-p"], 8, "command", "Find a command by name";
        Action::Freeze, "freeze", ["space"], 5, "freeze", "Hold values and trace, or a replay; recording goes on";
        Action::Zoom, "zoom", ["z"], 12, "zoom", "Give the focused pane the whole screen, and back";
        Action::NextPane, "next-pane", ["tab"], 9, "pane", "Move to the next pane";
        Action::PreviousPane, "previous-pane", ["shift-tab"], 0, "", "Move to the previous pane";
        Action::Go(Pane::Meters), "meters", ["1"], 0, "", "Go to the meters";
        Action::Go(Pane::Values), "values", ["2"], 0, "", "Go to the values of the selected meter";
        Action::Go(Pane::Trace), "trace", ["3"], 0, "", "Go to its frames";
        Action::Go(Pane::Session), "session", ["4"], 0, "", "Go to its session";
        Action::Go(Pane::Mqtt), "mqtt", ["5"], 0, "", "Go to the brokers";
        Action::Up, "up", ["up", "k"], 0, "", "One row up";
        Action::Down, "down", ["down", "j"], 0, "", "One row down";
        Action::PageUp, "page-up", ["pgup", "ctrl-b"], 0, "", "One page up";
        Action::PageDown, "page-down", ["pgdn", "ctrl-f"], 0, "", "One page down";
        Action::Top, "top", ["home"], 0, "", "To the first row";
        Action::Bottom, "bottom", ["end", "G"], 0, "", "To the last row; in the trace, follow again";
        Action::Back, "back", ["esc"], 0, "", "Leave fields, filter, freeze or zoom; dismiss a notice";
        Action::AddMeter, "add-meter", ["a"], 4, "add meter", "Add a meter";
        Action::EditMeter, "edit-meter", ["E"], 13, "edit", "Edit the selected meter";
        Action::DeleteMeter, "delete-meter", ["d"], 15, "delete", "Delete the selected meter, after a question";
        Action::StartStop, "start-stop", ["t"], 11, "start/stop", "Start or stop the selected meter";
        Action::Probe, "probe", ["p"], 6, "probe", "Find out why it does not answer (on the bench)";
        Action::Step, "step", ["s"], 6, "step", "Step through a session: begin, then send the next";
        Action::PollNow, "poll-now", ["P"], 10, "poll now", "Read the selected meter at once";
        Action::Reconnect, "reconnect", ["r"], 7, "reconnect", "Release and connect again, or try again without waiting";
        Action::Proceed, "go-on", ["g"], 3, "go on", "After a refused password: try once more (asks first)";
        Action::Copy, "copy", ["y"], 14, "copy", "Copy what is selected to the clipboard of your terminal";
        Action::Mouse, "mouse", ["M"], 0, "", "Give the mouse to the terminal (to mark text), and back";
        Action::Proof, "proof", ["f"], 7, "proof", "Jump to the frames that prove the finding";
        Action::ReplayStep, "replay-step", ["."], 6, "step", "In a replay: one entry more, then hold";
        Action::Faster, "replay-faster", ["+", "="], 6, "faster", "In a replay: twice as fast";
        Action::Slower, "replay-slower", ["-"], 7, "slower", "In a replay: half as fast";
        Action::Overview, "overview", ["v"], 9, "fleet", "All meters in bands, and who needs you first";
        Action::Alarms, "alarms", ["!"], 6, "alarms", "What is wrong now, and was lately; acknowledge it";
        Action::Chart, "chart", ["c"], 10, "chart", "The course of the selected value, an hour to a year";
        Action::Herald, "notify", ["B"], 0, "", "Ring when you are needed: off, bell, OSC 9, OSC 777";
        Action::Repaint, "repaint", ["ctrl-l"], 0, "", "Paint the screen again";
        Action::Suspend, "suspend", ["ctrl-z"], 0, "", "Back to the shell; sessions go on until they time out";
    }
    Place::Pane(Pane::Meters) => {
        Action::Open, "edit-meter-here", ["enter"], 0, "", "Edit the selected meter";
        Action::Filter, "filter-meters", ["/"], 6, "filter", "Only meters with words in name, address, state or cause";
        Action::Order, "order-meters", ["o"], 9, "order", "By name, state, worst, oldest reading, least success";
        Action::Reverse, "reverse-meters", ["O"], 0, "", "The same order, from the other end";
        Action::Group, "group-meters", ["S"], 10, "group", "Put equal states together under headings, and back";
        Action::Left, "fold-group", ["left", "h"], 0, "", "Fold the group under the cursor away";
        Action::Right, "unfold-group", ["right", "l"], 0, "", "Fold it out again";
        Action::NextNeedy, "next-needy", ["n"], 9, "who needs me", "Go to the next meter that needs a person";
    }
    Place::Pane(Pane::Trace) => {
        Action::Open, "fields", ["enter"], 6, "fields", "Walk the fields of the selected frame; again: leave";
        Action::Left, "previous-field", ["left", "h"], 0, "", "Previous field of the selected frame";
        Action::Right, "next-field", ["right", "l"], 0, "", "Next field of the selected frame";
        Action::Follow, "follow", ["F"], 6, "follow", "Follow the newest frame";
        Action::Filter, "filter-trace", ["/"], 6, "filter", "Only: rx, tx, err, mark, snrm, obis:1.8.0, text, 7EA0";
        Action::NextTrouble, "next-error", ["e"], 6, "next error", "Jump to the next frame that is wrong or refuses";
        Action::PreviousTrouble, "previous-error", ["b"], 0, "", "Jump back to the one before";
        Action::SaveTrace, "save-trace", ["w"], 0, "", "Write what is shown: jsonl, txt, hex or pcapng";
        Action::Mark, "mark", ["m"], 7, "mark", "Mark the selected frame, or take the mark away";
        Action::Annotate, "annotate", ["n"], 0, "", "Write a note beside the selected frame";
        Action::NextMark, "next-mark", ["]"], 0, "", "Jump to the next marked frame";
        Action::PreviousMark, "previous-mark", ["["], 0, "", "Jump back to the marked frame before";
    }
    Place::Pane(Pane::Session) => {
        Action::StopBench, "stop-bench", ["x"], 2, "end", "End what is on the bench, or close its report";
        Action::Wait, "wait", ["w"], 3, "wait", "Of a probe: do not wait; or wait, then probe again";
        Action::KeepWorking, "keep", ["K"], 1, "keep", "Keep the address that worked with the meter";
        Action::ProbeAll, "probe-all", ["A"], 0, "", "Probe, with all-station addresses too (asks first)";
    }
    Place::Stepper => {
        Action::Step, "next-step", ["s"], 1, "send", "Send the next step, and no more";
        Action::RunOn, "run-on", ["r"], 3, "run on", "Step after step: to the association, then to its end";
        Action::EditStep, "edit-step", ["e"], 4, "settings", "Other addresses, authentication, sizes, conformance";
        Action::ByHand, "by-hand", ["h"], 5, "by hand", "Write the next frame by hand (asks first)";
        Action::SkipStep, "skip-step", ["n"], 5, "skip", "Leave the next step out";
    }
    Place::Pane(Pane::Values) => {
        Action::Frame, "frame", ["enter"], 6, "its frame", "Go to the frame the selected value came in";
    }
    Place::Pane(Pane::Mqtt) => {
        Action::TestPublish, "test-publish", ["T"], 5, "test", "Publish a test message and wait for its PUBACK";
        Action::HoldBroker, "hold-broker", ["H"], 5, "hold", "Let go of the broker; again: connect";
        Action::FlushBroker, "flush-broker", ["F"], 6, "flush", "Send what waits now, without further pause";
        Action::ReconnectBroker, "reconnect-broker", ["C"], 6, "connect", "Connect to the broker anew";
        Action::DropWaiting, "drop-waiting", ["D"], 7, "drop", "Throw away what waits, unsent (asks first)";
        Action::RetryDead, "retry-dead", ["R"], 7, "retry", "Put messages given up on back into the queue";
        Action::EmptyDead, "empty-dead", ["X"], 8, "empty", "Throw away messages given up on (asks first)";
    }
    Place::Form => {
        Action::NextField, "form-next", ["tab", "down"], 3, "next field", "Next field";
        Action::PreviousField, "form-previous", ["shift-tab", "up"], 4, "back", "Previous field";
        Action::Left, "form-left", ["left"], 0, "", "Previous choice, or one character back";
        Action::Right, "form-right", ["right"], 0, "", "Next choice, or one character on";
        Action::Accept, "form-save", ["enter"], 1, "save", "Check every field and save";
        Action::Cancel, "form-cancel", ["esc"], 2, "cancel", "Close without saving; asks when something was changed";
    }
    Place::Confirm => {
        Action::Yes, "confirm-yes", ["y"], 2, "yes", "Do it";
        Action::Cancel, "confirm-no", ["n", "esc"], 1, "no", "Leave everything as it is";
        Action::NextField, "confirm-other", ["tab", "left", "right", "shift-tab"], 4, "other answer", "Move between No and Yes";
        Action::Accept, "confirm-marked", ["enter"], 3, "take the marked answer", "Take the marked answer (No, unless moved)";
    }
    Place::Palette => {
        Action::Up, "palette-up", ["up", "shift-tab"], 0, "", "Previous command";
        Action::Down, "palette-down", ["down", "tab"], 3, "next", "Next command";
        Action::Accept, "palette-run", ["enter"], 1, "run", "Run the marked command";
        Action::Cancel, "palette-cancel", ["esc"], 2, "close", "Close";
    }
    Place::Filter => {
        Action::Accept, "filter-keep", ["enter"], 1, "keep", "Keep the filter";
        Action::Cancel, "filter-clear", ["esc"], 2, "clear", "Clear it and show everything";
    }
    Place::Line => {
        Action::Accept, "line-take", ["enter"], 1, "take it", "Take what is written";
        Action::Cancel, "line-leave", ["esc"], 2, "leave", "Leave everything as it was";
    }
    Place::Overview => {
        Action::Up, "overview-up", ["up", "k"], 0, "", "One meter up";
        Action::Down, "overview-down", ["down", "j"], 3, "next", "One meter down";
        Action::PageUp, "overview-page-up", ["pgup"], 0, "", "One page up";
        Action::PageDown, "overview-page-down", ["pgdn", "space"], 0, "", "One page down";
        Action::Top, "overview-top", ["home"], 0, "", "To the most urgent";
        Action::Bottom, "overview-bottom", ["end", "G"], 0, "", "To the last";
        Action::Accept, "overview-open", ["enter"], 1, "go to it", "Go to this meter";
        Action::Cancel, "overview-close", ["esc", "v", "q"], 2, "close", "Close";
    }
    Place::Alarms => {
        Action::Up, "alarms-up", ["up", "k"], 0, "", "One alarm up";
        Action::Down, "alarms-down", ["down", "j"], 4, "next", "One alarm down";
        Action::PageUp, "alarms-page-up", ["pgup"], 0, "", "One page up";
        Action::PageDown, "alarms-page-down", ["pgdn", "space"], 0, "", "One page down";
        Action::Top, "alarms-top", ["home"], 0, "", "To the worst";
        Action::Bottom, "alarms-bottom", ["end", "G"], 0, "", "To what is over longest";
        Action::Accept, "alarms-open", ["enter"], 2, "go to it", "Go to the meter, and to the value it is about";
        Action::Acknowledge, "acknowledge", ["a"], 1, "acknowledge", "Say that you know of it: your name, and a note";
        Action::Filter, "filter-alarms", ["/"], 5, "filter", "Only alarms with words in meter, object, text or name";
        Action::Cancel, "alarms-close", ["esc", "!", "q"], 3, "close", "Close; with a filter, clear it first";
    }
    Place::Chart => {
        Action::Left, "chart-earlier", ["left", "h"], 1, "earlier", "Half a span back in time";
        Action::Right, "chart-later", ["right", "l"], 2, "later", "Half a span on, up to now";
        Action::Nearer, "chart-nearer", ["+", "="], 3, "nearer", "A shorter span: 1 y, 30 d, 7 d, 24 h, 1 h";
        Action::Farther, "chart-farther", ["-"], 4, "farther", "A longer span";
        Action::Up, "chart-previous", ["up", "k"], 0, "", "The value above";
        Action::Down, "chart-next", ["down", "j"], 5, "next value", "The value below";
        Action::Bottom, "chart-now", ["end", "G"], 6, "now", "Up to now, and going on";
        Action::Cancel, "chart-close", ["esc", "c", "q", "enter"], 7, "close", "Close";
    }
    Place::Help => {
        Action::Up, "help-up", ["up", "k"], 0, "", "One line up";
        Action::Down, "help-down", ["down", "j"], 2, "down", "One line down";
        Action::PageUp, "help-page-up", ["pgup"], 0, "", "One page up";
        Action::PageDown, "help-page-down", ["pgdn", "space"], 3, "page down", "One page down";
        Action::Top, "help-top", ["home"], 0, "", "To the beginning";
        Action::Bottom, "help-bottom", ["end", "G"], 0, "", "To the end";
        Action::Cancel, "help-close", ["esc", "?", "f1", "q", "enter"], 1, "close", "Close the help";
    }
    Place::Always => {
        Action::Quit, "quit-now", ["ctrl-c"], 0, "", "Leave, whatever is open; sessions are released first";
    }
}

/// The entry a key stands for at this place; the place itself goes before what covers it.
pub fn find(pressed: Key, here: Place) -> Option<&'static Entry> {
    let pressed = pressed.folded();
    let mut best = None;
    for (_, entry) in KEYS.iter().filter(|(key, _)| *key == pressed) {
        if entry.place == here {
            return Some(entry);
        }
        if best.is_none() && entry.place.covers(here) {
            best = Some(*entry);
        }
    }
    best
}

/// The table by key: the footer asks it of every entry for every picture.
static KEYS: LazyLock<Vec<(Key, &'static Entry)>> = LazyLock::new(|| {
    let keys = |entry: &'static Entry| {
        let parsed = entry.keys.iter().filter_map(|key| Key::parse(key));
        parsed.map(move |key| (key.folded(), entry))
    };
    TABLE.iter().flat_map(keys).collect()
});

/// Whether the entry's first key means this entry here.
pub fn works_at(entry: &Entry, here: Place) -> bool {
    let first = entry.keys.first().and_then(|key| Key::parse(key));
    entry.place.covers(here)
        && first
            .and_then(|key| find(key, here))
            .is_some_and(|found| found.name == entry.name)
}

/// The first key of an action at a place, for hints in running text.
pub fn key_of(action: Action) -> &'static str {
    TABLE
        .iter()
        .find(|entry| entry.action == action)
        .and_then(|entry| entry.keys.first().copied())
        .unwrap_or("")
}

/// Entries of one place, in table order.
pub fn entries(place: Place) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |entry| entry.place == place)
}

/// The key list of the README, as a Markdown table a place.
pub fn readme() -> String {
    let table = |place: Place| {
        let rows: Vec<String> = entries(place)
            .map(|entry| format!("| `{}` | {} |\n", entry.keys.join("` `"), entry.help))
            .collect();
        let head = format!("**{}**\n\n| key | does |\n|---|---|\n", place.title());
        (!rows.is_empty()).then(|| head + &rows.concat())
    };
    let tables: Vec<String> = PLACES.into_iter().filter_map(table).collect();
    tables.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn every_key_parses_and_none_is_taken_twice() {
        for here in PLACES {
            let mut taken: HashMap<Key, &str> = HashMap::new();
            for entry in TABLE.iter().filter(|entry| entry.place.covers(here)) {
                for key in entry.keys {
                    let parsed = Key::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
                    // While a session is stepped through, its keys go before those of every pane.
                    if here == Place::Stepper
                        && find(parsed, here).is_some_and(|found| found.name != entry.name)
                    {
                        continue;
                    }
                    assert_eq!(
                        taken.insert(parsed.folded(), entry.name),
                        None,
                        "{key} is taken twice in {here:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_entry_says_what_it_does() {
        let mut names = HashSet::new();
        for entry in TABLE {
            assert!(names.insert(entry.name), "{} twice", entry.name);
            assert!(!entry.help.is_empty() && !entry.keys.is_empty());
            assert!(
                entry.help.len() <= 55,
                "{} does not fit 80 columns",
                entry.help
            );
            assert_eq!(entry.rank == 0, entry.short.is_empty(), "{}", entry.name);
            assert!(PLACES.contains(&entry.place));
        }
    }

    #[test]
    fn fields_take_every_letter() {
        for place in [Place::Form, Place::Palette, Place::Filter, Place::Line] {
            for entry in TABLE.iter().filter(|entry| entry.place.covers(place)) {
                for key in entry.keys {
                    let typed = Key::parse(key).and_then(Key::typed);
                    assert_eq!(typed, None, "{} would swallow a letter", entry.name);
                }
            }
        }
    }

    #[test]
    fn the_readme_lists_every_action() {
        let text = readme();
        for entry in TABLE {
            assert!(text.contains(entry.help), "{}", entry.name);
        }
        assert!(text.contains("| `end` `G` | To the last row"), "{text}");
        assert!(!text.contains("||"));
    }

    #[test]
    fn keys_mean_what_the_place_says() {
        let at = |key: Key, here| find(key, here).map(|entry| entry.action);
        assert_eq!(
            at(Key::char('e'), Place::Pane(Pane::Trace)),
            Some(Action::NextTrouble)
        );
        assert_eq!(at(Key::char('e'), Place::Pane(Pane::Values)), None);
        assert_eq!(at(Key::char('r'), Place::Stepper), Some(Action::RunOn));
        assert_eq!(at(Key::char('x'), Place::Stepper), Some(Action::StopBench));
        assert_eq!(at(Key::char('s'), Place::Stepper), Some(Action::Step));
        assert_eq!(at(Key::char('q'), Place::Form), None);
        assert_eq!(at(Key::ctrl('c'), Place::Form), Some(Action::Quit));
    }
}
