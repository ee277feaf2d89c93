//! Known addresses, refusals, and no octets that panic.

use super::*;
use proptest::prelude::*;

fn octets(text: &str) -> Vec<u8> {
    text.parse::<ServerAddress>().unwrap().octets().to_vec()
}

#[test]
fn the_table_of_known_addresses() {
    assert_eq!(octets("1"), [0x03]);
    assert_eq!(octets("1/1"), [0x02, 0x03]);
    assert_eq!(octets("1/17"), [0x02, 0x23]);
    assert_eq!(octets("1/17 in 4 bytes"), [0x00, 0x02, 0x00, 0x23]);
    assert_eq!(octets("1/1234"), [0x00, 0x02, 0x12, 0xA5]);
    assert_eq!(octets("1/3768"), [0x00, 0x02, 0x3A, 0x71]);
    assert_eq!(octets("0x1/9999"), [0x00, 0x02, 0x9C, 0x1F]);
    let special = |a: Result<ServerAddress, AddressError>| a.unwrap().octets().to_vec();
    assert_eq!(special(ServerAddress::calling(1, 2)), [0x02, 0xFD]);
    assert_eq!(
        special(ServerAddress::calling(1, 4)),
        [0x00, 0x02, 0xFE, 0xFD]
    );
    assert_eq!(special(ServerAddress::all_station(1, 1)), [0xFF]);
    assert_eq!(special(ServerAddress::all_station(1, 2)), [0x02, 0xFF]);
    assert_eq!(
        special(ServerAddress::all_station(1, 4)),
        [0x00, 0x02, 0xFE, 0xFF]
    );
    assert_eq!(
        special(ServerAddress::all_station(0x3FFF, 4)),
        [0xFE, 0xFE, 0xFE, 0xFF]
    );
    assert_eq!(ClientAddress::PUBLIC.octet(), 0x21);
    assert_eq!(ClientAddress::from_octet(0x61), ClientAddress::new(48).ok());
    assert_eq!(ClientAddress::from_octet(0x60), None);
}

#[test]
fn special_values_are_known_in_their_own_size_only() {
    assert!(ServerAddress::calling(1, 2).unwrap().is_calling());
    assert!(ServerAddress::all_station(1, 4).unwrap().is_all_station());
    let plain: ServerAddress = "1/126 in 4 bytes".parse().unwrap();
    assert!(!plain.is_calling() && !plain.is_all_station() && plain.is_individual());
    assert!("127".parse::<ServerAddress>().unwrap().is_all_station());
}

#[test]
fn refusals_say_what_is_wrong() {
    assert_eq!(
        ServerAddress::decode(&[0x02, 0x3A, 0x71, 0x03]),
        Err(AddressError::Size(3))
    );
    assert_eq!(
        ServerAddress::decode(&[0, 0, 0, 0, 1]),
        Err(AddressError::Unterminated)
    );
    assert_eq!(ServerAddress::decode(&[]), Err(AddressError::Unterminated));
    assert_eq!(
        ServerAddress::new(1, Some(2), Some(3)),
        Err(AddressError::Size(3))
    );
    assert_eq!(
        ServerAddress::new(1, Some(2), Some(1)),
        Err(AddressError::LowerInOneByte)
    );
    assert_eq!(
        ServerAddress::new(1, None, Some(2)),
        Err(AddressError::LowerMissing(2))
    );
    assert_eq!(ClientAddress::new(128), Err(AddressError::Client(128)));
    let too_large = |part, value, size| AddressError::TooLarge { part, value, size };
    for (text, error) in [
        ("200", too_large("upper", 200, 1)),
        ("1/70000", too_large("lower", 70000, 4)),
        ("1/16384", too_large("lower", 16384, 4)),
        ("1/200 in 2 bytes", too_large("lower", 200, 2)),
        ("1/2 in 3 bytes", AddressError::Size(3)),
    ] {
        assert_eq!(text.parse::<ServerAddress>(), Err(error), "{text}");
    }
    for text in ["", "x", "1/", "/1", "-1", "1/2/3", "1 in bytes", "1/17 in"] {
        assert_eq!(
            text.parse::<ServerAddress>(),
            Err(AddressError::Text(text.to_owned()))
        );
    }
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(256))]

    #[test]
    fn any_octets_decode_without_panic_and_back(bytes in prop::collection::vec(any::<u8>(), 0..6)) {
        if let Ok((address, length)) = ServerAddress::decode(&bytes) {
            prop_assert_eq!(&*address.octets(), &bytes[..length]);
            prop_assert_eq!(address.to_string().parse::<ServerAddress>(), Ok(address));
            prop_assert_eq!(ServerAddress::new(address.upper(), address.lower(), Some(address.size())), Ok(address));
        }
    }
}
