//! Over the wrapper: no link to open or close, nothing repeated but what reads, and what lies is named.
use super::wired::{Wired, over_tcp, over_udp};
use super::*;
use crate::dlms::hdlc::link::{LinkFailure, LinkNotice};

const VALUE: &str = "C401C1001200EB";

fn value() -> Event {
    Event::Got(Ok(Data::LongUnsigned(235)))
}

#[test]
fn from_connect_to_release_without_snrm_and_disc() {
    let mut wired = Wired::new(over_tcp());
    wired.client.connect(wired.now).unwrap();
    assert_eq!(wired.one()[0], 0x60);
    assert_eq!(
        wired.events(),
        [Event::LinkUp(None), Event::Step(Step::Aarq)]
    );
    let mut aare = Vec::new();
    Aare::accepted(InitiateResponse::new(Conformance(0x1E1D), 1024)).encode(&mut aare);
    wired.reply(&aare);
    wired.events();
    wired.get();
    wired.reply(&hex(VALUE));
    assert_eq!(wired.events(), [value()]);
    wired.client.release(wired.now, Duration::from_secs(2));
    assert_eq!(wired.one(), hex("6203800100"));
    assert_eq!(wired.events(), [Event::Step(Step::Release)]);
    wired.reply(&hex("6303800100"));
    assert_eq!(wired.events(), [Event::Released]);
    assert_eq!((wired.sent().len(), wired.client.state()), (0, State::Idle));
}

#[test]
fn silence_over_tcp_ends_it_and_over_udp_a_get_is_asked_again() {
    let mut tcp = Wired::ready(over_tcp(), 0x1E1D, 1024);
    tcp.get();
    tcp.time_out();
    assert_eq!(tcp.sent().len(), 0);
    assert_eq!(
        tcp.outcomes(),
        [Event::Failed(Failure::Link(LinkFailure::NoAnswer {
            what: "GET",
            timeout: TIMEOUT,
            tries: 1
        }))]
    );

    let mut udp = Wired::ready(over_udp(), 0x1E1D, 1024);
    let request = udp.get();
    for attempt in [1, 2] {
        udp.time_out();
        assert_eq!(udp.one(), request);
        assert_eq!(
            udp.events(),
            [Event::Notice(Notice::AskedAgain { attempt })]
        );
    }
    udp.reply(&hex(VALUE));
    udp.reply(&hex(VALUE));
    assert_eq!(udp.outcomes(), [value()]);
    udp.get();
    for _ in 0..3 {
        udp.time_out();
    }
    assert!(matches!(
        udp.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::NoAnswer {
            tries: 3,
            ..
        }))]
    ));
}

#[test]
fn what_writes_goes_out_once() {
    let mut udp = Wired::ready(
        Config {
            read_only: false,
            ..over_udp()
        },
        0x1E1D,
        1024,
    );
    udp.client
        .set(udp.now, VOLTAGE, &Data::Unsigned(1))
        .unwrap();
    udp.one();
    udp.time_out();
    assert_eq!(udp.sent().len(), 0);
    assert!(matches!(
        udp.outcomes()[..],
        [Event::Failed(Failure::Link(_))]
    ));
}

#[test]
fn other_ports_and_other_versions_are_left_out_by_name() {
    let mut wired = Wired::ready(over_udp(), 0x1E1D, 1024);
    wired.get();
    let mut foreign = wired.wrapped(&hex(VALUE));
    foreign[3] = 2;
    wired.client.handle_bytes(wired.now, &foreign);
    let mut version = wired.wrapped(&hex(VALUE));
    version[1] = 2;
    wired.client.handle_bytes(wired.now, &version);
    let words: Vec<String> = wired
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Notice(Notice::Link(LinkNotice::Wrapper(words))) => words,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(words[0].contains("from wPort 2 to 16"), "{words:?}");
    assert!(words[1].contains("0x0002"), "{words:?}");
    wired.reply(&hex(VALUE));
    assert_eq!(wired.outcomes(), [value()]);
}

#[test]
fn a_port_that_speaks_hdlc_is_told_at_once() {
    let mut wired = Wired::new(over_tcp());
    wired.client.connect(wired.now).unwrap();
    wired
        .client
        .handle_bytes(wired.now, &hex("7EA0072103731F6BE97E"));
    match &wired.outcomes()[..] {
        [Event::Failed(failure)] => assert!(failure.to_string().contains("HDLC"), "{failure}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_length_that_lies_is_told_when_time_is_up() {
    let mut wired = Wired::ready(over_tcp(), 0x1E1D, 1024);
    wired.get();
    let mut bytes = wired.wrapped(&hex(VALUE));
    bytes[6] = 1;
    wired.client.handle_bytes(wired.now, &bytes);
    // What still comes holds it up, but not for ever.
    for _ in 0..20 {
        if wired.client.state() == State::Idle {
            break;
        }
        wired.time_out();
        wired.client.handle_bytes(wired.now, &[0]);
    }
    match &wired.outcomes()[..] {
        [Event::Failed(failure)] => assert!(
            failure.to_string().contains("promised 263 bytes of APDU"),
            "{failure}"
        ),
        other => panic!("{other:?}"),
    }
    let mut udp = Wired::ready(over_udp(), 0x1E1D, 1024);
    udp.get();
    udp.client.handle_bytes(udp.now, &bytes);
    assert!(matches!(
        &udp.events()[..],
        [Event::Notice(Notice::Link(LinkNotice::Wrapper(words)))] if words.contains("263")
    ));
    // The next datagram stands by itself.
    udp.reply(&hex(VALUE));
    assert_eq!(udp.outcomes(), [value()]);
}

#[test]
fn keeping_alive_reads_something_and_tells_nobody() {
    let mut wired = Wired::ready(over_tcp(), 0x1E1D, 1024);
    wired.client.keep_alive(wired.now).unwrap();
    assert_eq!(wired.one(), hex("C001C1000F0000280000FF0100"));
    assert!(!wired.client.is_settled());
    wired.reply(&hex("C401C1010D"));
    assert!(wired.client.is_settled());
    assert_eq!(wired.events(), []);
    wired.client.get(wired.now, VOLTAGE).unwrap();
}

#[test]
fn a_notification_comes_as_it_is_amid_a_get_and_after() {
    let mut wired = Wired::ready(over_tcp(), 0x1E1D, 1024);
    let pushed = hex("0F000000010012000A");
    wired.get();
    wired.reply(&pushed);
    wired.reply(&hex(VALUE));
    wired.reply(&pushed);
    assert_eq!(
        wired.events(),
        [
            Event::Unsolicited(pushed.clone()),
            value(),
            Event::Unsolicited(pushed)
        ]
    );
}
