//! Whole answers: an object list of 500 objects, a profile of 10,000 rows, and GETs in clear and ciphered over one
//! loopback connection beside a ping-pong of the same bytes. `cargo bench --bench whole`; about ten seconds.
//!
//! What stands beside one another was measured in turns in one run; the median of the ratios is told.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a bench prints and stops at the first surprise"
)]

use dlms_cosem_rs::axdr::DataBuf;
use obiscope::cosem::object_list::ObjectList;
use obiscope::cosem::profile::{CaptureObject, rows};
use obiscope::cosem::{AttributeRef, Data, Obis};
use obiscope::dlms::acse::{Aare, ApplicationContext, InitiateResponse, UserInformation};
use obiscope::dlms::association::{Association, Carrier, Config, Event, Fresh};
use obiscope::dlms::security::{
    Form, Keys, Protection, Sealing, Security, Suite, SystemTitle, seal,
};
use obiscope::dlms::wrapper::{WrapperConfig, build};
use obiscope::dlms::xdlms::Conformance;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const OBJECTS: u16 = 500;
const ROWS: u32 = 10_000;
/// Octets of value in one block.
const BLOCK: usize = 1000;
const ROUNDS: usize = 15;
const GETS: usize = 4_000;
const METER: SystemTitle = SystemTitle(*b"OBS\0\0\0\0\x01");

fn object_list() -> Vec<u8> {
    let right = |id| Data::Structure(vec![Data::Integer(id), Data::Enum(1), Data::Null]);
    let method = Data::Structure(vec![Data::Integer(1), Data::Boolean(true)]);
    let object = |n: u16| {
        let [high, low] = n.to_be_bytes();
        Data::Structure(vec![
            Data::LongUnsigned(3),
            Data::Unsigned(0),
            Data::OctetString(vec![1, 0, high, low, 0, 255]),
            Data::Structure(vec![
                Data::Array((1..=3).map(right).collect()),
                Data::Array(vec![method.clone()]),
            ]),
        ])
    };
    Data::Array((0..OBJECTS).map(object).collect()).to_bytes()
}

/// A time in the first row, null in the others, and three numbers.
fn profile() -> (Vec<u8>, Vec<CaptureObject>) {
    let row = |n: u32| {
        let time = [7, 0xEA, 1, 1, 4, 0, 0, 0, 0, 0x80, 0, 0];
        Data::Structure(vec![
            if n == 0 {
                Data::OctetString(time.to_vec())
            } else {
                Data::Null
            },
            Data::DoubleLongUnsigned(1_200_000 + n),
            Data::LongUnsigned(2300),
            Data::Unsigned(0),
        ])
    };
    let register = |c| CaptureObject {
        attribute: AttributeRef {
            class: 3,
            obis: Obis::new(1, 0, c, 8, 0, 255),
            attribute: 2,
        },
        index: 0,
    };
    let columns = vec![CaptureObject::CLOCK, register(1), register(2), register(3)];
    (
        Data::Array((0..ROWS).map(row).collect()).to_bytes(),
        columns,
    )
}

fn keys() -> Keys {
    Keys::parse("ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF").unwrap()
}

/// The meter's APDUs in the order they are wanted, each in its wrapper.
struct Canned {
    ciphered: bool,
    counter: u32,
    replies: Vec<Vec<u8>>,
}

impl Canned {
    fn sealed(&mut self, plain: &[u8]) -> Vec<u8> {
        if !self.ciphered {
            return plain.to_vec();
        }
        self.counter += 1;
        let keys = keys();
        let how = Sealing {
            suite: Suite::Zero,
            protection: Protection::Both,
            form: Form::Global,
            title: METER,
            keys: &keys,
            counter: self.counter,
        };
        let mut out = Vec::new();
        seal(plain, &how, &mut out).unwrap();
        out
    }

    fn reply(&mut self, apdu: &[u8]) {
        let mut out = Vec::new();
        build(1, 16, apdu, &mut out).unwrap();
        self.replies.push(out);
    }

    fn new(ciphered: bool) -> Self {
        let mut canned = Self {
            ciphered,
            counter: 0,
            replies: Vec::new(),
        };
        let response = InitiateResponse::new(Conformance(0x00_7E1F), 1024);
        let mut aare = Aare::accepted(response);
        if ciphered {
            let mut plain = Vec::new();
            response.encode(&mut plain);
            aare.context = Some(ApplicationContext::from_arc(3));
            aare.responding_title = Some(METER.0.to_vec());
            aare.user_information = UserInformation::from_apdu(&canned.sealed(&plain));
        }
        let mut apdu = Vec::new();
        aare.encode(&mut apdu);
        canned.reply(&apdu);
        canned
    }

