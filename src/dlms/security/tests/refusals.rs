//! What is wrong is named with its evidence, and no key is in what is said.
use super::*;

const PLAIN: &[u8] = &[0xC4, 1, 0xC1, 0, 9, 3, 1, 2, 3];

fn both(keys: &Keys) -> Vec<u8> {
    sealed(PLAIN, &sealing(keys, Protection::Both, Form::Global))
}

#[test]
fn a_wrong_key_or_title() {
    let keys = green_book();
    let apdu = both(&keys);
    let mut other = keys.clone();
    other.authentication = Some(secret("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDE"));
    let mismatch = SecurityError::TagMismatch { title: CLIENT };
    assert_eq!(open(&apdu, &from_client(&other)), Err(mismatch.clone()));
    assert_eq!(
        mismatch.to_string(),
        "the tag does not match: wrong authentication or encryption key, or another system title than 4D4D4D0000BC614E"
    );
    let elsewhere = Opening {
        peer_title: Some(METER),
        ..Opening::new(&keys)
    };
    assert_eq!(
        open(&apdu, &elsewhere),
        Err(SecurityError::TagMismatch { title: METER })
    );
}

#[test]
fn deciphered_without_a_look_at_the_tag() {
    let keys = Keys {
        authentication: None,
        ..green_book()
    };
    let apdu = both(&green_book());
    assert_eq!(
        open(&apdu, &from_client(&keys)),
        Err(SecurityError::MissingKey("authentication"))
    );
    let blind = Opening {
        verify: false,
        ..from_client(&keys)
    };
    let opened = open(&apdu, &blind).unwrap();
    assert_eq!((opened.plain.as_slice(), opened.verified), (PLAIN, false));
    let wrong = Keys {
        encryption: Some(secret("000102030405060708090A0B0C0D0E0E")),
        ..keys.clone()
    };
    let blind = Opening {
        keys: &wrong,
        ..blind
    };
    assert!(matches!(
        open(&apdu, &blind),
        Err(SecurityError::Garbled { wanted: 0xC4, .. })
    ));
}

#[test]
fn a_counter_too_low_is_a_replay() {
    let keys = green_book();
    let apdu = both(&keys);
    for (lowest, replay) in [(0x0123_4567, false), (0x0123_4568, true)] {
        let opening = Opening {
            lowest_counter: Some(lowest),
            ..from_client(&keys)
        };
        let got = open(&apdu, &opening);
        assert_eq!(got.is_err(), replay);
        if replay {
            let text = got.unwrap_err().to_string();
            assert!(
                text.contains("19088743") && text.contains("19088744"),
                "{text}"
            );
        }
    }
}

#[test]
fn cut_anywhere_or_lengthened() {
    let keys = green_book();
    for form in [Form::Global, Form::General] {
        let apdu = sealed(PLAIN, &sealing(&keys, Protection::Both, form));
        for cut in 0..apdu.len() {
            assert!(matches!(
                open(&apdu[..cut], &from_client(&keys)),
                Err(SecurityError::Truncated { .. })
            ));
        }
        let longer = [&apdu[..], &[0]].concat();
        assert_eq!(
            open(&longer, &from_client(&keys)),
            Err(SecurityError::Trailing(1))
        );
    }
    // A length that leaves no room for the tag.
    assert_eq!(
        open(&[0xCC, 6, 0x30, 0, 0, 0, 1, 9], &from_client(&keys)),
        Err(SecurityError::Truncated { needed: 12, got: 1 })
    );
    assert_eq!(
        open(&[0xCC, 0x80], &from_client(&keys)),
        Err(SecurityError::BadLength(0x80))
    );
}

