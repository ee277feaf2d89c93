//! Stories told in key presses.
mod alarms;
mod bench;
mod brokers;
mod list;
mod meters;
mod screen;

use super::*;

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.split_whitespace()
        .flat_map(|key| update(model, Msg::Key(Key::parse(key).unwrap())))
        .collect()
}

fn kinds(model: &mut Model, text: &str) {
    for c in text.chars() {
        update(model, Msg::Key(Key::char(c)));
    }
}

fn notice(model: &Model) -> &str {
    model.notices.current().map_or("", |notice| &notice.text)
}

fn command(effects: &[Effect]) -> (u64, &Command) {
    match effects {
        [Effect::Command { ticket, command }] => (*ticket, command),
        other => panic!("{other:?}"),
    }
}
