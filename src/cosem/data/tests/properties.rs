//! What must hold for any value and any input.

use super::*;

pub(super) fn scalar() -> impl Strategy<Value = Data> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        Just(Data::Null),
        Just(Data::DontCare),
        any::<bool>().prop_map(Data::Boolean),
        bytes().prop_flat_map(|bytes| {
            let most = bytes.len() * 8;
            (most.saturating_sub(7)..=most).prop_map(move |bits| {
                Data::BitString(BitString {
                    bits,
                    bytes: bytes.clone(),
                })
            })
        }),
        any::<i32>().prop_map(Data::DoubleLong),
        any::<u32>().prop_map(Data::DoubleLongUnsigned),
        bytes().prop_map(Data::OctetString),
        bytes().prop_map(Data::VisibleString),
        ".*".prop_map(|text| Data::Utf8String(text.into_bytes())),
        any::<u8>().prop_map(Data::Bcd),
        any::<i8>().prop_map(Data::Integer),
        any::<i16>().prop_map(Data::Long),
        any::<u8>().prop_map(Data::Unsigned),
        any::<u16>().prop_map(Data::LongUnsigned),
        any::<i64>().prop_map(Data::Long64),
        any::<u64>().prop_map(Data::Long64Unsigned),
        any::<u8>().prop_map(Data::Enum),
        any::<f32>().prop_map(Data::Float32),
        any::<f64>().prop_map(Data::Float64),
        any::<[u8; 12]>().prop_map(|raw| Data::DateTime(DateTime { raw })),
        any::<[u8; 5]>().prop_map(|raw| Data::Date(Date { raw })),
        any::<[u8; 4]>().prop_map(|raw| Data::Time(Time { raw })),
        any::<i8>().prop_map(Data::DeltaInteger),
        any::<i16>().prop_map(Data::DeltaLong),
        any::<i32>().prop_map(Data::DeltaDoubleLong),
        any::<u8>().prop_map(Data::DeltaUnsigned),
        any::<u16>().prop_map(Data::DeltaLongUnsigned),
        any::<u32>().prop_map(Data::DeltaDoubleLongUnsigned),
        prop::collection::vec(any::<u16>(), 0..9).prop_map(|numbers| {
            Data::CompactArray(Box::new(CompactArray {
                description: vec![18],
                contents: numbers.iter().flat_map(|n| n.to_be_bytes()).collect(),
                elements: numbers.into_iter().map(Data::LongUnsigned).collect(),
            }))
        }),
    ]
}

pub(super) fn tree() -> impl Strategy<Value = Data> {
    scalar().prop_recursive(4, 48, 6, |inner| {
        let elements = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            elements().prop_map(Data::Array),
            elements().prop_map(Data::Structure),
        ]
    })
}

proptest! {
    #![proptest_config(crate::cosem::repeatable())]

    #[test]
    fn what_is_encoded_is_decoded(data in tree()) {
        let bytes = data.to_bytes();
        let (back, used) = Data::decode(&bytes).unwrap();
        prop_assert_eq!(used, bytes.len());
        // By their bytes, for NaN is not equal to itself.
        prop_assert_eq!(back.to_bytes(), bytes);
        prop_assert_eq!(format!("{back:?}"), format!("{data:?}"));
    }

    #[test]
    fn no_input_panics_and_every_error_is_inside(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = Data::decode(&bytes) {
            prop_assert!(error.offset <= bytes.len(), "{}", error);
        }
    }

    #[test]
    fn damaged_values_neither_panic_nor_hang(data in tree(), at: prop::sample::Index, new: u8, cut: prop::sample::Index) {
        let mut bytes = data.to_bytes();
        let place = at.index(bytes.len());
        bytes[place] = new;
        bytes.truncate(cut.index(bytes.len()) + 1);
        match Data::decode(&bytes) {
            Ok((value, used)) => {
                prop_assert!(used <= bytes.len());
                prop_assert!(value.to_text().chars().all(|c| !c.is_control()));
                prop_assert!(Data::decode_all(&value.to_bytes()).is_ok());
            }
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }

    #[test]
    fn compact_descriptions_never_panic(bytes in prop::collection::vec(prop_oneof![
        Just(1_u8), Just(2), Just(0), Just(9), Just(17), Just(18), Just(255), any::<u8>()
    ], 0..60)) {
        let mut input = vec![19];
        input.extend(bytes);
        let _ = Data::decode(&input);
    }

    #[test]
    fn text_never_holds_a_control_character(text: String, bytes: Vec<u8>) {
        for shown in [printable(&text), printable_bytes(&bytes), Data::VisibleString(bytes.clone()).to_text()] {
            let safe = shown.chars().all(|c| !c.is_control() && !matches!(c, '\u{202e}' | '\u{200b}'));
            prop_assert!(safe, "{:?}", shown);
        }
    }
}
