//! Selective access, lists, SET and ACTION, by our own client over the whole link.

use super::client::{Reading, config, server};
use super::*;
use crate::cosem::date_time::DateTime;
use crate::cosem::profile::CaptureObject;
use crate::cosem::{AttributeRef, Obis};
use crate::dlms::association::{ActionError, Authentication, Event, GetError, SetError};
use crate::dlms::xdlms::{ActionResult, DataAccessResult, MethodRef, Selection};

const PROFILE: Obis = Obis::new(1, 0, 99, 1, 0, 255);
const NOTE: AttributeRef = reference(1, Obis::new(0, 0, 96, 1, 9, 255), 2);
const CLOCK: AttributeRef = reference(8, Obis::new(0, 0, 1, 0, 0, 255), 2);
const RELAY: Obis = Obis::new(0, 0, 96, 3, 10, 255);

const fn reference(class: u16, obis: Obis, attribute: i8) -> AttributeRef {
    AttributeRef {
        class,
        obis,
        attribute,
    }
}

/// Client 1 by password, which may write.
fn generic(max_pdu: u16) -> Reading {
    let mut profile = Profile::generic(3);
    profile.max_pdu = max_pdu;
    let mut config = config(1, server("1"));
    config.authentication = Authentication::Lls(secret("12345678"));
    config.read_only = false;
    let mut reading = Reading::new(profile, config);
    reading.connect();
    reading
}

fn microstar() -> Reading {
    let mut config = config(1, server("1"));
    config.authentication = Authentication::Lls(secret("22222222"));
    let mut reading = Reading::new(Profile::microstar(3), config);
    reading.connect();
    reading
}