#[test]
fn security_control_octets_nobody_can_open() {
    let keys = green_book();
    let with = |control| [0xCC, 6, control, 0, 0, 0, 1, 9];
    let got = |control| open(&with(control), &from_client(&keys)).unwrap_err();
    assert_eq!(got(0xB0), SecurityError::Compressed(SecurityControl(0xB0)));
    assert!(got(0xB0).to_string().starts_with("compressed"));
    assert_eq!(
        got(0x3F),
        SecurityError::UnknownSuite(SecurityControl(0x3F))
    );
    assert_eq!(got(0x70), SecurityError::MissingKey("broadcast"));
    // Suite 2 wants longer keys.
    assert!(matches!(
        got(0x32),
        SecurityError::KeyLength {
            suite: Suite::Two,
            wanted: 32,
            got: 16,
            ..
        }
    ));
    let fixed = Opening {
        suite: Some(Suite::One),
        ..from_client(&keys)
    };
    assert_eq!(
        open(&with(0x30), &fixed),
        Err(SecurityError::OtherSuite {
            wanted: Suite::One,
            got: Suite::Zero
        })
    );
}

#[test]
fn weaker_than_agreed() {
    let keys = green_book();
    let strict = Opening {
        least: Some(Protection::Both),
        ..from_client(&keys)
    };
    for weak in [Protection::Encryption, Protection::Authentication] {
        let apdu = sealed(PLAIN, &sealing(&keys, weak, Form::Global));
        assert_eq!(
            open(&apdu, &strict),
            Err(SecurityError::Weak {
                wanted: Protection::Both,
                got: Some(weak)
            })
        );
        assert!(open(&apdu, &from_client(&keys)).is_ok());
    }
    let clear = [&[0xCC, 14, 0, 0, 0, 0, 1], PLAIN].concat();
    assert!(matches!(
        open(&clear, &strict),
        Err(SecurityError::Weak { got: None, .. })
    ));
    let opened = open(&clear, &from_client(&keys)).unwrap();
    assert_eq!((opened.plain.as_slice(), opened.verified), (PLAIN, false));
}

#[test]
fn titles_missing_empty_and_of_others() {
    let keys = green_book();
    let apdu = sealed(PLAIN, &sealing(&keys, Protection::Both, Form::General));
    // It says its own title.
    assert_eq!(
        open(&apdu, &Opening::new(&keys)).unwrap().title,
        Some(CLIENT)
    );
    // Some meters leave it empty: the one we know stands in.
    let mut empty = apdu.clone();
    empty.splice(1..10, [0]);
    assert_eq!(open(&empty, &from_client(&keys)).unwrap().plain, PLAIN);
    assert_eq!(
        open(&empty, &Opening::new(&keys)),
        Err(SecurityError::NoTitle)
    );
    let elsewhere = Opening {
        peer_title: Some(METER),
        ..Opening::new(&keys)
    };
    assert_eq!(
        open(&apdu, &elsewhere),
        Err(SecurityError::OtherTitle {
            wanted: METER,
            got: CLIENT
        })
    );
    let mut short = apdu;
    short.splice(1..10, [1, 0x4D]);
    assert_eq!(
        open(&short, &from_client(&keys)),
        Err(SecurityError::TitleLength(1))
    );
    assert_eq!(
        open(&both(&keys), &Opening::new(&keys)),
        Err(SecurityError::NoTitle)
    );
}

#[test]
fn nothing_is_left_behind_by_a_sealing_that_fails() {
    let keys = Keys {
        authentication: None,
        ..green_book()
    };
    for (plain, form, error) in [
        (
            PLAIN,
            Form::General,
            SecurityError::MissingKey("authentication"),
        ),
        (
            PLAIN,
            Form::Dedicated,
            SecurityError::MissingKey("dedicated"),
        ),
        (&[], Form::Global, SecurityError::Empty),
    ] {
        let mut out = vec![1, 2, 3];
        let how = sealing(&keys, Protection::Both, form);
        assert_eq!(seal(plain, &how, &mut out), Err(error));
        assert_eq!(out, [1, 2, 3]);
    }
}

