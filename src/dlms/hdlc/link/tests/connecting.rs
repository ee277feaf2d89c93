//! SNRM to UA and DISC, with every way they go wrong.

use super::*;

fn octets(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect()
}

#[test]
fn a_bare_snrm_and_a_ua_without_parameters() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    assert_eq!(
        line.link.poll_transmit(),
        Some(&octets("7E A0 07 03 21 93 0F 01 7E")[..])
    );
    assert_eq!(line.link.poll_transmit(), None);
    assert_eq!(line.link.state(), LinkState::Connecting);
    line.link
        .handle_bytes(line.now, &octets("7E A0 07 21 03 73 01 40 7E"));
    assert_eq!(line.events(), [LinkEvent::Connected(Parameters::default())]);
    assert_eq!(line.link.state(), LinkState::Connected);
    assert_eq!(line.link.poll_timeout(), None);
}

#[test]
fn a_proposal_and_what_comes_of_it() {
    let mut line = Line::new(Some(Parameters::default()));
    line.link.connect(line.now).unwrap();
    assert_eq!(
        line.link.poll_transmit(),
        Some(
            &octets(
                "7E A0 20 03 21 93 7D D9 81 80 14 05 02 00 80 06 02 00 80 07 04 00 00 00 01 08 04 00 00 00 01 CE 6A 7E"
            )[..]
        )
    );
    let ours = Parameters {
        max_info_transmit: 180,
        max_info_receive: 512,
        window_transmit: 3,
        window_receive: 5,
    };
    let mut line = Line::new(Some(ours));
    line.link.connect(line.now).unwrap();
    // The meter sends up to 200 and takes up to 140.
    line.link.handle_bytes(line.now, &octets(
        "7E A0 1E 21 03 73 C3 7A 81 80 12 05 01 C8 06 01 8C 07 04 00 00 00 01 08 04 00 00 00 01 49 C6 7E",
    ));
    let agreed = Parameters {
        max_info_transmit: 140,
        max_info_receive: 200,
        window_transmit: 1,
        window_receive: 1,
    };
    assert_eq!(line.events(), [LinkEvent::Connected(agreed)]);
    assert_eq!(line.link.parameters(), agreed);
}

#[test]
fn unreadable_parameters_leave_defaults_and_a_link() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.hear(0x73, &[0x81, 0x80, 0x40, 0x05, 0x01, 0x64]);
    let Some(LinkEvent::Connected(agreed)) = line.link.poll_event() else {
        panic!()
    };
    assert_eq!(
        (agreed.max_info_receive, agreed.max_info_transmit),
        (100, 128)
    );
}

#[test]
fn the_line_is_drained_until_quiet_but_not_for_ever() {
    let quiet = Duration::from_millis(300);
    let config = LinkConfig {
        quiet,
        ..Line::new(None).link.config().clone()
    };
    let mut line = Line::with(config.clone());
    line.link.connect(line.now).unwrap();
    assert_eq!(
        (line.link.state(), line.said().len()),
        (LinkState::Draining, 0)
    );
    line.now += quiet / 2;
    line.link.handle_timeout(line.now);
    // A whole answer of an earlier conversation, and a good one at that.
    line.answer(0x30, &[0x61, 0x00]);
    assert_eq!(line.time_out(), quiet);
    assert_eq!(line.events(), [notice(LinkNotice::Junk(16))]);
    assert_eq!(line.said(), ["03<21 SNRM P/F"]);
    assert_eq!(line.link.counters().junk_bytes, 16);

    let mut line = Line::with(config);
    let start = line.now;
    line.link.connect(line.now).unwrap();
    for _ in 0..100 {
        if line.link.state() == LinkState::Draining {
            line.now += Duration::from_millis(100);
            line.link.handle_bytes(line.now, &[0x55]);
        }
    }
    assert_eq!(line.now - start, MAX_DRAIN);
    assert_eq!(line.said(), ["03<21 SNRM P/F"]);
}

#[test]
fn silence_is_asked_again_and_then_named() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.said();
    assert_eq!(line.time_out(), TIMEOUT);
    assert_eq!(line.events(), [resent("SNRM", 1)]);
    line.link.handle_timeout(line.now);
    assert_eq!(line.said(), ["03<21 SNRM P/F"]);
    let (said, failure) = line.until_failure();
    assert_eq!(said, ["03<21 SNRM P/F"]);
    assert_eq!(failure.to_string(), "no answer to SNRM in 7s (3 tries)");
    assert_eq!(line.link.counters().resent, 2);
    // A late UA finds nobody.
    line.hear(0x73, &[]);
    assert_eq!(line.events(), []);
    line.link.connect(line.now).unwrap();
    assert_eq!(line.said(), ["03<21 SNRM P/F"]);
}

#[test]
fn dm_and_frmr_refuse() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.hear(0x1F, &[]);
    assert_eq!(line.events(), [failed(LinkFailure::Dm { what: "SNRM" })]);
    line.link.connect(line.now).unwrap();
    line.hear(0x97, &[]);
    assert_eq!(
        line.events(),
        [failed(LinkFailure::Frmr("it gives no reason".into()))]
    );
}

#[test]
fn what_is_left_of_an_earlier_conversation_does_not_connect() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.said();
    line.answer(0x30, &[0x61, 0x00]);
    line.hear(0x31, &[]);
    assert_eq!(line.link.state(), LinkState::Connecting);
    assert_eq!((line.said().len(), line.link.counters().dropped), (0, 2));
    line.hear(0x73, &[]);
    assert_eq!(line.link.state(), LinkState::Connected);
}

