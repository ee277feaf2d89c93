//! What the wire costs in CPU, beside dlms-cosem-rs on the same bytes in the same run: frames cut
//! from a stream, and one GET's request and response through the whole client.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::single_match_else,
    reason = "a benchmark may stop at what it did not expect"
)]

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use dlms_cosem_rs as other;
use obiscope::cosem::{AttributeRef, Data, Obis};
use obiscope::dlms::association::{Association, Carrier, Config, Event};
use obiscope::dlms::hdlc::frame::build;
use obiscope::dlms::hdlc::link::LinkConfig;
use obiscope::dlms::hdlc::{ClientAddress, Control, Decoder, Frame, Item, ServerAddress};
use obiscope::dlms::xdlms::Conformance;
use other::transport::hdlc as other_hdlc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A register's answer: double-long 13540.
const ANSWER: [u8; 12] = [
    0xE6, 0xE7, 0x00, 0xC4, 0x01, 0xC1, 0x00, 0x05, 0x00, 0x00, 0x34, 0xE4,
];
const CLIENT: u8 = 0x03;
const SERVER: u8 = 0x03;

/// A thousand answers as they come from a meter, each in its own frame.
fn stream() -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..1000_u32 {
        let mut information = ANSWER;
        information[8..12].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
        let send = u8::try_from(n % 8).unwrap();
        let control = Control::Information {
            send,
            receive: (send + 1) % 8,
            poll: true,
        };
        build(&[CLIENT], &[SERVER], control, false, &information, &mut out).unwrap();
    }
    out
}

#[divan::bench_group]
mod frames_from_a_stream {
    use super::{
        Bencher, BytesCount, Decoder, Frame, Item, ItemsCount, black_box, other_hdlc, stream,
    };

    /// Chunks of this size, as a socket hands them over.
    const CHUNK: usize = 1024;

    #[divan::bench]
    fn obiscope(bencher: Bencher) {
        let bytes = stream();
        let mut decoder = Decoder::new();
        bencher
            .counter(BytesCount::new(bytes.len()))
            .counter(ItemsCount::new(1000_u32))
            .bench_local(|| {
                let mut good = 0;
                for chunk in bytes.chunks(CHUNK) {
                    decoder.push(black_box(chunk));
                    while let Some(item) = decoder.next() {
                        if let Item::Frame {
                            octets,
                            header_right,
                            ..
                        } = item
                        {
                            let frame = Frame::parse(octets).unwrap();
                            let frame = frame.with_header_right(header_right);
                            good += usize::from(frame.fcs_ok() && frame.hcs_ok() == Some(true));
                        }
                    }
                }
                assert_eq!(good, 1000);
            });
    }

    #[divan::bench]
    fn dlms_cosem_rs(bencher: Bencher) {
        let bytes = stream();
        let mut buffer: Vec<u8> = Vec::with_capacity(4096);
        bencher
            .counter(BytesCount::new(bytes.len()))
            .counter(ItemsCount::new(1000_u32))
            .bench_local(|| {
                let mut framer = other_hdlc::Framer::new();
                let mut good = 0;
                for chunk in bytes.chunks(CHUNK) {
                    buffer.extend_from_slice(black_box(chunk));
                    let mut at = 0;
                    loop {
                        match framer.next_frame(&buffer[at..]).unwrap() {
                            other_hdlc::Found::Frame { consumed, .. } => {
                                good += 1;
                                at += consumed;
                            }
                            other_hdlc::Found::Incomplete { discard } => {
                                at += discard;
                                break;
                            }
                        }
                    }
                    buffer.drain(..at);
                }
                assert_eq!(good, 1000);
                buffer.clear();
            });
    }
}

