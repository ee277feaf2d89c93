//! COSEM data: every type, nesting, compact arrays, and bytes nobody meant.
use crate::{config, theirs};
use dlms_cosem_rs as rs;
use obiscope::cosem::Data;
use obiscope::cosem::data::{BitString, CompactArray};
use obiscope::cosem::date_time::{Date, DateTime, Time};
use proptest::prelude::*;
use rs::axdr::DataBuf;

pub(crate) fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    // Past 127 the length takes another form.
    prop_oneof![9 => prop::collection::vec(any::<u8>(), 0..most), 1 => prop::collection::vec(any::<u8>(), 120..300)]
}

fn leaf() -> impl Strategy<Value = Data> {
    let bits = (0..40_usize).prop_flat_map(|bits| {
        prop::collection::vec(any::<u8>(), bits.div_ceil(8))
            .prop_map(move |bytes| BitString { bits, bytes })
    });
    prop_oneof![
        Just(Data::Null),
        any::<bool>().prop_map(Data::Boolean),
        bits.prop_map(Data::BitString),
        any::<i32>().prop_map(Data::DoubleLong),
        any::<u32>().prop_map(Data::DoubleLongUnsigned),
        octets(20).prop_map(Data::OctetString),
        octets(20).prop_map(Data::VisibleString),
        octets(20).prop_map(Data::Utf8String),
        any::<u8>().prop_map(Data::Bcd),
        any::<i8>().prop_map(Data::Integer),
        any::<i16>().prop_map(Data::Long),
        any::<u8>().prop_map(Data::Unsigned),
        any::<u16>().prop_map(Data::LongUnsigned),
        any::<i64>().prop_map(Data::Long64),
        any::<u64>().prop_map(Data::Long64Unsigned),
        any::<u8>().prop_map(Data::Enum),
        any::<u32>().prop_map(|bits| Data::Float32(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Data::Float64(f64::from_bits(bits))),
        any::<[u8; 12]>().prop_map(|raw| Data::DateTime(DateTime { raw })),
        any::<[u8; 5]>().prop_map(|raw| Data::Date(Date { raw })),
        any::<[u8; 4]>().prop_map(|raw| Data::Time(Time { raw })),
        any::<i8>().prop_map(Data::DeltaInteger),
        any::<i16>().prop_map(Data::DeltaLong),
        any::<i32>().prop_map(Data::DeltaDoubleLong),
        any::<u8>().prop_map(Data::DeltaUnsigned),
        any::<u16>().prop_map(Data::DeltaLongUnsigned),
        any::<u32>().prop_map(Data::DeltaDoubleLongUnsigned),
        Just(Data::DontCare),
    ]
}

pub(crate) fn data() -> impl Strategy<Value = Data> {
    leaf().prop_recursive(4, 24, 5, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..5).prop_map(Data::Array),
            prop::collection::vec(inside, 0..5).prop_map(Data::Structure),
        ]
    })
}

/// Our value as their owned tree, one variant at a time.
fn as_theirs(value: &Data) -> DataBuf {
    let all = |values: &[Data]| values.iter().map(as_theirs).collect();
    match value {
        Data::Null => DataBuf::Null,
        Data::Array(v) => DataBuf::Array(all(v)),
        Data::Structure(v) => DataBuf::Structure(all(v)),
        Data::Boolean(v) => DataBuf::Boolean(*v),
        Data::BitString(v) => DataBuf::BitString {
            bits: v.bits,
            bytes: v.bytes.clone(),
        },
        Data::DoubleLong(v) => DataBuf::DoubleLong(*v),
        Data::DoubleLongUnsigned(v) => DataBuf::DoubleLongUnsigned(*v),
        Data::OctetString(v) => DataBuf::OctetString(v.clone()),
        Data::VisibleString(v) => DataBuf::VisibleString(v.clone()),
        Data::Utf8String(v) => DataBuf::Utf8String(v.clone()),
        // Two decimal digits in one octet; they hold the octet as a signed number.
        Data::Bcd(v) => DataBuf::Bcd(v.cast_signed()),
        Data::Integer(v) => DataBuf::Integer(*v),
        Data::Long(v) => DataBuf::Long(*v),
        Data::Unsigned(v) => DataBuf::Unsigned(*v),
        Data::LongUnsigned(v) => DataBuf::LongUnsigned(*v),
        // They expand a compact array when they own it.
        Data::CompactArray(v) => DataBuf::Array(all(&v.elements)),
        Data::Long64(v) => DataBuf::Long64(*v),
        Data::Long64Unsigned(v) => DataBuf::Long64Unsigned(*v),
        Data::Enum(v) => DataBuf::Enum(*v),
        Data::Float32(v) => DataBuf::Float32(*v),
        Data::Float64(v) => DataBuf::Float64(*v),
        Data::DateTime(v) => DataBuf::DateTime(rs::axdr::DateTime::from_bytes(v.raw)),
        Data::Date(v) => DataBuf::Date(rs::axdr::Date::from_bytes(v.raw)),
        Data::Time(v) => DataBuf::Time(rs::axdr::Time::from_bytes(v.raw)),
        Data::DeltaInteger(v) => DataBuf::DeltaInteger(*v),
        Data::DeltaLong(v) => DataBuf::DeltaLong(*v),
        Data::DeltaDoubleLong(v) => DataBuf::DeltaDoubleLong(*v),
        Data::DeltaUnsigned(v) => DataBuf::DeltaUnsigned(*v),
        Data::DeltaLongUnsigned(v) => DataBuf::DeltaLongUnsigned(*v),
        Data::DeltaDoubleLongUnsigned(v) => DataBuf::DeltaDoubleLongUnsigned(*v),
        Data::DontCare => DataBuf::DontCare,
    }
}

