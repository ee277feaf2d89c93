//! The screen on ten thousand meters of which 2,000 change a second: the loop's own rules of when to draw, a writer that counts.

use obiscope::tui::app::crowd::Crowd;
use obiscope::tui::app::{Key, Model, Msg, Now, update};
use obiscope::tui::pace::{SLOT, Slots};
use obiscope::tui::term::screen::Screen;
use obiscope::tui::term::theme::{Abilities, Depth};
use obiscope::tui::view;
use rustix::time::{ClockId, clock_gettime};
use std::io::{self, Write};
use std::time::{Duration, Instant};

const METERS: usize = 10_000;
const A_SECOND: f64 = 2_000.0;
const LENGTH: Duration = Duration::from_secs(10);
const SIZE: (u16, u16) = (160, 45);

/// A terminal that takes everything.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn now() -> Now {
    Now {
        wall: jiff::Timestamp::now(),
        mono: Instant::now(),
    }
}

struct Shown {
    model: Model,
    screen: Screen<Nowhere>,
    slots: Slots,
}

impl Shown {
    fn draw(&mut self) -> usize {
        let (mut shown, model) = (None, &self.model);
        let picture = |frame: &mut ratatui::Frame| shown = Some(view::draw(model, frame));
        let sent = self.screen.draw(picture).unwrap();
        (self.model.dirty, self.model.stale) = (false, false);
        update(&mut self.model, Msg::Shown(shown.unwrap()));
        self.slots
            .drawn(tokio::time::Instant::now(), Duration::ZERO, sent);
        sent
    }
}

pub fn report() {
    println!(
        "\nthe screen, {METERS} meters, {A_SECOND:.0} of them change a second, {} by {}",
        SIZE.0, SIZE.1
    );
    println!(
        "{:<12} {:>10} {:>12} {:>14} {:>14}",
        "pane", "of a core", "bytes/s", "key p50", "key max"
    );
    for (name, keys) in [
        ("list", "1"),
        ("list, sorted", "1 o o o"),
        ("overview", "v"),
    ] {
        one(name, keys);
    }
}

fn one(name: &str, keys: &str) {
    let model = Model::new(now(), jiff::tz::TimeZone::UTC);
    let abilities = Abilities {
        depth: Depth::Rgb,
        ascii: false,
    };
    let mut it = Shown {
        model,
        screen: Screen::new(Nowhere, SIZE.0, SIZE.1, abilities).unwrap(),
        slots: Slots::new(tokio::time::Instant::now(), false),
    };
    let mut crowd = Crowd::new(METERS, now());
    let (width, height) = SIZE;
    update(&mut it.model, Msg::Resize { width, height });
    update(&mut it.model, Msg::Changes(crowd.all()));
    press(&mut it, keys);
    // Making up the crowd's values is not the screen's work.
    let (mut used, mut sent) = (Duration::ZERO, 0);
    let cpu = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let (start, mut polled, mut second) = (Instant::now(), 0.0, 1);
    while start.elapsed() < LENGTH {
        std::thread::sleep(SLOT);
        let due = start.elapsed().as_secs_f64() * A_SECOND - polled;
        polled += due.floor();
        let moved = crowd.polled(due as usize, now());
        let before = cpu();
        update(&mut it.model, Msg::Changes(moved));
        if start.elapsed().as_secs() >= second {
            second += 1;
            update(&mut it.model, Msg::Tick(now()));
        }
        let at = tokio::time::Instant::now();
        if (it.model.dirty && at >= it.slots.next()) || (it.model.stale && at >= it.slots.calm()) {
            sent += it.draw();
        }
        used += cpu().saturating_sub(before);
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut took: Vec<Duration> = (["down", "pgdn", "end", "home", "o", "S", "pgup", "v", "esc"]
        .iter())
    .cycle()
    .take(90)
    .map(|key| {
        update(&mut it.model, Msg::Changes(crowd.polled(66, now())));
        let began = Instant::now();
        update(&mut it.model, Msg::Tick(now()));
        press(&mut it, key);
        it.draw();
        began.elapsed()
    })
    .collect();
    took.sort();
    println!(
        "{name:<12} {:>8.2} % {:>12.0} {:>14.2?} {:>14.2?}",
        used.as_secs_f64() / seconds * 100.0,
        sent as f64 / seconds,
        took[took.len() / 2],
        took[took.len() - 1],
    );
}

fn press(it: &mut Shown, keys: &str) {
    for key in keys.split(' ') {
        update(&mut it.model, Msg::Key(Key::parse(key).unwrap()));
    }
}
