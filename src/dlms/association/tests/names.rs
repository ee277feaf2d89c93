//! Short names, lists of writes and methods, ACCESS: what goes out, what comes of good and of lying answers. After every
//! lie the association answers the next question.
use super::*;
use crate::cosem::object_list::ObjectList;
use crate::cosem::short_name::{OBJECT_LIST, ShortNames};
use crate::dlms::xdlms::{ActionResult, DataAccessResult, ExceptionResponse, MethodRef, Selection};

const ALL: u32 = 0x00_7E1F;
const SHORT: Conformance = Conformance::SHORT_NAMES;
const RELAY: MethodRef = MethodRef {
    class: 70,
    obis: Obis::new(0, 0, 96, 3, 10, 255),
    method: 1,
};
const BUFFER: AttributeRef = AttributeRef {
    class: 7,
    obis: Obis::new(1, 0, 99, 1, 0, 255),
    attribute: 2,
};

fn entry(base: i16, class: u16, version: u8, obis: Obis) -> Data {
    Data::Structure(vec![
        Data::Long(base),
        Data::LongUnsigned(class),
        Data::Unsigned(version),
        Data::OctetString(obis.0.to_vec()),
    ])
}

fn names() -> ShortNames {
    let list = Data::Array(vec![
        entry(0x0100, 3, 0, VOLTAGE.obis),
        entry(0x0200, 70, 0, RELAY.obis),
        entry(0x0300, 7, 1, BUFFER.obis),
    ]);
    ShortNames::from_list(&ObjectList::from_data(&list).unwrap())
}

/// A client that may write, by short names, its meter's objects known.
fn short(granted: Conformance, max_pdu: u16) -> Line {
    let mut line = Line::new(Config {
        read_only: false,
        naming: Naming::ShortName,
        conformance: SHORT,
        ..config(Authentication::None)
    });
    let aarq = line.linked();
    // Application context 2.16.756.5.8.1.2.
    assert_eq!(aarq[2..13], hex("A109060760857405080102"));
    line.grant(granted, max_pdu);
    line.events();
    line.client.set_short_names(names());
    line
}

/// The conformance without these bits.
fn without(bits: &[u8]) -> Conformance {
    Conformance(
        bits.iter()
            .fold(SHORT.0, |all, bit| all & !(1 << (23 - bit))),
    )
}

impl Line {
    fn asked(
        &mut self,
        what: impl FnOnce(&mut Association, Instant) -> Result<(), LocalError>,
    ) -> Vec<u8> {
        let now = self.now;
        what(&mut self.client, now).unwrap();
        self.request()
    }

    fn only(&mut self) -> Event {
        let mut events = self.outcomes();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(self.client.state(), State::Ready);
        events.remove(0)
    }

    fn still_reads(&mut self) {
        let asked = self.asked(|client, now| client.get(now, VOLTAGE));
        assert_eq!(asked, hex("05 01 02 0108"));
        self.reply_hex("0C 01 00 12092F");
        assert_eq!(self.only(), Event::Got(Ok(Data::LongUnsigned(2351))));
    }
}

