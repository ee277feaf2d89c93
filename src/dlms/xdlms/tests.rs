//! xDLMS against recorded and vendor bytes, then against itself.
use super::*;
use crate::cosem::{AttributeRef, Obis};
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

fn request(apdu: &str) -> GetRequest<'static> {
    let apdu = hex(apdu).leak();
    let request = GetRequest::decode(apdu).unwrap();
    assert_eq!(encoded(|out| request.encode(out)), apdu);
    request
}

fn response(apdu: &str) -> GetResponse<'static> {
    let apdu = hex(apdu).leak();
    let response = GetResponse::decode(apdu).unwrap();
    assert_eq!(encoded(|out| response.encode(out)), apdu);
    response
}

#[test]
fn get_requests() {
    let clock = AttributeRef {
        class: 8,
        obis: Obis::new(0, 0, 1, 0, 0, 255),
        attribute: 2,
    };
    assert_eq!(
        request("C001C100080000010000FF0200"),
        GetRequest::Normal {
            invoke: InvokeId(0xC1),
            attribute: clock,
            access: &[]
        }
    );
    let GetRequest::Normal { access, .. } = request("C001C100070100630100FF020102 0204 06") else {
        panic!()
    };
    assert_eq!(access, [2, 2, 4, 6]);
    assert_eq!(
        request("C002C100000001"),
        GetRequest::Next {
            invoke: InvokeId(0xC1),
            block: 1
        }
    );
    let list = request("C00381 02 00030100200700FF0200 00030100200700FF0300");
    assert_eq!(list.invoke(), InvokeId(0x81));
}

#[test]
fn get_responses() {
    assert_eq!(
        response("C401C1000500003504"),
        GetResponse::Data {
            invoke: InvokeId(0xC1),
            data: &[5, 0, 0, 0x35, 4]
        }
    );
    let denied = response("C401C10104");
    let GetResponse::Error { result, .. } = denied else {
        panic!()
    };
    assert_eq!(result.to_string(), "object-undefined (4)");
    assert_eq!(
        response("C402C1000000000100 03 010203"),
        GetResponse::Block {
            invoke: InvokeId(0xC1),
            last: false,
            block: 1,
            data: &[1, 2, 3]
        }
    );
    let long = format!("C402C1FF00000002008201F4{}", "00".repeat(500));
    let apdu = hex(&long);
    let GetResponse::Block { last, data, .. } = GetResponse::decode(&apdu).unwrap() else {
        panic!()
    };
    assert!(last);
    assert_eq!(data.len(), 500);
    assert_eq!(
        response("C402C1010000000301 0F"),
        GetResponse::BlockError {
            invoke: InvokeId(0xC1),
            last: true,
            block: 3,
            result: DataAccessResult::LONG_GET_ABORTED
        }
    );
    assert_eq!(
        response("C403C1 02 00 11 01 01 04").invoke(),
        InvokeId(0xC1)
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (apdu, offset, what) in [
        ("", 0, "not a GET response"),
        ("C4", 1, "a GET response without its choice"),
        ("C401", 2, "a GET response without its invoke-id"),
        ("C409C1", 1, "an unknown kind of GET response"),
        ("C401C1", 3, "a GET response without its result"),
        ("C401C102", 3, "a GET response without its result"),
        ("C401C100", 4, "a GET response without its data"),
        ("C401C101", 4, "a data-access-result that is missing"),
        ("C401C1010400", 5, "bytes after the data-access-result"),
        // The Gurux C server's slip: a block tag over the body of a plain refusal.
        ("C402C10103", 4, "a block without its number"),
        (
            "C402C10100000001000501",
            9,
            "a block whose length is not what follows",
        ),
        (
            "C402C1010000000100FF",
            9,
            "a block whose length is not what follows",
        ),
        ("C403C1", 3, "a GET response with an empty list"),
    ] {
        let error = GetResponse::decode(&hex(apdu)).unwrap_err();
        assert_eq!((error.offset, error.what), (offset, what), "{apdu}");
    }
    for (apdu, offset, what) in [
        ("C401C1", 0, "not a GET request"),
        ("C004C1", 1, "an unknown kind of GET request"),
        (
            "C001C100080000010000",
            5,
            "a GET request without its logical name",
        ),
        (
            "C001C100080000010000FF02",
            12,
            "a GET request without its access selection",
        ),
        (
            "C001C100080000010000FF0201",
            13,
            "an access selection that is empty",
        ),
        (
            "C001C100080000010000FF020000",
            13,
            "bytes after the GET request",
        ),
        ("C002C1000001", 3, "a GET-next without its block number"),
        ("C003C1", 3, "a GET with an empty list"),
    ] {
        let error = GetRequest::decode(&hex(apdu)).unwrap_err();
        assert_eq!((error.offset, error.what), (offset, what), "{apdu}");
    }
}

#[test]
fn invoke_ids_go_round_without_touching_the_other_bits() {
    let mut invoke = InvokeId::new(1);
    assert_eq!(invoke, InvokeId(0xC1));
    assert!(invoke.is_confirmed() && invoke.is_high_priority());
    let ids: Vec<u8> = std::iter::repeat_with(|| {
        let id = invoke.id();
        invoke = invoke.next();
        id
    })
    .take(17)
    .collect();
    assert_eq!(
        ids,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1, 2]
    );
    assert_eq!(InvokeId(0x0F).next(), InvokeId(0x01));
}

