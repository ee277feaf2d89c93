//! Short names, ACCESS and lists, by our own client over the whole link: what was written is read back.

use super::client::{Reading, config, server};
use super::*;
use crate::cosem::object_list::ObjectList;
use crate::cosem::short_name::{ACCESS_RIGHTS, OBJECT_LIST, ShortNames};
use crate::cosem::{AttributeRef, Obis};
use crate::dlms::association::{Answer, Ask, Authentication, Event, GetError, Naming, SetError};
use crate::dlms::xdlms::{ActionResult, Conformance, DataAccessResult, MethodRef, Selection};

const NOTE: AttributeRef = reference(1, Obis::new(0, 0, 96, 1, 9, 255), 2);
const CLOCK: AttributeRef = reference(8, Obis::new(0, 0, 1, 0, 0, 255), 2);
const BUFFER: AttributeRef = reference(7, Obis::new(1, 0, 99, 1, 0, 255), 2);
const MODE: AttributeRef = reference(70, RELAY, 4);
const STATE: AttributeRef = reference(70, RELAY, 3);
const RELAY: Obis = Obis::new(0, 0, 96, 3, 10, 255);

const fn reference(class: u16, obis: Obis, attribute: i8) -> AttributeRef {
    AttributeRef {
        class,
        obis,
        attribute,
    }
}

const fn relay(method: i8) -> MethodRef {
    MethodRef {
        class: 70,
        obis: RELAY,
        method,
    }
}

/// Client 1 by password, which may write.
fn client(naming: Naming, max_pdu: u16) -> Reading {
    let mut profile = Profile::generic(3);
    profile.max_pdu = max_pdu;
    let mut config = config(1, server("1"));
    config.authentication = Authentication::Lls(secret("12345678"));
    config.read_only = false;
    config.naming = naming;
    config.conformance = match naming {
        Naming::ShortName => Conformance::SHORT_NAMES,
        Naming::LogicalName => Conformance(0x00_7E1F).with(Conformance::ACCESS),
    };
    let mut reading = Reading::new(profile, config);
    reading.connect();
    reading
}

/// By short names, which were learned as a session learns them.
fn short(max_pdu: u16) -> Reading {
    let mut reading = client(Naming::ShortName, max_pdu);
    let list = ObjectList::from_data(&reading.value(OBJECT_LIST).unwrap()).unwrap();
    assert!(list.problems.is_empty());
    reading.client.set_short_names(ShortNames::from_list(&list));
    reading
}