#[test]
fn attributes_go_by_their_short_names() {
    let mut line = short(SHORT, 1024);
    line.still_reads();
    let asked = line.asked(|client, now| client.get(now, OBJECT_LIST));
    assert_eq!(asked, hex("05 01 02 FA08"));
    line.reply_hex("0C 01 01 03");
    let denied = DataAccessResult::READ_WRITE_DENIED;
    assert_eq!(line.only(), Event::Got(Err(GetError::Access(denied))));
    let scaler = AttributeRef {
        attribute: 3,
        ..VOLTAGE
    };
    let asked = line.asked(|client, now| client.get_list(now, &[VOLTAGE, scaler]));
    assert_eq!(asked, hex("05 02 02 0108 02 0110"));
    line.reply_hex("0C 02 00 1105 01 04");
    let undefined = GetError::Access(DataAccessResult::OBJECT_UNDEFINED);
    let both = vec![Ok(Data::Unsigned(5)), Err(undefined)];
    assert_eq!(line.only(), Event::GotList(Ok(both)));
    let asked = line.asked(|client, now| client.get_with(now, BUFFER, &Selection::entries(1, 2)));
    assert_eq!(
        asked,
        hex("05 01 04 0308 02 0204 0600000001 0600000002 120001 120000")
    );
    line.reply_hex("0C 01 00 0100");
    assert_eq!(line.only(), Event::Got(Ok(Data::Array(Vec::new()))));
    let asked = line.asked(|client, now| client.set(now, VOLTAGE, &Data::Unsigned(5)));
    assert_eq!(asked, hex("06 01 02 0108 01 1105"));
    line.reply_hex("0D 01 00");
    assert_eq!(line.only(), Event::Set(Ok(())));
    let list = [(VOLTAGE, Data::Unsigned(5)), (scaler, Data::Null)];
    let asked = line.asked(|client, now| client.set_list(now, &list));
    assert_eq!(asked, hex("06 02 02 0108 02 0110 02 1105 00"));
    line.reply_hex("0D 02 00 01 03");
    let results = vec![Ok(()), Err(SetError::Access(denied))];
    assert_eq!(line.only(), Event::SetList(Ok(results)));
}

#[test]
fn methods_are_read_with_their_parameter_or_else_written() {
    let mut line = short(SHORT, 1024);
    let asked = line.asked(|client, now| client.action(now, RELAY, Some(&Data::Integer(0))));
    assert_eq!(asked, hex("05 01 04 0220 00 0F00"));
    line.reply_hex("0C 01 00 00");
    assert_eq!(line.only(), Event::Acted(Ok(None)));
    line.asked(|client, now| client.action(now, RELAY, None));
    line.reply_hex("0C 01 01 03");
    let denied = ActionError::Result(ActionResult::READ_WRITE_DENIED);
    assert_eq!(line.only(), Event::Acted(Err(denied.clone())));
    let mut line = short(without(&[18]), 1024);
    let asked = line.asked(|client, now| client.action(now, RELAY, Some(&Data::Integer(0))));
    assert_eq!(asked, hex("06 01 02 0220 01 0F00"));
    line.reply_hex("0D 01 00");
    assert_eq!(line.only(), Event::Acted(Ok(None)));
    line.asked(|client, now| client.action(now, RELAY, None));
    line.reply_hex("0D 01 01 03");
    assert_eq!(line.only(), Event::Acted(Err(denied)));
    line.still_reads();
}

#[test]
fn what_has_no_name_or_was_not_granted_sends_nothing() {
    let mut line = short(without(&[4, 14, 18]), 1024);
    let now = line.now;
    let other = AttributeRef {
        obis: Obis([9; 6]),
        ..VOLTAGE
    };
    line.client.get(now, other).unwrap();
    let undefined = GetError::Access(DataAccessResult::OBJECT_UNDEFINED);
    assert_eq!(line.only(), Event::Got(Err(undefined)));
    let other = AttributeRef {
        class: 1,
        ..VOLTAGE
    };
    line.client.get(now, other).unwrap();
    let other_class = GetError::Access(DataAccessResult::OBJECT_CLASS_INCONSISTENT);
    assert_eq!(line.only(), Event::Got(Err(other_class)));
    let client = &mut line.client;
    assert!(client.get_list(now, &[VOLTAGE, VOLTAGE]).is_err());
    assert!(
        client
            .get_with(now, BUFFER, &Selection::entries(1, 2))
            .is_err()
    );
    assert!(client.set(now, VOLTAGE, &Data::Null).is_err());
    assert!(client.action(now, RELAY, None).is_err());
    assert!(
        client
            .access(now, &[Ask::Get(VOLTAGE, None)], false)
            .is_err()
    );
    client.set_read_only(true);
    assert!(client.set(now, VOLTAGE, &Data::Null).is_err());
    assert!(client.set_list(now, &[(VOLTAGE, Data::Null)]).is_err());
    assert_eq!(line.heard(), []);
    line.still_reads();
}

