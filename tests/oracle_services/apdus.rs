//! SET and ACTION, APDU by APDU: what either side writes, the other reads and writes again the same.
use dlms_cosem_rs as rs;
use obiscope::cosem::{AttributeRef, Data, Obis};
use obiscope::dlms::xdlms::action::{ActionRequest, ActionResponse, Returned};
use obiscope::dlms::xdlms::list::encode_references;
use obiscope::dlms::xdlms::set::{SetRequest, SetResponse};
use obiscope::dlms::xdlms::{ActionResult, DataAccessResult, InvokeId, MethodRef};
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
        any::<u32>().prop_map(Data::DoubleLongUnsigned),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Data::OctetString),
        any::<(i8, u16)>().prop_map(|(a, b)| Data::Structure(vec![
            Data::Integer(a),
            Data::Array(vec![Data::LongUnsigned(b), Data::Null])
        ])),
    ]
    .prop_map(|data| data.to_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn set_means_the_same_both_ways(
        id: u8, all in prop::collection::vec(attribute(), 1..4), selected in any::<bool>(),
        value in value(), last: bool, block: u32, result: u8,
    ) {
        let invoke = InvokeId(id);
        let attribute = all[0];
        let access: &[u8] = if selected { &[2, 0x11, 5] } else { &[] };
        let mut list = Vec::new();
        encode_references(&all, &mut list);
        let mut values = vec![u8::try_from(all.len()).unwrap()];
        for _ in &all {
            values.extend_from_slice(&value);
        }
        for (ours, name) in [
            (SetRequest::Normal { invoke, attribute, access, value: &value }, "Normal"),
            (SetRequest::FirstBlock { invoke, attribute, access, last, block, data: &value }, "WithFirstDataBlock"),
            (SetRequest::Block { invoke, last, block, data: &value }, "WithDataBlock"),
            (SetRequest::WithList { invoke, list: &list, values: &values }, "WithList"),
            (SetRequest::ListFirstBlock { invoke, list: &list, last, block, data: &value }, "WithListAndFirstDataBlock"),
        ] {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let (written, meant) = through(&bytes);
            prop_assert!(meant.starts_with(&format!("SetRequest({name} ")), "{}", meant);
            prop_assert_eq!(SetRequest::decode(&written), Ok(ours));
        }
        let result = DataAccessResult(result);
        for (ours, name) in [
            (SetResponse::Normal { invoke, result }, "Normal"),
            (SetResponse::Block { invoke, block }, "DataBlock"),
            (SetResponse::LastBlock { invoke, result, block }, "LastDataBlock"),
            (SetResponse::LastBlockWithList { invoke, list: &[2, 0, 3], block }, "LastDataBlockWithList"),
            (SetResponse::WithList { invoke, list: &[2, 3, 0] }, "WithList"),
        ] {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let (written, meant) = through(&bytes);
            prop_assert!(meant.starts_with(&format!("SetResponse({name} ")), "{}", meant);
            prop_assert_eq!(SetResponse::decode(&written), Ok(ours));
        }
    }

    #[test]
    fn action_means_the_same_both_ways(
        id: u8, of in attribute(), value in value(), given: bool, last: bool, block: u32, result: u8, code: u8,
    ) {
        let invoke = InvokeId(id);
        let method = MethodRef { class: of.class, obis: of.obis, method: of.attribute };
        let parameters: &[u8] = if given { &value } else { &[] };
        for (ours, name) in [
            (ActionRequest::Normal { invoke, method, parameters }, "Normal"),
            (ActionRequest::Next { invoke, block }, "NextPblock"),
            (ActionRequest::FirstBlock { invoke, method, last, block, data: &value }, "WithFirstPblock"),
            (ActionRequest::Block { invoke, last, block, data: &value }, "WithPblock"),
        ] {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let (written, meant) = through(&bytes);
            prop_assert!(meant.starts_with(&format!("ActionRequest({name} ")), "{}", meant);
            prop_assert_eq!(ActionRequest::decode(&written), Ok(ours));
        }
        let result = ActionResult(result);
        let some = if given { Returned::Data(&value) } else { Returned::Nothing };
        for (ours, name) in [
            (ActionResponse::Normal { invoke, result, returned: some }, "Normal"),
            (ActionResponse::Normal { invoke, result, returned: Returned::Error(DataAccessResult(code)) }, "Normal"),
            (ActionResponse::Block { invoke, last, block, data: &value }, "WithPblock"),
            (ActionResponse::Next { invoke, block }, "NextPblock"),
        ] {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let (written, meant) = through(&bytes);
            prop_assert!(meant.starts_with(&format!("ActionResponse({name} ")), "{}", meant);
            prop_assert_eq!(ActionResponse::decode(&written), Ok(ours));
        }
    }
}
