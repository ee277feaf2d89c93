//! Whatever is encoded comes back; whatever comes never panics.
use super::*;
use crate::dlms::xdlms::ServiceError;
use proptest::prelude::*;

fn optional_bytes(most: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..most))
}

prop_compose! {
    fn request()(
        key in optional_bytes(40), response_allowed: bool, quality_of_service: Option<u8>,
        dlms_version: u8, conformance in 0..0x100_0000_u32, max_pdu: u16,
    ) -> InitiateRequest {
        InitiateRequest {
            dedicated_key: key.map(Secret::new), response_allowed, quality_of_service,
            dlms_version, conformance: Conformance(conformance), max_pdu,
        }
    }
}

prop_compose! {
    fn response()(
        quality_of_service: Option<u8>, dlms_version: u8, conformance in 0..0x100_0000_u32,
        max_pdu: u16, vaa_name: u16,
    ) -> InitiateResponse {
        InitiateResponse {
            quality_of_service, dlms_version, conformance: Conformance(conformance), max_pdu, vaa_name,
        }
    }
}

fn in_aare() -> impl Strategy<Value = UserInformation> {
    prop_oneof![
        Just(UserInformation::None),
        response().prop_map(UserInformation::Initiate),
        any::<[u8; 3]>().prop_map(|[service, kind, value]| UserInformation::ServiceError(
            ServiceError {
                service,
                kind,
                value
            }
        )),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|mut bytes| {
            bytes.insert(0, 0x28);
            UserInformation::Ciphered(bytes)
        }),
    ]
}

proptest! {
    #[test]
    fn any_aarq_comes_back(
        context in 0..6_u8, mechanism in 1..9_u8, secret in optional_bytes(300),
        calling_title in optional_bytes(20), request in request(), version in optional_bytes(4),
    ) {
        let aarq = Aarq {
            context: ApplicationContext::from_arc(context),
            mechanism: Mechanism::from_arc(mechanism),
            secret: secret.map(Secret::new),
            calling_title,
            user_information: UserInformation::Request(request),
            other: version.map(|contents| RawField { tag: 0x80, contents }).into_iter().collect(),
        };
        prop_assert_eq!(Aarq::decode(&encoded(|out| aarq.encode(out))).unwrap(), aarq);
    }

    #[test]
    fn any_aare_comes_back(
        result: u8, diagnostic: u8, source in 0..3_u8, responding_title in optional_bytes(20),
        mechanism in proptest::option::of(0..9_u8), authentication_value in optional_bytes(300),
        user_information in in_aare(),
    ) {
        let aare = Aare {
            context: Some(ApplicationContext::LnCiphered),
            result,
            diagnostic: match source {
                0 => Diagnostic::User(diagnostic),
                1 => Diagnostic::Provider(diagnostic),
                _ => Diagnostic::Missing,
            },
            responding_title,
            mechanism: mechanism.map(Mechanism::from_arc),
            authentication_value,
            user_information,
            other: vec![RawField { tag: 0x9D, contents: vec![1, 2] }],
        };
        prop_assert_eq!(Aare::decode(&encoded(|out| aare.encode(out))).unwrap(), aare);
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120), first in 0..4_usize,
    ) {
        let mut bytes = bytes;
        if let Some(tag) = bytes.first_mut() {
            *tag = [0x60, 0x61, 0x62, 0x63][first];
        }
        let _ = (Aarq::decode(&bytes), Aare::decode(&bytes), Rlrq::decode(&bytes), Rlre::decode(&bytes));
        let _ = (InitiateRequest::decode(&bytes), InitiateResponse::decode(&bytes));
    }

    #[test]
    fn a_cut_or_flipped_aare_never_panics(at in 0..43_usize, octet: u8, length in 0..44_usize) {
        let mut apdu = hex(
            "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007",
        );
        apdu[at] = octet;
        apdu.truncate(length);
        if let Err(error) = Aare::decode(&apdu) {
            prop_assert!(error.offset <= apdu.len());
        }
    }
}
