//! What the head-end says of how its meters do: of one that goes away, of one that waits for a person, and of all.

use super::*;
use crate::headend::{PhaseGroup, Urgency};
use crate::meter::health::Band;

#[tokio::test(start_paused = true)]
async fn how_each_does_and_who_needs_a_person() {
    let meters = [
        microstar("good", "22222222"),
        microstar("locked", "33333333"),
        microstar("dead", "22222222"),
    ];
    let site = site(meters.to_vec(), |world| {
        world.silent("dead");
        for name in ["good", "locked"] {
            world.meter(name, &simulated(Profile::microstar(4)));
        }
    })
    .await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    let good = site.view("good").health.clone();
    assert_eq!(good.band, Band::Healthy);
    assert_eq!(good.hour.to_string(), "100.0%");
    assert_eq!(good.available.to_string(), "100.0%");
    let objects = good.objects.len() as u64;
    assert!((359..=361).contains(&(good.start.of / objects)), "{good:?}");
    assert!(good.stored.abs_diff(good.start.good) <= objects, "{good:?}");
    assert!(good.answer.is_some() && good.cycle.is_some());
    for name in ["locked", "dead"] {
        let health = site.view(name).health.clone();
        assert_eq!((health.band, health.start.good), (Band::Down, 0), "{name}");
        assert!((359..=361).contains(&(health.start.of / objects)), "{name}");
        assert_eq!(health.available.to_string(), "0.0%", "{name}");
    }
    let attention = site.headend.attention(10);
    let ranks: Vec<_> = (attention.iter())
        .map(|it| (it.name.as_str(), it.urgency))
        .collect();
    let ought = [("locked", Urgency::NeedsPerson), ("dead", Urgency::Down)];
    assert_eq!(ranks, ought);
    assert!(attention.iter().all(|it| !it.what_to_do.is_empty()));

    let totals = site.headend.totals();
    assert_eq!(totals.meters, 3);
    assert_eq!(totals.group(PhaseGroup::NeedsPerson), 1);
    let bands = Band::ALL.map(|band| totals.band(band));
    assert_eq!(bands, [1, 0, 0, 2, 0]);
    assert_eq!(totals.hour.to_string(), "33.3%");
    assert!(totals.rates.values > 0.0);
    // What is shown of them is no older than the last change.
    let shown = site.headend.take_changes().totals.unwrap();
    assert_eq!(shown.meters, 3);

    // Stopped by a person: nothing more is due.
    let id = site.view("dead").definition.id;
    site.headend.command(Command::Stop(id)).await.unwrap();
    site.until("dead", |it| it.status.phase == Phase::Stopped)
        .await;
    let before = site.view("dead").health.start;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(site.view("dead").health.start, before);
    assert_eq!(site.headend.totals().band(Band::Down), 1);
    site.headend.shutdown().await;
}