impl Reading {
    fn value(&mut self, of: AttributeRef) -> Result<Data, GetError> {
        self.client.get(self.line.now, of).unwrap();
        match self.until(|event| matches!(event, Event::Got(_))) {
            Event::Got(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, of: AttributeRef, value: &Data) -> Result<(), SetError> {
        self.client.set(self.line.now, of, value).unwrap();
        match self.until(|event| matches!(event, Event::Set(_))) {
            Event::Set(result) => result,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_attribute_is_the_same_by_either_name() {
    let mut by_name = client(Naming::LogicalName, 1024);
    let mut by_number = short(1024);
    let table = by_name.line.meter.profile().objects.clone();
    let mut read = 0;
    for object in table.iter().filter(|object| object.class != 15) {
        for attribute in 1..=object.attributes() {
            let of = reference(object.class, object.obis, attribute);
            let answers = (by_name.value(of), by_number.value(of));
            // Time passes between the two.
            if of != CLOCK {
                assert_eq!(answers.0, answers.1, "{of}");
            }
            read += usize::from(answers.1.is_ok());
        }
    }
    assert!(read > 100, "{read}");
    let rights = by_number.value(ACCESS_RIGHTS).unwrap();
    assert_eq!(rights.elements().unwrap().len(), table.iter().len() - 1);
}

#[test]
fn reads_writes_and_runs_by_short_names_whole_and_in_blocks() {
    for max_pdu in [1024, 64] {
        let mut meter = short(max_pdu);
        let note = Data::OctetString(vec![7; 100]);
        assert_eq!(meter.write(NOTE, &note), Ok(()));
        assert_eq!(meter.value(NOTE), Ok(note));
        let denied = DataAccessResult::READ_WRITE_DENIED;
        let serial = reference(1, Obis::new(0, 0, 96, 1, 0, 255), 2);
        assert_eq!(
            meter.write(serial, &Data::Null),
            Err(SetError::Access(denied))
        );
        let selection = Selection::entries(1, 20);
        let now = meter.line.now;
        meter.client.get_with(now, BUFFER, &selection).unwrap();
        let Event::Got(Ok(rows)) = meter.until(|event| matches!(event, Event::Got(_))) else {
            panic!("no rows")
        };
        assert_eq!(rows.elements().unwrap().len(), 20);
        let now = meter.line.now;
        meter
            .client
            .action(now, relay(1), Some(&Data::Integer(0)))
            .unwrap();
        let acted = meter.until(|event| matches!(event, Event::Acted(_)));
        assert_eq!(acted, Event::Acted(Ok(None)));
        assert_eq!(meter.value(STATE), Ok(Data::Enum(0)));
        let now = meter.line.now;
        meter.client.get_list(now, &[NOTE, STATE]).unwrap();
        let Event::GotList(Ok(both)) = meter.until(|event| matches!(event, Event::GotList(_)))
        else {
            panic!("no list")
        };
        assert_eq!(both[1], Ok(Data::Enum(0)));
        let now = meter.line.now;
        let list = [(NOTE, Data::OctetString(vec![1])), (STATE, Data::Enum(1))];
        meter.client.set_list(now, &list).unwrap();
        let results = meter.until(|event| matches!(event, Event::SetList(_)));
        let refused = Err(SetError::Access(denied));
        assert_eq!(results, Event::SetList(Ok(vec![Ok(()), refused])));
    }
}

#[test]
fn the_field_meters_know_no_short_names() {
    let mut config = config(1, server("1"));
    config.authentication = Authentication::Lls(secret("22222222"));
    config.naming = Naming::ShortName;
    let mut reading = Reading::new(Profile::microstar(3), config);
    reading.client.connect(reading.line.now).unwrap();
    let mut steps = Vec::new();
    for _ in 0..50 {
        while let Some(event) = reading.client.poll_event() {
            steps.push(event);
        }
        while let Some(octets) = reading.client.poll_transmit() {
            reading.line.meter.handle_bytes(reading.line.now, octets);
        }
        let mut answer = Vec::new();
        reading
            .line
            .meter
            .poll_transmit(reading.line.now, &mut answer);
        reading.client.handle_bytes(reading.line.now, &answer);
        if let Some(due) = reading.client.poll_timeout() {
            reading.line.now = reading.line.now.max(due);
            reading.client.handle_timeout(reading.line.now);
        }
    }
    let failure = steps.iter().find_map(|event| match event {
        Event::Failed(failure) => Some(failure.to_string()),
        _ => None,
    });
    let failure = failure.expect("no failure");
    assert!(failure.contains("application-context"), "{failure}");
}

#[test]
fn lists_of_writes_and_methods() {
    for max_pdu in [1024, 80] {
        let mut meter = client(Naming::LogicalName, max_pdu);
        let note = Data::OctetString(vec![9; 60]);
        let list = [
            (NOTE, note.clone()),
            (MODE, Data::Enum(1)),
            (STATE, Data::Enum(1)),
        ];
        let now = meter.line.now;
        meter.client.set_list(now, &list).unwrap();
        let results = meter.until(|event| matches!(event, Event::SetList(_)));
        let denied = SetError::Access(DataAccessResult::READ_WRITE_DENIED);
        assert_eq!(
            results,
            Event::SetList(Ok(vec![Ok(()), Ok(()), Err(denied)]))
        );
        assert_eq!(meter.value(NOTE), Ok(note));
        let now = meter.line.now;
        let list = [
            (relay(1), Some(Data::Integer(0))),
            (relay(1), Some(Data::OctetString(vec![7; 60]))),
            (relay(3), None),
        ];
        meter.client.action_list(now, &list).unwrap();
        let Event::ActedList(Ok(results)) =
            meter.until(|event| matches!(event, Event::ActedList(_)))
        else {
            panic!("no list")
        };
        assert_eq!(results[0], Ok(None));
        assert!(results[1].is_err() && results[2].is_err());
        assert_eq!(meter.value(STATE), Ok(Data::Enum(0)));
    }
}

#[test]
fn access_does_what_it_is_asked_and_stops_where_it_should() {
    let mut meter = client(Naming::LogicalName, 1024);
    let asks = [
        Ask::Set(NOTE, Data::OctetString(b"one".to_vec())),
        Ask::Get(NOTE, None),
        Ask::Get(BUFFER, Some(Selection::entries(1, 2))),
        Ask::Set(STATE, Data::Enum(1)),
        Ask::Action(relay(1), Some(Data::Integer(0))),
    ];
    let mut run = |break_on_error| {
        let now = meter.line.now;
        meter.client.access(now, &asks, break_on_error).unwrap();
        match meter.until(|event| matches!(event, Event::Accessed(_))) {
            Event::Accessed(Ok(answers)) => answers,
            other => panic!("{other:?}"),
        }
    };
    let answers = run(true);
    assert_eq!(answers[0], Answer::Set(Ok(())));
    let note = Data::OctetString(b"one".to_vec());
    assert_eq!(answers[1], Answer::Got(Ok(note)));
    let Answer::Got(Ok(rows)) = &answers[2] else {
        panic!("{:?}", answers[2])
    };
    assert_eq!(rows.elements().unwrap().len(), 2);
    let denied = SetError::Access(DataAccessResult::READ_WRITE_DENIED);
    assert_eq!(answers[3], Answer::Set(Err(denied)));
    let broken = crate::dlms::association::ActionError::Result(ActionResult::OTHER_REASON);
    assert_eq!(answers[4], Answer::Acted(Err(broken)));
    let answers = run(false);
    assert_eq!(answers[4], Answer::Acted(Ok(None)));
    assert_eq!(meter.value(STATE), Ok(Data::Enum(0)));
}
