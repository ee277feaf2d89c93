//! From a quiet line to Ready, step by step, and what silence or an old answer does on the way.
use super::*;
use crate::dlms::acse::UserInformation;
use crate::dlms::hdlc::link::{LinkFailure, LinkNotice};

pub(super) fn lls() -> Config {
    config(Authentication::Lls(Secret::new("22222222")))
}

#[test]
fn each_step_is_told_as_it_comes() {
    let mut line = Line::new(config(Authentication::None));
    assert_eq!(line.client.state(), State::Idle);
    line.client.connect(line.now).unwrap();
    assert_eq!(line.client.state(), State::Linking);
    assert_eq!(line.events(), [Event::Step(Step::Drain)]);
    line.pass(QUIET);
    assert_eq!(line.events(), [Event::Step(Step::Snrm)]);
    assert_eq!(line.heard(), [Heard::Snrm]);
    line.unnumbered(Control::Ua { poll: true });
    assert_eq!(
        line.events(),
        [
            Event::Step(Step::Ua),
            Event::LinkUp(Some(defaults())),
            Event::Step(Step::Aarq)
        ]
    );
    assert_eq!(line.client.state(), State::Associating);
    assert_eq!(
        line.request(),
        hex("601DA109060760857405080101BE10040E01000000065F1F040000301DFFFF")
    );
    line.accept();
    assert_eq!(
        line.events(),
        [
            Event::Step(Step::Aare),
            Event::Step(Step::Ready),
            Event::Ready {
                conformance: MICROSTAR,
                max_pdu: 6400,
                dlms_version: 6
            }
        ]
    );
    assert_eq!(line.client.state(), State::Ready);
    assert_eq!(line.client.conformance(), Some(MICROSTAR));
    assert_eq!(line.client.last_received(), Some(line.now));
    assert!(line.client.is_settled());
    assert_eq!(line.client.poll_timeout(), None);
}

#[test]
fn noise_is_no_sign_of_life() {
    let mut line = Line::new(config(Authentication::None));
    line.linked();
    line.accept();
    let heard = line.client.last_received();
    line.pass(Duration::from_mins(1));
    line.client
        .handle_bytes(line.now, &[0x00, 0xFF, 0x7E, 0x13]);
    assert_eq!(line.client.last_received(), heard);
}

#[test]
fn a_password_goes_as_low_level_security() {
    let mut line = Line::new(lls());
    assert_eq!(
        line.linked(),
        hex(
            "6036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232\
             BE10040E01000000065F1F040000301DFFFF"
        )
    );
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
    let shown = format!("{:?}", line.client.config());
    assert!(
        !shown.contains("2222") && !shown.contains("50, 50"),
        "{shown}"
    );
}

#[test]
fn an_aarq_longer_than_one_frame_goes_in_segments() {
    let password = "p".repeat(255);
    let mut line = Line::new(config(Authentication::Lls(Secret::new(password.clone()))));
    let aarq = line.linked();
    assert_eq!(line.information_frames, 3);
    let aarq = crate::dlms::acse::Aarq::decode(&aarq).unwrap();
    assert_eq!(aarq.secret, Some(Secret::new(password)));
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
}

#[test]
fn after_a_refusal_one_may_connect_again_on_the_same_stream() {
    let mut line = Line::new(lls());
    line.linked();
    line.reply_hex("6117A109060760857405080101A203020102A305A103020101");
    line.events();
    line.linked();
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
    // Counters go on over both links.
    assert!(line.client.counters().frames_sent >= 4);
}

#[test]
fn dm_on_snrm_fails_and_owes_nothing() {
    let mut line = Line::new(config(Authentication::None));
    line.client.connect(line.now).unwrap();
    line.pass(QUIET);
    line.heard();
    line.unnumbered(Control::Dm { poll: true });
    assert!(matches!(
        line.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::Dm { .. }))]
    ));
    line.client.release(line.now, Duration::from_secs(2));
    assert_eq!(line.heard(), []);
    assert_eq!(line.outcomes(), [Event::Released]);
}

