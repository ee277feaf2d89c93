//! READ, WRITE, ACCESS, lists of methods and notifications: known octets, then against themselves and against damage.
use super::access::*;
use super::action::{ActionRequest, ActionResponse, ActionResult, MethodRef, Returned};
use super::list::{self, Methods, encode_methods, encode_references};
use super::notify::{DataNotification, EventNotification};
use super::short::*;
use super::*;
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

const CLOCK: AttributeRef = AttributeRef {
    class: 8,
    obis: Obis::new(0, 0, 1, 0, 0, 255),
    attribute: 2,
};
const RELAY: MethodRef = MethodRef {
    class: 70,
    obis: Obis::new(0, 0, 96, 3, 10, 255),
    method: 1,
};

#[test]
fn the_object_list_is_asked_for_as_recorded() {
    // A client by others, to a meter by others.
    let apdu = hex("05 01 02 FA08");
    let request = ReadRequest::decode(&apdu).unwrap();
    let all: Vec<_> = Variables::new(request.list).unwrap().collect();
    assert_eq!(all, [Ok(Variable::Name(0xFA08))]);
    assert_eq!(encoded(|out| request.encode(out)), apdu);
}

#[test]
fn reads_and_writes_by_short_name() {
    let list = encoded(|out| {
        encode_variables(
            &[
                Variable::Name(0x0030),
                Variable::Parameterised {
                    name: 0x0108,
                    selector: 2,
                    parameter: &[0x11, 5],
                },
            ],
            out,
        );
    });
    assert_eq!(list, hex("02 02 0030 04 0108 02 1105"));
    let answers = hex("04 00 1105 01 04 02 00 0001 02 AABB 03 0007");
    let answers: Vec<_> = ReadAnswers::new(&answers)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let block = ReadAnswer::Block {
        last: false,
        block: 1,
        data: &[0xAA, 0xBB],
    };
    assert_eq!(
        answers,
        [
            ReadAnswer::Data(&[0x11, 5]),
            ReadAnswer::Error(DataAccessResult::OBJECT_UNDEFINED),
            block,
            ReadAnswer::BlockNumber(7),
        ]
    );
    let apdu = hex("06 01 02 0030 01 1105");
    let write = WriteRequest::decode(&apdu).unwrap();
    assert!(write.confirmed);
    assert_eq!((write.list, write.values), (&apdu[1..5], &apdu[5..]));
    let results = WriteResponse::decode(&[0x0D, 3, 0, 1, 3, 2, 0, 1]).unwrap();
    let results: Vec<_> = WriteAnswers::new(results.list).unwrap().collect();
    assert_eq!(
        results,
        [
            Ok(WriteAnswer::Success),
            Ok(WriteAnswer::Error(DataAccessResult::READ_WRITE_DENIED)),
            Ok(WriteAnswer::BlockNumber(1)),
        ]
    );
}

#[test]
fn access_says_what_went_how() {
    let list = encoded(|out| {
        encode_specifications(
            &[
                Specification::Get {
                    attribute: CLOCK,
                    access: &[],
                },
                Specification::Set {
                    attribute: CLOCK,
                    access: &[1, 0],
                },
                Specification::Action(RELAY),
            ],
            out,
        );
    });
    let invoke = LongInvokeId::new(1).breaking_on_error();
    let request = AccessRequest {
        invoke,
        date_time: &[],
        list: &list,
        values: &[3, 0, 0x11, 5, 0x0F, 0],
    };
    let apdu = encoded(|out| request.encode(out));
    assert_eq!(
        apdu,
        hex(
            "D9 E0000001 00 03 01 0008 0000010000FF 02 05 0008 0000010000FF 02 01 00 \
             03 0046 000060030AFF 01 03 00 1105 0F00"
        )
    );
    assert_eq!(AccessRequest::decode(&apdu), Ok(request));
    assert!(invoke.breaks_on_error() && invoke.is_confirmed() && !invoke.is_self_descriptive());
    assert_eq!(LongInvokeId(0xC0FF_FFFF).next(), LongInvokeId(0xC000_0001));
    let apdu = hex("DA C0000001 00 00 02 1105 00 02 01 00 02 03");
    let response = AccessResponse::decode(&apdu).unwrap();
    let outcomes: Vec<_> = Outcomes::new(response.outcomes)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let denied = DataAccessResult::READ_WRITE_DENIED;
    assert_eq!(
        outcomes,
        [
            Outcome::Get(DataAccessResult::SUCCESS),
            Outcome::Set(denied)
        ]
    );
    assert!(outcomes[0].is_success() && !outcomes[1].is_success());
}

