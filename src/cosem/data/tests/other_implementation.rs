//! dlms-cosem-rs, written by others, as oracle: what either side encodes the other decodes to the same meaning.
//! One difference is theirs by design: it nests sixteen deep, we thirty-two; and it has compact-arrays as plain arrays.

use dlms_cosem_rs::axdr::DataBuf;
use dlms_cosem_rs::codec::Encode;

use super::properties::tree;
use super::*;

fn ours(theirs: &DataBuf) -> Data {
    let list = |values: &[DataBuf]| values.iter().map(ours).collect();
    match theirs {
        DataBuf::Null => Data::Null,
        DataBuf::Array(v) => Data::Array(list(v)),
        DataBuf::Structure(v) => Data::Structure(list(v)),
        DataBuf::Boolean(v) => Data::Boolean(*v),
        DataBuf::BitString { bits, bytes } => Data::BitString(BitString {
            bits: *bits,
            bytes: bytes.clone(),
        }),
        DataBuf::DoubleLong(v) => Data::DoubleLong(*v),
        DataBuf::DoubleLongUnsigned(v) => Data::DoubleLongUnsigned(*v),
        DataBuf::OctetString(v) => Data::OctetString(v.clone()),
        DataBuf::VisibleString(v) => Data::VisibleString(v.clone()),
        DataBuf::Utf8String(v) => Data::Utf8String(v.clone()),
        DataBuf::Bcd(v) => Data::Bcd(v.cast_unsigned()),
        DataBuf::Integer(v) => Data::Integer(*v),
        DataBuf::Long(v) => Data::Long(*v),
        DataBuf::Unsigned(v) => Data::Unsigned(*v),
        DataBuf::LongUnsigned(v) => Data::LongUnsigned(*v),
        DataBuf::Long64(v) => Data::Long64(*v),
        DataBuf::Long64Unsigned(v) => Data::Long64Unsigned(*v),
        DataBuf::Enum(v) => Data::Enum(*v),
        DataBuf::Float32(v) => Data::Float32(*v),
        DataBuf::Float64(v) => Data::Float64(*v),
        DataBuf::DateTime(v) => Data::DateTime(DateTime { raw: v.to_bytes() }),
        DataBuf::Date(v) => Data::Date(Date { raw: v.to_bytes() }),
        DataBuf::Time(v) => Data::Time(Time { raw: v.to_bytes() }),
        DataBuf::DeltaInteger(v) => Data::DeltaInteger(*v),
        DataBuf::DeltaLong(v) => Data::DeltaLong(*v),
        DataBuf::DeltaDoubleLong(v) => Data::DeltaDoubleLong(*v),
        DataBuf::DeltaUnsigned(v) => Data::DeltaUnsigned(*v),
        DataBuf::DeltaLongUnsigned(v) => Data::DeltaLongUnsigned(*v),
        DataBuf::DeltaDoubleLongUnsigned(v) => Data::DeltaDoubleLongUnsigned(*v),
        DataBuf::DontCare => Data::DontCare,
    }
}

/// Compact-arrays as the arrays they stand for.
fn expanded(data: &Data) -> Data {
    let list = |values: &[Data]| values.iter().map(expanded).collect();
    match data {
        Data::CompactArray(v) => Data::Array(list(&v.elements)),
        Data::Array(v) => Data::Array(list(v)),
        Data::Structure(v) => Data::Structure(list(v)),
        _ => data.clone(),
    }
}

#[test]
fn the_same_rows_out_of_a_compact_array() {
    for text in [
        "13 02 04 09 12 00 01 0002 11 0D  02 4142 0102 05 06  01 43 0304 07 08",
        "13 02 02 02 01 11 04 06  01 02 60  03 04 A0",
        "13 01 0002 02 02 12 FF 04  0001 0002",
    ] {
        let theirs = DataBuf::parse(&hex(text)).unwrap();
        assert_eq!(ours(&theirs), expanded(&decode(text)), "{text}");
    }
}

proptest! {
    #![proptest_config(crate::cosem::repeatable())]

    #[test]
    fn both_read_the_same(data in tree()) {
        let theirs = DataBuf::parse(&data.to_bytes()).unwrap();
        let wanted = expanded(&data).to_bytes();
        // By their bytes, for NaN is not equal to itself.
        prop_assert_eq!(ours(&theirs).to_bytes(), &wanted[..]);
        let mut written = Vec::new();
        theirs.encode(&mut written).unwrap();
        prop_assert_eq!(written, wanted);
    }

    #[test]
    fn both_refuse_the_same(bytes in prop::collection::vec(
        prop_oneof![4 => 0_u8..5, 2 => 9_u8..34, 1 => any::<u8>()], 1..24,
    )) {
        let theirs = DataBuf::parse(&bytes);
        match Data::decode_all(&bytes) {
            Ok(data) => prop_assert_eq!(ours(&theirs.unwrap()).to_bytes(), expanded(&data).to_bytes()),
            Err(error) => prop_assert!(theirs.is_err(), "we say {}, they {:?}", error, theirs),
        }
    }
}
