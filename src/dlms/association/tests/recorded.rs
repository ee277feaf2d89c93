//! A recorded session of the Gurux client with a Gurux meter: the same requests from us are the same octets, and the
//! meter's recorded answers are understood.
use super::*;
use crate::cosem::date_time::DateTime;
use crate::dlms::xdlms::{MethodRef, Selection};

const SESSION: &str = include_str!("../../../../tests/data/traces/p_hdlc_gxpy_low.txt");
const PROFILE: AttributeRef = AttributeRef {
    class: 7,
    obis: Obis::new(1, 0, 99, 1, 0, 255),
    attribute: 2,
};

/// Whole APDUs in order, ours first in each pair.
fn apdus() -> Vec<(bool, Vec<u8>)> {
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for line in SESSION.lines() {
        let octets = hex(&line[3..]);
        let frame = Frame::parse(&octets[1..octets.len() - 1]).unwrap();
        if !matches!(frame.control(), Control::Information { .. }) {
            continue;
        }
        joined.extend_from_slice(frame.information());
        if !frame.segmented() {
            all.push((line.starts_with("TX"), joined[3..].to_vec()));
            joined.clear();
        }
    }
    all
}

/// Asks what the recorded client asked with its `nth` request that starts with `head`, and is answered as that one was.
fn replayed(head: &str, nth: usize, ask: impl FnOnce(&mut Association, Instant)) -> Vec<Event> {
    let apdus = apdus();
    let starts = hex(head);
    let at = apdus
        .iter()
        .enumerate()
        .filter(|(_, (sent, apdu))| *sent && apdu.starts_with(&starts))
        .nth(nth)
        .expect(head)
        .0;
    let mut line = Line::granted(0x00_7E1F, 1024);
    let now = line.now;
    line.client.config.max_answer = 1 << 16;
    ask(&mut line.client, now);
    for (sent, apdu) in &apdus[at..] {
        if line.client.state() == State::Ready {
            break;
        }
        if *sent {
            assert_eq!(line.request(), *apdu);
        } else {
            line.reply(apdu);
        }
    }
    assert_eq!(line.client.state(), State::Ready);
    line.events()
}

fn rows(events: &[Event]) -> &[Data] {
    match events {
        [Event::Got(Ok(Data::Array(rows)))] => rows,
        other => panic!("{other:?}"),
    }
}

fn octets(text: &str) -> Data {
    Data::OctetString(hex(text))
}

#[test]
fn a_profile_by_entry() {
    let selection = |to| Selection::entries(1, to);
    let events = replayed("C001C100070100630100FF020102", 0, |client, now| {
        client.get_with(now, PROFILE, &selection(3)).unwrap();
    });
    assert_eq!(rows(&events).len(), 3);
    // The whole day, in six blocks.
    let events = replayed("C001C100070100630100FF020102", 1, |client, now| {
        client.get_with(now, PROFILE, &selection(96)).unwrap();
    });
    let day = rows(&events);
    assert_eq!(day.len(), 96);
    let Data::Structure(last) = &day[95] else {
        panic!()
    };
    assert_eq!(
        last[0].as_date_time().unwrap().time().to_string(),
        "23:45:00"
    );
}

#[test]
fn a_profile_by_range() {
    let apdus = apdus();
    let head = hex("C001C100070100630100FF020101");
    let (_, request) = apdus
        .iter()
        .find(|(_, apdu)| apdu.starts_with(&head))
        .unwrap();
    let at = |text: &str| DateTime {
        raw: hex(text).try_into().unwrap(),
    };
    let selection = Selection::between(
        at("07EA0101FF03000000000000"),
        at("07EA0101FF04000000000000"),
    );
    assert_eq!(Selection::decode(&request[13..]).unwrap(), selection);
    let events = replayed("C001C100070100630100FF020101", 0, |client, now| {
        client.get_with(now, PROFILE, &selection).unwrap();
    });
    assert_eq!(rows(&events).len(), 5);
}

#[test]
fn a_list_a_set_and_an_action() {
    let voltage = |attribute| AttributeRef {
        class: 3,
        obis: Obis::new(1, 0, 32, 7, 0, 255),
        attribute,
    };
    let events = replayed("C003C1", 0, |client, now| {
        client.get_list(now, &[voltage(2), voltage(3)]).unwrap();
    });
    let unit = Data::Structure(vec![Data::Integer(-1), Data::Enum(35)]);
    let both = vec![Ok(Data::LongUnsigned(2305)), Ok(unit)];
    assert_eq!(events, [Event::GotList(Ok(both))]);

    let clock = AttributeRef {
        class: 8,
        obis: Obis::new(0, 0, 1, 0, 0, 255),
        attribute: 2,
    };
    let events = replayed("C101C10008", 0, |client, now| {
        let time = octets("07EA0B14FF111C1E00000000");
        client.set(now, clock, &time).unwrap();
    });
    assert_eq!(events, [Event::Set(Ok(()))]);
    let note = AttributeRef {
        class: 1,
        obis: Obis::new(0, 0, 96, 1, 9, 255),
        attribute: 2,
    };
    let events = replayed("C101C10001", 0, |client, now| {
        client.set(now, note, &octets("414243")).unwrap();
    });
    assert_eq!(events, [Event::Set(Ok(()))]);

    for (head, class, obis, method) in [
        ("C301C10046", 70, Obis::new(0, 0, 96, 3, 10, 255), 1),
        ("C301C10007", 7, PROFILE.obis, 2),
    ] {
        let events = replayed(head, 0, |client, now| {
            let method = MethodRef {
                class,
                obis,
                method,
            };
            client.action(now, method, Some(&Data::Integer(0))).unwrap();
        });
        assert_eq!(events, [Event::Acted(Ok(None))]);
    }
}