/// A meter that answers each frame of a client as a meter would, from the frame alone.
fn answer(request: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new();
    decoder.push(request);
    let Some(Item::Frame { octets, .. }) = decoder.next() else {
        panic!("no frame in {request:02X?}");
    };
    let frame = Frame::parse(octets).unwrap();
    let (source, destination) = (frame.destination(), frame.source());
    let mut out = Vec::new();
    match frame.control() {
        Control::Information { send, receive, .. } => {
            let apdu = &frame.information()[3..];
            let mut information = vec![0xE6, 0xE7, 0x00];
            if apdu[0] == 0x60 {
                information.extend_from_slice(AARE);
            } else {
                information.extend_from_slice(&[0xC4, 0x01, apdu[2]]);
                information.extend_from_slice(&ANSWER[6..]);
            }
            let control = Control::Information {
                send: receive,
                receive: (send + 1) % 8,
                poll: true,
            };
            build(destination, source, control, false, &information, &mut out).unwrap();
        }
        _ => {
            let accepted = Control::Ua { poll: true };
            build(destination, source, accepted, false, &[], &mut out).unwrap();
        }
    }
    out
}

/// Accepted, conformance 00301D, server PDU 6400.
const AARE: &[u8] = &[
    0x61, 0x29, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xA2, 0x03, 0x02,
    0x01, 0x00, 0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x00, 0xBE, 0x10, 0x04, 0x0E, 0x08, 0x00, 0x06,
    0x5F, 0x1F, 0x04, 0x00, 0x00, 0x30, 0x1D, 0x19, 0x00, 0x00, 0x07,
];

/// N(S) repeats after 8 frames, invoke ids after 15 or 16: after this many GETs all begins again.
const CYCLE: usize = 240;

const VOLTAGE: AttributeRef = AttributeRef {
    class: 3,
    obis: Obis::new(1, 1, 32, 7, 0, 255),
    attribute: 2,
};

#[divan::bench_group]
mod one_get {
    use super::{
        Association, Bencher, CLIENT, CYCLE, Carrier, ClientAddress, Config, Conformance, Data,
        Duration, Event, Instant, LinkConfig, SERVER, ServerAddress, VOLTAGE, answer, black_box,
        other, other_hdlc,
    };

    fn ready(now: Instant) -> Association {
        let carrier = Carrier::Hdlc(LinkConfig {
            client: ClientAddress::new(CLIENT >> 1).unwrap(),
            server: ServerAddress::new(u16::from(SERVER >> 1), None, None).unwrap(),
            propose: None,
            response_timeout: Duration::from_secs(7),
            remind_after: Duration::from_secs(1),
            inter_octet: Duration::ZERO,
            retries: 2,
            quiet: Duration::from_millis(1),
        });
        let mut client = Association::new(Config {
            conformance: Conformance(0x00_30_1D),
            ..Config::new(carrier)
        });
        client.connect(now).unwrap();
        let later = now + Duration::from_secs(1);
        client.handle_timeout(later);
        for _ in 0..16 {
            let request = client.poll_transmit().map(<[u8]>::to_vec);
            if let Some(request) = request {
                client.handle_bytes(later, &answer(&request));
            }
            while let Some(event) = client.poll_event() {
                if matches!(event, Event::Ready { .. }) {
                    return client;
                }
            }
        }
        panic!("no association");
    }

    fn get(client: &mut Association, now: Instant, reply: impl FnOnce(&[u8]) -> Reply) -> i32 {
        client.get(now, VOLTAGE).unwrap();
        let reply = reply(client.poll_transmit().unwrap());
        client.handle_bytes(now, &reply.0);
        loop {
            match client.poll_event() {
                Some(Event::Got(Ok(Data::DoubleLong(value)))) => return value,
                Some(_) => {}
                None => panic!("no value"),
            }
        }
    }

    /// Shared, so that handing one out allocates nothing.
    #[derive(Clone)]
    struct Reply(std::rc::Rc<[u8]>);

    #[divan::bench]
    fn obiscope(bencher: Bencher) {
        let now = Instant::now();
        let mut client = ready(now);
        let mut replies = Vec::new();
        for _ in 0..CYCLE {
            get(&mut client, now, |request| {
                replies.push(Reply(answer(request).into()));
                replies.last().unwrap().clone()
            });
        }
        let mut next = 0;
        bencher.bench_local(|| {
            let value = get(&mut client, now, |request| {
                black_box(request);
                replies[next].clone()
            });
            next = (next + 1) % CYCLE;
            assert_eq!(value, 13540);
        });
    }

