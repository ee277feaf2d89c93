//! Objects that keep failing while others are read. The rule: only what others' answers prove to be the object's own
//! fault rests it; a meter that answers nothing is a matter of the link. Pure; time is handed in.

use crate::cosem::ObjectSpec;
use crate::meter::PolledObject;
use crate::meter::definition::RecoverySettings;
use crate::meter::recovery::Resting;
use std::time::Duration;
use tokio::time::Instant;

/// Those that did not answer their last question; empty as long as all is well.
#[derive(Debug, Default)]
pub struct Ailing(Vec<Case>);

#[derive(Debug)]
struct Case {
    spec: ObjectSpec,
    key: String,
    /// In a row.
    refusals: u32,
    /// How often in a row the link was lost over it though others had answered just before.
    hangs: u32,
    why: String,
    rest: Option<Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    since: Instant,
    until: Instant,
    times: u32,
}

impl Case {
    fn rests(&self, now: Instant) -> bool {
        self.rest.is_some_and(|rest| rest.until > now)
    }

    /// Whether the link may be lost over it: it is asked after the others.
    fn is_suspect(&self) -> bool {
        self.rest.is_some() || self.refusals == 0
    }

    fn lie_down(&mut self, now: Instant, settings: &RecoverySettings) {
        let times = self.rest.map_or(0, |rest| rest.times);
        let time = (settings.object_rest)
            .saturating_mul(1 << times.min(16))
            .min(settings.object_rest_max.max(settings.object_rest));
        self.rest = Some(Rest {
            since: self.rest.map_or(now, |rest| rest.since),
            until: now + time,
            times: times.saturating_add(1),
        });
    }
}

impl Ailing {
    /// Which of those that are due are asked, and in which order: without those that rest, suspects last.
    pub fn arrange(&self, objects: &[PolledObject], due: &mut Vec<usize>, now: Instant) {
        if self.0.is_empty() {
            return;
        }
        let case = |index: &usize| self.case(objects.get(*index)?.spec);
        due.retain(|index| case(index).is_none_or(|it| !it.rests(now)));
        due.sort_by_key(|index| {
            case(index)
                .filter(|it| it.is_suspect())
                .map(|it| it.hangs.saturating_add(1))
        });
    }

    /// Why it is not asked now.
    pub fn why_resting(&self, spec: ObjectSpec, now: Instant) -> Option<String> {
        let case = self.case(spec).filter(|it| it.rests(now))?;
        let left = case.rest?.until.duration_since(now);
        let left = Duration::from_secs(left.as_secs().max(1));
        Some(format!(
            "{}; asked again in {}",
            case.why,
            humantime::format_duration(left)
        ))
    }

    /// True where it had rested.
    pub fn answered(&mut self, spec: ObjectSpec) -> bool {
        let Some(at) = self.0.iter().position(|it| it.spec == spec) else {
            return false;
        };
        self.0.swap_remove(at).rest.is_some()
    }

    /// The meter said no to it. True where it is rested for that.
    pub fn refused(
        &mut self,
        object: &PolledObject,
        why: &str,
        now: Instant,
        settings: &RecoverySettings,
    ) -> bool {
        let case = self.entry(object, why);
        case.refusals = case.refusals.saturating_add(1);
        case.hangs = 0;
        if case.rest.is_none() && case.refusals < settings.object {
            return false;
        }
        case.lie_down(now, settings);
        true
    }

    /// The link was lost while it was asked; `others`: something had answered just before. True where it is rested.
    pub fn lost(
        &mut self,
        object: &PolledObject,
        others: bool,
        why: &str,
        now: Instant,
        settings: &RecoverySettings,
    ) -> bool {
        let case = self.entry(object, why);
        case.refusals = 0;
        if !others {
            return false;
        }
        case.hangs = case.hangs.saturating_add(1);
        if case.rest.is_none() && case.hangs < settings.object_hangs {
            return false;
        }
        case.why = format!("the link is lost whenever it is asked: {why}");
        case.lie_down(now, settings);
        true
    }

    /// The link was lost while it was asked together with others: from now on it is asked by itself, after them.
    pub fn suspect(&mut self, object: &PolledObject, why: &str) {
        self.entry(object, why).refusals = 0;
    }

    /// It did not answer its last question.
    pub fn is_ailing(&self, spec: ObjectSpec) -> bool {
        self.case(spec).is_some()
    }

    /// Whether the link may be lost over it: it is asked by itself.
    pub fn is_suspect(&self, spec: ObjectSpec) -> bool {
        self.case(spec).is_some_and(Case::is_suspect)
    }

    pub fn resting(&self) -> Vec<Resting> {
        let one = |case: &Case| {
            let rest = case.rest?;
            Some(Resting {
                spec: case.spec,
                key: case.key.clone(),
                since: rest.since,
                why: case.why.clone(),
                next: rest.until,
                times: rest.times,
            })
        };
        self.0.iter().filter_map(one).collect()
    }

    /// Other objects are read now.
    pub fn keep_only(&mut self, objects: &[PolledObject]) {
        self.0.retain_mut(|case| {
            let object = objects.iter().find(|object| object.spec == case.spec);
            if let Some(object) = object {
                case.key.clone_from(&object.key);
            }
            object.is_some()
        });
    }

