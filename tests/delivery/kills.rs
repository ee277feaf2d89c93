//! When what is killed: at places in the stream that the seed decides, so that every run of a seed is as hard.

use crate::roles::{Role, bridge, broker};
use crate::verdict::{Verdict, judge};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

pub struct Plan {
    pub readings: u64,
    pub broker_kills: u64,
    pub process_kills: u64,
    pub seed: u64,
    /// Acknowledgements come in shuffled groups of so many.
    pub shuffle: usize,
}

#[derive(Clone, Copy)]
pub enum Kill {
    Broker,
    Process,
}

/// Runs it to its end; a reading that is missing stops it.
pub fn run(plan: &Plan) -> Verdict {
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (sink, database, progress) = (at("sink"), at("obiscope.db"), at("progress"));
    let (mut broker_role, port) = broker(&sink, 0, plan.shuffle);
    let start = |life: u64| -> Role {
        bridge(
            &database,
            port,
            plan.readings,
            plan.seed * 1_000 + life * 2 + plan.seed % 2,
            &progress,
        )
    };
    let mut lives = 0;
    let mut process = start(lives);
    let mut arrived = Lines::of(&sink);
    let limit = began + Duration::from_mins(1) + Duration::from_millis(20 * plan.readings);
    for (place, kill) in kills(plan) {
        while arrived.count() < place {
            assert!(
                Instant::now() < limit,
                "{} arrived, then nothing",
                arrived.count
            );
            // Done before its time: a kill more or less is no matter then.
            if process.ended().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        match kill {
            Kill::Broker => {
                broker_role.kill();
                (broker_role, _) = broker(&sink, port, plan.shuffle);
            }
            Kill::Process => {
                process.kill();
                lives += 1;
                process = start(lives);
            }
        }
    }
    loop {
        match process.ended() {
            Some(well) => {
                assert!(well, "the process failed");
                break;
            }
            None => assert!(
                Instant::now() < limit,
                "{} arrived, then nothing",
                arrived.count()
            ),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(broker_role);
    judge(plan, &sink, &progress, began.elapsed())
}

/// After how many arrivals, and what.
pub fn kills(plan: &Plan) -> Vec<(u64, Kill)> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let mut order: Vec<Kill> = (0..plan.broker_kills)
        .map(|_| Kill::Broker)
        .chain((0..plan.process_kills).map(|_| Kill::Process))
        .collect();
    random.shuffle(&mut order);
    let step = plan.readings / (order.len() as u64 + 1);
    (1..)
        .zip(order)
        .map(|(number, kill)| (number * step - random.u64(0..step / 2), kill))
        .collect()
}

/// Lines of a file that grows.
pub struct Lines<'a> {
    path: &'a Path,
    file: Option<File>,
    count: u64,
}

impl<'a> Lines<'a> {
    pub fn of(path: &'a Path) -> Self {
        Self {
            path,
            file: None,
            count: 0,
        }
    }

    pub fn count(&mut self) -> u64 {
        if self.file.is_none() {
            self.file = File::open(self.path).ok();
        }
        let mut buffer = [0; 8 * 1024];
        while let Some(file) = &mut self.file {
            let read = file.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            let ends = buffer.iter().take(read).filter(|byte| **byte == b'\n');
            self.count += ends.count() as u64;
        }
        self.count
    }
}