#[test]
fn silence_after_snrm_or_aarq_ends_in_no_answer() {
    let mut line = Line::new(config(Authentication::None));
    line.client.connect(line.now).unwrap();
    line.pass(QUIET);
    assert_eq!(line.heard(), [Heard::Snrm]);
    line.pass(TIMEOUT);
    assert_eq!(line.heard(), [Heard::Snrm], "sent again");
    line.pass(TIMEOUT);
    let outcomes = line.outcomes();
    assert!(
        matches!(
            &outcomes[..],
            [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
        ),
        "{outcomes:?}"
    );
    // The meter may have taken the SNRM all the same.
    line.client.release(line.now, Duration::from_secs(2));
    assert_eq!(line.heard(), [Heard::Disc]);

    let mut line = Line::new(config(Authentication::None));
    line.linked();
    line.events();
    line.pass(TIMEOUT * 4);
    let outcomes = line.outcomes();
    assert!(
        matches!(
            &outcomes[..],
            [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
        ),
        "{outcomes:?}"
    );
}

#[test]
fn an_old_answer_before_aare_is_dropped() {
    let mut line = Line::new(config(Authentication::None));
    line.linked();
    line.events();
    line.reply_hex("C401C1000500003504");
    assert_eq!(
        line.events(),
        [Event::Notice(Notice::UnexpectedAnswer(0xC4))]
    );
    assert_eq!(
        line.heard(),
        [Heard::ReceiveReady],
        "the meter gets its turn again"
    );
    line.accept();
    assert_eq!(line.client.state(), State::Ready);
    assert_eq!(line.client.poll_timeout(), None);
}

#[test]
fn junk_before_ua_is_only_noticed() {
    let mut line = Line::new(config(Authentication::None));
    line.client.connect(line.now).unwrap();
    line.pass(QUIET);
    line.heard();
    line.events();
    line.client
        .handle_bytes(line.now, &[0xA3, 0xF2, 0x01, 0xB4]);
    line.unnumbered(Control::Ua { poll: true });
    let events = line.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Notice(Notice::Link(LinkNotice::Junk(_))))),
        "{events:?}"
    );
    assert_eq!(line.client.state(), State::Associating);
}

#[test]
fn calls_that_are_not_legal_send_nothing() {
    let mut line = Line::new(config(Authentication::None));
    let now = line.now;
    assert!(line.client.get(now, VOLTAGE).is_err());
    assert!(line.client.keep_alive(now).is_err());
    line.linked();
    assert!(line.client.connect(now).is_err());
    assert!(line.client.get(now, VOLTAGE).is_err());
    assert!(line.client.keep_alive(now).is_err());
    assert_eq!(line.heard(), []);
    line.accept();
    assert!(line.client.connect(now).is_err());
    line.get();
    let twice = line.client.get(now, VOLTAGE).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "another request is under way; its answer comes first"
    );
    assert!(line.client.keep_alive(now).is_err());
    assert_eq!(line.heard(), []);
}

#[test]
fn an_accepting_aare_keeps_what_the_meter_adds() {
    // Titles, mechanism and challenge in an AARE for LLS change nothing.
    let mut line = Line::new(lls());
    line.linked();
    let mut aare = Aare::accepted(InitiateResponse::new(MICROSTAR, 0));
    aare.responding_title = Some(b"MST12345".to_vec());
    aare.mechanism = Some(crate::dlms::acse::Mechanism::Lls);
    aare.authentication_value = Some(vec![]);
    assert!(matches!(
        aare.user_information,
        UserInformation::Initiate(_)
    ));
    let mut apdu = Vec::new();
    aare.encode(&mut apdu);
    line.reply(&apdu);
    assert_eq!(line.client.state(), State::Ready);
}
