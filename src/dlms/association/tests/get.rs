//! One attribute at a time: values, refusals, blocks, late and broken answers.
use super::*;
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::xdlms::{DataAccessResult, GetRequest, GetResponse, InvokeId};

#[test]
fn a_value_comes_and_invoke_ids_go_round() {
    let mut line = Line::ready();
    for turn in 0..32_u8 {
        let id = 0xC0 | (turn % 15 + 1);
        assert_eq!(
            line.get(),
            hex(&format!("C001{id:02X}00030101200700FF0200"))
        );
        assert_eq!(line.client.state(), State::Reading);
        line.reply_hex(&format!("C401{id:02X}000500003504"));
        assert_eq!(line.events(), [Event::Got(Ok(Data::DoubleLong(13572)))]);
        assert_eq!(line.client.state(), State::Ready);
    }
}

#[test]
fn refusals_are_told_by_name_and_cost_one_value() {
    // X1 … X10.
    for (code, name) in [
        (3, "read-write-denied"),
        (4, "object-undefined"),
        (9, "object-class-inconsistent"),
        (11, "object-unavailable"),
        (12, "type-unmatched"),
        (13, "scope-of-access-violated"),
        (1, "hardware-fault"),
        (2, "temporary-failure"),
        (250, "other-reason"),
        (14, "data-block-unavailable"),
        (15, "long-get-aborted"),
        (16, "no-long-get-in-progress"),
        (19, "data-block-number-invalid"),
    ] {
        let mut line = Line::ready();
        let error = line
            .get_answered(&format!("C401C101{code:02X}"))
            .unwrap_err();
        assert_eq!(error, GetError::Access(DataAccessResult(code)));
        assert_eq!(error.to_string(), format!("{name} ({code})"));
        // A block tag over a refusal is a refusal as well.
        let error = line
            .get_answered(&format!("C402C20000000001 01{code:02X}"))
            .unwrap_err();
        assert_eq!(error, GetError::Access(DataAccessResult(code)));
        assert_eq!(line.client.state(), State::Ready);
    }
}

#[test]
fn exceptions_and_service_errors() {
    let mut line = Line::ready();
    // X13, X14, X16.
    for (apdu, words) in [
        (
            "D80102",
            "service-not-allowed, service-not-supported (exception 1/2)",
        ),
        ("D80203", "service-unknown, other-reason (exception 2/3)"),
        (
            "D80104",
            "service-not-allowed, pdu-too-long (exception 1/4)",
        ),
        (
            "0E050301",
            "pdu-size (confirmed-service-error read, service 1)",
        ),
    ] {
        assert_eq!(line.get_answered(apdu).unwrap_err().to_string(), words);
    }
    assert_eq!(line.client.state(), State::Ready);
}

#[test]
fn broken_answers_are_undecodable_not_fatal() {
    let mut line = Line::ready();
    for (id, apdu, words) in [
        (1, "C401", "a GET response without its invoke-id at byte 2"),
        (2, "C401C2", "a GET response without its result at byte 3"),
        (3, "C402C30103", "a block without its number at byte 4"),
        (
            4,
            "C403C4 01 00 1101",
            "a list came where one value was asked",
        ),
        (
            5,
            "CC0100",
            "glo-get-response (CC) is no answer to a GET; it is ciphered and there is no key for it",
        ),
        (6, "7F01", "an unknown APDU (7F) is no answer to a GET"),
        (
            7,
            "D8",
            "an exception-response without its state error at byte 1",
        ),
        (
            8,
            "0E01",
            "a confirmed-service-error that is cut off at byte 1",
        ),
    ] {
        let error = line.get_answered(apdu).unwrap_err();
        assert_eq!(error, GetError::Undecodable(words.to_owned()), "{id}");
    }
    // X18: an unknown type, and a value that is cut off.
    for apdu in ["C401C900 63", "C401CA00 0500"] {
        assert!(matches!(
            line.get_answered(apdu),
            Err(GetError::Undecodable(_))
        ));
    }
}

#[test]
fn bytes_after_the_value_are_left_out_and_told() {
    // The Gurux C server's clock.
    let mut line = Line::ready();
    line.get();
    line.reply_hex("C401C100 090C07E90B1404103 71E00003C00 05 06 07");
    let events = line.events();
    assert_eq!(events[0], Event::Notice(Notice::TrailingBytes(3)));
    assert!(matches!(&events[1], Event::Got(Ok(Data::OctetString(bytes))) if bytes.len() == 12));
}

