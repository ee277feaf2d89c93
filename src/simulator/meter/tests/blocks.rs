//! Answers longer than one APDU, and the object list they are mostly about.

use super::*;
use crate::cosem::Data;
use crate::dlms::xdlms::get::GetResponse;

/// The list comes in blocks of the meter's 6400 octets, each in some fifty segments of 128.
#[test]
fn the_object_list_in_blocks_and_segments() {
    let mut session = Session::public();
    let list = blocks(&mut session, 6400);
    assert!(list.1 >= 2, "{} blocks", list.1);
    let Data::Array(objects) = Data::decode_all(&list.0).unwrap() else {
        panic!("no array");
    };
    assert!(objects.len() > 170, "{}", objects.len());
    assert_eq!(
        objects.len(),
        crate::simulator::objects::table(session.line.meter.profile().kind)
            .iter()
            .len()
    );
    // Every attribute the list grants can be read, and as the class it names.
    for object in &objects {
        let Data::Structure(fields) = object else {
            panic!()
        };
        let [
            Data::LongUnsigned(class),
            Data::Unsigned(_),
            Data::OctetString(name),
            Data::Structure(rights),
        ] = &fields[..]
        else {
            panic!("{fields:?}");
        };
        let Data::Array(attributes) = &rights[0] else {
            panic!()
        };
        for attribute in attributes {
            let Data::Structure(access) = attribute else {
                panic!()
            };
            let [Data::Integer(id), Data::Enum(mode), _] = access[..] else {
                panic!()
            };
            // These come in blocks.
            if matches!((*class, id), (15 | 7, 2)) {
                continue;
            }
            let name: [u8; 6] = name.as_slice().try_into().unwrap();
            let answer = session.get(*class, name, id.cast_unsigned());
            if mode == 1 {
                let _ = data(&answer);
            } else {
                assert_eq!(answer, "C401C10103");
            }
        }
    }
}

/// The whole value and the number of blocks; no block's APDU is longer than `limit`.
fn blocks(session: &mut Session, limit: usize) -> (Vec<u8>, u32) {
    let mut answer = bytes(&session.get(15, [0, 0, 40, 0, 0, 255], 2));
    let mut whole = Vec::new();
    for number in 1.. {
        assert!(answer.len() <= limit);
        let GetResponse::Block {
            invoke,
            last,
            block,
            data,
        } = GetResponse::decode(&answer).unwrap()
        else {
            panic!("{}", hex(&answer));
        };
        assert_eq!((invoke.0, block), (0xC1, number));
        whole.extend_from_slice(data);
        if last {
            return (whole, number);
        }
        // One octet may stay free where one more would need a longer length.
        assert!(answer.len() + 1 >= limit, "blocks are filled");
        answer = bytes(&session.apdu(&format!("C002C1{number:08X}")));
    }
    unreachable!()
}

#[test]
fn smaller_clients_get_more_blocks() {
    let whole = blocks(&mut Session::generic("00721D", "0000"), 4096).0;
    for limit in [64u16, 137, 138, 139, 265, 266, 267, 268, 1200] {
        let mut session = Session::generic("00721D", &format!("{limit:04X}"));
        assert_eq!(blocks(&mut session, limit.into()).0, whole, "{limit}");
    }
}

#[test]
fn block_transfers_gone_wrong() {
    let mut session = Session::public();
    assert_eq!(session.apdu("C002C100000001"), "C402C101000000010110");
    let list = [0, 0, 40, 0, 0, 255];
    assert!(session.get(15, list, 2).starts_with("C402C10000000001"));
    assert_eq!(session.apdu("C002C100000002"), "C402C101000000020113");
    assert_eq!(session.apdu("C002C100000001"), "C402C101000000010110");
    // Another read ends the transfer.
    assert!(session.get(15, list, 2).starts_with("C402C10000000001"));
    session.get(1, [0, 0, 96, 1, 0, 255], 2);
    assert_eq!(session.apdu("C002C100000001"), "C402C101000000010110");
    // Not agreed: no blocks.
    let mut session = Session::generic("000010", "0400");
    assert_eq!(session.get(15, list, 2), "C401C101FA");
}