    /// So many answers with a double-long.
    fn values(mut self, count: usize) -> Vec<Vec<u8>> {
        for n in 0..count {
            let invoke = 0xC0 | (n % 15 + 1) as u8;
            let plain = [0xC4, 1, invoke, 0, 5, 0, 0, 0x34, 0xE4];
            let apdu = self.sealed(&plain);
            self.reply(&apdu);
        }
        self.replies
    }

    /// One long value in blocks.
    fn blocks(mut self, value: &[u8]) -> Vec<Vec<u8>> {
        let count = value.len().div_ceil(BLOCK);
        for (n, piece) in value.chunks(BLOCK).enumerate() {
            let last = n + 1 == count;
            let mut plain = vec![0xC4, 2, 0xC1, last.into()];
            plain.extend(u32::try_from(n + 1).unwrap().to_be_bytes());
            plain.push(0);
            obiscope::cosem::data::encode_length(piece.len(), &mut plain);
            plain.extend_from_slice(piece);
            let apdu = self.sealed(&plain);
            self.reply(&apdu);
        }
        self.replies
    }
}

fn client(ciphered: bool) -> Association {
    let mut config = Config::new(Carrier::Wrapper(WrapperConfig::tcp(16, 1)));
    config.max_pdu = 1024;
    config.security = ciphered.then(|| Security {
        suite: Suite::Zero,
        protection: Some(Protection::Both),
        form: Form::Global,
        title: SystemTitle(*b"OBS\0\0\0\0\x02"),
        keys: keys(),
    });
    let mut client = Association::new(config);
    client.renew(Fresh {
        challenge: Vec::new(),
        counter: 1,
        dedicated: None,
    });
    client
}

/// Until the event that ends what is under way.
fn drive(
    client: &mut Association,
    now: Instant,
    mut exchange: impl FnMut(&mut Association),
) -> Event {
    loop {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Got(Ok(_)) | Event::Ready { .. } => return event,
                Event::Got(_) | Event::Failed(_) | Event::Notice(_) => panic!("{event:?}"),
                _ => {}
            }
        }
        exchange(client);
        client.handle_timeout(now);
    }
}

const VALUE: AttributeRef = AttributeRef {
    class: 7,
    obis: Obis::new(1, 0, 99, 1, 0, 255),
    attribute: 2,
};

/// AARQ to the last block, everything but the line: the value.
fn session(ciphered: bool, replies: &[Vec<u8>]) -> Data {
    let now = Instant::now();
    let mut client = client(ciphered);
    let mut replies = replies.iter();
    let mut next = |client: &mut Association| {
        if client
            .poll_transmit()
            .is_some_and(|bytes| !bytes.is_empty())
        {
            client.handle_bytes(now, replies.next().unwrap());
        }
    };
    client.connect(now).unwrap();
    drive(&mut client, now, &mut next);
    client.get(now, VALUE).unwrap();
    match drive(&mut client, now, &mut next) {
        Event::Got(Ok(data)) => data,
        other => panic!("{other:?}"),
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median milliseconds of each, and the median ratio of the first to the second.
fn beside(name: &str, ours: impl Fn() -> Duration, theirs: Option<&dyn Fn() -> Duration>) {
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        pairs.push((ours(), theirs.map(|theirs| theirs())));
    }
    let mine = median(
        pairs
            .iter()
            .map(|pair| pair.0.as_secs_f64() * 1e3)
            .collect(),
    );
    let ratio = pairs
        .iter()
        .filter_map(|(ours, theirs)| Some(ours.as_secs_f64() / (*theirs)?.as_secs_f64()));
    let ratio: Vec<f64> = ratio.collect();
    if ratio.is_empty() {
        println!("{name:<64}{mine:>10.3} ms");
    } else {
        println!(
            "{name:<64}{mine:>10.3} ms{:>8.2} of dlms-cosem-rs",
            median(ratio)
        );
    }
}

fn receive(stream: &mut TcpStream, answer: &mut [u8], length: usize) {
    stream.read_exact(&mut answer[..length]).unwrap();
}

/// Answers whatever comes with the next reply, connection after connection.
fn serve(replies: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_nodelay(true).unwrap();
            let mut request = [0; 2048];
            for reply in &replies {
                if stream.read(&mut request).unwrap_or(0) == 0 || stream.write_all(reply).is_err() {
                    break;
                }
            }
        }
    });
    port
}