/// Answers the GET under way with `data` in blocks of `size`, checking each GET-next.
fn answer_in_blocks(line: &mut Line, data: &[u8], size: usize, first: u32) {
    let invoke = InvokeId(0xC1);
    let count = data.chunks(size).count();
    for (index, piece) in data.chunks(size).enumerate() {
        let block = first + u32::try_from(index).unwrap();
        let mut apdu = Vec::new();
        GetResponse::Block {
            invoke,
            last: index + 1 == count,
            block,
            data: piece,
        }
        .encode(&mut apdu);
        line.reply(&apdu);
        if index + 1 < count {
            let next = line.request();
            assert_eq!(
                GetRequest::decode(&next).unwrap(),
                GetRequest::Next { invoke, block }
            );
        }
    }
}

#[test]
fn blocks_are_joined_wherever_they_are_cut() {
    let mut value = vec![9, 0x81, 200];
    value.extend(0..200_u8);
    for (size, first) in [(1, 1), (7, 1), (100, 1), (203, 1), (50, 0)] {
        let mut line = Line::ready();
        line.get();
        answer_in_blocks(&mut line, &value, size, first);
        assert_eq!(
            line.events(),
            [Event::Got(Ok(Data::OctetString(value[3..].to_vec())))]
        );
        assert_eq!(line.client.state(), State::Ready);
    }
}

#[test]
fn a_block_out_of_order_ends_the_value_only() {
    for (numbers, expected, got) in [
        (&[2_u32][..], 1, 2),
        (&[1, 3], 2, 3),
        (&[1, 2, 2], 3, 2),
        (&[0, 2], 1, 2),
        (&[0xFFFF_FFFF], 1, 0xFFFF_FFFF),
    ] {
        let mut line = Line::ready();
        line.get();
        for number in numbers {
            line.reply_hex(&format!("C402C100{number:08X}00020500"));
            line.heard();
        }
        assert_eq!(
            line.events(),
            [Event::Got(Err(GetError::BlockOutOfOrder { expected, got }))]
        );
        // The next GET starts clean.
        assert_eq!(line.get_answered("C401C2001105"), Ok(Data::Unsigned(5)));
    }
}

#[test]
fn an_answer_is_bounded_however_it_comes() {
    // In blocks without end …
    let mut line = Line::ready();
    line.get();
    let mut blocks = 0_u32;
    while line.client.state() == State::Reading {
        blocks += 1;
        assert!(blocks < 100);
        line.reply_hex(&format!("C402C100{blocks:08X}0064{}", "00".repeat(100)));
        line.heard();
    }
    assert_eq!(blocks, 41);
    assert_eq!(line.events(), [Event::Got(Err(GetError::TooLarge(4096)))]);
    // … in empty blocks without end …
    line.get();
    line.reply_hex("C402C2000000000100 00");
    assert!(matches!(
        &line.events()[..],
        [Event::Got(Err(GetError::Undecodable(why)))] if why.contains("empty")
    ));
    // … and in one piece.
    let mut small = Line::ready_with(Config {
        max_answer: 8,
        ..config(Authentication::None)
    });
    assert_eq!(
        small.get_answered("C401C100 0A08 4142434445464748"),
        Err(GetError::TooLarge(8))
    );
}

#[test]
fn a_whole_answer_amid_blocks_is_refused() {
    let mut line = Line::ready();
    line.get();
    line.reply_hex("C402C1000000000100020900");
    line.heard();
    line.reply_hex("C401C1001105");
    assert!(matches!(
        &line.events()[..],
        [Event::Got(Err(GetError::Undecodable(_)))]
    ));
}

#[test]
fn an_answer_to_an_earlier_get_is_dropped_and_the_right_one_awaited() {
    let mut line = Line::ready();
    line.get_answered("C401C1001101").unwrap();
    line.get();
    for stale in ["C401C1001101", "C401C10104", "C402C1FF", "C501C100"] {
        line.reply_late(stale);
        assert_eq!(line.client.state(), State::Reading, "{stale}");
        assert!(matches!(
            line.events()[..],
            [
                ..,
                Event::Notice(
                    Notice::StaleAnswer {
                        expected: 2,
                        got: 1
                    } | Notice::UnexpectedAnswer(0xC5)
                )
            ]
        ));
        assert_eq!(line.heard(), [Heard::ReceiveReady]);
    }
    line.reply_late("C401C2001102");
    assert_eq!(line.events(), [Event::Got(Ok(Data::Unsigned(2)))]);
    assert_eq!(line.client.poll_timeout(), None);
}

