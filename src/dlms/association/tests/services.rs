//! Part of an attribute and several at once: what goes out, what comes of good and of lying answers.
use super::*;
use crate::dlms::xdlms::{DataAccessResult, ExceptionResponse, Selection};

/// Everything a meter can grant of LN services.
const ALL: u32 = 0x00_7E1F;
const CURRENT: AttributeRef = AttributeRef {
    class: 3,
    obis: Obis::new(1, 1, 31, 7, 0, 255),
    attribute: 2,
};
const LIST: &str = "00030101200700FF0200 000301011F0700FF0200";

impl Line {
    /// One list of two, answered with `apdu`, and what came of it.
    fn list_answered(&mut self, apdu: &str) -> Result<Vec<Result<Data, GetError>>, GetError> {
        self.client.get_list(self.now, &[VOLTAGE, CURRENT]).unwrap();
        self.request();
        self.reply_hex(apdu);
        match &mut self.outcomes()[..] {
            [Event::GotList(result)] => result.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_list_is_one_request_and_one_answer_in_order() {
    let mut line = Line::granted(ALL, 1024);
    let now = line.now;
    line.client.get_list(now, &[VOLTAGE, CURRENT]).unwrap();
    assert_eq!(line.request(), hex(&format!("C003C1 02 {LIST}")));
    assert_eq!(line.client.state(), State::Reading);
    line.reply_hex("C403C1 02 00 12092F 01 04");
    let refused = GetError::Access(DataAccessResult::OBJECT_UNDEFINED);
    let both = vec![Ok(Data::LongUnsigned(2351)), Err(refused)];
    assert_eq!(line.events(), [Event::GotList(Ok(both))]);
    assert_eq!(line.client.state(), State::Ready);
    // In blocks, cut anywhere.
    line.client.get_list(now, &[VOLTAGE, CURRENT]).unwrap();
    line.request();
    line.reply_hex("C402C2 00 00000001 00 03 020012");
    assert_eq!(line.request(), hex("C002C200000001"));
    line.reply_hex("C402C2 01 00000002 00 05 0901 00 1105");
    let both = vec![Ok(Data::LongUnsigned(0x0901)), Ok(Data::Unsigned(5))];
    assert_eq!(line.events(), [Event::GotList(Ok(both))]);
}

#[test]
fn a_list_that_lies_is_an_error_by_name() {
    let mut line = Line::granted(ALL, 1024);
    for (answer, error) in [
        (
            "C403C1 01 00 1105",
            "2 attributes were asked, and the list that came has 1",
        ),
        (
            "C403C2 03 00 1105 00 1105 00 1105",
            "2 attributes were asked, and the list that came has 3",
        ),
        (
            "C403C3 7F 00 1105",
            "the answer cannot be decoded: a list that claims more than it holds at byte 0",
        ),
        (
            "C403C4 02 00 1105 00",
            "the answer cannot be decoded: an answer that cannot be decoded at byte 5",
        ),
        (
            "C403C5 02 00 1105 02 05",
            "the answer cannot be decoded: an answer without its choice at byte 4",
        ),
        (
            "C401C6 00 1105",
            "the answer cannot be decoded: one value came where a list was asked",
        ),
        ("C401C7 01 02", "temporary-failure (2)"),
        (
            "D80102",
            "service-not-allowed, service-not-supported (exception 1/2)",
        ),
        (
            "C402C9 00 00000002 00 01 00",
            "block 2 came where 1 was due",
        ),
    ] {
        let told = line.list_answered(answer).unwrap_err();
        assert_eq!(told.to_string(), error, "{answer}");
        assert_eq!(line.client.state(), State::Ready);
    }
    assert!(line.list_answered("C403CA 02 00 1105 00 1106").is_ok());
    // A list where one value was asked was refused before; one value more than asked is left out and told.
    line.client.get_list(line.now, &[VOLTAGE]).unwrap();
    line.request();
    line.reply_hex("C403CB 01 00 1105 00 1106");
    assert_eq!(
        line.events(),
        [
            Event::Notice(Notice::TrailingBytes(3)),
            Event::GotList(Ok(vec![Ok(Data::Unsigned(5))]))
        ]
    );
}

#[test]
fn what_was_not_granted_or_does_not_fit_is_not_attempted() {
    let mut line = Line::granted(ALL & !0x0204, 1024);
    let now = line.now;
    let selection = Selection::entries(1, 2);
    assert!(line.client.get_list(now, &[VOLTAGE]).is_err());
    assert!(line.client.get_with(now, VOLTAGE, &selection).is_err());
    assert_eq!((line.heard(), line.client.state()), (vec![], State::Ready));

    let mut line = Line::granted(ALL, 64);
    assert!(line.client.get_list(now, &[]).is_err());
    assert!(line.client.get_list(now, &[VOLTAGE; 7]).is_err());
    assert_eq!((line.heard(), line.client.state()), (vec![], State::Ready));
    line.client.get_list(now, &[VOLTAGE; 6]).unwrap();
    assert_eq!(line.request().len(), 4 + 6 * 10);
    // One at a time.
    let busy = line.client.get_list(now, &[VOLTAGE]).unwrap_err();
    assert!(busy.to_string().contains("under way"), "{busy}");
    assert!(line.client.get_with(now, VOLTAGE, &selection).is_err());

    // Before there is an association, nothing at all.
    let mut idle = Line::new(config(Authentication::None));
    assert!(idle.client.get_list(now, &[VOLTAGE]).is_err());
    assert!(idle.client.get_with(now, VOLTAGE, &selection).is_err());
    assert_eq!(idle.heard(), []);
}

#[test]
fn a_list_without_end_stops_at_the_limit() {
    let mut line = Line::granted(ALL, 1024);
    line.client.get_list(line.now, &[VOLTAGE, CURRENT]).unwrap();
    line.request();
    for block in 1..=41_u32 {
        line.reply_hex(&format!("C402C100{block:08X}0064{}", "00".repeat(100)));
        line.heard();
    }
    assert_eq!(
        line.outcomes(),
        [Event::GotList(Err(GetError::TooLarge(4096)))]
    );
    assert_eq!(line.get_answered("C401C2001105"), Ok(Data::Unsigned(5)));
}

#[test]
fn part_of_an_attribute() {
    let mut line = Line::granted(ALL, 1024);
    let selection = Selection::entries(1, 96);
    line.client.get_with(line.now, VOLTAGE, &selection).unwrap();
    assert_eq!(
        line.request(),
        hex("C001C1 00030101200700FF02 01 02 0204 0600000001 0600000060 120001 120000")
    );
    line.reply_hex("C401C1 010D");
    let scope = GetError::Access(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED);
    assert_eq!(line.events(), [Event::Got(Err(scope))]);
    line.client.get_with(line.now, VOLTAGE, &selection).unwrap();
    line.request();
    line.reply_hex("D80203");
    let refused = ExceptionResponse {
        state: 2,
        service: 3,
        counter: None,
    };
    assert_eq!(
        line.events(),
        [Event::Got(Err(GetError::Exception(refused)))]
    );
}
