//! What a meter pushes unasked: a data-notification, ciphered or not, in the frames that listeners meet. Pure functions.
//!
//! The one rule: every length and checksum is worked out here, so that a test says only what it wants to be told.

use crate::cosem::Data;
use crate::cosem::date_time::DateTime;
use crate::dlms::hdlc::Control;
use crate::dlms::hdlc::frame::{TooLong, build};
use crate::dlms::wrapper::{self, WrapperError};
use crate::dlms::xdlms::tag;

/// Octets of an APDU in one M-Bus long frame: 255 less C, A, CI and the two transport addresses, as meters in the field do.
const MBUS: usize = 245;
/// More M-Bus segments than this cannot be numbered.
const MOST_SEGMENTS: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("the notification does not fit an HDLC frame: {0}")]
    Hdlc(#[from] TooLong),
    #[error(transparent)]
    Wrapper(#[from] WrapperError),
    #[error("an APDU of {0} octets needs more M-Bus frames than the 16 that can be numbered")]
    MBus(usize),
}

/// The plain APDU: `0F`, long-invoke-id-and-priority, the time (empty when `None`), the body.
pub fn data_notification(invoke: u32, time: Option<DateTime>, body: &Data) -> Vec<u8> {
    let mut out = vec![tag::DATA_NOTIFICATION];
    out.extend_from_slice(&invoke.to_be_bytes());
    match time {
        None => out.push(0),
        Some(time) => {
            out.push(12);
            out.extend_from_slice(&time.raw);
        }
    }
    body.encode(&mut out);
    out
}

/// How the APDU travels; a bare one needs nothing of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// An unnumbered information frame; both addresses as they stand in it.
    Hdlc { client: &'a [u8], server: &'a [u8] },
    /// wPorts of sender and receiver.
    Wrapper { source: u16, destination: u16 },
    /// Long frames of EN 13757-2: C 53, broadcast address, transport addresses 01 and 67.
    MBus,
}

/// The octets on the line.
pub fn frame(apdu: &[u8], envelope: Envelope<'_>) -> Result<Vec<u8>, PushError> {
    let mut out = Vec::new();
    match envelope {
        Envelope::Hdlc { client, server } => {
            let information = [&[0xE6, 0xE7, 0x00], apdu].concat();
            // With the final bit, as it was recorded from a meter: `13`.
            let control = Control::Ui { poll: true };
            build(client, server, control, false, &information, &mut out)?;
        }
        Envelope::Wrapper {
            source,
            destination,
        } => wrapper::build(source, destination, apdu, &mut out)?,
        Envelope::MBus => {
            let count = apdu.len().div_ceil(MBUS);
            if count > MOST_SEGMENTS {
                return Err(PushError::MBus(apdu.len()));
            }
            for (number, part) in (0u8..).zip(apdu.chunks(MBUS)) {
                let last = usize::from(number) + 1 == count;
                long_frame(number, last, part, &mut out);
            }
        }
    }
    Ok(out)
}

/// `68 L L 68 C A CI STSAP DTSAP … sum 16`; the CI field numbers the segments and marks the last (EN 13757-3).
fn long_frame(number: u8, last: bool, part: &[u8], out: &mut Vec<u8>) {
    let head = [0x53, 0xFF, number | (u8::from(last) << 4), 0x01, 0x67];
    // At most 250.
    let length = u8::try_from(head.len() + part.len()).unwrap_or(u8::MAX);
    let sum = head
        .iter()
        .chain(part)
        .fold(0u8, |sum, octet| sum.wrapping_add(*octet));
    out.extend_from_slice(&[0x68, length, length, 0x68]);
    out.extend_from_slice(&head);
    out.extend_from_slice(part);
    out.extend_from_slice(&[sum, 0x16]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlms::hdlc::{Decoder, Frame, Item};
    use crate::dlms::security::{
        Form, Keys, Opening, Protection, Sealing, Suite, SystemTitle, open, seal,
    };
    use crate::dlms::wrapper::Header;

    fn body() -> Data {
        Data::Structure(vec![
            Data::OctetString(vec![1, 0, 1, 8, 0, 255]),
            Data::DoubleLongUnsigned(123_456),
        ])
    }

    #[test]
    fn the_plain_apdu() {
        let apdu = data_notification(0x4000_0001, None, &body());
        assert_eq!(apdu[..6], [0x0F, 0x40, 0, 0, 1, 0]);
        assert_eq!(Data::decode_all(&apdu[6..]), Ok(body()));
        let time = DateTime { raw: [7; 12] };
        let apdu = data_notification(1, Some(time), &Data::Null);
        assert_eq!(apdu, [&[0x0F, 0, 0, 0, 1, 12][..], &[7; 12], &[0]].concat());
    }

    /// Addresses, control and header are those of a push recorded from another meter.
    #[test]
    fn hdlc_and_wrapper() {
        let apdu = data_notification(1, None, &body());
        let hdlc = Envelope::Hdlc {
            client: &[0x81],
            server: &[0x03],
        };
        let octets = frame(&apdu, hdlc).unwrap();
        let mut decoder = Decoder::new();
        decoder.push(&octets);
        let Some(Item::Frame { octets, .. }) = decoder.next() else {
            panic!("no frame");
        };
        let parsed = Frame::parse(octets).unwrap();
        assert!(parsed.fcs_ok());
        assert_eq!(parsed.control().encode(), 0x13);
        assert_eq!(parsed.information(), [&[0xE6, 0xE7, 0][..], &apdu].concat());
        let wrapper = Envelope::Wrapper {
            source: 1,
            destination: 64,
        };
        let octets = frame(&apdu, wrapper).unwrap();
        let header = Header::parse(&octets).unwrap();
        assert_eq!((header.source, header.destination), (1, 64));
        assert_eq!(octets[8..], apdu);
    }

    #[test]
    fn m_bus_segments() {
        let apdu: Vec<u8> = (0..=255u8).chain(0..44).collect();
        let octets = frame(&apdu, Envelope::MBus).unwrap();
        let (first, second) = octets.split_at(4 + 250 + 2);
        assert_eq!(
            first[..9],
            [0x68, 250, 250, 0x68, 0x53, 0xFF, 0x00, 0x01, 0x67]
        );
        assert_eq!(
            second[..9],
            [0x68, 60, 60, 0x68, 0x53, 0xFF, 0x11, 0x01, 0x67]
        );
        for part in [first, second] {
            let [middle @ .., sum, 0x16] = &part[4..] else {
                panic!("no end");
            };
            assert_eq!(middle.iter().fold(0u8, |a, b| a.wrapping_add(*b)), *sum);
        }
        assert_eq!([&first[9..254], &second[9..64]].concat(), apdu);
        assert!(frame(&[0; 16 * 245 + 1], Envelope::MBus).is_err());
    }

    #[test]
    fn sealed_and_opened() {
        let keys = Keys::parse(&crate::simulator::clients::client_keys(Suite::Zero)).unwrap();
        let plain = data_notification(1, None, &body());
        let mut sealed = Vec::new();
        let how = Sealing {
            suite: Suite::Zero,
            protection: Protection::Both,
            form: Form::General,
            title: SystemTitle(*b"SIM\0\0\0\0\x01"),
            keys: &keys,
            counter: 9,
        };
        seal(&plain, &how, &mut sealed).unwrap();
        assert_eq!(sealed[..2], [0xDB, 8]);
        let opened = open(&sealed, &Opening::new(&keys)).unwrap();
        assert_eq!((opened.plain, opened.counter), (plain, 9));
    }
}