#[test]
fn conformance_bits_by_name() {
    let microstar = Conformance::from_octets([0x00, 0x30, 0x1D]);
    assert_eq!(
        microstar.names().collect::<Vec<_>>(),
        [
            "attribute0-supported-with-get",
            "block-transfer-with-get",
            "get",
            "set",
            "selective-access",
            "action"
        ]
    );
    assert!(!microstar.has(Conformance::MULTIPLE_REFERENCES));
    assert!(Conformance(0x0000_1E1D).has(Conformance::MULTIPLE_REFERENCES));
    assert!(!Conformance(0xFFFF_FFFF).has(24));
    assert_eq!(microstar.octets(), [0x00, 0x30, 0x1D]);
    let built = Conformance::default()
        .with(Conformance::ATTRIBUTE0_GET)
        .with(Conformance::BLOCK_GET)
        .with(Conformance::GET)
        .with(Conformance::SET)
        .with(Conformance::SELECTIVE_ACCESS)
        .with(Conformance::ACTION);
    assert_eq!(built, microstar);
    assert_eq!(Conformance(0xFF_FFFF).names().count(), 24);
    assert_eq!(Conformance::bit_name(0), Some("reserved-zero"));
    assert_eq!(Conformance::bit_name(23), Some("action"));
    assert_eq!(Conformance::bit_name(24), None);
}

#[test]
fn exceptions_and_service_errors_by_name() {
    let exception = ExceptionResponse::decode(&hex("D80101")).unwrap();
    assert_eq!(
        exception.to_string(),
        "service-not-allowed, operation-not-possible (exception 1/1)"
    );
    let counter = ExceptionResponse::decode(&hex("D8020600000102")).unwrap();
    assert_eq!(counter.counter, Some(258));
    assert!(counter.to_string().ends_with("invocation counter 258"));
    assert_eq!(encoded(|out| counter.encode(out)), hex("D8020600000102"));
    assert_eq!(
        ExceptionResponse::decode(&hex("D80106")).unwrap().counter,
        None
    );
    for bad in [
        "",
        "D8",
        "D801",
        "D80106000001",
        "D8010600000001FF",
        "0E0101",
    ] {
        assert!(ExceptionResponse::decode(&hex(bad)).is_err(), "{bad}");
    }
    let version = ServiceError::decode(&hex("0E010601")).unwrap();
    assert_eq!(
        version.to_string(),
        "dlms-version-too-low (confirmed-service-error initiate, initiate 1)"
    );
    // 8 is change-scope and 9 task, whatever some libraries say.
    let task = ServiceError {
        service: 10,
        kind: 9,
        value: 3,
    };
    assert_eq!(
        (task.kind_name(), task.value_name()),
        ("task", "ti-running")
    );
    for bad in ["", "0E0106", "0E01060100", "D8010601"] {
        assert!(ServiceError::decode(&hex(bad)).is_err(), "{bad}");
    }
}