#[test]
fn lists_of_methods() {
    let list = encoded(|out| encode_methods(&[RELAY, RELAY], out));
    let invoke = InvokeId(0xC1);
    let request = ActionRequest::WithList {
        invoke,
        list: &list,
        parameters: &[2, 0x0F, 0, 0],
    };
    let apdu = encoded(|out| request.encode(out));
    assert_eq!(
        apdu,
        hex("C303C1 02 0046000060030AFF01 0046000060030AFF01 02 0F00 00")
    );
    assert_eq!(ActionRequest::decode(&apdu), Ok(request));
    assert_eq!(Methods::new(&list).unwrap().count(), 2);
    let apdu = hex("C703C1 03 00 00 00 01 00 1105 03 01 01 0C");
    let ActionResponse::WithList { list, .. } = ActionResponse::decode(&apdu).unwrap() else {
        panic!("another kind")
    };
    let outcomes: Vec<_> = list::Outcomes::new(list)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        outcomes,
        [
            (ActionResult::SUCCESS, Returned::Nothing),
            (ActionResult::SUCCESS, Returned::Data(&[0x11, 5])),
            (
                ActionResult::READ_WRITE_DENIED,
                Returned::Error(DataAccessResult::TYPE_UNMATCHED)
            ),
        ]
    );
}

#[test]
fn notifications_in_each_form_meters_write() {
    let time = "07E9 0B 14 04 10 37 1E 00 003C 00";
    for form in ["0F 40000001 0C", "0F 40000001 09 0C"] {
        let apdu = hex(&format!("{form} {time} 02 01 1105"));
        let note = DataNotification::decode(&apdu).unwrap();
        assert_eq!(note.date_time, hex(time));
        assert_eq!(note.body, [2, 1, 0x11, 5]);
        assert_eq!(note.invoke.id(), 1);
    }
    let apdu = hex("0F 00000001 00 00");
    let bare = DataNotification::decode(&apdu).unwrap();
    assert_eq!((bare.date_time, bare.body), (&[][..], &[0][..]));
    for form in ["C2 01 0C", "C2 01"] {
        let apdu = hex(&format!("{form} {time} 0008 0000010000FF 02 1105"));
        let event = EventNotification::decode(&apdu).unwrap();
        assert_eq!(event.time.unwrap().to_vec(), hex(time));
        assert_eq!((event.attribute, event.value), (CLOCK, &[0x11, 5][..]));
    }
    let apdu = hex("C2 00 0008 0000010000FF 02 00");
    let event = EventNotification::decode(&apdu).unwrap();
    assert_eq!(event.time, None);
    let apdu = hex("18 00 01 02 0030 01 1105");
    let report = InformationReport::decode(&apdu).unwrap();
    assert_eq!(report.values, [1, 0x11, 5]);
    assert_eq!(encoded(|out| report.encode(out)), apdu);
}

#[test]
fn what_is_wrong_and_where() {
    for (apdu, at, what) in [
        ("05", 1, "a READ request without its list"),
        ("06 01 03 0030 01 00", 2, "a variable of an unknown kind"),
        (
            "06 01 02 0030 02 00",
            5,
            "a list that claims more than it holds",
        ),
        ("06 01 02 0030 01 00 00", 7, "bytes after the values"),
        ("06 7F 02 0030", 1, "a list that claims more than it holds"),
    ] {
        let apdu = hex(apdu);
        let error = match apdu[0] {
            5 => ReadRequest::decode(&apdu).unwrap_err(),
            _ => WriteRequest::decode(&apdu).unwrap_err(),
        };
        assert_eq!((error.offset, error.what), (at, what), "{apdu:02X?}");
    }
    let error = AccessRequest::decode(&hex("D9 00000001 00 01 09")).unwrap_err();
    assert_eq!(error.what, "a list that claims more than it holds");
    let error = AccessResponse::decode(&hex("DA 00000001 00 00 01 00 01 09 00")).unwrap_err();
    assert_eq!(
        (error.offset, error.what),
        (10, "an outcome of an unknown kind")
    );
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

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![0]),
        any::<u32>().prop_map(|n| Data::DoubleLongUnsigned(n).to_bytes()),
        prop::collection::vec(any::<u8>(), 0..150).prop_map(|o| Data::OctetString(o).to_bytes()),
    ]
}

fn count_then(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![u8::try_from(items.len()).unwrap()];
    out.extend(items.iter().flatten());
    out
}

