//! Any octets are refused in words, never with a panic; what is sealed opens again.
use super::*;
use proptest::prelude::*;

fn protections() -> impl Strategy<Value = Protection> {
    prop_oneof![
        Just(Protection::Authentication),
        Just(Protection::Encryption),
        Just(Protection::Both)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sealed_then_opened_is_the_same(
        plain in prop::collection::vec(any::<u8>(), 0..600),
        tag in prop::sample::select(vec![0x01_u8, 0x08, 0x0F, 0xC0, 0xC4, 0xC7, 0xD9, 0xE0]),
        protection in protections(),
        form in prop_oneof![Just(Form::Global), Just(Form::Dedicated), Just(Form::General)],
        counter in any::<u32>(),
        two in any::<bool>(),
    ) {
        let suite = if two { Suite::Two } else { Suite::Zero };
        let key = |octet| Some(Secret::new(vec![octet; suite.key_length()]));
        let keys = Keys { encryption: key(1), authentication: key(2), dedicated: key(3), ..Keys::default() };
        let plain = [&[tag], plain.as_slice()].concat();
        let apdu = sealed(&plain, &Sealing { suite, protection, form, title: METER, keys: &keys, counter });
        let opening = Opening { peer_title: Some(METER), lowest_counter: Some(counter), ..Opening::new(&keys) };
        let opened = open(&apdu, &opening).unwrap();
        prop_assert_eq!(opened.plain, plain);
        prop_assert_eq!(opened.counter, counter);
        prop_assert_eq!(opened.verified, protection.authenticates());
    }

    #[test]
    fn any_octets_are_refused_or_opened(
        tag in prop::sample::select(vec![0x21_u8, 0xC8, 0xCC, 0xD4, 0xDB, 0xDC, 0xDD, 0xDF]),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0..5_u8], 0..80),
        verify in any::<bool>(),
    ) {
        let keys = green_book();
        let apdu = [&[tag], rest.as_slice()].concat();
        let _ = open(&apdu, &Opening { verify, ..from_client(&keys) });
        let _ = signing::read(&apdu);
        let text = String::from_utf8_lossy(&rest).into_owned();
        let _ = Keys::parse(&text);
    }
}
