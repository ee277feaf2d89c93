//! One trouble at a time, each long enough to show what becomes of it, and what must be there afterwards.

use crate::broker::Ill;
use crate::schedule::{Noise, Plan, STEPS, Step, Trouble};
use crate::site::{Given, LOOK_FAR, Site, microstar};
use crate::{MINUTE, SECOND, simulate};
use obiscope::dlms::security::Secret;
use obiscope::headend::Command;
use obiscope::meter::Phase;
use std::time::Duration;

fn small(name: &str, number: u64, plan: Plan) -> Given {
    let mut given = microstar(name, number, plan);
    given.definition.objects.truncate(1);
    given
}

/// Ends well: everything was let go, and the meter answers again at the end.
fn recovers(name: &str, plan: Plan, minutes: u64) {
    simulate(async {
        let mut site = Site::new(3, vec![microstar(name, 1, plan)], false).await;
        site.run(MINUTE * u32::try_from(minutes).unwrap(), 5 * SECOND)
            .await;
        let view = site.view(name);
        assert_eq!(
            view.status.phase,
            Phase::Ready,
            "{name}: {:?}",
            view.status.last_error
        );
        let newest = *site.meters[0].whole.last().unwrap();
        assert!(
            newest + 10 * SECOND >= site.world.look().at(),
            "{name}: nothing new since {newest:?}"
        );
        site.end().await;
    });
}

#[test]
fn off_and_on_refused_busy_cut_and_held() {
    for (name, what, lasts) in [
        ("off", Trouble::Off, 120),
        ("refuse", Trouble::Refuse, 120),
        ("busy", Trouble::Busy, 120),
        ("cable", Trouble::Cable, 120),
        ("held", Trouble::Held, 180),
    ] {
        let mut plan = Plan::healthy().with(61, lasts, what);
        plan.hold = (SECOND, 12 * SECOND);
        recovers(name, plan, 8);
    }
}

#[test]
fn a_meter_that_is_not_there_at_the_start_is_found_when_it_comes() {
    recovers("late", Plan::healthy().with(0, 600, Trouble::Refuse), 13);
    // So many tries in vain open the breaker, which rests for five minutes.
    recovers("later", Plan::healthy().with(0, 600, Trouble::Cable), 22);
}

#[test]
fn a_reset_and_a_hang_at_each_step() {
    for step in STEPS {
        // A reset while it polls makes it connect, so that the step comes by.
        let plan = Plan::healthy()
            .with(61, 3, Trouble::Refuse)
            .with(61, 30, Trouble::Reset(step));
        recovers("reset", plan, 4);
        let plan = Plan::healthy()
            .with(61, 3, Trouble::Refuse)
            .with(61, 60, Trouble::Hang(step));
        recovers("hang", plan, 5);
    }
}

#[test]
fn a_line_that_loses_repeats_delays_flips_and_merges() {
    for (name, rate) in [("one in a hundred", 10), ("one in ten", 100)] {
        let plan = Plan::healthy().with(0, 1_800, Trouble::Noise(Noise::all(rate)));
        recovers(name, plan, 33);
    }
}

#[test]
fn one_of_a_hundred_hangs_at_each_step_and_the_others_stay_on_their_grid() {
    let mut given = Vec::new();
    for (number, step) in STEPS.into_iter().enumerate() {
        // From the start for the steps of connecting, later for what comes then.
        let from = if matches!(step, Step::Get | Step::Disc) {
            30
        } else {
            0
        };
        let mut plan = Plan::healthy().with(from, 300, Trouble::Hang(step));
        if step == Step::Disc {
            plan = plan.with(from, 300, Trouble::Hang(Step::Get));
        }
        given.push(small(&format!("hung{number}"), 900 + number as u64, plan));
    }
    given.extend((0..95).map(|n| small(&format!("m{n:02}"), n, Plan::healthy())));
    simulate(async {
        let mut site = Site::new(4, given, false).await;
        site.run(6 * MINUTE, 20 * SECOND).await;
        for meter in &site.meters {
            if meter.healthy {
                let (first, rest) = meter.whole.split_first().unwrap();
                assert!(
                    meter.whole.len() >= 71,
                    "{}: {}",
                    meter.name,
                    meter.whole.len()
                );
                for at in rest.iter().skip(1) {
                    let late = at.abs_diff(*first).as_millis() % 5_000;
                    // The first poll learns classes and scalers and takes longer than the others.
                    assert!(late.min(5_000 - late) <= 250, "{} at {at:?}", meter.name);
                }
            }
        }
        site.end().await;
    });
}

