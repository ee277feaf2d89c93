//! GET and the ways a meter refuses it.
use crate::data::{data, octets, ours_of, same};
use crate::{config, theirs};
use dlms_cosem_rs as rs;
use obiscope::cosem::{AttributeRef, Obis};
use obiscope::dlms::xdlms::get::{GetRequest, GetResponse, InvokeId};
use obiscope::dlms::xdlms::{DataAccessResult, ExceptionResponse, ServiceError};
use proptest::prelude::*;
use rs::axdr::DataBuf;
use rs::codec::Decode;
use rs::xdlms::Apdu;

fn attribute() -> impl Strategy<Value = AttributeRef> {
    (any::<u16>(), any::<[u8; 6]>(), any::<i8>()).prop_map(|(class, obis, attribute)| {
        AttributeRef {
            class,
            obis: Obis(obis),
            attribute,
        }
    })
}

fn their_attribute(of: AttributeRef) -> rs::xdlms::AttributeDescriptor {
    rs::xdlms::AttributeDescriptor::new(of.class, rs::Obis(of.obis.0), of.attribute)
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn get_requests_mean_the_same_both_ways(
        id in any::<u8>(),
        attribute in attribute(),
        selection in prop::option::of((any::<u8>(), data())),
        block in any::<u32>(),
        more in prop::collection::vec(attribute(), 1..5),
    ) {
        use rs::xdlms::GetRequest as Theirs;
        let invoke = InvokeId(id);
        let access = selection.as_ref().map_or(Vec::new(), |(selector, data)| {
            let mut access = vec![*selector];
            data.encode(&mut access);
            access
        });
        let mut list = vec![u8::try_from(more.len()).unwrap()];
        for one in &more {
            list.extend(theirs(&their_attribute(*one)));
            list.push(0);
        }
        let requests = [
            GetRequest::Normal { invoke, attribute, access: &access },
            GetRequest::Next { invoke, block },
            GetRequest::WithList { invoke, list: &list },
        ];
        for ours in requests {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let apdu = Apdu::from_bytes(&bytes).unwrap();
            let Apdu::GetRequest(read) = apdu else { panic!("{apdu:?}") };
            match (&ours, &read) {
                (GetRequest::Normal { .. }, Theirs::Normal { invoke_id, descriptor, access }) => {
                    prop_assert_eq!(invoke_id.0, id);
                    prop_assert_eq!(*descriptor, their_attribute(attribute));
                    prop_assert_eq!(access.map(|access| access.selector), selection.as_ref().map(|(selector, _)| *selector));
                    if let (Some(access), Some((_, data))) = (access, &selection) {
                        prop_assert!(same(data, &DataBuf::from_data(&access.parameters).unwrap()));
                    }
                }
                (GetRequest::Next { .. }, Theirs::Next { invoke_id, block_number }) => {
                    prop_assert_eq!((invoke_id.0, *block_number), (id, block));
                }
                (GetRequest::WithList { .. }, Theirs::WithList { invoke_id, list }) => {
                    prop_assert_eq!(invoke_id.0, id);
                    let read: Vec<_> = list.iter().map(|one| one.unwrap().descriptor).collect();
                    let meant: Vec<_> = more.iter().map(|one| their_attribute(*one)).collect();
                    prop_assert_eq!(read, meant);
                }
                other => prop_assert!(false, "{:?}", other),
            }
            let written = theirs(&Apdu::GetRequest(read));
            prop_assert_eq!(GetRequest::decode(&written).unwrap(), ours);
        }
    }

    #[test]
    fn get_responses_mean_the_same_both_ways(
        id in any::<u8>(),
        value in data(),
        result in any::<u8>(),
        (last, block) in any::<(bool, u32)>(),
        raw in octets(40),
    ) {
        use rs::xdlms::{GetDataResult, GetResponse as Theirs};
        let invoke = InvokeId(id);
        let result = DataAccessResult(result);
        let data = ours_of(&value);
        let list = [&[2, 0][..], &data, &[1, result.0]].concat();
        let responses = [
            GetResponse::Data { invoke, data: &data },
            GetResponse::Error { invoke, result },
            GetResponse::Block { invoke, last, block, data: &raw },
            GetResponse::BlockError { invoke, last, block, result },
            GetResponse::WithList { invoke, list: &list },
        ];
        for ours in responses {
            let mut bytes = Vec::new();
            ours.encode(&mut bytes);
            let apdu = Apdu::from_bytes(&bytes).unwrap();
            let Apdu::GetResponse(read) = apdu else { panic!("{apdu:?}") };
            match (&ours, &read) {
                (GetResponse::Data { .. }, Theirs::Normal { invoke_id, result: GetDataResult::Data(read) }) => {
                    prop_assert_eq!(invoke_id.0, id);
                    prop_assert!(same(&value, &DataBuf::from_data(read).unwrap()));
                }
                (GetResponse::Error { .. }, Theirs::Normal { invoke_id, result: GetDataResult::Error(read) }) => {
                    prop_assert_eq!((invoke_id.0, read.as_u8()), (id, result.0));
                }
                (GetResponse::Block { .. }, Theirs::WithDataBlock { invoke_id, block: read }) => {
                    prop_assert_eq!((invoke_id.0, read.last_block, read.block_number), (id, last, block));
                    prop_assert_eq!(read.result.unwrap(), raw.as_slice());
                }
                (GetResponse::BlockError { .. }, Theirs::WithDataBlock { invoke_id, block: read }) => {
                    prop_assert_eq!((invoke_id.0, read.last_block, read.block_number), (id, last, block));
                    prop_assert_eq!(read.result.unwrap_err().as_u8(), result.0);
                }
                (GetResponse::WithList { .. }, Theirs::WithList { invoke_id, results }) => {
                    prop_assert_eq!((invoke_id.0, results.len()), (id, 2));
                    let read: Vec<_> = results.iter().map(Result::unwrap).collect();
                    let GetDataResult::Data(first) = &read[0] else { panic!("{read:?}") };
                    prop_assert!(same(&value, &DataBuf::from_data(first).unwrap()));
                    prop_assert!(matches!(read[1], GetDataResult::Error(code) if code.as_u8() == result.0));
                }
                other => prop_assert!(false, "{:?}", other),
            }
            let written = theirs(&Apdu::GetResponse(read));
            prop_assert_eq!(GetResponse::decode(&written).unwrap(), ours);
        }
    }

    #[test]
    fn refusals_mean_the_same_both_ways(state in any::<u8>(), service in any::<u8>(), counter in any::<u32>(), codes in any::<[u8; 3]>()) {
        // The counter comes with service error 6 only.
        let counter = (service == 6).then_some(counter);
        let ours = ExceptionResponse { state, service, counter };
        let mut bytes = Vec::new();
        ours.encode(&mut bytes);
        let Apdu::ExceptionResponse(read) = Apdu::from_bytes(&bytes).unwrap() else { panic!("not an exception") };
        prop_assert_eq!((read.state_error.as_u8(), read.service_error.as_u8()), (state, service));
        prop_assert_eq!(read.expected_invocation_counter, counter);
        prop_assert_eq!(ExceptionResponse::decode(&theirs(&Apdu::ExceptionResponse(read))).unwrap(), ours);

        let [service, kind, value] = codes;
        let ours = ServiceError { service, kind, value };
        let mut bytes = Vec::new();
        ours.encode(&mut bytes);
        let Apdu::ConfirmedServiceError(read) = Apdu::from_bytes(&bytes).unwrap() else { panic!("not an error") };
        prop_assert_eq!([read.service, read.error_class, read.error_code], codes);
        prop_assert_eq!(ServiceError::decode(&theirs(&Apdu::ConfirmedServiceError(read))).unwrap(), ours);
    }
}
