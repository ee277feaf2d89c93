//! SET and ACTION: never from an association that only reads; whole or in blocks; and every way a meter can lie about them.
use super::*;
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::xdlms::{ActionResult, MethodRef};

const ALL: u32 = 0x00_7E1F;
const NOTE: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 96, 1, 9, 255),
    attribute: 2,
};
const RELAY: MethodRef = MethodRef {
    class: 70,
    obis: Obis::new(0, 0, 96, 3, 10, 255),
    method: 1,
};

fn text(length: usize) -> Data {
    Data::OctetString(vec![0x41; length])
}

impl Line {
    fn set(&mut self, value: &Data) -> Vec<u8> {
        self.client.set(self.now, NOTE, value).unwrap();
        self.request()
    }

    fn act(&mut self, value: Option<&Data>) -> Vec<u8> {
        self.client.action(self.now, RELAY, value).unwrap();
        self.request()
    }

    fn set_outcome(&mut self, apdu: &str) -> Result<(), SetError> {
        self.reply_hex(apdu);
        match &mut self.outcomes()[..] {
            [Event::Set(result)] => result.clone(),
            other => panic!("{apdu}: {other:?}"),
        }
    }

    fn action_outcome(&mut self, apdu: &str) -> Result<Option<Data>, ActionError> {
        self.reply_hex(apdu);
        match &mut self.outcomes()[..] {
            [Event::Acted(result)] => result.clone(),
            other => panic!("{apdu}: {other:?}"),
        }
    }
}

#[test]
fn what_only_reads_never_writes() {
    let mut line = Line::ready();
    assert!(line.client.is_read_only());
    for error in [
        line.client.set(line.now, NOTE, &text(3)).unwrap_err(),
        line.client.action(line.now, RELAY, None).unwrap_err(),
    ] {
        assert!(
            error.to_string().ends_with("only reads; nothing was sent"),
            "{error}"
        );
    }
    assert_eq!((line.heard(), line.client.state()), (vec![], State::Ready));
    line.client.set_read_only(false);
    line.set(&text(3));
    assert_eq!(line.set_outcome("C501C100"), Ok(()));
    line.client.set_read_only(true);
    assert!(line.client.set(line.now, NOTE, &text(3)).is_err());
}

