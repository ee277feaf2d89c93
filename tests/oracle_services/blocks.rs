//! General block transfer: both read each other's blocks, and a long value travels both ways between our association and
//! their sender and receiver, whole and with a block lost on the way.
use crate::NOTE;
use dlms_cosem_rs::codec::{Decode, Encode};
use dlms_cosem_rs::xdlms::{BlockControl, GbtAction, GbtReceiver, GbtSender, GeneralBlockTransfer};
use obiscope::cosem::Data;
use obiscope::dlms::acse::{Aare, InitiateResponse};
use obiscope::dlms::association::{Association, Carrier, Config, Event};
use obiscope::dlms::wrapper::{HEADER_LENGTH, WrapperConfig, build};
use obiscope::dlms::xdlms::Conformance;
use obiscope::dlms::xdlms::gbt::GeneralBlock;
use proptest::prelude::*;
use std::time::Instant;

const TAG: u8 = 0xE0;
/// GET, SET, ACTION and general block transfer; no blocks of the services' own.
const GRANTED: u32 = 0x20_0019;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_write_and_read_the_same_block(
        last: bool, streaming: bool, window in 0_u8..64, block: u16, acknowledged: u16,
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let ours = GeneralBlock { last, streaming, window, block, acknowledged, data: &data };
        let mut written = Vec::new();
        ours.encode(&mut written);
        prop_assert_eq!(written[0], TAG);
        let theirs = GeneralBlockTransfer::from_bytes(&written[1..]).unwrap();
        prop_assert_eq!(theirs, GeneralBlockTransfer {
            control: BlockControl::new(last, streaming, window),
            block_number: block,
            block_number_ack: acknowledged,
            block_data: &data,
        });
        let mut back = vec![TAG];
        theirs.encode(&mut back).unwrap();
        prop_assert_eq!(GeneralBlock::decode(&back).unwrap(), ours);
        prop_assert_eq!(back, written);
    }

    #[test]
    fn both_refuse_the_same_octets(octets in prop::collection::vec(any::<u8>(), 0..40), length: u8) {
        let mut apdu = octets;
        if let Some(place) = apdu.get_mut(5) {
            *place = length % 40;
        }
        let ours = GeneralBlock::decode(&[&[TAG], &apdu[..]].concat()).is_ok();
        prop_assert_eq!(ours, GeneralBlockTransfer::from_bytes(&apdu).is_ok(), "{:02X?}", apdu);
    }
}

/// Their receiver and sender as a meter that keeps one note.
struct Meter {
    note: Vec<u8>,
    window: u8,
    streaming: bool,
    /// The block of the answer that never arrives, once.
    lost: Option<u16>,
    requests: usize,
}

struct Line {
    client: Association,
    meter: Meter,
    now: Instant,
}

fn wrapped(apdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    build(1, 16, apdu, &mut out).unwrap();
    out
}

impl Line {
    fn new(window: u8, streaming: bool) -> Self {
        let mut config = Config {
            max_pdu: 512,
            max_answer: 1 << 16,
            read_only: false,
            ..Config::new(Carrier::Wrapper(WrapperConfig::tcp(16, 1)))
        };
        config.conformance.0 |= GRANTED;
        let mut line = Self {
            client: Association::new(config),
            meter: Meter {
                note: Vec::new(),
                window,
                streaming,
                lost: None,
                requests: 0,
            },
            now: Instant::now(),
        };
        line.client.connect(line.now).unwrap();
        assert_eq!(line.said().len(), 1, "the AARQ");
        let mut aare = Vec::new();
        Aare::accepted(InitiateResponse::new(Conformance(GRANTED), 512)).encode(&mut aare);
        line.hear(&aare);
        line.event(|event| matches!(event, Event::Ready { .. }));
        line
    }

    fn hear(&mut self, apdu: &[u8]) {
        self.client.handle_bytes(self.now, &wrapped(apdu));
    }

    /// The APDUs that wait to go out; one time-out is waited for if there are none.
    fn said(&mut self) -> Vec<Vec<u8>> {
        for _ in 0..2 {
            let mut all = Vec::new();
            while let Some(octets) = self.client.poll_transmit().filter(|said| !said.is_empty()) {
                let mut rest = octets;
                while let Some(length) = rest.get(6..8) {
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    all.push(rest[HEADER_LENGTH..HEADER_LENGTH + length].to_vec());
                    rest = &rest[HEADER_LENGTH + length..];
                }
            }
            if !all.is_empty() {
                return all;
            }
            if let Some(due) = self.client.poll_timeout() {
                self.now = due;
                self.client.handle_timeout(due);
            }
        }
        Vec::new()
    }

    fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        while let Some(event) = self.client.poll_event() {
            assert!(!matches!(event, Event::Failed(_)), "{event:?}");
            if wanted(&event) {
                return Some(event);
            }
        }
        None
    }

    /// The request, out of however many blocks; their receiver acknowledges.
    fn request(&mut self) -> (Vec<u8>, u16) {
        let mut room = vec![0; 1 << 16];
        let mut receiver = GbtReceiver::new(&mut room);
        for _ in 0..1000 {
            for apdu in self.said() {
                let Some(block) = apdu.strip_prefix(&[TAG]) else {
                    return (apdu, 0);
                };
                let block = GeneralBlockTransfer::from_bytes(block).unwrap();
                match receiver.push(&block).unwrap() {
                    GbtAction::Await => {}
                    GbtAction::Complete => {
                        self.meter.requests += 1;
                        return (receiver.apdu().to_vec(), receiver.acknowledged());
                    }
                    GbtAction::Acknowledge => {
                        let mut out = [TAG; 64];
                        let length = receiver.acknowledgement(3, &mut out[1..]).unwrap();
                        self.hear(&out[..=length]);
                    }
                }
            }
        }
        panic!("the request has no end");
    }

    /// The answer, through their sender, until we have the value.
    ///
    /// They leave the streaming bit set on the last block of a window. The standard clears it there: it says that more
    /// comes before an answer is due. It is cleared here.
    fn answer(&mut self, answer: &[u8], acknowledges: u16) -> Event {
        let Meter {
            window, streaming, ..
        } = self.meter;
        let mut sender = GbtSender::new(answer, 100, window, streaming).unwrap();
        for _ in 0..1000 {
            let mut run = Vec::new();
            let mut out = vec![TAG; 256];
            while let Some(length) = sender.next_block(&mut out[1..]).unwrap() {
                // What it received it leaves to its caller to say.
                out[4..6].copy_from_slice(&acknowledges.to_be_bytes());
                run.push((sender.block(), out[..=length].to_vec()));
            }
            if let Some((_, last)) = run.last_mut() {
                last[1] &= !0x40;
            }
            for (number, block) in run {
                if self.meter.lost == Some(number) {
                    self.meter.lost = None;
                } else {
                    self.hear(&block);
                }
            }
            if let Some(event) = self.event(|event| matches!(event, Event::Set(_) | Event::Got(_)))
            {
                return event;
            }
            for apdu in self.said() {
                let received = match apdu.strip_prefix(&[TAG]) {
                    Some(block) => {
                        GeneralBlockTransfer::from_bytes(block)
                            .unwrap()
                            .block_number_ack
                    }
                    // Nothing came: asked once more.
                    None => 0,
                };
                sender.acknowledge(received).unwrap();
            }
        }
        panic!("the answer has no end: {:?}", self.client.state());
    }

    fn round(&mut self, value: &Data) {
        self.client.set(self.now, NOTE, value).unwrap();
        let (request, acknowledged) = self.request();
        let [0xC1, 1, invoke, rest @ ..] = &request[..] else {
            panic!("{request:02X?}");
        };
        self.meter.note = rest[10..].to_vec();
        let done = self.answer(&[0xC5, 1, *invoke, 0], acknowledged);
        assert_eq!(done, Event::Set(Ok(())));
        assert!(self.meter.requests > 0, "the SET went in blocks");
        self.read(value);
    }

    fn read(&mut self, value: &Data) {
        self.client.get(self.now, NOTE).unwrap();
        let (request, acknowledged) = self.request();
        let [0xC0, 1, invoke, ..] = &request[..] else {
            panic!("{request:02X?}");
        };
        let answer = [&[0xC4, 1, *invoke, 0], &self.meter.note[..]].concat();
        let got = self.answer(&answer, acknowledged);
        assert_eq!(got, Event::Got(Ok(value.clone())));
    }
}

#[test]
fn a_long_value_goes_there_and_comes_back() {
    let value = Data::OctetString((0..=255).cycle().take(3000).collect());
    for (window, streaming) in [(1, false), (4, true), (8, true)] {
        for lost in [2, 4, 8, 17, 31] {
            let mut line = Line::new(window, streaming);
            line.round(&value);
            line.meter.lost = Some(lost);
            line.read(&value);
            assert_eq!(line.meter.lost, None);
        }
    }
}