#[test]
fn an_answer_in_sequence_is_ours_whatever_id_it_carries() {
    // X12: some meters send errors under invoke-id 1 whatever was asked (gurux-dlms 1.0.203 does).
    let mut line = Line::ready();
    line.get_answered("C401C1001101").unwrap();
    line.get();
    line.reply_hex("C401C10104");
    let mismatch = Notice::OtherInvokeId {
        expected: 2,
        got: 1,
    };
    assert!(matches!(
        &line.events()[..],
        [Event::Notice(notice), Event::Got(Err(GetError::Access(_)))] if *notice == mismatch
    ));
}

#[test]
fn other_bits_of_the_invoke_octet_do_not_matter() {
    let mut line = Line::ready();
    assert_eq!(line.get_answered("C40101001102"), Ok(Data::Unsigned(2)));
}

#[test]
fn stale_answers_only_end_in_no_answer() {
    // X12: a meter that never echoes the id must not keep us for ever.
    let mut line = Line::ready();
    line.get();
    line.reply_late("C401C7001101");
    line.heard();
    line.receive_ready();
    line.events();
    assert_eq!(line.client.state(), State::Reading);
    line.pass(TIMEOUT * 3);
    let outcomes = line.outcomes();
    assert!(
        matches!(
            &outcomes[..],
            [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
        ),
        "{outcomes:?}"
    );
    assert_eq!(line.client.state(), State::Idle);
}

#[test]
fn a_lost_answer_is_asked_for_again_and_then_fails() {
    let mut line = Line::ready();
    line.get();
    line.pass(TIMEOUT);
    assert_ne!(line.heard_again(), 0, "the link tries again");
    line.pass(TIMEOUT * 3);
    assert!(matches!(
        &line.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
    ));
    // DISC is still owed.
    line.client.release(line.now, Duration::from_secs(1));
    assert!(line.heard_again() > 0);
    assert_eq!(line.client.state(), State::Disconnecting);
}

#[test]
fn dm_while_ready_or_reading_ends_the_association() {
    let mut line = Line::ready();
    line.get();
    line.unnumbered(Control::Dm { poll: true });
    let outcomes = line.outcomes();
    assert!(
        matches!(
            &outcomes[..],
            [Event::Failed(Failure::Link(LinkFailure::Dm { .. }))]
        ),
        "{outcomes:?}"
    );
    assert_eq!(line.client.conformance(), None);

    let mut line = Line::ready();
    line.unnumbered(Control::Dm { poll: true });
    assert!(matches!(
        &line.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::Dm { .. }))]
    ));

    let mut line = Line::ready();
    line.client.keep_alive(line.now).unwrap();
    assert_eq!(line.heard(), [Heard::ReceiveReady]);
    line.unnumbered(Control::Dm { poll: true });
    assert!(matches!(
        &line.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::Dm { .. }))]
    ));
}

#[test]
fn notifications_pass_through_without_disturbing_a_get() {
    let mut line = Line::ready();
    line.get();
    line.information(0x13, &hex("E6E7000F4000000000 1105"));
    line.reply_hex("0F4000000100 1106");
    line.heard();
    line.reply_hex("C401C1001107");
    assert_eq!(
        line.outcomes(),
        [
            Event::Unsolicited(hex("0F40000000001105")),
            Event::Unsolicited(hex("0F40000001001106")),
            Event::Got(Ok(Data::Unsigned(7)))
        ]
    );
}

#[test]
fn keep_alive_is_answered_in_silence_and_a_get_waits_for_it() {
    let mut line = Line::ready();
    line.client.keep_alive(line.now).unwrap();
    assert_eq!(line.heard(), [Heard::ReceiveReady]);
    assert!(!line.client.is_settled());
    line.receive_ready();
    assert!(line.client.is_settled());
    assert_eq!(line.events(), []);

    line.client.keep_alive(line.now).unwrap();
    line.heard();
    line.client.get(line.now, VOLTAGE).unwrap();
    assert_eq!(line.heard(), [], "one frame at a time");
    line.receive_ready();
    line.request();
    line.reply_hex("C401C1001107");
    assert_eq!(line.outcomes(), [Event::Got(Ok(Data::Unsigned(7)))]);
}

#[test]
fn an_unanswered_keep_alive_is_a_failure() {
    let mut line = Line::ready();
    line.client.keep_alive(line.now).unwrap();
    line.pass(TIMEOUT * 3);
    assert!(matches!(
        &line.outcomes()[..],
        [Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))]
    ));
}

#[test]
fn a_flood_of_unasked_apdus_is_bounded() {
    let mut line = Line::ready();
    for _ in 0..1000 {
        line.information(0x13, &hex("E6E7000F40000000001105"));
    }
    assert_eq!(line.events().len(), MOST_EVENTS);
    assert_eq!(line.get_answered("C401C1001107"), Ok(Data::Unsigned(7)));
}
