//! Any bytes as any APDU: what decodes is written in a form that reads and writes as itself (fields in any order come
//! out in the standard's), and every list in it comes to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::bounded;
use rooms::dlms::acse::{
    Aare, Aarq, InitiateRequest, InitiateResponse, Rlre, Rlrq, UserInformation,
};
use rooms::dlms::xdlms::list::{Answers, References, Results, Values};
use rooms::dlms::xdlms::{
    ActionRequest, ActionResponse, ExceptionResponse, GetRequest, GetResponse, Selection,
    ServiceError, SetRequest, SetResponse,
};

/// Decoded, encoded, decoded.
macro_rules! there_and_back {
    ($apdu:expr, $($kind:ty),+ $(,)?) => {$(
        match <$kind>::decode($apdu) {
            Ok(read) => {
                let mut written = Vec::new();
                read.encode(&mut written);
                let again = <$kind>::decode(&written).expect("what we write can be read");
                let mut second = Vec::new();
                again.encode(&mut second);
                assert_eq!(second, written, "{read:02X?}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    )+};
}

/// Every list gives as many items as it says, or an error, and then ends.
fn lists(bytes: &[u8]) {
    if let Ok(list) = References::new(bytes) {
        assert!(list.count() <= bytes.len());
    }
    if let Ok(list) = Answers::new(bytes) {
        assert!(list.count() <= bytes.len());
    }
    if let Ok(list) = Values::new(bytes) {
        assert!(list.count() <= bytes.len());
    }
    if let Ok(list) = Results::new(bytes) {
        assert!(list.count() <= bytes.len());
    }
}

fuzz_target!(|apdu: &[u8]| {
    bounded(|| {
        there_and_back!(
            apdu,
            Aarq,
            Aare,
            Rlrq,
            Rlre,
            InitiateRequest,
            InitiateResponse,
            GetRequest<'_>,
            GetResponse<'_>,
            SetRequest<'_>,
            SetResponse<'_>,
            ActionRequest<'_>,
            ActionResponse<'_>,
            ExceptionResponse,
            ServiceError,
            Selection,
        );
        let _ = UserInformation::from_apdu(apdu);
        lists(apdu);
        lists(apdu.get(3..).unwrap_or_default());
    });
});