#[test]
fn a_wrong_password_goes_out_once_and_troubles_nobody_else() {
    simulate(async {
        let mut wrong = microstar("wrong", 1, Plan::healthy());
        wrong.definition.password = Some(Secret::new(&b"33333333"[..]));
        let given = vec![wrong, microstar("right", 2, Plan::healthy())];
        let mut site = Site::new(5, given, false).await;
        site.meters[0].healthy = false;
        site.run(90 * MINUTE, MINUTE).await;
        assert_eq!(site.view("wrong").status.phase, Phase::NeedsPerson);
        assert_eq!(site.world.look().converters["wrong"].witness.passwords, 1);
        // A person says go on, and it is wrong still: once more, and no more.
        site.world
            .look()
            .converters
            .get_mut("wrong")
            .unwrap()
            .witness
            .allowed();
        let id = site.view("wrong").definition.id;
        site.command(Command::Proceed(id)).await.unwrap();
        site.run(90 * MINUTE, MINUTE).await;
        assert_eq!(site.view("wrong").status.phase, Phase::NeedsPerson);
        assert_eq!(site.world.look().converters["wrong"].witness.passwords, 2);
        site.end().await;
    });
}

#[test]
fn a_laptop_sleeps_and_its_clock_leaps_forwards_and_back() {
    simulate(async {
        let given = vec![
            microstar("a", 1, Plan::healthy()),
            microstar("b", 2, Plan::healthy()),
        ];
        let mut site = Site::new(6, given, false).await;
        for meter in &mut site.meters {
            meter.healthy = false;
        }
        for asleep in [10 * SECOND, 10 * MINUTE, Duration::from_hours(9)] {
            site.run(2 * MINUTE, 5 * SECOND).await;
            site.suspend(asleep);
        }
        site.run(2 * MINUTE, 5 * SECOND).await;
        // Set back, it makes new rows older than old ones.
        site.look = LOOK_FAR;
        for leap in [3_600_000_i64, -7_200_000, -86_400_000] {
            site.set_clock(leap);
            site.run(2 * MINUTE, 5 * SECOND).await;
        }
        for meter in &site.meters {
            assert_eq!(
                site.view(&meter.name).status.phase,
                Phase::Ready,
                "{}",
                meter.name
            );
            // Sixteen minutes awake; each sleep may cost what it takes to find the meter again.
            assert!(meter.any >= 150, "{}: {}", meter.name, meter.any);
        }
        site.end().await;
    });
}

#[test]
fn a_full_and_a_read_only_disk_stop_no_meter_and_lose_only_what_is_said() {
    simulate(async {
        let mut site = Site::new(7, vec![microstar("m1", 1, Plan::healthy())], false).await;
        site.meters[0].healthy = false;
        site.look = LOOK_FAR;
        site.run(MINUTE, 5 * SECOND).await;
        for full in [true, false] {
            let before = site.view("m1").status.counters.polls;
            let told = site.notices.len();
            site.store_falters = true;
            if full {
                site.store.limit_pages(1).await.unwrap();
            } else {
                site.store.refuse_writes(true).await.unwrap();
            }
            let words = if full { "disk is full" } else { "read-only" };
            let said = |site: &Site| site.notices[told..].iter().any(|it| it.contains(words));
            // The pages that are there have some room yet.
            for _ in 0..60 {
                if !said(&site) {
                    site.run(MINUTE, 5 * SECOND).await;
                }
            }
            assert!(said(&site), "{:?}", site.notices);
            let since = site.view("m1").status.counters.polls;
            site.run(5 * MINUTE, 5 * SECOND).await;
            let after = site.view("m1").status.counters;
            assert!(since > before && after.polls >= since + 59, "{after:?}");
            assert_eq!(after.polls_lost, 0);
            if full {
                site.store.limit_pages(1_000_000).await.unwrap();
            } else {
                site.store.refuse_writes(false).await.unwrap();
            }
            site.run(5 * SECOND, SECOND).await;
            // What waited is stored now, all of it: the next look counts.
            site.store_falters = false;
            site.run(MINUTE, 5 * SECOND).await;
        }
        // So long that what waits has no room: lost, and counted as lost.
        site.store_falters = true;
        site.store.refuse_writes(true).await.unwrap();
        site.run(100 * MINUTE, MINUTE).await;
        let lost = site.view("m1").status.counters.polls_lost;
        assert!(lost > 0);
        site.store.refuse_writes(false).await.unwrap();
        site.run(5 * SECOND, SECOND).await;
        site.store_falters = false;
        site.run(MINUTE, 5 * SECOND).await;
        site.end().await;
    });
}

#[test]
fn a_broker_down_refusing_silent_forgetful_and_taken_over_loses_no_reading() {
    simulate(async {
        let ills = vec![
            (0, 30, Ill::Down),
            (120, 60, Ill::Down),
            (300, 90, Ill::Refusing),
            (300, 1, Ill::Down),
            (600, 60, Ill::Hangs),
            (800, 200, Ill::Forgets),
            (1_100, 1, Ill::Kick),
            (1_150, 1, Ill::Kick),
            (1_200, 1, Ill::Kick),
        ];
        let given = vec![
            microstar("m1", 1, Plan::healthy().with(200, 60, Trouble::Cable)),
            microstar("m2", 2, Plan::healthy()),
        ];
        let mut site = Site::publishing(8, given, false, ills).await;
        site.run(40 * MINUTE, 10 * SECOND).await;
        let (connections, twice) = {
            let hall = site.broker.as_ref().unwrap().look();
            (hall.connections, hall.twice)
        };
        println!("{connections} connections, {twice} messages twice");
        assert!(twice > 0 && connections >= 6);
        site.end().await;
    });
}