/// GETs over one connection, then the same bytes back and forth with nothing behind them: seconds each.
fn gets(ciphered: bool, port: u16, replies: &[Vec<u8>]) -> (f64, f64) {
    let now = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut client = client(ciphered);
    let mut answer = [0; 2048];
    let mut at = 0;
    let mut requests: Vec<Vec<u8>> = Vec::with_capacity(GETS + 1);
    let mut exchange = |client: &mut Association| {
        let Some(request) = client.poll_transmit().filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        stream.write_all(request).unwrap();
        if requests.len() < 2 {
            requests.push(request.to_vec());
        }
        let length = replies[at].len();
        at += 1;
        receive(&mut stream, &mut answer, length);
        client.handle_bytes(now, &answer[..length]);
    };
    client.connect(now).unwrap();
    drive(&mut client, now, &mut exchange);
    let ours = timed(|| {
        for _ in 0..GETS {
            client.get(now, VALUE).unwrap();
            let got = drive(&mut client, now, &mut exchange);
            assert!(matches!(got, Event::Got(Ok(Data::DoubleLong(13540)))));
        }
    });
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&requests[0]).unwrap();
    receive(&mut stream, &mut answer, replies[0].len());
    let theirs = timed(|| {
        for reply in &replies[1..] {
            stream.write_all(&requests[1]).unwrap();
            receive(&mut stream, &mut answer, reply.len());
        }
    });
    (ours.as_secs_f64(), theirs.as_secs_f64())
}

fn get_rate(ciphered: bool) {
    let replies = Canned::new(ciphered).values(GETS);
    let port = serve(replies.clone());
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| gets(ciphered, port, &replies))
        .collect();
    let rate = median(rounds.iter().map(|round| GETS as f64 / round.0).collect());
    let ratio = median(rounds.iter().map(|round| round.1 / round.0).collect());
    let name = if ciphered {
        "GETs, authenticated and encrypted (suite 0, glo)"
    } else {
        "GETs in clear"
    };
    println!("{name:<64}{rate:>10.0} /s{ratio:>8.2} of a ping-pong of the same bytes");
}

fn main() {
    let list = object_list();
    let (buffer, columns) = profile();
    let read_list = || ObjectList::from_data(&Data::decode_all(&list).unwrap()).unwrap();
    let read_profile = || rows(&Data::decode_all(&buffer).unwrap(), &columns, 900, None).unwrap();
    assert_eq!(read_list().objects.len(), usize::from(OBJECTS));
    assert_eq!(read_profile().len(), ROWS as usize);
    println!(
        "object list {} KiB, profile {} KiB",
        list.len() / 1024,
        buffer.len() / 1024
    );
    beside(
        "500 objects: data only",
        || timed(|| Data::decode_all(&list).unwrap()),
        Some(&|| timed(|| DataBuf::parse(&list).unwrap())),
    );
    beside(
        "500 objects: data, classes, access rights",
        || timed(read_list),
        None,
    );
    beside(
        "10,000 rows: data only",
        || timed(|| Data::decode_all(&buffer).unwrap()),
        Some(&|| timed(|| DataBuf::parse(&buffer).unwrap())),
    );
    beside(
        "10,000 rows: data, table with the omitted times filled in",
        || timed(read_profile),
        None,
    );
    for ciphered in [false, true] {
        let how = if ciphered { "ciphered" } else { "in clear" };
        let list = Canned::new(ciphered).blocks(&list);
        beside(
            &format!("500 objects: AARQ to list, {} blocks {how}", list.len() - 1),
            || timed(|| ObjectList::from_data(&session(ciphered, &list)).unwrap()),
            None,
        );
        let profile = Canned::new(ciphered).blocks(&buffer);
        beside(
            &format!(
                "10,000 rows: AARQ to table, {} blocks {how}",
                profile.len() - 1
            ),
            || timed(|| rows(&session(ciphered, &profile), &columns, 900, None).unwrap()),
            None,
        );
    }
    get_rate(false);
    get_rate(true);
}
