//! SET, ACTION, lists and selections against recorded bytes, then against themselves and against damage.
use super::action::{ActionRequest, ActionResponse, ActionResult, MethodRef, Returned};
use super::list::{Answers, References, Results, Values, encode_references};
use super::set::{SetRequest, SetResponse};
use super::*;
use crate::cosem::date_time::DateTime;
use crate::cosem::profile::CaptureObject;
use crate::cosem::{AttributeRef, Data, Obis};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

const NOTE: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 96, 1, 9, 255),
    attribute: 2,
};

#[test]
fn recorded_requests_and_answers() {
    let invoke = InvokeId(0xC1);
    let apdu = hex("C101C100010000600109FF02000903414243");
    let set = SetRequest::Normal {
        invoke,
        attribute: NOTE,
        access: &[],
        value: &[9, 3, 0x41, 0x42, 0x43],
    };
    assert_eq!(SetRequest::decode(&apdu).unwrap(), set);
    assert_eq!(encoded(|out| set.encode(out)), apdu);
    let done = SetResponse::Normal {
        invoke,
        result: DataAccessResult::SUCCESS,
    };
    assert_eq!(SetResponse::decode(&hex("C501C100")).unwrap(), done);

    let apdu = hex("C301C10046000060030AFF01010F00");
    let method = MethodRef {
        class: 70,
        obis: Obis::new(0, 0, 96, 3, 10, 255),
        method: 1,
    };
    let action = ActionRequest::Normal {
        invoke,
        method,
        parameters: &[0x0F, 0],
    };
    assert_eq!(ActionRequest::decode(&apdu).unwrap(), action);
    assert_eq!(encoded(|out| action.encode(out)), apdu);
    assert_eq!(method.to_string(), "70/0-0:96.3.10.255/1");
    let done = ActionResponse::Normal {
        invoke,
        result: ActionResult::SUCCESS,
        returned: Returned::Nothing,
    };
    assert_eq!(ActionResponse::decode(&hex("C701C10000")).unwrap(), done);
    assert_eq!(ActionResponse::decode(&hex("C701C100")).unwrap(), done);
}

#[test]
fn action_results_by_name() {
    for (code, name) in [
        (0, "success"),
        (3, "read-write-denied"),
        (14, "data-block-unavailable"),
        (15, "long-action-aborted"),
        (16, "no-long-action-in-progress"),
        (250, "other-reason"),
        (77, "unknown result"),
    ] {
        assert_eq!(ActionResult(code).to_string(), format!("{name} ({code})"));
    }
}

#[test]
fn selections_as_recorded() {
    let clock = "0204 120008 0906 0000010000FF 0F02 120000";
    let range = hex(&format!(
        "01 0204 {clock} 090C07EA0101FF03000000000000 090C07EA0101FF04000000000000 0100"
    ));
    let at = |text: &str| DateTime {
        raw: hex(text).try_into().unwrap(),
    };
    let between = Selection::between(
        at("07EA0101FF03000000000000"),
        at("07EA0101FF04000000000000"),
    );
    assert_eq!(encoded(|out| between.encode(out)), range);
    assert_eq!(Selection::decode(&range).unwrap(), between);

    let entry = hex("02 0204 0600000001 0600000060 120001 120000");
    let entries = Selection::entries(1, 96);
    assert_eq!(encoded(|out| entries.encode(out)), entry);
    assert_eq!(Selection::decode(&entry).unwrap(), entries);

    // A known selector in another shape is kept as it is; what is no data at all is an error.
    let odd = Selection::decode(&hex("02 0201 11 05")).unwrap();
    assert_eq!(odd.selector(), 2);
    assert!(matches!(odd, Selection::Other { .. }));
    assert_eq!(encoded(|out| odd.encode(out)), hex("0202011105"));
    assert!(Selection::decode(&[]).is_err());
    assert!(Selection::decode(&hex("01 0204 11")).is_err());
}

#[test]
fn capture_objects_are_read_whatever_integers_a_meter_uses() {
    let clock = CaptureObject::CLOCK;
    assert_eq!(CaptureObject::from_data(&clock.to_data()), Some(clock));
    let odd = Data::Structure(vec![
        Data::Unsigned(8),
        Data::OctetString(vec![0, 0, 1, 0, 0, 255]),
        Data::Unsigned(2),
        Data::Unsigned(0),
    ]);
    assert_eq!(CaptureObject::from_data(&odd), Some(clock));
    for wrong in [
        Data::Null,
        Data::Structure(vec![Data::Null; 4]),
        Data::Structure(vec![]),
    ] {
        assert_eq!(CaptureObject::from_data(&wrong), None);
    }
}