/// Whatever it is, no decoder trips over it.
fn all_decoders(apdu: &[u8]) {
    if let Ok(r) = ReadRequest::decode(apdu) {
        let _ = Variables::new(r.list).map_or(0, Iterator::count);
    }
    if let Ok(r) = ReadResponse::decode(apdu) {
        let _ = ReadAnswers::new(r.list).map_or(0, Iterator::count);
    }
    if let Ok(r) = WriteResponse::decode(apdu) {
        let _ = WriteAnswers::new(r.list).map_or(0, Iterator::count);
    }
    let _ = WriteRequest::decode(apdu);
    let _ = InformationReport::decode(apdu);
    let _ = AccessRequest::decode(apdu);
    let _ = AccessResponse::decode(apdu);
    let _ = ActionRequest::decode(apdu);
    let _ = DataNotification::decode(apdu);
    let _ = EventNotification::decode(apdu);
    if let Ok(ActionResponse::WithList { list, .. }) = ActionResponse::decode(apdu) {
        let _ = list::Outcomes::new(list).map_or(0, Iterator::count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writes_come_back(
        entries in prop::collection::vec((any::<u16>(), any::<Option<u8>>(), value()), 1..5),
        confirmed: bool, time in any::<Option<[u8; 13]>>(), cut in any::<prop::sample::Index>(),
    ) {
        let variables: Vec<_> = entries.iter().map(|(name, selector, parameter)| match selector {
            Some(selector) => Variable::Parameterised { name: *name, selector: *selector, parameter },
            None => Variable::Name(*name),
        }).collect();
        let list = encoded(|out| encode_variables(&variables, out));
        let again: Result<Vec<_>, _> = Variables::new(&list).unwrap().collect();
        prop_assert_eq!(again.unwrap(), variables);
        let values: Vec<_> = entries.iter().map(|(.., value)| value.clone()).collect();
        let values = count_then(&values);
        let write = WriteRequest { confirmed, list: &list, values: &values };
        let apdu = encoded(|out| write.encode(out));
        prop_assert_eq!(WriteRequest::decode(&apdu), Ok(write));
        let short = cut.index(apdu.len());
        prop_assert!(WriteRequest::decode(&apdu[..short]).is_err());
        let report = InformationReport { time: time.as_ref().map(|t| &t[..]), list: &list, values: &values };
        let apdu = encoded(|out| report.encode(out));
        prop_assert_eq!(InformationReport::decode(&apdu), Ok(report));
    }

    #[test]
    fn access_comes_back(
        entries in prop::collection::vec((attribute(), 0_u8..5, value(), any::<u8>()), 1..5),
        id: u32, dated: bool, said_again: bool, cut in any::<prop::sample::Index>(),
    ) {
        let selection: Vec<Vec<u8>> = entries.iter().map(|(_, _, value, selector)| {
            [&[*selector][..], value].concat()
        }).collect();
        let all: Vec<_> = entries.iter().zip(&selection).map(|((of, kind, ..), access)| match kind {
            0 => Specification::Get { attribute: *of, access: &[] },
            1 => Specification::Get { attribute: *of, access },
            2 => Specification::Set { attribute: *of, access: &[] },
            3 => Specification::Set { attribute: *of, access },
            _ => Specification::Action(MethodRef { class: of.class, obis: of.obis, method: of.attribute }),
        }).collect();
        let list = encoded(|out| encode_specifications(&all, out));
        let again: Result<Vec<_>, _> = Specifications::new(&list).unwrap().collect();
        prop_assert_eq!(&again.unwrap(), &all);
        let values: Vec<_> = entries.iter().map(|(_, _, value, _)| value.clone()).collect();
        let values = count_then(&values);
        let date_time: &[u8] = if dated { &[7; 12] } else { &[] };
        let request = AccessRequest { invoke: LongInvokeId(id), date_time, list: &list, values: &values };
        let apdu = encoded(|out| request.encode(out));
        prop_assert_eq!(AccessRequest::decode(&apdu), Ok(request));
        let short = cut.index(apdu.len());
        prop_assert!(AccessRequest::decode(&apdu[..short]).is_err());
        let outcomes: Vec<_> = entries.iter().map(|(_, kind, _, result)| vec![kind % 3 + 1, *result]).collect();
        let outcomes = count_then(&outcomes);
        let response = AccessResponse {
            invoke: LongInvokeId(id), date_time, asked: said_again.then_some(&list[..]),
            values: &values, outcomes: &outcomes,
        };
        let apdu = encoded(|out| response.encode(out));
        prop_assert_eq!(AccessResponse::decode(&apdu), Ok(response));
        let short = cut.index(apdu.len());
        prop_assert!(AccessResponse::decode(&apdu[..short]).is_err());
    }

    #[test]
    fn lists_of_methods_come_back(all in prop::collection::vec(attribute(), 1..5), id: u8, last: bool, block: u32, data in value()) {
        let invoke = InvokeId(id);
        let methods: Vec<_> = all.iter().map(|of| MethodRef { class: of.class, obis: of.obis, method: of.attribute }).collect();
        let list = encoded(|out| encode_methods(&methods, out));
        let request = ActionRequest::ListFirstBlock { invoke, list: &list, last, block, data: &data };
        let apdu = encoded(|out| request.encode(out));
        prop_assert_eq!(ActionRequest::decode(&apdu), Ok(request));
        let again: Result<Vec<_>, _> = Methods::new(&list).unwrap().collect();
        prop_assert_eq!(again.unwrap(), methods);
        let event = EventNotification { time: None, attribute: all[0], value: &data };
        let apdu = encoded(|out| event.encode(out));
        prop_assert_eq!(EventNotification::decode(&apdu), Ok(event));
        let references = encoded(|out| encode_references(&all, out));
        prop_assert!(!references.is_empty());
    }

    #[test]
    fn anything_at_all(tag in prop::sample::select(vec![5_u8, 6, 0x0C, 0x0D, 0x0F, 0x16, 0x18, 0xC2, 0xC3, 0xC7, 0xD9, 0xDA]), rest in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut apdu = vec![tag];
        apdu.extend(&rest);
        all_decoders(&apdu);
        // The usual heads, so that more of it is reached.
        apdu.splice(1..1, [1, 2]);
        all_decoders(&apdu);
    }
}
