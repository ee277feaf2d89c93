//! What goes wrong with one meter, and when: a list of troubles, each with its time. All of it comes from the seed, before
//! the run begins.

use std::time::Duration;

/// Steps of a session, as the converter sees them go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Snrm,
    Aarq,
    /// The first request of a cycle, or any other.
    Get,
    Disc,
}

pub const STEPS: [Step; 5] = [Step::Connect, Step::Snrm, Step::Aarq, Step::Get, Step::Disc];

/// Parts of a thousand of the pieces that pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    pub lose: u32,
    pub repeat: u32,
    pub delay: u32,
    pub flip: u32,
    pub merge: u32,
}

impl Noise {
    pub const fn all(thousandths: u32) -> Self {
        Self {
            lose: thousandths,
            repeat: thousandths,
            delay: thousandths,
            flip: thousandths,
            merge: thousandths,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The meter has no power: what it knew of a client is gone. The converter stays.
    Off,
    /// The converter is gone, with a word (reset) where somebody is connected, and refuses.
    Refuse,
    /// Nothing passes either way, and nobody is told.
    Cable,
    /// Connections are taken and closed at once: another client has it.
    Busy,
    /// The connection is reset when this step goes by.
    Reset(Step),
    /// The meter falls silent from this step on, for this connection and time.
    Hang(Step),
    /// Pieces are lost, repeated, late, changed, or come together.
    Noise(Noise),
    /// The next piece from the meter after `from` is lost, or one bit of it is flipped; once.
    LoseOne,
    FlipOne,
    /// Another client holds the meter's link and left without a word: silence until its inactivity time is over.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    pub from: Duration,
    pub until: Duration,
    pub what: Trouble,
}

impl Episode {
    pub fn new(from: Duration, lasts: Duration, what: Trouble) -> Self {
        Self {
            from,
            until: from + lasts,
            what,
        }
    }

    pub fn covers(&self, at: Duration) -> bool {
        self.from <= at && at < self.until
    }
}

/// What goes wrong around one meter.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub episodes: Vec<Episode>,
    /// From one end of the line to the other.
    pub latency: Duration,
    /// The converter takes nobody for this long after a client that said goodbye, and after one that did not.
    pub hold: (Duration, Duration),
}

impl Plan {
    /// A line where nothing goes wrong.
    pub fn healthy() -> Self {
        Self {
            episodes: Vec::new(),
            latency: Duration::from_millis(10),
            hold: (Duration::ZERO, Duration::ZERO),
        }
    }

    /// Something of everything, about every twenty minutes; the last twenty are quiet.
    pub fn mixed(dice: &mut fastrand::Rng, seconds: u64) -> Self {
        let mut plan = Self::healthy();
        plan.latency = Duration::from_millis(dice.u64(1..200));
        plan.hold = (
            Duration::from_millis(dice.u64(0..2_000)),
            Duration::from_millis(dice.u64(0..15_000)),
        );
        for slot in 0..(seconds / 1_200).saturating_sub(1) {
            let from = slot * 1_200 + dice.u64(0..600);
            let lasts = dice.u64(1..300);
            let step = STEPS[dice.usize(0..STEPS.len())];
            let noise = Noise::all([1, 10, 100][dice.usize(0..3)]);
            let what = match dice.u8(0..10) {
                0 => Trouble::Off,
                1 => Trouble::Refuse,
                2 => Trouble::Cable,
                3 => Trouble::Busy,
                4 => Trouble::Held,
                5 => Trouble::LoseOne,
                6 => Trouble::FlipOne,
                7 => Trouble::Reset(step),
                8 => Trouble::Hang(step),
                _ => Trouble::Noise(noise),
            };
            plan = plan.with(from, lasts, what);
        }
        plan
    }

    pub fn with(mut self, from: u64, lasts: u64, what: Trouble) -> Self {
        let (from, lasts) = (Duration::from_secs(from), Duration::from_secs(lasts));
        self.episodes.push(Episode::new(from, lasts, what));
        self
    }
}
