//! Any calls in any order, any frames and any bytes: no panic, whoever waits has a timer, and every wait ends.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Connect,
    Send(usize),
    Poll,
    Disconnect,
    Reset,
    Timeout,
    Later(u64),
    Bytes(Vec<u8>),
    /// Control octet, whether segmented, information.
    Frame(u8, bool, Vec<u8>),
    /// The I frame that is due, acknowledging so many more.
    Due(u8, bool, Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let information = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        1 => Just(Act::Connect),
        4 => (0usize..400).prop_map(Act::Send),
        1 => Just(Act::Poll),
        1 => Just(Act::Disconnect),
        1 => Just(Act::Reset),
        2 => Just(Act::Timeout),
        1 => (0u64..9000).prop_map(Act::Later),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Act::Bytes),
        6 => (any::<u8>(), any::<bool>(), information()).prop_map(|(c, s, i)| Act::Frame(c, s, i)),
        3 => Just(Act::Frame(0x73, false, Vec::new())),
        4 => (0u8..3, any::<bool>(), information()).prop_map(|(a, s, i)| Act::Due(a, s, i)),
    ]
}

fn perform(line: &mut Line, act: &Act) {
    match act {
        Act::Connect => drop(line.link.connect(line.now)),
        Act::Send(size) => drop(line.link.send(line.now, &vec![0xC0; *size])),
        Act::Poll => drop(line.link.poll(line.now)),
        Act::Disconnect => line.link.disconnect(line.now),
        Act::Reset => line.link.reset(),
        Act::Timeout => {
            if let Some(deadline) = line.link.poll_timeout() {
                line.now = line.now.max(deadline);
                line.link.handle_timeout(line.now);
            }
        }
        Act::Later(milliseconds) => {
            line.now += Duration::from_millis(*milliseconds);
            line.link.handle_timeout(line.now);
        }
        Act::Bytes(bytes) => line.link.handle_bytes(line.now, bytes),
        Act::Frame(control, segmented, information) => {
            let bytes = line.frame(*control, *segmented, information);
            line.link.handle_bytes(line.now, &bytes);
        }
        Act::Due(acknowledged, segmented, information) => {
            let send = line.link.incoming.expected();
            let receive = line.link.outgoing.next().wrapping_sub(*acknowledged) & 7;
            let control = Control::Information {
                send,
                receive,
                poll: true,
            };
            let bytes = line.frame(control.encode(), *segmented, information);
            line.link.handle_bytes(line.now, &bytes);
        }
    }
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(512))]

    #[test]
    fn nothing_hangs_and_nothing_panics(acts in prop::collection::vec(act(), 1..60), window in 1u8..4) {
        let mut line = Line::new(Some(Parameters { window_transmit: window, window_receive: window, ..Parameters::default() }));
        line.link.connect(line.now).unwrap();
        for act in &acts {
            perform(&mut line, act);
            line.said();
            line.events();
            let waits = match line.link.state() {
                LinkState::Disconnected => false,
                LinkState::Connected => line.link.due != Due::Nothing,
                _ => true,
            };
            prop_assert_eq!(line.link.poll_timeout().is_some(), waits, "after {:?}: {:?}", act, line.link);
        }
        for _ in 0..200 {
            perform(&mut line, &Act::Timeout);
            line.said();
            line.events();
        }
        prop_assert_eq!(line.link.poll_timeout(), None);
    }
}
