//! SET and ACTION by hand, where a client goes wrong: what is not whole is not written.

use super::*;

/// Client 1 of the generic meter, by hand; SET and ACTION in blocks and lists are agreed.
fn by_hand() -> Session {
    let mut line = Line::new(Profile::generic(1));
    line.client = 0x03;
    line.server = vec![0x02, 0x23];
    let aarq = "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F0400007E1D0000";
    let (session, answer) = Session::open(line, aarq);
    assert!(
        answer.starts_with("6129A109060760857405080101A203020100"),
        "{answer}"
    );
    session
}

const NOTE_HEX: &str = "00010000600109FF02";

#[test]
fn set_blocks_gone_wrong_write_nothing() {
    let mut session = by_hand();
    let first = format!("C102C1{NOTE_HEX}0000000000103090541");
    let first = first.replace("0000000000103090541", "00 00 00000001 03 090541");
    let conversations: [&[(&str, &str)]; 6] = [
        // No transfer; a gap; the same block twice.
        &[("C103C1 01 00000002 01 42", "C503C1 12 00000002")],
        &[
            (&first, "C502C100000001"),
            ("C103C1 01 00000003 01 42", "C503C1 13 00000003"),
        ],
        &[
            (&first, "C502C100000001"),
            ("C103C1 01 00000001 01 42", "C503C1 13 00000001"),
        ],
        // Less than the value says; a block of an ACTION; something else in between.
        &[
            (&first, "C502C100000001"),
            ("C103C1 01 00000002 01 42", "C503C1 0C 00000002"),
        ],
        &[
            (&first, "C502C100000001"),
            ("C306C1 01 00000002 01 42", "C701C1 10 00"),
        ],
        &[
            (&first, "C502C100000001"),
            ("C101C1 00010000600109FF02 00 1105", "C501C1 0C"),
            ("C103C1 01 00000002 01 42", "C503C1 12 00000002"),
        ],
    ];
    for conversation in conversations {
        for (request, answer) in conversation {
            assert_eq!(session.apdu(request), answer.replace(' ', ""), "{request}");
        }
        assert_eq!(
            session.get(1, [0, 0, 96, 1, 9, 255], 2),
            "C401C1000909 73696D756C61746564".replace(' ', "")
        );
    }
    // And right: the whole of it.
    assert_eq!(session.apdu(&first), "C502C100000001");
    assert_eq!(
        session.apdu("C103C1 00 00000002 03 424344"),
        "C502C100000002"
    );
    assert_eq!(session.apdu("C103C1 01 00000003 01 45"), "C503C10000000003");
    assert_eq!(
        session.get(1, [0, 0, 96, 1, 9, 255], 2),
        "C401C100 0905 4142434445".replace(' ', "")
    );
}

#[test]
fn lists_are_set_one_result_for_each() {
    let mut session = by_hand();
    let list = "02 00010000600109FF0200 00030100200700FF0200";
    // One taken, one refused; then a value too few.
    assert_eq!(
        session.apdu(&format!("C104C1 {list} 02 0901 58 1105")),
        "C505C1020003"
    );
    assert_eq!(session.get(1, [0, 0, 96, 1, 9, 255], 2), "C401C100090158");
    assert_eq!(
        session.apdu(&format!("C104C1 {list} 01 0901 59")),
        "C505C1020C0C"
    );
    assert_eq!(session.get(1, [0, 0, 96, 1, 9, 255], 2), "C401C100090158");
    // In blocks.
    assert_eq!(
        session.apdu(&format!("C105C1 {list} 00 00000001 02 0209")),
        "C502C100000001"
    );
    assert_eq!(
        session.apdu("C103C1 01 00000002 04 015A1105"),
        "C504C102000300000002"
    );
    assert_eq!(session.get(1, [0, 0, 96, 1, 9, 255], 2), "C401C10009015A");
    // A list that lies.
    assert_eq!(
        session.apdu("C104C1 7F 00010000600109FF0200 01 00"),
        "D80101"
    );
}

#[test]
fn actions_in_blocks() {
    let mut session = by_hand();
    let relay = "004600006003 0AFF 01";
    assert_eq!(
        session.apdu(&format!("C304C1 {relay} 00 00000001 01 0F")),
        "C704C100000001"
    );
    assert_eq!(session.apdu("C306C1 01 00000002 01 00"), "C701C10000");
    assert_eq!(session.get(70, [0, 0, 96, 3, 10, 255], 3), "C401C1001600");
    // Gone wrong: aborted, nothing in progress, a return value nobody has. Then a list.
    assert_eq!(
        session.apdu(&format!("C304C1 {relay} 00 00000002 01 0F")),
        "C701C10F00"
    );
    assert_eq!(session.apdu("C306C1 01 00000002 01 00"), "C701C11000");
    assert_eq!(session.apdu("C302C100000001"), "C701C11000");
    assert_eq!(
        session.apdu("C303C101 004600006003 0AFF01 01 0F00"),
        "C703C1010000"
    );
}