#[test]
fn a_set_and_its_result() {
    let mut line = Line::granted(ALL, 1024);
    assert_eq!(
        line.set(&text(3)),
        hex("C101C1 00010000600109FF02 00 0903414141")
    );
    assert_eq!(line.set_outcome("C501C100"), Ok(()));
    for (answer, words) in [
        ("C501C203", "read-write-denied (3)"),
        ("C501C30C", "type-unmatched (12)"),
        (
            "D80101",
            "service-not-allowed, operation-not-possible (exception 1/1)",
        ),
        (
            "0E060301",
            "pdu-size (confirmed-service-error write, service 1)",
        ),
        (
            "C501C6",
            "the answer cannot be decoded: a data-access-result that is missing at byte 3",
        ),
        (
            "C501C70000",
            "the answer cannot be decoded: bytes after the SET response at byte 4",
        ),
        (
            "C505C80100",
            "the answer cannot be decoded: a list came where one result was asked",
        ),
        (
            "C502C900000001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
        (
            "C503CA0000000001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
        (
            "CD0100",
            "the answer cannot be decoded: glo-set-response (CD) is no answer to a SET; it is ciphered and there is no key for it",
        ),
    ] {
        line.set(&text(3));
        let told = line.set_outcome(answer).unwrap_err();
        assert_eq!(told.to_string(), words, "{answer}");
        assert_eq!(line.client.state(), State::Ready);
    }
}

#[test]
fn an_action_and_its_result() {
    let mut line = Line::granted(ALL, 1024);
    let zero = Data::Integer(0);
    assert_eq!(
        line.act(Some(&zero)),
        hex("C301C1 0046 0000600 30AFF 01 01 0F00")
    );
    assert_eq!(line.action_outcome("C701C10000"), Ok(None));
    assert_eq!(line.act(None), hex("C301C2 0046 0000600 30AFF 01 00"));
    assert_eq!(
        line.action_outcome("C701C200 01 00 1105"),
        Ok(Some(Data::Unsigned(5)))
    );
    for (answer, words) in [
        ("C701C30300", "read-write-denied (3)"),
        // As gurux-dlms writes it.
        ("C701C403", "read-write-denied (3)"),
        (
            "C701C500 01 01 0B",
            "the method ran; its return value: object-unavailable (11)",
        ),
        (
            "C701C60002",
            "the answer cannot be decoded: a return value that is neither there nor not at byte 4",
        ),
        (
            "C701C700 01 00 0500",
            "the answer cannot be decoded: data ends early: 3 more byte(s) wanted at byte 2",
        ),
        (
            "C704C800000001",
            "the answer cannot be decoded: a block was confirmed where none was sent",
        ),
        (
            "C703C901 00 00",
            "the answer cannot be decoded: a list came where one outcome was asked",
        ),
        (
            "D80102",
            "service-not-allowed, service-not-supported (exception 1/2)",
        ),
    ] {
        line.act(Some(&zero));
        let told = line.action_outcome(answer).unwrap_err();
        assert_eq!(told.to_string(), words, "{answer}");
        assert_eq!(line.client.state(), State::Ready);
    }
}

#[test]
fn a_long_value_goes_in_blocks_that_fit() {
    for (limit, length) in [
        (64_u16, 50_usize),
        (64, 100),
        (64, 86),
        (64, 85),
        (0x0200, 3000),
    ] {
        let mut line = Line::granted(ALL, limit);
        let value = text(length);
        let mut apdu = line.set(&value);
        let mut joined = Vec::new();
        let first = hex("00010000600109FF02 00");
        for block in 1_u32.. {
            assert!(apdu.len() <= usize::from(limit), "{}", apdu.len());
            let rest = if block == 1 {
                assert_eq!(apdu[..3], [0xC1, 2, 0xC1], "{limit} {length}");
                apdu[3..].strip_prefix(&first[..]).unwrap()
            } else {
                apdu.strip_prefix(&[0xC1, 3, 0xC1][..]).unwrap()
            };
            let last = rest[0] == 1;
            assert_eq!(rest[1..5], block.to_be_bytes());
            let (size, used) = crate::cosem::data::decode_length(&rest[5..]).unwrap();
            assert_eq!(rest.len(), 5 + used + size);
            joined.extend_from_slice(&rest[5 + used..]);
            if last {
                assert_eq!(joined, value.to_bytes());
                assert_eq!(line.set_outcome(&format!("C503C100{block:08X}")), Ok(()));
                break;
            }
            line.reply_hex(&format!("C502C1{block:08X}"));
            apdu = line.request();
        }
    }
    // Just fits: no blocks.
    let mut line = Line::granted(ALL, 64);
    assert_eq!(line.set(&text(64 - 15)).len(), 64);
    // The meter knows no limit.
    let mut line = Line::granted(ALL, 0);
    assert_eq!(line.set(&text(9000))[1], 1);
}

#[test]
fn blocks_that_were_not_granted_are_not_sent() {
    let mut line = Line::granted(ALL & !0x0C00, 64);
    let now = line.now;
    for error in [
        line.client.set(now, NOTE, &text(60)).unwrap_err(),
        line.client.action(now, RELAY, Some(&text(60))).unwrap_err(),
    ] {
        assert!(error.to_string().contains("in blocks"), "{error}");
    }
    assert_eq!((line.heard(), line.client.state()), (vec![], State::Ready));
    let mut line = Line::granted(ALL & !0x0009, 64);
    assert!(line.client.set(now, NOTE, &text(1)).is_err());
    assert!(line.client.action(now, RELAY, None).is_err());
    assert_eq!(line.heard(), []);
}

#[test]
fn confirmations_that_lie_end_the_set_and_no_more() {
    for (confirmed, answer, words) in [
        (
            0,
            "C502C100000002",
            "block 2 was confirmed where 1 was sent",
        ),
        (
            1,
            "C502C100000001",
            "block 1 was confirmed where 2 was sent",
        ),
        (
            1,
            "C503C10000000001",
            "the answer cannot be decoded: success was said before",
        ),
        (
            0,
            "C501C100",
            "the answer cannot be decoded: success was said before",
        ),
        (0, "C501C10C", "type-unmatched (12)"),
        (0, "C503C1 13 00000001", "data-block-number-invalid (19)"),
        (1, "C503C1 02 00000009", "temporary-failure (2)"),
        (
            3,
            "C502C100000004",
            "the answer cannot be decoded: block 4 was the last",
        ),
        (
            3,
            "C503C10000000007",
            "block 7 was confirmed where 4 was sent",
        ),
        (
            1,
            "C504C101 00 00000002",
            "the answer cannot be decoded: a list came",
        ),
        (1, "D80103", "service-not-allowed, other-reason"),
    ] {
        let mut line = Line::granted(ALL, 64);
        // Four blocks of 43 octets.
        line.set(&text(150));
        for block in 1..=confirmed {
            line.reply_hex(&format!("C502C1{block:08X}"));
            line.request();
        }
        let told = line.set_outcome(answer).unwrap_err().to_string();
        // What came in the wrong place may also be told by the block it names.
        let other = "block 1 was confirmed where 2 was sent";
        assert!(told.starts_with(words) || told == other, "{answer}: {told}");
        assert_eq!(line.client.state(), State::Ready);
        // Nothing of it goes out with the next.
        assert_eq!(
            line.set(&text(1)),
            hex("C101C2 00010000600109FF02 00 090141")
        );
        assert_eq!(line.set_outcome("C501C200"), Ok(()));
    }
}

#[test]
fn an_action_in_blocks_both_ways() {
    let mut line = Line::granted(ALL, 64);
    let first = line.act(Some(&text(50)));
    assert_eq!(first[..12], hex("C304C1 0046 0000600 30AFF 01")[..]);
    assert_eq!(first[12..18], hex("00 00000001 2B")[..]);
    line.reply_hex("C704C100000001");
    let second = line.request();
    assert_eq!(second[..9], hex("C306C1 01 00000002 09")[..]);
    line.reply_hex("C702C1 00 00000001 03 090241");
    assert_eq!(line.request(), hex("C302C100000001"));
    line.reply_hex("C702C1 01 00000002 01 42");
    let whole = Data::OctetString(b"AB".to_vec());
    assert_eq!(line.outcomes(), [Event::Acted(Ok(Some(whole)))]);
}

#[test]
fn answers_to_an_action_that_lie() {
    for (before, answer, words) in [
        (&[][..], "C704C100000002", "block 2 came where 1 was due"),
        (
            &[],
            "C701C10000",
            "the answer cannot be decoded: success was said before",
        ),
        (
            &[],
            "C702C1 01 00000001 02 1105",
            "the answer cannot be decoded: success was said before",
        ),
        (&[], "C701C10F00", "long-action-aborted (15)"),
        (
            &["C704C100000001"],
            "C704C100000002",
            "the answer cannot be decoded: block 2 was the last",
        ),
        (
            &["C704C100000001"],
            "C702C1 00 00000005 01 11",
            "block 5 came where 1 was due",
        ),
        (
            &["C704C100000001", "C702C1 00 00000001 01 11"],
            "C701C10000",
            "the answer cannot be decoded: a whole answer came amid",
        ),
        (
            &["C704C100000001", "C702C1 00 00000001 01 11"],
            "C702C1 00 00000001 01 05",
            "block 1 came where 2 was due",
        ),
        (
            &["C704C100000001", "C702C1 00 00000001 01 11"],
            "C702C1 00 00000002 00",
            "the answer cannot be decoded: block 2 is empty",
        ),
    ] {
        let mut line = Line::granted(ALL, 64);
        line.act(Some(&text(50)));
        for answer in before {
            line.reply_hex(answer);
            line.request();
        }
        let told = line.action_outcome(answer).unwrap_err().to_string();
        assert!(told.starts_with(words), "{answer}: {told}");
        assert_eq!(line.client.state(), State::Ready);
        line.act(None);
        assert_eq!(line.action_outcome("C701C20000"), Ok(None));
    }
}

#[test]
fn a_return_value_without_end_stops_at_the_limit() {
    let mut line = Line::granted(ALL, 1024);
    line.act(None);
    for block in 1..=41_u32 {
        line.reply_hex(&format!("C702C100{block:08X}64{}", "00".repeat(100)));
        line.heard();
    }
    assert_eq!(
        line.outcomes(),
        [Event::Acted(Err(ActionError::TooLarge(4096)))]
    );
    line.act(None);
    let refused = ActionError::Result(ActionResult::OTHER_REASON);
    assert_eq!(line.action_outcome("C701C2FA00"), Err(refused));
}

#[test]
fn late_answers_of_other_services_are_dropped_and_silence_ends_the_association() {
    let mut line = Line::granted(ALL, 1024);
    line.set(&text(3));
    for (late, notice) in [
        ("C401C1001105", Notice::UnexpectedAnswer(0xC4)),
        ("C701C10000", Notice::UnexpectedAnswer(0xC7)),
        (
            "C501C900",
            Notice::StaleAnswer {
                expected: 1,
                got: 9,
            },
        ),
    ] {
        line.reply_late(late);
        assert_eq!(line.client.state(), State::Reading, "{late}");
        assert_eq!(line.events().last(), Some(&Event::Notice(notice)));
        line.heard();
    }
    line.receive_ready();
    line.events();
    line.pass(TIMEOUT * 3);
    let outcomes = line.outcomes();
    assert!(
        matches!(
            &outcomes[..],
            [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
        ),
        "{outcomes:?}"
    );
}