#[test]
fn a_snrm_sent_twice_may_be_answered_twice() {
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.time_out();
    line.said();
    line.hear(0x73, &[]);
    line.send(&[0x60, 0x00]);
    line.events();
    line.hear(0x73, &[]);
    assert_eq!(line.events(), [notice(LinkNotice::Duplicate)]);
    line.answer(0x30, &[0x61, 0x00]);
    line.got(&[0x61, 0x00]);
}

#[test]
fn only_the_meter_called_may_answer_unless_all_were() {
    let mut line = Line::with(LinkConfig {
        server: "1/17".parse().unwrap(),
        ..Line::new(None).link.config().clone()
    });
    line.link.connect(line.now).unwrap();
    for other in [vec![0x00, 0x02, 0x00, 0x23], vec![0x03], vec![0x02, 0x25]] {
        line.meter = other;
        line.hear(0x73, &[]);
        assert_eq!(line.events(), [notice(LinkNotice::Foreign)]);
    }
    line.meter = vec![0x02, 0x23];
    line.client = vec![0x41];
    line.hear(0x73, &[]);
    assert_eq!(line.events(), [notice(LinkNotice::Foreign)]);

    for server in [
        ServerAddress::all_station(1, 4),
        ServerAddress::calling(1, 4),
    ] {
        let server = server.unwrap();
        let mut line = Line::with(LinkConfig {
            server,
            ..Line::new(None).link.config().clone()
        });
        line.link.connect(line.now).unwrap();
        line.said();
        // Three bytes are nobody's address.
        line.meter = vec![0x00, 0x02, 0x03];
        line.hear(0x73, &[]);
        assert_eq!(line.events(), [notice(LinkNotice::Foreign)]);
        line.meter = vec![0x00, 0x02, 0x12, 0xA5];
        line.hear(0x73, &[]);
        assert_eq!(line.link.server().to_string(), "1/1234");
        // From here on it is this one.
        line.events();
        line.send(&[0x60, 0x00]);
        let bytes = line.link.poll_transmit().unwrap().to_vec();
        assert_eq!(bytes[3..7], [0x00, 0x02, 0x12, 0xA5]);
        line.meter = vec![0x00, 0x02, 0x12, 0xA7];
        line.answer(0x30, &[1]);
        assert_eq!(line.events(), [notice(LinkNotice::Foreign)]);
        line.link.reset();
        assert_eq!(line.link.server(), server);
    }
}

#[test]
fn disc_is_good_with_ua_and_with_dm() {
    for good in [0x73, 0x1F] {
        let mut line = Line::plain();
        line.link.disconnect(line.now);
        assert_eq!(line.said(), ["03<21 DISC P/F"]);
        // A late answer is not awaited any more.
        line.answer(0x30, &[1]);
        line.hear(good, &[]);
        assert_eq!(line.events(), [LinkEvent::Disconnected]);
        assert_eq!(
            (line.link.state(), line.link.poll_timeout()),
            (LinkState::Disconnected, None)
        );
    }
}

#[test]
fn disc_in_every_state() {
    // Before anything, to make a meter forget a link of an earlier life.
    let mut line = Line::new(None);
    line.link.disconnect(line.now);
    assert_eq!(line.said(), ["03<21 DISC P/F"]);
    line.hear(0x1F, &[]);
    assert_eq!(line.events(), [LinkEvent::Disconnected]);

    // While draining and while connecting.
    let mut line = Line::with(LinkConfig {
        quiet: TIMEOUT,
        ..Line::new(None).link.config().clone()
    });
    line.link.connect(line.now).unwrap();
    line.link.disconnect(line.now);
    assert_eq!(line.said(), ["03<21 DISC P/F"]);
    let mut line = Line::new(None);
    line.link.connect(line.now).unwrap();
    line.link.disconnect(line.now);
    // SNRM had not left yet.
    assert_eq!(line.said(), ["03<21 DISC P/F"]);

    // While an answer is due; a second call changes nothing.
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    line.link.disconnect(line.now);
    line.link.disconnect(line.now);
    assert_eq!(line.said(), ["03<21 DISC P/F"]);
    assert_eq!(
        line.link.send(line.now, &[1]),
        Err(LinkMisuse("the link is not connected"))
    );
    let (said, failure) = line.until_failure();
    assert_eq!(said, ["03<21 DISC P/F", "03<21 DISC P/F"]);
    assert_eq!(
        failure,
        LinkFailure::NoAnswer {
            what: "DISC",
            timeout: TIMEOUT,
            tries: 3
        }
    );
}

#[test]
fn misuse_sends_nothing() {
    let mut line = Line::new(None);
    assert!(line.link.send(line.now, &[1]).is_err());
    assert!(line.link.poll(line.now).is_err());
    line.link.connect(line.now).unwrap();
    assert!(line.link.connect(line.now).is_err());
    assert!(line.link.send(line.now, &[1]).is_err());
    assert_eq!(line.said(), ["03<21 SNRM P/F"]);
    let mut line = Line::plain();
    assert!(line.link.connect(line.now).is_err());
    line.send(&[1]);
    assert!(line.link.send(line.now, &[2]).is_err());
    assert!(line.link.poll(line.now).is_err());
    assert_eq!(line.said().len(), 1);
}