#[test]
fn lists_item_by_item() {
    let list = hex("02 00010000600109FF02 01 02 1105 00030100200700FF02 00");
    let items: Vec<_> = References::new(&list)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(items[0], (NOTE, &[2, 0x11, 5][..]));
    assert_eq!((items[1].0.class, items[1].1), (3, &[][..]));

    let answers = hex("03 00 1105 01 04 00 0203 1101 1102 1103 FF");
    let mut answers = Answers::new(&answers).unwrap();
    assert_eq!(answers.next(), Some(Ok(Ok(Data::Unsigned(5)))));
    assert_eq!(answers.next(), Some(Ok(Err(DataAccessResult(4)))));
    assert_eq!(answers.left(), 1);
    assert!(matches!(answers.next(), Some(Ok(Ok(Data::Structure(_))))));
    assert_eq!((answers.next(), answers.trailing()), (None, 1));

    let values = hex("02 1105 0901 41");
    let values: Vec<_> = Values::new(&values).unwrap().map(Result::unwrap).collect();
    assert_eq!(values, [&[0x11, 5][..], &[9, 1, 0x41]]);
    let results: Vec<_> = Results::new(&[2, 0, 3])
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(results, [DataAccessResult(0), DataAccessResult(3)]);
}

#[test]
fn lists_that_lie_end() {
    for list in ["", "02", "84FFFFFFFF 00", "05 00010000600109FF0200"] {
        assert!(References::new(&hex(list)).is_err(), "{list}");
    }
    // An item that is not one ends the list.
    let list = hex("02 00010000600109FF02 07 00010000600109FF02 00");
    let mut references = References::new(&list).unwrap();
    let error = references.next().unwrap().unwrap_err();
    assert_eq!(
        (error.offset, error.what),
        (10, "a reference without its access selection")
    );
    assert_eq!(references.next(), None);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let set = |text: &str| SetRequest::decode(&hex(text)).unwrap_err().to_string();
    let action = |text: &str| ActionRequest::decode(&hex(text)).unwrap_err().to_string();
    for (told, words) in [
        (set("C001"), "not a SET request at byte 0"),
        (set("C106C1"), "an unknown kind of SET request at byte 1"),
        (
            set("C101C1 0001"),
            "a reference without its logical name at byte 5",
        ),
        (
            set("C101C1 00010000600109FF02 00"),
            "a SET request without its value at byte 13",
        ),
        (
            set("C102C1 00010000600109FF02 00 01 00000001 05 11"),
            "a block whose length is not what follows at byte 18",
        ),
        (
            set("C103C1 01 00000001 01 11 22"),
            "bytes after the block at byte 10",
        ),
        (
            set("C104C1 01 00010000600109FF02"),
            "a list that claims more than it holds at byte 3",
        ),
        (
            set("C104C1 01 00010000600109FF02 05"),
            "a reference without its access selection at byte 13",
        ),
        (
            set("C104C1 01 00010000600109FF02 00"),
            "a SET request without its values at byte 14",
        ),
        (
            action("C301C1 00010000600109FF02 01"),
            "parameters that are missing at byte 13",
        ),
        (
            action("C301C1 00010000600109FF02 00 00"),
            "bytes after the ACTION request at byte 13",
        ),
        (
            action("C307C1"),
            "an unknown kind of ACTION request at byte 1",
        ),
    ] {
        assert_eq!(told, words);
    }
}