    struct Other {
        link: other_hdlc::Connection,
        session: other::client::ClientSession<other::security::RustCryptoProvider>,
        out: [u8; 512],
        lsdu: [u8; 512],
        storage: [u8; 512],
    }

    impl Other {
        fn ready() -> Self {
            let mut this = Self {
                link: other_hdlc::Connection::new(
                    other_hdlc::Role::Client,
                    other_hdlc::Address::client(1),
                    other_hdlc::Address::client(1),
                    other_hdlc::Parameters::default(),
                ),
                session: other::client::ClientSession::new(
                    other::client::ClientConfig {
                        client_sap: 1,
                        ..Default::default()
                    },
                    other::security::RustCryptoProvider::new(other::security::KeyRing::default()),
                ),
                out: [0; 512],
                lsdu: [0; 512],
                storage: [0; 512],
            };
            let n = this.link.connect(&mut this.out).unwrap();
            let reply = answer(&this.out[..n]);
            let (frame, _) = other_hdlc::decode_frame(&reply).unwrap();
            let mut into = other_hdlc::Reassembler::new(&mut this.storage);
            this.link.handle(&frame, &mut into).unwrap();
            let n = this.session.associate_request(&mut this.lsdu[3..]).unwrap();
            let request = this.frame(n);
            let reply = answer(&this.out[..request]);
            let range = this.receive(&reply);
            this.session
                .handle_associate_response(&this.storage[range])
                .unwrap();
            this
        }

        /// The APDU behind the LLC octets as one frame; its length in `out`.
        fn frame(&mut self, apdu: usize) -> usize {
            self.lsdu[..3].copy_from_slice(&other_hdlc::LLC_REQUEST);
            let mut segments = self.link.segmenter(&self.lsdu[..apdu + 3]).unwrap();
            self.link
                .next_frame(&mut segments, &mut self.out)
                .unwrap()
                .unwrap()
        }

        fn receive(&mut self, reply: &[u8]) -> std::ops::Range<usize> {
            let mut into = other_hdlc::Reassembler::new(&mut self.storage);
            let found = other_hdlc::Framer::new().next_frame(reply).unwrap();
            let other_hdlc::Found::Frame { frame, .. } = found else {
                panic!("no frame");
            };
            let event = self.link.handle(&frame, &mut into).unwrap();
            assert_eq!(event, other_hdlc::Event::Lsdu);
            3..into.len()
        }

        fn get(&mut self, reply: impl FnOnce(&[u8]) -> Reply) -> i32 {
            let wanted = other::xdlms::AttributeDescriptor::new(
                3,
                other::obis::Obis::new(1, 1, 32, 7, 0, 255),
                2,
            );
            let n = self
                .session
                .get_request(wanted, None, &mut self.lsdu[3..])
                .unwrap();
            let request = self.frame(n);
            let reply = reply(&self.out[..request]);
            let range = self.receive(&reply.0);
            let mut scratch = [0; 64];
            match self
                .session
                .handle_response(&self.storage[range], &mut scratch)
                .unwrap()
            {
                other::client::Response::Data(other::axdr::Data::DoubleLong(value)) => value,
                unexpected => panic!("{unexpected:?}"),
            }
        }
    }

    #[divan::bench]
    fn dlms_cosem_rs(bencher: Bencher) {
        let mut client = Other::ready();
        let mut replies = Vec::new();
        for _ in 0..CYCLE {
            client.get(|request| {
                replies.push(Reply(answer(request).into()));
                replies.last().unwrap().clone()
            });
        }
        let mut next = 0;
        bencher.bench_local(|| {
            let value = client.get(|request| {
                black_box(request);
                replies[next].clone()
            });
            next = (next + 1) % CYCLE;
            assert_eq!(value, 13540);
        });
    }
}