#[test]
fn long_answers_and_long_requests_go_in_blocks() {
    let mut line = short(SHORT, 64);
    line.asked(|client, now| client.get(now, VOLTAGE));
    line.reply_hex("0C 01 02 00 0001 03 010009");
    assert_eq!(line.request(), hex("05 01 05 0001"));
    line.reply_hex("0C 01 02 01 0002 04 03414243");
    let text = Data::OctetString(b"ABC".to_vec());
    assert_eq!(line.only(), Event::Got(Ok(text.clone())));
    // As gurux-dlms cuts it: the value alone.
    line.asked(|client, now| client.get(now, VOLTAGE));
    line.reply_hex("0C 01 02 00 0001 02 0903");
    line.request();
    line.reply_hex("0C 01 02 01 0002 03 414243");
    assert_eq!(line.only(), Event::Got(Ok(text)));
    let long = Data::OctetString(vec![7; 80]);
    let mut joined = Vec::new();
    let mut asked = line.asked(|client, now| client.set(now, VOLTAGE, &long));
    for block in 1_u8.. {
        assert!(asked.len() <= 64);
        let last = asked[3];
        assert_eq!(asked[..3], [6, 1, 7]);
        assert_eq!(asked[4..8], [0, block, 1, 9]);
        joined.extend_from_slice(&asked[9..]);
        if last == 1 {
            break;
        }
        line.reply_hex(&format!("0D 01 02 00 {block:02X}"));
        asked = line.request();
    }
    let mut whole = hex("01 02 0108 01");
    long.encode(&mut whole);
    assert_eq!(joined, whole);
    line.reply_hex("0D 01 00");
    assert_eq!(line.only(), Event::Set(Ok(())));
    // A method's long parameter goes in blocks of a READ.
    let asked = line.asked(|client, now| client.action(now, RELAY, Some(&long)));
    assert_eq!(asked[..6], hex("05 01 06 00 0001"));
    line.reply_hex("0C 01 03 0001");
    assert_eq!(line.request()[..6], hex("05 01 06 00 0002"));
    line.reply_hex("0C 01 01 0C");
    let wrong = ActionError::Returned(DataAccessResult::TYPE_UNMATCHED);
    assert_eq!(line.only(), Event::Acted(Err(wrong)));
    line.still_reads();
}