#[test]
fn data_access_results_by_name() {
    let named: Vec<u8> = (0..=255)
        .filter(|code| DataAccessResult(*code).name() != "unknown result")
        .collect();
    assert_eq!(
        named,
        [0, 1, 2, 3, 4, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 250]
    );
    assert_eq!(DataAccessResult(77).to_string(), "unknown result (77)");
}

#[test]
fn tags_by_name() {
    assert_eq!(tag::name(0xC4), Some("get-response"));
    assert_eq!(tag::name(0x60), Some("aarq"));
    assert_eq!(tag::name(0x7E), None);
    for tag in 0..=255 {
        let name = tag::name(tag).unwrap_or("");
        let ciphered = [
            "glo-",
            "ded-",
            "general-glo",
            "general-ded",
            "general-c",
            "general-s",
        ];
        assert_eq!(
            tag::is_ciphered(tag),
            ciphered.iter().any(|start| name.starts_with(start)),
            "{tag:02X} {name}"
        );
    }
}

proptest! {
    #[test]
    fn any_get_request_comes_back(
        invoke: u8, class: u16, obis: [u8; 6], attribute: i8, block: u32,
        access in proptest::collection::vec(any::<u8>(), 0..40),
        list in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let invoke = InvokeId(invoke);
        let attribute = AttributeRef { class, obis: Obis(obis), attribute };
        for request in [
            GetRequest::Normal { invoke, attribute, access: &access },
            GetRequest::Next { invoke, block },
            GetRequest::WithList { invoke, list: &list },
        ] {
            let apdu = encoded(|out| request.encode(out));
            prop_assert_eq!(GetRequest::decode(&apdu).unwrap(), request);
        }
    }

    #[test]
    fn any_get_response_comes_back(
        invoke: u8, result: u8, last: bool, block: u32,
        data in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        let (invoke, result) = (InvokeId(invoke), DataAccessResult(result));
        for response in [
            GetResponse::Data { invoke, data: &data },
            GetResponse::Error { invoke, result },
            GetResponse::Block { invoke, last, block, data: &data },
            GetResponse::BlockError { invoke, last, block, result },
            GetResponse::WithList { invoke, list: &data },
        ] {
            let apdu = encoded(|out| response.encode(out));
            prop_assert_eq!(GetResponse::decode(&apdu).unwrap(), response);
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..40), first in 0..4_usize,
    ) {
        let mut bytes = bytes;
        if let Some(tag) = bytes.first_mut() {
            *tag = [0xC0, 0xC4, 0xD8, 0x0E][first];
        }
        let offsets = [
            GetRequest::decode(&bytes).err(),
            GetResponse::decode(&bytes).err(),
            ExceptionResponse::decode(&bytes).err(),
            ServiceError::decode(&bytes).err(),
        ];
        prop_assert!(offsets.iter().flatten().all(|error| error.offset <= bytes.len()));
    }
}

#[test]
fn what_stands_behind_a_block_is_left_out() {
    // Recorded from a ciphering Gurux C server: the last block is empty, and behind it stands the answer again.
    let apdu = hex("C402C101000000020000 00C402C101000000020000");
    let block = GetResponse::Block {
        invoke: InvokeId(0xC1),
        last: true,
        block: 2,
        data: &[],
    };
    assert_eq!(GetResponse::decode(&apdu), Ok(block));
}
