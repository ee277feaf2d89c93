//! READ, WRITE, ACCESS, lists of methods and notifications, APDU by APDU: what either side writes, the other reads and
//! writes again the same.
use dlms_cosem_rs as rs;
use obiscope::cosem::{AttributeRef, Data, Obis};
use obiscope::dlms::xdlms::access::{
    AccessRequest, AccessResponse, LongInvokeId, Specification, encode_specifications,
};
use obiscope::dlms::xdlms::action::{ActionRequest, ActionResponse};
use obiscope::dlms::xdlms::list::encode_methods;
use obiscope::dlms::xdlms::notify::{DataNotification, EventNotification};
use obiscope::dlms::xdlms::short::{
    InformationReport, ReadAnswer, ReadRequest, ReadResponse, Variable, WriteAnswer, WriteRequest,
    WriteResponse, encode_variables,
};
use obiscope::dlms::xdlms::{DataAccessResult, InvokeId, MethodRef};
use proptest::prelude::*;
use rs::codec::{Decode, Encode};
use rs::xdlms::Apdu;

/// Their writing of what they read; their `Debug` names what it was.
fn through(bytes: &[u8]) -> (Vec<u8>, String) {
    let apdu = Apdu::from_bytes(bytes).unwrap();
    let mut out = Vec::new();
    apdu.encode(&mut out).unwrap();
    (out, format!("{apdu:?}"))
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn short_names_mean_the_same_both_ways(
        entries in prop::collection::vec((any::<u16>(), any::<Option<u8>>(), value()), 1..5),
        block: u16, last: bool, result in prop::sample::select(vec![1_u8, 3, 4, 250]),
    ) {
        let variables: Vec<_> = entries.iter().map(|(name, selector, parameter)| match selector {
            Some(selector) => Variable::Parameterised { name: *name, selector: *selector, parameter },
            None => Variable::Name(*name),
        }).collect();
        let values: Vec<_> = entries.iter().map(|(.., value)| value.clone()).collect();
        let values = count_then(&values);
        for variables in [
            variables,
            vec![Variable::BlockNumber(block)],
            vec![Variable::ReadBlock { last, block, data: &values }],
        ] {
            let list = encoded(|out| encode_variables(&variables, out));
            let read = encoded(|out| ReadRequest { list: &list }.encode(out));
            let (again, meant) = through(&read);
            prop_assert!(meant.starts_with("ReadRequest"), "{}", meant);
            prop_assert_eq!(&again, &read);
            for (confirmed, name) in [(true, "WriteRequest"), (false, "UnconfirmedWriteRequest")] {
                let ours = WriteRequest { confirmed, list: &list, values: &values };
                let write = encoded(|out| ours.encode(out));
                let (again, meant) = through(&write);
                prop_assert!(meant.starts_with(name), "{}", meant);
                prop_assert_eq!(WriteRequest::decode(&again), Ok(ours));
            }
            let ours = InformationReport { time: None, list: &list, values: &values };
            let report = encoded(|out| ours.encode(out));
            let theirs = through(&report).0;
            prop_assert_eq!(InformationReport::decode(&theirs), Ok(ours));
        }
        let result = DataAccessResult(result);
        let answers = [
            ReadAnswer::Data(&entries[0].2), ReadAnswer::Error(result),
            ReadAnswer::Block { last, block, data: &values }, ReadAnswer::BlockNumber(block),
        ];
        let list = encoded(|out| { out.push(4); for one in &answers { one.encode(out); } });
        let ours = ReadResponse { list: &list };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(ReadResponse::decode(&theirs), Ok(ours));
        let answers = [WriteAnswer::Success, WriteAnswer::Error(result), WriteAnswer::BlockNumber(block)];
        let list = encoded(|out| { out.push(3); for one in &answers { one.encode(out); } });
        let ours = WriteResponse { list: &list };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(WriteResponse::decode(&theirs), Ok(ours));
    }

    #[test]
    fn access_and_notifications_mean_the_same_both_ways(
        entries in prop::collection::vec((any::<u16>(), any::<[u8; 6]>(), any::<i8>(), 0_u8..5, value()), 1..5),
        id: u32, said_again: bool, dated: bool,
    ) {
        let all: Vec<_> = entries.iter().map(|(class, obis, number, kind, _)| {
            let attribute = AttributeRef { class: *class, obis: Obis(*obis), attribute: *number };
            let method = MethodRef { class: *class, obis: Obis(*obis), method: *number };
            match kind {
                // With an access selection dlms-cosem-rs puts the flag of an optional field before it; in the ASN.1 of
                // ACCESS (unlike that of lists) the selection is not optional, so there is no flag.
                0 | 1 => Specification::Get { attribute, access: &[] },
                2 | 3 => Specification::Set { attribute, access: &[] },
                _ => Specification::Action(method),
            }
        }).collect();
        let list = encoded(|out| encode_specifications(&all, out));
        let values: Vec<_> = entries.iter().map(|(.., value)| value.clone()).collect();
        let values = count_then(&values);
        let date_time: &[u8] = if dated { &[7, 0xE9, 11, 20, 4, 16, 55, 30, 0, 0, 60, 0] } else { &[] };
        let invoke = LongInvokeId(id);
        let ours = AccessRequest { invoke, date_time, list: &list, values: &values };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(AccessRequest::decode(&theirs), Ok(ours));
        let outcomes: Vec<_> = entries.iter().map(|(.., kind, _)| vec![kind % 3 + 1, 3 * (kind % 2)]).collect();
        let outcomes = count_then(&outcomes);
        let asked = said_again.then_some(&list[..]);
        let ours = AccessResponse { invoke, date_time, asked, values: &values, outcomes: &outcomes };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(AccessResponse::decode(&theirs), Ok(ours));
        let body = &entries[0].4;
        let ours = DataNotification { invoke, date_time, body };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(DataNotification::decode(&theirs), Ok(ours));
        let attribute = AttributeRef { class: entries[0].0, obis: Obis(entries[0].1), attribute: entries[0].2 };
        let time = dated.then(|| date_time.try_into().unwrap());
        let ours = EventNotification { time, attribute, value: body };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(EventNotification::decode(&theirs), Ok(ours));
        let method = MethodRef { class: entries[0].0, obis: Obis(entries[0].1), method: entries[0].2 };
        let named = encoded(|out| encode_methods(&[method, method], out));
        let parameters = count_then(&[body.clone(), body.clone()]);
        let ours = ActionRequest::WithList { invoke: InvokeId(0xC1), list: &named, parameters: &parameters };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(ActionRequest::decode(&theirs), Ok(ours));
        let outcomes = [&[2, 0, 0, 0, 1, 0][..], body].concat();
        let ours = ActionResponse::WithList { invoke: InvokeId(0xC1), list: &outcomes };
        let theirs = through(&encoded(|out| ours.encode(out))).0;
        prop_assert_eq!(ActionResponse::decode(&theirs), Ok(ours));
    }
}
