//! Whatever state it is in, a release frees the meter and ends in time.
use super::*;

const WAIT: Duration = Duration::from_secs(2);

fn ua() -> Control {
    Control::Ua { poll: true }
}

#[test]
fn rlrq_then_disc_then_released() {
    let mut line = Line::ready();
    line.client.release(line.now, WAIT);
    assert_eq!(line.client.state(), State::Releasing);
    assert_eq!(line.request(), hex("6203800100"));
    line.reply_hex("6303800100");
    assert_eq!(line.client.state(), State::Disconnecting);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.unnumbered(ua());
    assert_eq!(
        line.events(),
        [
            Event::Step(Step::Release),
            Event::Step(Step::Disc),
            Event::Released
        ]
    );
    assert_eq!(line.client.state(), State::Idle);
    assert_eq!(line.client.conformance(), None);
    assert_eq!(line.client.poll_timeout(), None);
    // And the same value serves again.
    line.linked();
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
}

#[test]
fn dm_answers_disc_as_well() {
    let mut line = Line::ready();
    line.client.release(line.now, WAIT);
    line.heard();
    line.reply_hex("6303800100");
    line.heard();
    line.unnumbered(Control::Dm { poll: true });
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn a_meter_without_release_service_gets_its_disc_all_the_same() {
    // A28, and RLRE with user information.
    for (answer, notice) in [
        ("D80102", Some(0xD8)),
        ("0E010603", Some(0x0E)),
        ("63158001 00BE10040E0800065F1F040000521D00EF0007", None),
        ("6324800100be220421281f30000001", None),
    ] {
        let mut line = Line::ready();
        line.client.release(line.now, WAIT);
        line.heard();
        line.reply_hex(answer);
        assert_eq!(line.heard(), [Heard::Disc]);
        line.unnumbered(ua());
        let events = line.events();
        let noticed = events.iter().find_map(|event| match event {
            Event::Notice(Notice::ReleaseRefused(tag)) => Some(*tag),
            _ => None,
        });
        assert_eq!(noticed, notice);
        assert_eq!(events.last(), Some(&Event::Released));
    }
}

#[test]
fn without_release_service_disc_goes_at_once() {
    let mut line = Line::ready_with(Config {
        release: false,
        ..config(Authentication::None)
    });
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.unnumbered(ua());
    assert_eq!(line.events(), [Event::Step(Step::Disc), Event::Released]);
}

#[test]
fn silence_ends_within_the_wait() {
    let mut line = Line::ready();
    let start = line.now;
    line.client.release(line.now, WAIT);
    assert!(matches!(line.heard()[..], [Heard::Apdu(_)]));
    line.pass(WAIT / 2);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.pass(WAIT / 2);
    assert_eq!(line.outcomes(), [Event::Released]);
    assert_eq!(line.now, start + WAIT);
    assert_eq!(line.client.state(), State::Idle);
    assert_eq!(line.client.poll_timeout(), None);
}

#[test]
fn no_wait_at_all_still_sends_disc() {
    let mut line = Line::ready();
    line.client.release(line.now, Duration::ZERO);
    assert_eq!(line.heard(), [Heard::Disc]);
    assert_eq!(line.client.poll_timeout(), Some(line.now));
    line.pass(Duration::ZERO);
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn before_snrm_there_is_nothing_to_release() {
    let mut line = Line::new(config(Authentication::None));
    line.client.release(line.now, WAIT);
    assert_eq!(line.events(), [Event::Released]);
    line.client.connect(line.now).unwrap();
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), []);
    assert_eq!(line.events(), [Event::Step(Step::Drain), Event::Released]);
    line.pass(WAIT);
    assert_eq!(line.heard(), [], "no SNRM after the release");
}

#[test]
fn once_snrm_went_disc_follows() {
    let mut line = Line::new(config(Authentication::None));
    line.client.connect(line.now).unwrap();
    line.pass(QUIET);
    assert_eq!(line.heard(), [Heard::Snrm]);
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.unnumbered(ua());
    assert_eq!(line.outcomes(), [Event::Released]);

    let mut line = Line::new(config(Authentication::None));
    line.linked();
    line.events();
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), [Heard::Disc], "amid AARQ");
    line.unnumbered(ua());
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn amid_a_get_disc_goes_at_once_and_a_late_answer_is_ignored() {
    let mut line = Line::ready();
    line.get();
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.reply_hex("C401C1001107");
    line.heard();
    line.unnumbered(ua());
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn amid_a_keep_alive_rlrq_goes_after_it_and_disc_in_time() {
    let mut line = Line::ready();
    line.client.keep_alive(line.now).unwrap();
    assert_eq!(line.heard(), [Heard::ReceiveReady]);
    line.client.release(line.now, WAIT);
    line.receive_ready();
    assert_eq!(line.request(), hex("6203800100"));

    // And if the meter does not answer the keep-alive either:
    let mut line = Line::ready();
    line.client.keep_alive(line.now).unwrap();
    line.heard();
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), []);
    line.pass(WAIT / 2);
    assert_eq!(line.heard(), [Heard::Disc]);
    line.pass(WAIT / 2);
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn amid_rlrq_dm_means_released_already() {
    let mut line = Line::ready();
    line.client.release(line.now, WAIT);
    line.heard();
    line.unnumbered(Control::Dm { poll: true });
    assert_eq!(line.outcomes(), [Event::Released]);
    assert_eq!(line.heard(), []);
}

#[test]
fn a_second_release_only_shortens_the_wait() {
    let mut line = Line::ready();
    line.client.release(line.now, WAIT);
    line.heard();
    line.client.release(line.now, WAIT * 10);
    line.client.release(line.now, Duration::from_millis(10));
    assert_eq!(line.heard(), []);
    line.pass(Duration::from_millis(10));
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn reset_forgets_everything_and_sends_nothing() {
    let mut line = Line::ready();
    line.get();
    let before = line.client.counters();
    line.client.reset();
    assert_eq!(line.client.state(), State::Idle);
    assert_eq!(line.client.conformance(), None);
    assert_eq!(line.client.last_received(), None);
    assert_eq!(line.client.poll_timeout(), None);
    assert_eq!((line.heard(), line.events()), (vec![], vec![]));
    assert_eq!(line.client.counters(), before);
    line.linked();
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
    // Nothing of the old stream is owed on the new one.
    line.client.reset();
    line.client.release(line.now, WAIT);
    assert_eq!(line.heard(), []);
}

#[test]
fn an_association_at_rest_is_small() {
    assert!(
        size_of::<Association>() < 2048,
        "{}",
        size_of::<Association>()
    );
}