fn attribute() -> impl Strategy<Value = AttributeRef> {
    (any::<u16>(), any::<[u8; 6]>(), any::<i8>()).prop_map(|(class, obis, attribute)| {
        AttributeRef {
            class,
            obis: Obis(obis),
            attribute,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_set_comes_back(
        id: u8, attributes in proptest::collection::vec(attribute(), 1..5), selected: bool,
        last: bool, block: u32, data in proptest::collection::vec(any::<u8>(), 1..300), result: u8,
    ) {
        let invoke = InvokeId(id);
        let attribute = attributes[0];
        let access: &[u8] = if selected { &[2, 0x11, 5] } else { &[] };
        let list = encoded(|out| encode_references(&attributes, out));
        for request in [
            SetRequest::Normal { invoke, attribute, access, value: &data },
            SetRequest::FirstBlock { invoke, attribute, access, last, block, data: &data },
            SetRequest::Block { invoke, last, block, data: &data },
            SetRequest::WithList { invoke, list: &list, values: &data },
            SetRequest::ListFirstBlock { invoke, list: &list, last, block, data: &data },
        ] {
            let apdu = encoded(|out| request.encode(out));
            prop_assert_eq!(SetRequest::decode(&apdu), Ok(request.clone()));
            prop_assert_eq!(request.invoke(), invoke);
        }
        let result = DataAccessResult(result);
        for response in [
            SetResponse::Normal { invoke, result },
            SetResponse::Block { invoke, block },
            SetResponse::LastBlock { invoke, result, block },
            SetResponse::LastBlockWithList { invoke, list: &[2, 0, 3], block },
            SetResponse::WithList { invoke, list: &[1, 4] },
        ] {
            let apdu = encoded(|out| response.encode(out));
            prop_assert_eq!(SetResponse::decode(&apdu), Ok(response.clone()));
            prop_assert_eq!(response.invoke(), invoke);
        }
    }

    #[test]
    fn any_action_comes_back(
        id: u8, of in attribute(), last: bool, block: u32,
        data in proptest::collection::vec(any::<u8>(), 0..300), result: u8, code: u8,
    ) {
        let invoke = InvokeId(id);
        let method = MethodRef { class: of.class, obis: of.obis, method: of.attribute };
        for request in [
            ActionRequest::Normal { invoke, method, parameters: &data },
            ActionRequest::Next { invoke, block },
            ActionRequest::FirstBlock { invoke, method, last, block, data: &data },
            ActionRequest::Block { invoke, last, block, data: &data },
        ] {
            let apdu = encoded(|out| request.encode(out));
            prop_assert_eq!(ActionRequest::decode(&apdu), Ok(request.clone()));
            prop_assert_eq!(request.invoke(), invoke);
        }
        let result = ActionResult(result);
        let given = if data.is_empty() { Returned::Nothing } else { Returned::Data(&data) };
        for response in [
            ActionResponse::Normal { invoke, result, returned: given },
            ActionResponse::Normal { invoke, result, returned: Returned::Error(DataAccessResult(code)) },
            ActionResponse::Block { invoke, last, block, data: &data },
            ActionResponse::Next { invoke, block },
        ] {
            let apdu = encoded(|out| response.encode(out));
            prop_assert_eq!(ActionResponse::decode(&apdu), Ok(response.clone()));
            prop_assert_eq!(response.invoke(), invoke);
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..60), first in 0..4_usize, choice in 0..8_u8,
    ) {
        let mut apdu = bytes.clone();
        if let [tag, kind, ..] = &mut apdu[..] {
            *tag = [tag::SET_REQUEST, tag::SET_RESPONSE, tag::ACTION_REQUEST, tag::ACTION_RESPONSE][first];
            *kind = choice;
        }
        let _ = SetRequest::decode(&apdu);
        let _ = SetResponse::decode(&apdu);
        let _ = ActionRequest::decode(&apdu);
        let _ = ActionResponse::decode(&apdu);
        let _ = Selection::decode(&bytes);
        let count = References::new(&bytes).map_or(0, Iterator::count)
            + Answers::new(&bytes).map_or(0, Iterator::count)
            + Values::new(&bytes).map_or(0, Iterator::count)
            + Results::new(&bytes).map_or(0, Iterator::count);
        prop_assert!(count <= 4 * bytes.len());
    }

    #[test]
    fn any_selection_comes_back(
        column in attribute(), index: u16, from: u32, to: u32, columns in proptest::collection::vec((attribute(), any::<u16>()), 0..5), first: u16, last: u16,
    ) {
        let object = |(attribute, index)| CaptureObject { attribute, index };
        for selection in [
            Selection::Range {
                column: object((column, index)),
                from: Data::DoubleLongUnsigned(from),
                to: Data::DoubleLongUnsigned(to),
                columns: columns.iter().copied().map(object).collect(),
            },
            Selection::Entries { from, to, first_column: first, last_column: last },
            Selection::Other { selector: 200, parameters: Data::LongUnsigned(first) },
        ] {
            let access = encoded(|out| selection.encode(out));
            prop_assert_eq!(Selection::decode(&access), Ok(selection));
        }
    }
}
