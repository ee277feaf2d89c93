//! AARQ, AARE, RLRQ and RLRE with what they carry.
use crate::data::octets;
use crate::{config, theirs};
use dlms_cosem_rs as rs;
use obiscope::dlms::acse::{
    Aare, Aarq, ApplicationContext, Diagnostic, InitiateRequest, InitiateResponse, Mechanism, Rlre,
    Rlrq, UserInformation,
};
use obiscope::dlms::security::Secret;
use obiscope::dlms::xdlms::{Conformance, ServiceError};
use proptest::prelude::*;
use rs::codec::Decode;
use rs::xdlms::Apdu;

/// Bits 0 and 7 are reserved and mean nothing.
const NAMED_BITS: u32 = 0x7E_FF_FF;

fn conformance() -> impl Strategy<Value = Conformance> {
    any::<u32>().prop_map(|bits| Conformance(bits & NAMED_BITS))
}

fn their_bits(conformance: Conformance) -> rs::xdlms::Conformance {
    let [_, a, b, c] = conformance.0.to_be_bytes();
    rs::xdlms::Conformance::from_bytes([a, b, c])
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn association_requests_mean_the_same_both_ways(
        context in 1..=4_u8,
        mechanism in 0..=7_u8,
        secret in prop::option::of(octets(40)),
        title in prop::option::of(any::<[u8; 8]>()),
        conformance in conformance(),
        max_pdu in any::<u16>(),
        response_allowed in any::<bool>(),
        quality_of_service in prop::option::of(any::<u8>()),
    ) {
        let secret = secret.filter(|_| mechanism > 0);
        let mut initiate = InitiateRequest::new(conformance, max_pdu);
        initiate.response_allowed = response_allowed;
        initiate.quality_of_service = quality_of_service;
        let mut ours = Aarq::new(secret.clone().map(Secret::new), initiate);
        ours.context = ApplicationContext::from_arc(context);
        ours.mechanism = Mechanism::from_arc(mechanism);
        ours.calling_title = title.map(Vec::from);
        let mut bytes = Vec::new();
        ours.encode(&mut bytes);

        let Apdu::Aarq(read) = Apdu::from_bytes(&bytes).unwrap() else { panic!("not an AARQ") };
        prop_assert_eq!(read.application_context.unwrap().arc(), context);
        prop_assert_eq!(read.mechanism_name.map_or(0, rs::acse::AuthMechanism::arc), mechanism);
        prop_assert_eq!(read.calling_authentication_value, secret.as_deref());
        prop_assert_eq!(read.calling_ap_title, title.as_ref().map(|title| &title[..]));
        prop_assert_eq!(read.sender_acse_requirements, mechanism > 0);
        let Apdu::InitiateRequest(inside) = Apdu::from_bytes(read.user_information.unwrap()).unwrap() else {
            panic!("no InitiateRequest")
        };
        prop_assert_eq!(inside.proposed_conformance, their_bits(conformance));
        prop_assert_eq!(inside.client_max_receive_pdu_size, max_pdu);
        prop_assert_eq!(inside.proposed_dlms_version, 6);
        prop_assert_eq!(inside.response_allowed.unwrap_or(true), response_allowed);
        prop_assert_eq!(inside.proposed_quality_of_service.map(i8::cast_unsigned), quality_of_service);

        let written = theirs(&read);
        prop_assert_eq!(Aarq::decode(&written).unwrap(), ours);
    }

    #[test]
    fn association_answers_mean_the_same_both_ways(
        context in 1..=4_u8,
        result in 0..=3_u8,
        diagnostic in prop_oneof![(0..=15_u8).prop_map(Diagnostic::User), (0..=3_u8).prop_map(Diagnostic::Provider)],
        title in prop::option::of(any::<[u8; 8]>()),
        challenge in prop::option::of(octets(40)),
        conformance in conformance(),
        (max_pdu, vaa_name) in any::<(u16, u16)>(),
        refusal in prop::option::of(any::<[u8; 3]>()),
    ) {
        let mut response = InitiateResponse::new(conformance, max_pdu);
        response.vaa_name = vaa_name;
        let information = match refusal {
            Some([service, kind, value]) => UserInformation::ServiceError(ServiceError { service, kind, value }),
            None => UserInformation::Initiate(response),
        };
        let mut ours = Aare::refused(result, diagnostic, information);
        ours.context = Some(ApplicationContext::from_arc(context));
        ours.responding_title = title.map(Vec::from);
        ours.mechanism = challenge.as_ref().map(|_| Mechanism::HlsGmac);
        ours.authentication_value = challenge.clone();
        let mut bytes = Vec::new();
        ours.encode(&mut bytes);

        let Apdu::Aare(read) = Apdu::from_bytes(&bytes).unwrap() else { panic!("not an AARE") };
        prop_assert_eq!(read.application_context.unwrap().arc(), context);
        prop_assert_eq!(read.result.as_u8(), result);
        let code = match read.diagnostic {
            rs::acse::Diagnostic::User(code) => Diagnostic::User(code.as_u8()),
            rs::acse::Diagnostic::Provider(code) => Diagnostic::Provider(code),
        };
        prop_assert_eq!(code, diagnostic);
        prop_assert_eq!(read.responding_ap_title, title.as_ref().map(|title| &title[..]));
        prop_assert_eq!(read.responding_authentication_value, challenge.as_deref());
        match Apdu::from_bytes(read.user_information.unwrap()).unwrap() {
            Apdu::InitiateResponse(inside) => {
                prop_assert_eq!(inside.negotiated_conformance, their_bits(conformance));
                prop_assert_eq!((inside.server_max_receive_pdu_size, inside.vaa_name), (max_pdu, vaa_name));
            }
            Apdu::ConfirmedServiceError(error) => {
                prop_assert_eq!(Some([error.service, error.error_class, error.error_code]), refusal);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        let written = theirs(&read);
        prop_assert_eq!(Aare::decode(&written).unwrap(), ours);
    }

    #[test]
    fn releases_mean_the_same_both_ways(reason in prop::option::of(0..0x80_u8)) {
        let (mut request, mut response) = (Vec::new(), Vec::new());
        Rlrq { reason }.encode(&mut request);
        Rlre { reason }.encode(&mut response);
        let Apdu::Rlrq(read) = Apdu::from_bytes(&request).unwrap() else { panic!("not an RLRQ") };
        prop_assert_eq!(read.reason.map(rs::acse::ReleaseReason::as_u8), reason);
        prop_assert_eq!(Rlrq::decode(&theirs(&read)).unwrap(), Rlrq { reason });
        let Apdu::Rlre(read) = Apdu::from_bytes(&response).unwrap() else { panic!("not an RLRE") };
        prop_assert_eq!(read.reason.map(rs::acse::ReleaseReason::as_u8), reason);
        prop_assert_eq!(Rlre::decode(&theirs(&read)).unwrap(), Rlre { reason });
    }
}

/// Where the two differ on associations, and who is right.
#[test]
fn known_differences_on_associations() {
    // A release reason is an INTEGER, two's complement (X.690 8.3): 128 takes two octets. Theirs reads
    // and writes one octet whatever it holds. The reasons there are (0, 1, 30) fit either way.
    let mut bytes = Vec::new();
    Rlrq { reason: Some(128) }.encode(&mut bytes);
    assert_eq!(bytes, [0x62, 0x04, 0x80, 0x02, 0x00, 0x80]);
    assert!(Apdu::from_bytes(&bytes).is_err());

    // Some codecs write the conformance tag [APPLICATION 31] as 5F alone. X.690 8.1.2.4 wants 5F 1F;
    // meters in the field accept both and so do we, theirs does not.
    let short = [
        0x01, 0, 0, 0, 6, 0x5F, 0x04, 0x00, 0x00, 0x1E, 0x1D, 0xFF, 0xFF,
    ];
    assert_eq!(
        InitiateRequest::decode(&short).unwrap().conformance,
        Conformance(0x1E1D)
    );
    assert!(Apdu::from_bytes(&short).is_err());
}