/// Debug text compares NaNs as what they are.
pub(crate) fn same(ours: &Data, theirs: &DataBuf) -> bool {
    format!("{:?}", as_theirs(ours)) == format!("{theirs:?}")
}

pub(crate) fn ours_of(data: &Data) -> Vec<u8> {
    let mut out = Vec::new();
    data.encode(&mut out);
    out
}

/// Levels of nesting in encoded data, and whether a compact array is in it.
fn shape(data: &Data) -> (usize, bool) {
    match data {
        Data::Array(v) | Data::Structure(v) => {
            let inside: Vec<_> = v.iter().map(shape).collect();
            (
                inside.iter().map(|i| i.0).max().unwrap_or(0) + 1,
                inside.iter().any(|i| i.1),
            )
        }
        Data::CompactArray(_) => (1, true),
        _ => (0, false),
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn data_means_the_same_both_ways(value in data()) {
        let bytes = ours_of(&value);
        let read = DataBuf::parse(&bytes).unwrap();
        prop_assert!(same(&value, &read), "{:?} / {:?}", value, read);
        let written = theirs(&as_theirs(&value));
        prop_assert_eq!(&written, &bytes, "one value, one encoding");
        let back = Data::decode_all(&written).unwrap();
        prop_assert_eq!(ours_of(&back), bytes);
    }

    #[test]
    fn compact_arrays_expand_to_the_same_rows(rows in prop::collection::vec((any::<u16>(), any::<i8>(), octets(6)), 0..6)) {
        let mut contents = Vec::new();
        for (number, small, text) in &rows {
            contents.extend(number.to_be_bytes());
            contents.extend(small.to_be_bytes());
            obiscope::cosem::data::encode_length(text.len(), &mut contents);
            contents.extend(text);
        }
        let description = vec![2, 3, 18, 15, 9];
        let value = Data::CompactArray(Box::new(CompactArray { description, contents, elements: Vec::new() }));
        let bytes = ours_of(&value);
        let ours = Data::decode_all(&bytes).unwrap();
        let read = DataBuf::parse(&bytes).unwrap();
        prop_assert!(same(&ours, &read), "{:?} / {:?}", ours, read);
        let Data::CompactArray(ours) = ours else { panic!("{ours:?}") };
        prop_assert_eq!(ours.elements.len(), rows.len());
    }

    /// Bytes nobody meant: both read the same value, or both refuse, but for what is listed.
    #[test]
    fn hostile_data_is_judged_alike(bytes in prop::collection::vec(prop_oneof![4 => 0..34_u8, 1 => any::<u8>()], 0..40)) {
        let ours = Data::decode_all(&bytes);
        let read = DataBuf::parse(&bytes);
        match (&ours, &read) {
            (Ok(ours), Ok(read)) => prop_assert!(same(ours, read), "{:?} / {:?}", ours, read),
            (Err(_), Err(_)) => {}
            // They follow 16 levels, we 32; the standard sets no limit.
            (Ok(value), Err(_)) => prop_assert!(shape(value).0 >= 16, "{:?} {:?}", ours, read),
            (Err(_), Ok(_)) => prop_assert!(false, "{:?} {:?}", ours, read),
        }
    }
}
