//! The meter's end of a line, HDLC or wrapper, as far as a fuzzer needs one: it follows the client's numbers, so that what the
//! fuzzer makes it say can be in sequence.

use crate::dlms::hdlc::frame::build;
use crate::dlms::hdlc::{Control, Decoder, Frame, Item};
use crate::dlms::wrapper;

const CLIENT: u8 = 0x03;
const SERVER: u8 = 0x03;

/// Client 1 talks to server 1.
#[derive(Default)]
pub struct Meter {
    decoder: Decoder,
    /// Where APDUs travel in wrappers.
    wrapped: Option<wrapper::Decoder>,
    send: u8,
    receive: u8,
    /// The invoke-id of the client's last request.
    pub invoke: u8,
}

impl Meter {
    pub fn behind_a_wrapper() -> Self {
        Self {
            wrapped: Some(wrapper::Decoder::new()),
            ..Self::default()
        }
    }

    /// What the client put on the line.
    pub fn hear(&mut self, bytes: &[u8]) {
        if let Some(decoder) = &mut self.wrapped {
            decoder.push(bytes);
            while let Some(item) = decoder.next() {
                let wrapper::Item::Pdu { apdu, .. } = item else {
                    panic!("junk from the client: {item:?}");
                };
                self.invoke = apdu.get(2).copied().unwrap_or(self.invoke);
            }
            return;
        }
        self.decoder.push(bytes);
        while let Some(item) = self.decoder.next() {
            let Item::Frame { octets, .. } = item else {
                panic!("junk from the client: {item:?}");
            };
            let frame = Frame::parse(octets).expect("the client's frames are whole");
            assert!(frame.fcs_ok() && frame.hcs_ok() != Some(false));
            match frame.control() {
                Control::Snrm { .. } => (self.send, self.receive) = (0, 0),
                Control::Information { send, .. } => {
                    self.receive = send.wrapping_add(1) & 7;
                    if let [0xE6, 0xE6, 0, _, _, invoke, ..] = frame.information() {
                        self.invoke = *invoke;
                    }
                }
                _ => {}
            }
        }
    }

    /// Any frame from the meter to the client.
    pub fn frame(&self, control: u8, segmented: bool, information: &[u8]) -> Vec<u8> {
        let information = &information[..information.len().min(2030)];
        let control = Control::decode(control);
        let mut out = Vec::new();
        build(
            &[CLIENT],
            &[SERVER],
            control,
            segmented,
            information,
            &mut out,
        )
        .expect("it fits");
        out
    }

    /// The I frame that is due, acknowledging all but `lag` of what came.
    pub fn due(&mut self, lag: u8, segmented: bool, information: &[u8]) -> Vec<u8> {
        let control = Control::Information {
            send: self.send,
            receive: self.receive.wrapping_sub(lag) & 7,
            poll: true,
        };
        self.send = self.send.wrapping_add(1) & 7;
        self.frame(control.encode(), segmented, information)
    }

    /// The UA of a fresh link.
    pub fn accept(&mut self, information: &[u8]) -> Vec<u8> {
        (self.send, self.receive) = (0, 0);
        self.frame(Control::Ua { poll: true }.encode(), false, information)
    }

    /// One APDU in frames of up to `size` octets.
    pub fn answer(&mut self, apdu: &[u8], size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if self.wrapped.is_some() {
            wrapper::build(1, 1, apdu, &mut out).expect("a fuzzer's input is short");
            return out;
        }
        let whole = [&[0xE6, 0xE7, 0x00], apdu].concat();
        let mut pieces = whole.chunks(size.clamp(1, 2030)).peekable();
        while let Some(piece) = pieces.next() {
            let segmented = pieces.peek().is_some();
            out.extend(self.due(0, segmented, piece));
        }
        out
    }
}
