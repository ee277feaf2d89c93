//! Whatever comes over the wrapper, sealed or not, in blocks or not: no panic, no heap of events, and every wait has an end.
use super::wired::{Wired, over_tcp, over_udp};
use super::*;
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{Form, Keys, Protection, Security, Suite, SystemTitle};
use proptest::prelude::*;

fn config(kind: u8) -> Config {
    let security = |form| {
        Some(Security {
            suite: Suite::Zero,
            protection: Some(Protection::Both),
            form,
            title: SystemTitle(*b"MMM\0\0\x01\x02\x03"),
            keys: Keys::parse(
                "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
            )
            .unwrap(),
        })
    };
    let base = if kind & 1 == 0 {
        over_tcp()
    } else {
        over_udp()
    };
    match kind >> 1 {
        0 => base,
        1 => Config {
            security: security(Form::General),
            ..base
        },
        _ => Config {
            authentication: Authentication::Hls {
                mechanism: HlsMechanism::Gmac,
                secret: Secret::new(""),
            },
            security: security(Form::Global),
            ..base
        },
    }
}

fn apdu() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..24);
    let tags = vec![
        0xC4, 0x61, 0x63, 0xD8, 0x0E, 0x0F, 0xC7, 0xCC, 0xCF, 0xDB, 0xDC, 0xD4, 0x28, 0xE0,
    ];
    prop_oneof![
        3 => (proptest::sample::select(tags), bytes()).prop_map(|(tag, mut rest)| { rest.insert(0, tag); rest }),
        2 => (any::<u8>(), 0..6_u8, 0..6_u8, bytes()).prop_map(|(control, number, ack, data)| {
            let mut block = vec![0xE0, control, 0, number, 0, ack, u8::try_from(data.len()).unwrap()];
            block.extend(data);
            block
        }),
        2 => Just(hex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040060181D04000007")),
        2 => Just(hex("C401C1001200EB")),
        1 => bytes(),
    ]
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(192))]

    #[test]
    fn nothing_hangs_and_nothing_panics(kind in 0..6_u8, deeds in proptest::collection::vec((0..8_u8, apdu()), 0..40)) {
        let mut wired = Wired::new(config(kind));
        for (deed, apdu) in deeds {
            match deed {
                0 => {
                    wired.client.renew(Fresh { challenge: vec![9; 16], counter: 1, dedicated: None });
                    let _ = wired.client.connect(wired.now);
                }
                1 => { let _ = wired.client.get(wired.now, VOLTAGE); }
                2 => { let _ = wired.client.keep_alive(wired.now); }
                3 if wired.client.poll_timeout().is_some() => wired.time_out(),
                4 => wired.client.handle_bytes(wired.now, &apdu),
                _ => wired.reply(&apdu),
            }
            while wired.client.poll_transmit().is_some() {}
        }
        let mut rounds = 0;
        while wired.client.poll_timeout().is_some() {
            wired.time_out();
            while wired.client.poll_transmit().is_some() {}
            rounds += 1;
            prop_assert!(rounds < 100);
        }
        prop_assert!(matches!(wired.client.state(), State::Idle | State::Ready), "{:?}", wired.client.state());
        prop_assert!(wired.events().len() < 300);
        wired.client.release(wired.now, Duration::from_secs(1));
        while wired.client.poll_timeout().is_some() {
            wired.time_out();
        }
        prop_assert_eq!(wired.client.state(), State::Idle);
        prop_assert_eq!(wired.events().pop(), Some(Event::Released));
    }
}