#[test]
fn lies_by_short_names_have_names() {
    let mut line = short(SHORT, 1024);
    for (answer, error) in [
        (
            "0C 02 00 1105 00 1105",
            "1 attributes were asked, and the list that came has 2",
        ),
        (
            "0C 00",
            "1 attributes were asked, and the list that came has 0",
        ),
        (
            "0C 7F 00",
            "the answer cannot be decoded: a list that claims more than it holds at byte 0",
        ),
        (
            "0C 01 09 00",
            "the answer cannot be decoded: an answer of an unknown kind at byte 1",
        ),
        (
            "0C 01 03 0001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
        ("0C 01 02 00 0007 01 00", "block 7 came where 1 was due"),
        (
            "0C 01 02 00 0001 00",
            "the answer cannot be decoded: block 1 is empty and not the last",
        ),
        (
            "D8 01 02",
            "service-not-allowed, service-not-supported (exception 1/2)",
        ),
        (
            "0E 05 05 02",
            "object-access-invalid (confirmed-service-error read, access 2)",
        ),
        (
            "C8 00",
            "the answer cannot be decoded: glo-get-request (C8) is no answer to a READ; it is ciphered and there is no key for it",
        ),
    ] {
        line.asked(|client, now| client.get(now, VOLTAGE));
        line.reply_hex(answer);
        match line.only() {
            Event::Got(Err(got)) => assert_eq!(got.to_string(), error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
    for (answer, error) in [
        (
            "0D 02 00 00",
            "1 attributes were written, and the list that came has 2",
        ),
        (
            "0D 01 02 0001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
        (
            "0D",
            "the answer cannot be decoded: a WRITE response without its list at byte 1",
        ),
    ] {
        line.asked(|client, now| client.set(now, VOLTAGE, &Data::Null));
        line.reply_hex(answer);
        match line.only() {
            Event::Set(Err(got)) => assert_eq!(got.to_string(), error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
    // A meter that never comes to the end.
    line.asked(|client, now| client.get(now, VOLTAGE));
    for block in 1_u16.. {
        line.reply(
            &[
                &hex(&format!("0C 01 02 00 {block:04X} 8180"))[..],
                &[1; 128],
            ]
            .concat(),
        );
        if let Some(event) = line.outcomes().pop() {
            assert_eq!(event, Event::Got(Err(GetError::TooLarge(4096))));
            break;
        }
        line.request();
    }
    line.still_reads();
    // What nobody asked for is told, and the answer still comes.
    line.asked(|client, now| client.get(now, VOLTAGE));
    line.reply_hex("18 00 01 02 0108 01 1105");
    let Event::Unsolicited(report) = &line.outcomes()[0] else {
        panic!("not told")
    };
    assert_eq!(report[0], 0x18);
}

fn lists() -> Line {
    Line::granted(ALL, 1024)
}

#[test]
fn several_are_written_at_once() {
    let mut line = lists();
    let list = [(VOLTAGE, Data::Unsigned(5)), (BUFFER, Data::Null)];
    let asked = line.asked(|client, now| client.set_list(now, &list));
    assert_eq!(
        asked,
        hex("C104C1 02 0003 0101200700FF 02 00 0007 0100630100FF 02 00 02 1105 00")
    );
    line.reply_hex("C505C1 02 00 03");
    let denied = SetError::Access(DataAccessResult::READ_WRITE_DENIED);
    assert_eq!(line.only(), Event::SetList(Ok(vec![Ok(()), Err(denied)])));
    for (answer, error) in [
        (
            "C505C2 01 00",
            "2 attributes were written, and the list that came has 1",
        ),
        (
            "C505C3 7F 00",
            "the answer cannot be decoded: a list that claims more than it holds at byte 3",
        ),
        (
            "C501C4 00",
            "the answer cannot be decoded: one result came where a list was asked",
        ),
        ("C501C5 03", "read-write-denied (3)"),
        (
            "C504C6 02 00 00 00000001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
    ] {
        line.asked(|client, now| client.set_list(now, &list));
        line.reply_hex(answer);
        match line.only() {
            Event::SetList(Err(got)) => assert_eq!(got.to_string(), error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
}

#[test]
fn a_long_list_of_writes_goes_in_blocks() {
    let mut line = Line::granted(ALL, 64);
    let long = Data::OctetString(vec![7; 60]);
    let list = [(VOLTAGE, long.clone())];
    let asked = line.asked(|client, now| client.set_list(now, &list));
    assert_eq!(asked[..14], hex("C105C1 01 0003 0101200700FF 02 00")[..14]);
    assert_eq!(asked[14..19], hex("00 00000001"));
    assert!(asked.len() <= 64);
    let mut joined = asked[20..].to_vec();
    line.reply_hex("C502C1 00000001");
    for block in 2.. {
        let asked = line.request();
        assert_eq!(asked[..2], [0xC1, 3]);
        joined.extend_from_slice(&asked[9..]);
        if asked[3] == 1 {
            line.reply_hex(&format!("C504C1 01 00 {block:08X}"));
            break;
        }
        line.reply_hex(&format!("C502C1 {block:08X}"));
    }
    assert_eq!(line.only(), Event::SetList(Ok(vec![Ok(())])));
    assert_eq!(joined, [&[1][..], &long.to_bytes()].concat());
}

#[test]
fn several_methods_run_at_once() {
    let mut line = lists();
    let list = [(RELAY, Some(Data::Integer(0))), (RELAY, None)];
    let asked = line.asked(|client, now| client.action_list(now, &list));
    let method = "0046 000060030AFF 01";
    assert_eq!(
        asked,
        hex(&format!("C303C1 02 {method} {method} 02 0F00 00"))
    );
    line.reply_hex("C703C1 02 00 01 00 1105 03 00");
    let denied = ActionError::Result(ActionResult::READ_WRITE_DENIED);
    let both = vec![Ok(Some(Data::Unsigned(5))), Err(denied)];
    assert_eq!(line.only(), Event::ActedList(Ok(both)));
    line.asked(|client, now| client.action_list(now, &list));
    line.reply_hex("C702C2 00 00000001 02 0200");
    assert_eq!(line.request(), hex("C302C200000001"));
    line.reply_hex("C702C2 01 00000002 03 00 0000");
    assert_eq!(line.only(), Event::ActedList(Ok(vec![Ok(None), Ok(None)])));
    for (answer, error) in [
        (
            "C703C3 03 00 00 00 00 00 00",
            "2 methods were asked, and the list that came has 3",
        ),
        (
            "C701C4 00 00",
            "the answer cannot be decoded: one outcome came where a list was asked",
        ),
        ("C701C5 03 00", "read-write-denied (3)"),
        ("C702C6 00 00000009 01 00", "block 9 came where 1 was due"),
    ] {
        line.asked(|client, now| client.action_list(now, &list));
        line.reply_hex(answer);
        match line.only() {
            Event::ActedList(Err(got)) => assert_eq!(got.to_string(), error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
}

#[test]
fn access_does_several_things_in_one() {
    let granted = Conformance(ALL).with(Conformance::ACCESS);
    let mut line = Line::granted(granted.0, 1024);
    let asks = [
        Ask::Get(VOLTAGE, None),
        Ask::Set(VOLTAGE, Data::Unsigned(5)),
        Ask::Action(RELAY, Some(Data::Integer(0))),
    ];
    let asked = line.asked(|client, now| client.access(now, &asks, true));
    assert_eq!(
        asked,
        hex(
            "D9 E0000001 00 03 01 0003 0101200700FF 02 02 0003 0101200700FF 02 \
             03 0046 000060030AFF 01 03 00 1105 0F00"
        )
    );
    line.reply_hex("DA E0000001 00 00 03 12092F 00 00 03 01 00 02 03 03 00");
    let denied = SetError::Access(DataAccessResult::READ_WRITE_DENIED);
    let answers = vec![
        Answer::Got(Ok(Data::LongUnsigned(2351))),
        Answer::Set(Err(denied)),
        Answer::Acted(Ok(None)),
    ];
    assert_eq!(line.only(), Event::Accessed(Ok(answers)));
    for (id, answer, error) in [
        (
            2,
            "00 00 03 00 00 00 02 01 00 02 03",
            "3 attributes were asked, and the list that came has 2",
        ),
        (
            3,
            "00 00 02 00 00 03 01 00 02 03 03 00",
            "3 attributes were asked, and the list that came has 2",
        ),
        (
            4,
            "00 00 03 00 00 00 03 01 00 01 00 03 00",
            "the answer cannot be decoded: an outcome is about another service than was asked",
        ),
        (
            5,
            "00 02",
            "the answer cannot be decoded: specifications that are neither there nor not at byte 6",
        ),
    ] {
        line.asked(|client, now| client.access(now, &asks, false));
        line.reply_hex(&format!("DA C00000{id:02X} {answer}"));
        match line.only() {
            Event::Accessed(Err(got)) => assert_eq!(got.to_string(), error, "{answer}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
    line.asked(|client, now| client.access(now, &asks, false));
    line.reply_hex("D80102");
    let refused = ExceptionResponse {
        state: 1,
        service: 2,
        counter: None,
    };
    assert_eq!(
        line.only(),
        Event::Accessed(Err(GetError::Exception(refused)))
    );
    let now = line.now;
    line.client.set_read_only(true);
    assert!(line.client.access(now, &asks, false).is_err());
    let asked = line.asked(|client, now| client.access(now, &asks[..1], false));
    assert_eq!(asked[0], 0xD9);
}
