//! Made-up meters by the thousand, for tests and benches that count what the screen costs. The rule: one seed, one crowd.
use super::Now;
use crate::cosem::{Data, ObjectSpec, ScalerUnit, Unit};
use crate::headend::{Attention, Changes, MeterView};
use crate::meter::status::LastError;
use crate::meter::{Definition, MeterId, MeterStatus, Phase, Reading};
use std::sync::Arc;
use std::time::Duration;

pub struct Crowd {
    views: Vec<Arc<MeterView>>,
    random: fastrand::Rng,
    next: usize,
}

impl Crowd {
    /// So many Microstar meters: nearly all ready, one of 50 waiting, one of 1,000 in need of a person.
    pub fn new(meters: usize, now: Now) -> Self {
        let mut crowd = Self {
            views: Vec::with_capacity(meters),
            random: fastrand::Rng::with_seed(7),
            next: 0,
        };
        for n in 0..meters {
            let id = i64::try_from(n + 1).unwrap_or(i64::MAX);
            let port = u16::try_from(n % 60_000).unwrap_or(0) + 1024;
            let mut definition = Definition::microstar(format!("meter-{id:05}"), "127.0.0.1", port);
            definition.id = MeterId(id);
            definition.objects.truncate(5);
            let mut status = MeterStatus::new(now.mono.into(), definition.objects.len());
            status.phase = Phase::Ready;
            status.counters.polls = 1000;
            let view = MeterView {
                definition: definition.into(),
                status,
                bench: None,
                attention: None,
                health: Arc::default(),
            };
            crowd.views.push(Arc::new(view));
            crowd.poll(n, now);
        }
        crowd
    }

    pub fn all(&self) -> Changes {
        self.changes(self.views.clone())
    }

    /// The next so many of them were polled, round and round.
    pub fn polled(&mut self, meters: usize, now: Now) -> Changes {
        let mut changed = Vec::with_capacity(meters);
        for _ in 0..meters.min(self.views.len()) {
            let n = self.next;
            self.next = (n + 1) % self.views.len();
            self.poll(n, now);
            changed.extend(self.views.get(n).cloned());
        }
        self.changes(changed)
    }

    #[expect(
        clippy::unused_self,
        reason = "reads as what it is: changes of this crowd"
    )]
    fn changes(&self, meters: Vec<Arc<MeterView>>) -> Changes {
        Changes {
            meters,
            ..Changes::default()
        }
    }

    fn poll(&mut self, n: usize, now: Now) {
        let Some(view) = self.views.get_mut(n) else {
            return;
        };
        let view = Arc::make_mut(view);
        moved(view, &mut self.random, now);
        view.attention = Attention::of(view, now.mono.into()).map(Arc::new);
    }
}

/// One poll of it, or none.
fn moved(view: &mut MeterView, random: &mut fastrand::Rng, now: Now) {
    let fate = random.u32(0..1000);
    let status = &mut view.status;
    status.counters.polls += 1;
    status.counters.gets += 5;
    status.phase = match fate {
        0 => Phase::NeedsPerson,
        1..20 => Phase::Waiting {
            until: (now.mono + Duration::from_secs(14)).into(),
            failures: 2,
        },
        _ => Phase::Ready,
    };
    if fate < 20 {
        status.counters.polls_failed += 1;
        status.last_error = Some(LastError {
            at: now.wall,
            what: "no answer to SNRM in 7s (3 tries)".to_owned(),
            try_next: "Check the server address and its size.".to_owned(),
        });
        return;
    }
    status.last_received = Some(now.mono.into());
    for (object, value) in view.definition.objects.iter().zip(&mut status.values) {
        let ObjectSpec::Value(obis) = object.spec else {
            continue;
        };
        *value = Some(Reading {
            spec: object.spec,
            key: object.key.clone(),
            attribute: crate::cosem::AttributeRef {
                class: 3,
                obis,
                attribute: 2,
            },
            scaler_unit: Some(ScalerUnit {
                scaler: -2,
                unit: Unit(35),
            }),
            at: now.wall,
            value: Ok(Data::DoubleLong(random.i32(23_000..24_000))),
        });
    }
}