#[test]
fn the_tag_follows_the_service() {
    let keys = Keys {
        dedicated: Some(secret("00112233445566778899AABBCCDDEEFF")),
        ..green_book()
    };
    for (plain, global, dedicated, general) in [
        (0x01, 0x21, 0x21, 0xDB),
        (0x08, 0x28, 0x28, 0xDB),
        (0x05, 0x25, 0x45, 0xDC),
        (0x0E, 0x2E, 0x4E, 0xDC),
        (0xC0, 0xC8, 0xD0, 0xDC),
        (0xC2, 0xCA, 0xD2, 0xDC),
        (0xC7, 0xCF, 0xD7, 0xDC),
        // No tag of their own.
        (0x0F, 0xDB, 0xDC, 0xDC),
        (0xD9, 0xDB, 0xDC, 0xDC),
        (0xE0, 0xDB, 0xDC, 0xDC),
    ] {
        for (form, tag) in [
            (Form::Global, global),
            (Form::Dedicated, dedicated),
            (Form::General, general),
        ] {
            let apdu = sealed(&[plain, 7], &sealing(&keys, Protection::Both, form));
            assert_eq!(apdu[0], tag, "{plain:02X} {form:?}");
            assert!(crate::dlms::xdlms::tag::is_ciphered(tag));
            assert_eq!(open(&apdu, &from_client(&keys)).unwrap().plain, [plain, 7]);
        }
    }
}

#[test]
fn key_texts() {
    let keys = Keys::parse("# lab\nEK=00 0102030405060708090a0b0c0d0e0f");
    assert_eq!(
        keys,
        Err(KeyError::Length {
            name: "ek",
            wanted: "16 (suites 0 and 1) or 32 (suite 2)",
            got: 1
        })
    );
    let keys = Keys::parse(
        "ek=000102030405060708090a0b0c0d0e0f # unicast\n\nak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
    );
    assert_eq!(keys, Ok(green_book()));
    for (text, error) in [
        ("", KeyError::Nothing),
        ("# only a remark", KeyError::Nothing),
        ("ek 00", KeyError::NotAPair(1)),
        ("xk=00", KeyError::UnknownName(1)),
        ("ek=0g", KeyError::NotHex("ek")),
        ("ek=000", KeyError::NotHex("ek")),
        (
            "dk=00112233445566778899AABBCCDDEEFF dk=00112233445566778899AABBCCDDEEFF",
            KeyError::Twice("dk"),
        ),
    ] {
        assert_eq!(Keys::parse(text), Err(error), "{text}");
    }
    // Neither what is shown nor what is complained of holds a value, not even one that took the place of a name.
    let text = "ek=0011223344556677889900aabbccddee ak=DEADBEEFDEADBEEFDEADBEEFDEADBEEF";
    let shown = format!("{:?}", Keys::parse(text).unwrap());
    assert!(!shown.to_uppercase().contains("DEADBEEF") && !shown.contains("0011"));
    for text in ["DEADBEEF", "DEADBEEF=1", "ek=DEADBEEFQ", "ek=DEADBEEF"] {
        let error = Keys::parse(text).unwrap_err();
        assert!(!error.to_string().contains("DEADBEEF"), "{error}");
    }
}

#[test]
fn titles_as_text() {
    let title: SystemTitle = "4d4d4d0000bc614e".parse().unwrap();
    assert_eq!(title, CLIENT);
    assert_eq!(title.to_string(), "4D4D4D0000BC614E (MMM 0000BC614E)");
    assert_eq!(
        SystemTitle(*b"GRX12345").to_string(),
        "4752583132333435 (GRX 12345)"
    );
    assert_eq!(SystemTitle([0; 8]).to_string(), "0000000000000000");
    assert!("4d4d".parse::<SystemTitle>().is_err());
    assert!("4d4d4d0000bc61zz".parse::<SystemTitle>().is_err());
}
