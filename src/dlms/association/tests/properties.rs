//! Whatever a meter, the time and the owner do: no panic, every wait has an end, and a release always comes to one.
use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Deed {
    Bytes(Vec<u8>),
    Frame(u8, Vec<u8>),
    Answer(u8, Vec<u8>),
    Ua,
    Accept,
    Value,
    Pass(u64),
    Connect,
    Get,
    KeepAlive,
    Release(u64),
    Reset,
}

fn deed() -> impl Strategy<Value = Deed> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..24);
    prop_oneof![
        1 => bytes().prop_map(Deed::Bytes),
        2 => (any::<u8>(), bytes()).prop_map(|(control, information)| Deed::Frame(control, information)),
        3 => (
            proptest::sample::select(vec![0xC4, 0x61, 0x63, 0xD8, 0x0E, 0x0F, 0xC5, 0x00]),
            bytes()
        )
            .prop_map(|(tag, rest)| Deed::Answer(tag, rest)),
        4 => Just(Deed::Ua),
        4 => Just(Deed::Accept),
        4 => Just(Deed::Value),
        4 => (0..9000_u64).prop_map(Deed::Pass),
        3 => Just(Deed::Connect),
        6 => Just(Deed::Get),
        1 => Just(Deed::KeepAlive),
        1 => (0..3000_u64).prop_map(Deed::Release),
        1 => Just(Deed::Reset),
    ]
}

fn value(id: u8) -> Vec<u8> {
    vec![0xC4, 1, 0xC0 | id, 0, 0x11, 7]
}

impl Line {
    fn do_it(&mut self, deed: Deed, id: u8) {
        match deed {
            Deed::Bytes(bytes) => self.client.handle_bytes(self.now, &bytes),
            Deed::Frame(control, information) => self.information(control, &information),
            Deed::Answer(tag, mut rest) => {
                rest.insert(0, tag);
                self.reply(&rest);
            }
            Deed::Ua => {
                (self.send, self.receive) = (0, 1);
                self.unnumbered(Control::Ua { poll: true });
            }
            Deed::Accept => self.accept(),
            Deed::Value => {
                self.receive = (self.send + 1) % 8;
                self.reply(&value(id));
            }
            Deed::Pass(time) => self.pass(Duration::from_millis(time)),
            Deed::Connect => {
                if self.client.connect(self.now).is_ok() {
                    self.pass(QUIET);
                }
            }
            Deed::Get => {
                let _ = self.client.get(self.now, VOLTAGE);
            }
            Deed::KeepAlive => {
                let _ = self.client.keep_alive(self.now);
            }
            Deed::Release(wait) => self.client.release(self.now, Duration::from_millis(wait)),
            Deed::Reset => self.client.reset(),
        }
    }
}

proptest! {
    #[test]
    fn every_wait_has_an_end(deeds in proptest::collection::vec((deed(), 0..16_u8), 1..60)) {
        let mut line = Line::new(config(Authentication::Lls(Secret::new("p".repeat(8)))));
        for (deed, id) in deeds {
            line.do_it(deed, id);
            line.heard_again();
            prop_assert!(line.events().len() < 300);
            if !matches!(line.client.state(), State::Idle | State::Ready) {
                prop_assert!(line.client.poll_timeout().is_some(), "{:?}", line.client.state());
            }
        }
        line.client.release(line.now, Duration::from_secs(1));
        line.heard_again();
        line.pass(Duration::from_secs(1));
        prop_assert_eq!(line.client.state(), State::Idle);
        prop_assert_eq!(line.events().pop(), Some(Event::Released));
        prop_assert_eq!(line.client.poll_timeout(), None);
    }
}