    /// Everything gets another chance.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    fn case(&self, spec: ObjectSpec) -> Option<&Case> {
        self.0.iter().find(|case| case.spec == spec)
    }

    fn entry(&mut self, object: &PolledObject, why: &str) -> &mut Case {
        let at = self.0.iter().position(|it| it.spec == object.spec);
        let at = at.unwrap_or_else(|| {
            self.0.push(Case {
                spec: object.spec,
                key: object.key.clone(),
                refusals: 0,
                hangs: 0,
                why: String::new(),
                rest: None,
            });
            self.0.len() - 1
        });
        let case = &mut self.0[at];
        why.clone_into(&mut case.why);
        case
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::Obis;

    const MINUTE: Duration = Duration::from_mins(1);

    fn objects() -> Vec<PolledObject> {
        (1..=4)
            .map(|c| {
                let spec = ObjectSpec::Value(Obis::new(1, 1, c, 7, 0, 255));
                PolledObject::new(spec, format!("o{c}"))
            })
            .collect()
    }

    fn order(ailing: &Ailing, now: Instant) -> Vec<usize> {
        let mut due = vec![0, 1, 2, 3];
        ailing.arrange(&objects(), &mut due, now);
        due
    }

    #[test]
    fn five_refusals_rest_it_five_minutes_then_one_try_and_ten() {
        let (settings, objects) = (RecoverySettings::default(), objects());
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        assert_eq!(order(&ailing, now), [0, 1, 2, 3]);
        for _ in 0..4 {
            assert!(!ailing.refused(&objects[1], "undefined", now, &settings));
        }
        assert_eq!(order(&ailing, now), [0, 1, 2, 3]);
        assert!(ailing.refused(&objects[1], "undefined", now, &settings));
        assert_eq!(order(&ailing, now + 4 * MINUTE), [0, 2, 3]);
        let why = ailing.why_resting(objects[1].spec, now + 4 * MINUTE);
        assert_eq!(why.unwrap(), "undefined; asked again in 1m");
        // One try, after the others; refused, it rests twice as long, an hour at most.
        let mut at = now;
        for minutes in [5, 10, 20, 40, 60, 60] {
            at += minutes * MINUTE;
            assert_eq!(ailing.resting()[0].next, at);
            assert_eq!(order(&ailing, at), [0, 2, 3, 1]);
            assert!(ailing.refused(&objects[1], "undefined", at, &settings));
        }
        let resting = &ailing.resting()[0];
        assert_eq!((resting.since, resting.times), (now, 7));
        assert!(ailing.answered(objects[1].spec));
        assert_eq!(order(&ailing, at), [0, 1, 2, 3]);
    }

    #[test]
    fn an_answer_between_refusals_begins_the_count_anew() {
        let (settings, objects) = (RecoverySettings::default(), objects());
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        for _ in 0..10 {
            for _ in 0..4 {
                assert!(!ailing.refused(&objects[1], "later", now, &settings));
            }
            assert!(!ailing.answered(objects[1].spec), "it had not rested");
        }
    }

    #[test]
    fn the_link_lost_over_one_three_times_rests_it() {
        let (settings, objects) = (RecoverySettings::default(), objects());
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        // First of all, so nothing had answered: only a suspicion, and the others go first.
        assert!(!ailing.lost(&objects[0], false, "silence", now, &settings));
        assert_eq!(order(&ailing, now), [1, 2, 3, 0]);
        assert!(!ailing.lost(&objects[0], true, "silence", now, &settings));
        assert!(!ailing.lost(&objects[0], true, "silence", now, &settings));
        assert!(ailing.lost(&objects[0], true, "silence", now, &settings));
        assert_eq!(order(&ailing, now), [1, 2, 3]);
        assert!(ailing.resting()[0].why.contains("silence"));
        // The one try after the rest is enough.
        let later = now + 5 * MINUTE;
        assert!(ailing.lost(&objects[0], true, "silence", later, &settings));
        assert_eq!(ailing.resting()[0].next, later + 10 * MINUTE);
    }

    #[test]
    fn two_culprits_are_both_found() {
        let (settings, objects) = (RecoverySettings::default(), objects());
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        let culprits = [objects[0].spec, objects[2].spec];
        for _ in 0..10 {
            let order = order(&ailing, now);
            let hit = order
                .iter()
                .position(|i| culprits.contains(&objects[*i].spec));
            let Some(at) = hit else { break };
            for index in &order[..at] {
                ailing.answered(objects[*index].spec);
            }
            ailing.lost(&objects[order[at]], at > 0, "silence", now, &settings);
        }
        assert_eq!(ailing.resting().len(), 2);
    }

    #[test]
    fn a_meter_that_answers_nothing_blames_no_object() {
        let (settings, objects) = (RecoverySettings::default(), objects());
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        for _ in 0..100 {
            let order = order(&ailing, now);
            let first = order[0];
            ailing.lost(&objects[first], false, "silence", now, &settings);
        }
        assert!(ailing.resting().is_empty());
        ailing.keep_only(&objects[..1]);
        assert_eq!(ailing.0.len(), 1);
    }
}
