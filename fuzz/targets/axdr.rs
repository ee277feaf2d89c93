//! Any bytes as data: what decodes is encoded and decoded to the same, and every typed reading of it comes to an end.
//! The first three octets choose class, attribute and columns.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::bounded;
use rooms::cosem::data::{Data, decode_length, encode_length};
use rooms::cosem::object_list::ObjectList;
use rooms::cosem::profile::{CaptureObject, capture_objects, rows, step};
use rooms::cosem::{ScalerUnit, class, decode, value};

fn read_as(choice: [u8; 3], data: &Data) {
    let classes = class::classes();
    let class = classes[usize::from(choice[0]) % classes.len()].id;
    let attribute = i8::try_from(choice[1] % 16).unwrap_or(1);
    let decoded = decode::decode(class, attribute, data);
    let text = decoded.to_text();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    let _ = decoded.to_json();
    let _ = ScalerUnit::from_data(data);
    let _ = data.as_date_time().map(|time| time.to_string());
    if let Ok(list) = ObjectList::from_data(data) {
        let version = choice[1];
        assert_eq!(
            list.objects.len() + list.problems.len(),
            data.elements().map_or(0, <[_]>::len),
            "{version}"
        );
    }
    let _ = capture_objects(data);
    let width = usize::from(choice[2] % 8);
    let column = |n: usize| CaptureObject {
        index: 0,
        ..if n == 0 {
            CaptureObject::CLOCK
        } else {
            let mut other = CaptureObject::CLOCK;
            other.attribute.class = 3;
            other
        }
    };
    let columns: Vec<_> = (0..width).map(column).collect();
    if let Ok(rows) = rows(data, &columns, step(&Data::Unsigned(choice[1]), None), None) {
        assert!(rows.iter().all(|row| row.len() == width));
    }
    if let Some(number) = data.as_integer() {
        let _ = value::with_integer(data, number.wrapping_add(1));
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first_chunk::<3>() else {
        return;
    };
    if let Ok((length, used)) = decode_length(bytes) {
        let mut written = Vec::new();
        encode_length(length, &mut written);
        assert!(written.len() <= used);
        assert_eq!(
            decode_length(&written).expect("ours"),
            (length, written.len())
        );
    }
    let Ok((data, used)) = bounded(|| Data::decode(bytes)) else {
        return;
    };
    assert!(used <= bytes.len());
    bounded(|| {
        let written = data.to_bytes();
        assert!(written.len() <= used, "a canonical length is never longer");
        let again = Data::decode_all(&written).expect("what we write can be read");
        assert_eq!(again.to_bytes(), written);
    });
    bounded(|| {
        let text = data.to_text();
        assert!(!text.chars().any(char::is_control), "{text:?}");
    });
    bounded(|| data.to_json());
    bounded(|| read_as(*choice, &data));
});