impl Reading {
    fn part(&mut self, selection: &Selection) -> Result<Vec<Data>, GetError> {
        let buffer = reference(7, PROFILE, 2);
        let now = self.line.now;
        self.client.get_with(now, buffer, selection).unwrap();
        match self.until(|event| matches!(event, Event::Got(_))) {
            Event::Got(Ok(Data::Array(rows))) => Ok(rows),
            Event::Got(Err(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    fn set(&mut self, attribute: AttributeRef, value: &Data) -> Result<(), SetError> {
        self.client.set(self.line.now, attribute, value).unwrap();
        match self.until(|event| matches!(event, Event::Set(_))) {
            Event::Set(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn call(
        &mut self,
        class: u16,
        obis: Obis,
        method: i8,
        with: &Data,
    ) -> Result<Option<Data>, ActionError> {
        let method = MethodRef {
            class,
            obis,
            method,
        };
        let now = self.line.now;
        self.client.action(now, method, Some(with)).unwrap();
        match self.until(|event| matches!(event, Event::Acted(_))) {
            Event::Acted(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn read(&mut self, of: AttributeRef) -> Data {
        self.get(of.class, of.obis, of.attribute)
    }
}

fn columns(row: &Data) -> &[Data] {
    row.elements().unwrap()
}

fn time(row: &Data) -> DateTime {
    columns(row)[0].as_date_time().unwrap()
}

fn at(hour: i8, minute: i8) -> DateTime {
    DateTime::from_civil(
        jiff::civil::date(2025, 11, 20).at(hour, minute, 0, 0),
        None,
        0,
    )
}

#[test]
fn the_load_profile_is_a_month_of_quarters_that_agree_with_the_registers() {
    let mut reading = generic(4096);
    let rows = reading.read(reference(7, PROFILE, 2));
    let Data::Array(rows) = rows else { panic!() };
    assert_eq!(rows.len(), 2976);
    // It is noon in UTC and 13:00 at the meter: the newest row is of now, and shows what the registers show.
    let newest = columns(rows.last().unwrap());
    assert_eq!(
        time(rows.last().unwrap()).to_string(),
        "2025-11-20 13:00:00 (deviation -60 min)"
    );
    for (column, obis) in [(1, [1, 8]), (2, [1, 7]), (3, [32, 7])] {
        let now = reading.get(3, Obis::new(1, 0, obis[0], obis[1], 0, 255), 2);
        assert_eq!(newest[column], now);
    }
    let energy: Vec<i128> = rows
        .iter()
        .map(|r| columns(r)[1].as_integer().unwrap())
        .collect();
    assert!(energy.is_sorted() && energy[0] < energy[2975]);
    for (attribute, value) in [
        (4, Data::DoubleLongUnsigned(900)),
        (5, Data::Enum(1)),
        (6, CaptureObject::CLOCK.to_data()),
        (7, Data::DoubleLongUnsigned(2976)),
        (8, Data::DoubleLongUnsigned(2976)),
    ] {
        assert_eq!(reading.read(reference(7, PROFILE, attribute)), value);
    }
    let captured = reading.read(reference(7, PROFILE, 3));
    let captured: Option<Vec<_>> = captured
        .elements()
        .unwrap()
        .iter()
        .map(CaptureObject::from_data)
        .collect();
    assert_eq!(captured.unwrap().len(), newest.len());
}

#[test]
fn rows_by_entry_and_by_range_are_cut_from_the_same_buffer() {
    let mut reading = generic(4096);
    let Data::Array(all) = reading.read(reference(7, PROFILE, 2)) else {
        panic!()
    };
    let entries = |from, to| Selection::entries(from, to);
    assert_eq!(reading.part(&entries(1, 3)).unwrap(), all[..3]);
    assert_eq!(reading.part(&entries(2970, 0)).unwrap(), all[2969..]);
    assert_eq!(reading.part(&entries(2970, 9999)).unwrap(), all[2969..]);
    assert_eq!(reading.part(&entries(3000, 0)).unwrap(), []);
    let some = Selection::Entries {
        from: 5,
        to: 5,
        first_column: 2,
        last_column: 3,
    };
    assert_eq!(
        columns(&reading.part(&some).unwrap()[0]),
        &columns(&all[4])[1..3]
    );
    let none = Selection::Entries {
        from: 5,
        to: 5,
        first_column: 5,
        last_column: 0,
    };
    let refused = Err(GetError::Access(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED));
    assert_eq!(reading.part(&none), refused);

    // Both ends are included; times that fall between rows take what lies inside.
    let rows = reading
        .part(&Selection::between(at(12, 0), at(12, 30)))
        .unwrap();
    assert_eq!(rows, all[2971..2974]);
    assert_eq!(time(&rows[0]).time().hour(), Some(12));
    let rows = reading
        .part(&Selection::between(at(12, 1), at(12, 29)))
        .unwrap();
    assert_eq!(rows, all[2972..2973]);
    assert_eq!(
        reading
            .part(&Selection::between(at(12, 30), at(12, 0)))
            .unwrap(),
        []
    );
    // The future is cut off; a time with a deviation is that moment, not that hand of the clock.
    assert_eq!(
        reading
            .part(&Selection::between(at(12, 45), at(23, 0)))
            .unwrap(),
        all[2974..]
    );
    let utc = |t: DateTime| DateTime::from_civil(t.civil().unwrap(), Some(0), 0);
    let rows = reading.part(&Selection::between(utc(at(11, 0)), utc(at(11, 30))));
    assert_eq!(rows.unwrap(), all[2971..2974]);
    // One column of it.
    let voltage = reference(3, Obis::new(1, 0, 32, 7, 0, 255), 2);
    let ask = |column, columns| Selection::Range {
        column,
        from: Data::DateTime(at(12, 0)),
        to: Data::DateTime(at(12, 0)),
        columns,
    };
    let one = CaptureObject {
        attribute: voltage,
        index: 0,
    };
    let rows = reading.part(&ask(CaptureObject::CLOCK, vec![one])).unwrap();
    assert_eq!(columns(&rows[0]), &columns(&all[2971])[3..]);
    // A column that is not there, and one that does not sort.
    assert_eq!(reading.part(&ask(one, vec![])), refused);
    let other = CaptureObject { index: 7, ..one };
    assert_eq!(
        reading.part(&ask(CaptureObject::CLOCK, vec![other])),
        refused
    );
    let wrong = Selection::Range {
        column: CaptureObject::CLOCK,
        from: Data::Unsigned(1),
        to: Data::Unsigned(2),
        columns: vec![],
    };
    let unmatched = Err(GetError::Access(DataAccessResult::TYPE_UNMATCHED));
    assert_eq!(reading.part(&wrong), unmatched);
    let unknown = Selection::Other {
        selector: 9,
        parameters: Data::Null,
    };
    assert_eq!(reading.part(&unknown), refused);
}

#[test]
fn the_microstar_leaves_out_times_and_grants_no_lists() {
    let mut reading = microstar();
    let rows = reading.part(&Selection::entries(100, 102)).unwrap();
    assert!(columns(&rows[0])[0].as_date_time().is_some());
    assert_eq!(columns(&rows[1])[0], Data::Null);
    assert_eq!(columns(&rows[2])[0], Data::Null);
    assert!(
        columns(&rows[2])[1..]
            .iter()
            .all(|value| *value != Data::Null)
    );
    let now = reading.line.now;
    assert!(reading.client.get_list(now, &[NOTE, CLOCK]).is_err());
    // It only reads: nothing goes out.
    assert!(reading.client.set(now, CLOCK, &Data::Null).is_err());
    assert_eq!(reading.client.poll_transmit(), None);
}

#[test]
fn a_list_in_one_request_and_in_blocks() {
    let mut reading = generic(4096);
    let list: Vec<AttributeRef> = (1..=3)
        .map(|phase| reference(3, Obis::new(1, 0, 12 + 20 * phase, 7, 0, 255), 2))
        .chain([reference(3, Obis::new(1, 0, 99, 99, 0, 255), 2), NOTE])
        .chain([reference(15, Obis::new(0, 0, 40, 0, 0, 255), 2)])
        .collect();
    let mut asked = |list: &[AttributeRef]| {
        let now = reading.line.now;
        reading.client.get_list(now, list).unwrap();
        match reading.until(|event| matches!(event, Event::GotList(_))) {
            Event::GotList(Ok(results)) => results,
            other => panic!("{other:?}"),
        }
    };
    let short = asked(&list[..5]);
    assert_eq!(
        short[3],
        Err(GetError::Access(DataAccessResult::OBJECT_UNDEFINED))
    );
    assert_eq!(short[4], Ok(Data::OctetString(b"simulated".to_vec())));
    let long = asked(&list);
    assert_eq!(long[..5], short[..]);
    assert!(long[5].as_ref().unwrap().elements().unwrap().len() > 80);
}

#[test]
fn what_is_set_reads_back() {
    for max_pdu in [4096, 64] {
        let mut reading = generic(max_pdu);
        let before = reading.read(NOTE);
        assert_eq!(before, Data::OctetString(b"simulated".to_vec()));
        for length in [0, 3, 40, 41, 42, 43, 200, 5000] {
            let note = Data::OctetString(
                (0..length)
                    .map(|n| u8::try_from(n % 251).unwrap())
                    .collect(),
            );
            assert_eq!(reading.set(NOTE, &note), Ok(()), "{max_pdu} {length}");
            assert_eq!(reading.read(NOTE), note);
        }
        let kept = reading.read(NOTE);
        for (value, result) in [
            (Data::Unsigned(5), DataAccessResult::TYPE_UNMATCHED),
            (
                Data::OctetString(vec![7; 9000]),
                DataAccessResult::OTHER_REASON,
            ),
        ] {
            assert_eq!(reading.set(NOTE, &value), Err(SetError::Access(result)));
            assert_eq!(reading.read(NOTE), kept);
        }
        let denied = Err(SetError::Access(DataAccessResult::READ_WRITE_DENIED));
        let voltage = reference(3, Obis::new(1, 0, 32, 7, 0, 255), 2);
        assert_eq!(reading.set(voltage, &Data::LongUnsigned(1)), denied);
    }
}

#[test]
fn the_clock_is_set_and_runs_on() {
    let mut reading = generic(4096);
    let wanted = DateTime::from_civil(jiff::civil::date(2026, 1, 2).at(3, 4, 5, 0), Some(-60), 0);
    let value = Data::OctetString(wanted.raw.to_vec());
    assert_eq!(reading.set(CLOCK, &value), Ok(()));
    reading.line.now += Duration::from_secs(10);
    let shown = reading.read(CLOCK).as_date_time().unwrap();
    assert_eq!(shown.to_string(), "2026-01-02 03:04:15 (deviation -60 min)");
    // To the minute, by seconds, to the quarter.
    for (method, with, expected) in [
        (3, Data::Integer(0), "03:04:00"),
        (6, Data::Long(-70), "03:02:50"),
        (1, Data::Integer(0), "03:00:00"),
    ] {
        assert_eq!(reading.call(8, CLOCK.obis, method, &with), Ok(None));
        let shown = reading.read(CLOCK).as_date_time().unwrap();
        assert_eq!(shown.time().to_string(), expected);
    }
    let wrong = Err(ActionError::Result(ActionResult::TYPE_UNMATCHED));
    assert_eq!(reading.call(8, CLOCK.obis, 6, &Data::Long(901)), wrong);
    let open = Data::OctetString(vec![0xFF; 12]);
    let refused = Err(SetError::Access(DataAccessResult::OTHER_REASON));
    assert_eq!(reading.set(CLOCK, &open), refused);
}

#[test]
fn the_relay_obeys_and_shows_it() {
    let mut reading = generic(4096);
    let state = |reading: &mut Reading| {
        let on = reading.get(70, RELAY, 2);
        (on, reading.get(70, RELAY, 3))
    };
    let zero = Data::Integer(0);
    assert_eq!(state(&mut reading), (Data::Boolean(true), Data::Enum(1)));
    assert_eq!(reading.call(70, RELAY, 1, &zero), Ok(None));
    assert_eq!(state(&mut reading), (Data::Boolean(false), Data::Enum(0)));
    // Where a hand at the meter is wanted, and where nothing may be done from afar.
    let mode = reference(70, RELAY, 4);
    assert_eq!(reading.set(mode, &Data::Enum(3)), Ok(()));
    assert_eq!(reading.call(70, RELAY, 2, &zero), Ok(None));
    assert_eq!(state(&mut reading), (Data::Boolean(false), Data::Enum(2)));
    assert_eq!(reading.set(mode, &Data::Enum(0)), Ok(()));
    let busy = Err(ActionError::Result(ActionResult::TEMPORARY_FAILURE));
    assert_eq!(reading.call(70, RELAY, 2, &zero), busy);
    assert_eq!(reading.set(mode, &Data::Enum(2)), Ok(()));
    assert_eq!(reading.call(70, RELAY, 2, &zero), Ok(None));
    assert_eq!(state(&mut reading), (Data::Boolean(true), Data::Enum(1)));
    for (method, result) in [(0, 3), (3, 3), (-1, 3)] {
        let refused = Err(ActionError::Result(ActionResult(result)));
        assert_eq!(reading.call(70, RELAY, method, &zero), refused);
    }
    let refused = Err(ActionError::Result(ActionResult::OBJECT_CLASS_INCONSISTENT));
    assert_eq!(reading.call(3, RELAY, 1, &zero), refused);
}

#[test]
fn a_profile_is_cleared_and_fills_again() {
    let mut reading = generic(4096);
    assert_eq!(reading.call(7, PROFILE, 1, &Data::Integer(0)), Ok(None));
    // The quarter that ends this very moment counts as new.
    let in_use = reference(7, PROFILE, 7);
    assert_eq!(reading.read(in_use), Data::DoubleLongUnsigned(1));
    reading.line.now += Duration::from_mins(1);
    assert_eq!(reading.call(7, PROFILE, 1, &Data::Integer(0)), Ok(None));
    assert_eq!(reading.read(reference(7, PROFILE, 2)), Data::Array(vec![]));
    assert_eq!(reading.part(&Selection::entries(1, 0)).unwrap(), []);
    assert_eq!(
        reading
            .part(&Selection::between(at(0, 0), at(23, 0)))
            .unwrap(),
        []
    );
    for _ in 0..15 {
        reading.line.now += Duration::from_mins(1);
        reading.read(in_use);
    }
    assert_eq!(reading.part(&Selection::entries(1, 0)).unwrap().len(), 1);
    let denied = Err(ActionError::Result(ActionResult::READ_WRITE_DENIED));
    assert_eq!(reading.call(7, PROFILE, 2, &Data::Integer(0)), denied);
}

#[test]
fn rights_are_shown_as_they_are() {
    let rights = |reading: &mut Reading| -> Vec<Data> {
        let list = reading.get(15, Obis::new(0, 0, 40, 0, 0, 255), 2);
        let list = list.elements().unwrap();
        let of = |obis: Obis| {
            let object = list
                .iter()
                .find(|object| columns(object)[2].as_obis() == Some(obis));
            columns(object.unwrap())[3].clone()
        };
        [NOTE.obis, RELAY, PROFILE].map(of).to_vec()
    };
    let may = rights(&mut generic(4096));
    let mode = |rights: &Data, attribute: usize| {
        columns(&columns(&columns(rights)[0])[attribute - 1])[1].clone()
    };
    let method = |rights: &Data, method: usize| {
        columns(&columns(&columns(rights)[1])[method - 1])[1].clone()
    };
    assert_eq!(
        [mode(&may[0], 1), mode(&may[0], 2), mode(&may[1], 4)],
        [1, 3, 3].map(Data::Enum)
    );
    assert_eq!(
        [method(&may[1], 1), method(&may[2], 2)],
        [true, false].map(Data::Boolean)
    );
    let selectors = &columns(&columns(&columns(&may[2])[0])[1])[2];
    assert_eq!(
        *selectors,
        Data::Array(vec![Data::Integer(1), Data::Integer(2)])
    );

    let mut public = Reading::new(Profile::generic(3), config(16, server("1")));
    public.connect();
    let may = rights(&mut public);
    assert_eq!([mode(&may[0], 2), mode(&may[1], 4)], [1, 1].map(Data::Enum));
    assert_eq!(method(&may[1], 1), Data::Boolean(false));
}
