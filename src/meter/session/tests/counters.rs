//! Invocation counters of whole sessions against the simulated meter's ciphering clients: what stands in the store when a
//! frame goes, what is corrected, and what is never tried again. In virtual time; counters are read off the line itself.

use super::*;
use crate::dlms::association::Failure;
use crate::dlms::hdlc::{Decoder, Frame, Item, ServerAddress};
use crate::dlms::security::{Form, Keys, Protection, Security, Suite, SystemTitle};
use crate::dlms::wrapper;
use crate::meter::Phase;
use crate::meter::counters::{CounterName, GivingBack, InMemory, Reserving};
use crate::meter::definition::{Auth, TransportKind};
use crate::meter::poller;
use crate::meter::tap::{Chunk, Direction};
use crate::simulator::clients::client_keys;
use crate::simulator::server::{SharedMeter, pipe};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

const TITLE: SystemTitle = SystemTitle(*b"OBS\0\0\0\0\x01");
const CIPHERED: u8 = 64;

pub(super) fn ciphering(client: u8, form: Form) -> Definition {
    let mut definition = Definition::new("m", "meter", 1);
    definition.client = crate::dlms::hdlc::ClientAddress::new(client).unwrap();
    definition.server = ServerAddress::new(1, Some(17), None).unwrap();
    definition.auth = Auth::HlsGmac;
    definition.max_info = 1024;
    definition.security = Some(Security {
        suite: Suite::Zero,
        protection: (client >= CIPHERED).then_some(Protection::Both),
        form,
        title: TITLE,
        keys: Keys::parse(&client_keys(Suite::Zero)).unwrap(),
    });
    definition
}

fn clock() -> Clock {
    Clock::From {
        base: "2025-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    }
}

fn meter() -> SharedMeter {
    shared(Profile::generic(3), clock().now())
}

/// What is in the store, and what the line saw of it.
#[derive(Default)]
struct Kept {
    inside: InMemory,
    /// Every number below this was set aside before now.
    ceiling: Mutex<u32>,
    /// In the order they went out.
    used: Mutex<Vec<u32>>,
    given_back: Mutex<Vec<u32>>,
}

impl Counters for Kept {
    fn reserve(&self, name: CounterName, least: u32, count: u32) -> Reserving<'_> {
        Box::pin(async move {
            // A store takes its time; nothing may go out meanwhile.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let numbers = self.inside.reserve(name, least, count).await?;
            let mut ceiling = self.ceiling.lock().unwrap();
            *ceiling = numbers.end.max(*ceiling);
            Ok(numbers)
        })
    }

    fn give_back(&self, name: CounterName, end: u32, next: u32) -> GivingBack<'_> {
        self.given_back.lock().unwrap().push(next);
        self.inside.give_back(name, end, next)
    }
}

impl Kept {
    fn used(&self) -> Vec<u32> {
        self.used.lock().unwrap().clone()
    }
}

/// A line that looks at each frame as it goes.
struct Spy {
    line: DuplexStream,
    frames: Decoder,
    kept: Arc<Kept>,
}

impl Spy {
    fn look(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
        while let Some(item) = self.frames.next() {
            let Item::Frame { octets, .. } = item else {
                continue;
            };
            let frame = Frame::parse(octets).unwrap();
            if let Some(counter) = counter(frame.information()) {
                let ceiling = *self.kept.ceiling.lock().unwrap();
                assert!(
                    counter < ceiling,
                    "{counter} went out, kept is only {ceiling}"
                );
                self.kept.used.lock().unwrap().push(counter);
            }
        }
    }
}

/// The invocation counter of a sealed APDU, or of the sealed InitiateRequest in AARQ and RLRQ.
fn counter(information: &[u8]) -> Option<u32> {
    let apdu = information.strip_prefix(b"\xE6\xE6\x00")?;
    let sealed = match *apdu.first()? {
        0x60 | 0x62 => {
            let at = apdu
                .windows(3)
                .rposition(|it| it[0] == 0x21 && it[2] == 0x30);
            &apdu[at?..]
        }
        0xC8..=0xD7 => apdu,
        0xDB | 0xDC => &apdu[9..],
        _ => return None,
    };
    let [_, _, 0x30, a, b, c, d, ..] = *sealed else {
        return None;
    };
    Some(u32::from_be_bytes([a, b, c, d]))
}

impl AsyncRead for Spy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.line).poll_read(cx, into)
    }
}

impl AsyncWrite for Spy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write(cx, bytes);
        if let Poll::Ready(Ok(n)) = &written {
            self.look(&bytes[..*n]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

struct Opened {
    session: Session,
    tap: Tap,
    result: Result<(), SessionError>,
}

impl Opened {
    fn notes(&self) -> Vec<String> {
        notes(&self.tap)
    }
}

fn notes(tap: &Tap) -> Vec<String> {
    let (records, _) = tap.since(0);
    let text = |record: &crate::meter::tap::Record| match &record.what {
        Chunk::Note(Note::Text(text)) => Some(text.clone()),
        _ => None,
    };
    records.iter().filter_map(text).collect()
}

async fn open(meter: &SharedMeter, definition: &Definition, kept: &Arc<Kept>) -> Opened {
    let spy = Spy {
        line: pipe(meter),
        frames: Decoder::new(),
        kept: Arc::clone(kept),
    };
    let tap = Tap::new(1 << 18);
    let counters: Arc<dyn Counters> = Arc::clone(kept) as _;
    let mut session =
        Session::new(definition, Box::new(spy), clock(), tap.clone()).with_counters(counters);
    let result = session.establish(&mut |_, _| {}).await;
    Opened {
        session,
        tap,
        result,
    }
}

fn rises(used: &[u32]) -> bool {
    used.is_sorted_by(|a, b| a < b)
}

#[tokio::test(start_paused = true)]
async fn what_goes_out_was_kept_before_and_never_goes_twice() {
    for form in [Form::Global, Form::Dedicated, Form::General] {
        let (meter, kept) = (meter(), Arc::new(Kept::default()));
        let definition = ciphering(CIPHERED, form);
        let mut last = None;
        for killed in [false, true, true, false, false] {
            let mut opened = open(&meter, &definition, &kept).await;
            opened.result.as_ref().unwrap();
            // More than one step is set aside.
            for _ in 0..40 {
                let value = opened.session.get(VOLTAGE).await.unwrap();
                assert!(value.is_ok(), "{value:?}");
            }
            let before = kept.given_back.lock().unwrap().len();
            if killed {
                drop(opened);
                assert_eq!(kept.given_back.lock().unwrap().len(), before);
            } else {
                opened.session.release().await;
                let used = kept.used().last().copied();
                let back = kept.given_back.lock().unwrap().last().copied();
                assert_eq!(back, used.map(|n| n + 1), "the rest is given back");
            }
            let used = kept.used();
            assert!(rises(&used), "{form:?}: {used:?}");
            assert!(used.len() > 40);
            assert!(used.last().copied() > last);
            last = used.last().copied();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_public_client_tells_where_the_meter_stands() {
    let meter = meter();
    let definition = ciphering(CIPHERED, Form::Global);
    let first = Arc::new(Kept::default());
    let opened = open(&meter, &definition, &first).await;
    opened.result.as_ref().unwrap();
    let seen = *first.used().last().unwrap();
    opened.session.release().await;

    // Another computer with the same keys and an empty store.
    let second = Arc::new(Kept::default());
    let opened = open(&meter, &definition, &second).await;
    opened.result.as_ref().unwrap();
    assert_eq!(second.used()[0], seen + 1);
    let notes = opened.notes();
    let told = format!("the meter has seen invocation counter {seen}");
    assert!(notes.contains(&told), "{notes:?}");
    assert!(!notes.iter().any(|it| it.contains("expects")), "{notes:?}");
    opened.session.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_counter_behind_the_meters_is_corrected_once_and_said() {
    let meter = meter();
    let mut definition = ciphering(CIPHERED, Form::Global);
    definition.counter_object = None;
    let first = Arc::new(Kept::default());
    let mut opened = open(&meter, &definition, &first).await;
    opened.result.as_ref().unwrap();
    for _ in 0..5 {
        opened.session.get(VOLTAGE).await.unwrap().unwrap();
    }
    opened.session.release().await;
    let seen = *first.used().last().unwrap();

    let second = Arc::new(Kept::default());
    let mut opened = open(&meter, &definition, &second).await;
    opened.result.as_ref().unwrap();
    assert_eq!(second.used()[0], 0, "nothing was known");
    assert!(second.used()[1] > seen);
    let said = |notes: Vec<String>| notes.iter().filter(|it| it.contains("expects")).count();
    assert_eq!(said(opened.notes()), 1);

    // Someone else uses the keys while we are associated.
    meter.lock().unwrap().take_counter(Suite::Zero, 5000);
    let value = opened.session.get(VOLTAGE).await.unwrap();
    assert!(value.is_ok(), "{value:?}");
    assert_eq!(said(opened.notes()), 2);
    assert!(*second.used().last().unwrap() > 5000);
    assert!(rises(&second.used()));
    opened.session.release().await;
}

/// Answers every AARQ over the wrapper the same way; how many came.
fn stubborn(answer: &'static [u8]) -> (DuplexStream, Arc<Mutex<usize>>) {
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut header = [0; 8];
        while theirs.read_exact(&mut header).await.is_ok() {
            let length = usize::from(u16::from_be_bytes([header[6], header[7]]));
            let mut apdu = vec![0; length];
            theirs.read_exact(&mut apdu).await.unwrap();
            *counted.lock().unwrap() += usize::from(apdu.first() == Some(&0x60));
            let mut out = Vec::new();
            wrapper::build(1, u16::from(CIPHERED), answer, &mut out).unwrap();
            if theirs.write_all(&out).await.is_err() {
                return;
            }
        }
    });
    (ours, count)
}

#[tokio::test(start_paused = true)]
async fn what_the_meter_refuses_again_is_not_tried_a_third_time() {
    let mut definition = ciphering(CIPHERED, Form::Global);
    definition.transport = TransportKind::WrapperTcp;
    definition.counter_object = None;
    for (answer, tries, person, counter, words) in [
        (
            &b"\xD8\x01\x06\x00\x00\x10\x00"[..],
            2,
            false,
            true,
            "no key is wrong",
        ),
        // Old meters say 6 without the counter: there is nothing to correct.
        (b"\xD8\x01\x06", 1, false, true, "no key is wrong"),
        (b"\xD8\x01\x05", 1, true, false, "cannot decipher"),
        (b"\xD8\x01\x01", 1, false, false, "earlier association"),
    ] {
        let (line, count) = stubborn(answer);
        let tap = Tap::new(1 << 16);
        let mut session = Session::new(&definition, Box::new(line), clock(), tap);
        let error = session.establish(&mut |_, _| {}).await.unwrap_err();
        assert_eq!(*count.lock().unwrap(), tries, "{error}");
        assert_eq!(error.needs_person(), person, "{error}");
        assert_eq!(error.is_about_counters(), counter, "{error}");
        let advice = error.advice(&definition);
        assert!(advice.contains(words), "{advice}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_nobody_vouches_for_is_not_followed_far() {
    let far = 3_000_000_000;
    // Named by the public client's object.
    let meter = meter();
    meter.lock().unwrap().take_counter(Suite::Zero, far);
    let definition = ciphering(CIPHERED, Form::Global);
    let kept = Arc::new(Kept::default());
    let opened = open(&meter, &definition, &kept).await;
    let error = opened.result.unwrap_err();
    assert!(
        error.needs_person() && !error.may_resynchronise(),
        "{error}"
    );
    assert!(error.to_string().contains("3000000000"), "{error}");
    assert!(
        error
            .advice(&definition)
            .contains("--accept-counter 3000000000")
    );
    assert!(kept.used().is_empty(), "nothing was sent with it");
    opened.session.release().await;
    assert!(*kept.ceiling.lock().unwrap() < 1000, "nor set aside");

    // In an exception, with a store that has used the key before.
    let mut alone = definition.clone();
    alone.counter_object = None;
    let opened = open(&meter, &alone, &kept).await;
    assert!(opened.result.unwrap_err().needs_person());
    opened.session.release().await;
    assert!(kept.used().iter().all(|it| *it < 1000));

    // A person takes it for true.
    let line = Box::new(pipe(&meter));
    let counters: Arc<dyn Counters> = Arc::clone(&kept) as _;
    let mut session = Session::new(&definition, line, clock(), Tap::new(0))
        .with_counters(counters)
        .with_accepted_counter(Some(far));
    session.establish(&mut |_, _| {}).await.unwrap();
    assert!(session.get(VOLTAGE).await.unwrap().is_ok());
    session.release().await;
    // From then on ours is there too.
    let opened = open(&meter, &definition, &kept).await;
    opened.result.unwrap();
    opened.session.release().await;
}

#[tokio::test(start_paused = true)]
async fn the_owner_waits_for_a_person_before_it_follows() {
    let meter = meter();
    meter
        .lock()
        .unwrap()
        .take_counter(Suite::Zero, 3_000_000_000);
    let world = World::default();
    world.meter("meter", &meter);
    let (polls, _kept) = tokio::sync::mpsc::channel(4);
    let definition = ciphering(CIPHERED, Form::Global);
    let mut handle = poller::spawn(definition, world.connector(), clock(), polls, 1);
    let hour = Duration::from_hours(1);
    let asks = handle.status.wait_for(|s| s.phase == Phase::NeedsPerson);
    let asks = tokio::time::timeout(hour, asks).await.unwrap().unwrap();
    assert!(
        asks.asks.iter().any(|it| it.contains("3000000000")),
        "{asks:?}"
    );
    drop(asks);
    handle.orders.send(poller::Order::Proceed).await.unwrap();
    let ready = handle.status.wait_for(|s| s.phase == Phase::Ready);
    tokio::time::timeout(hour, ready).await.unwrap().unwrap();
}

/// Of the meter under test, polled by an owner; what became of it in an hour, and how many AARQs it got.
async fn an_hour_of(definition: Definition) -> (poller::PollerHandle, usize, usize) {
    let world = World::default();
    world.meter("meter", &meter());
    let (polls, _kept) = tokio::sync::mpsc::channel(4);
    let handle = poller::spawn(definition, world.connector(), clock(), polls, 1);
    tokio::time::sleep(Duration::from_hours(1)).await;
    let (records, _) = handle.tap.since(0);
    let aarqs = records.iter().filter(|record| match &record.what {
        Chunk::Bytes {
            direction: Direction::Sent,
            bytes,
        } => bytes.windows(4).any(|it| it == b"\xE6\xE6\x00\x60"),
        _ => false,
    });
    let aarqs = aarqs.count();
    (handle, world.connects(), aarqs)
}

#[tokio::test(start_paused = true)]
async fn a_refused_proof_or_key_is_never_tried_again_by_itself() {
    let wrong = |mut definition: Definition, which: &str| {
        let keys = client_keys(Suite::Zero).replace(which, "FF0102030405060708090A0B0C0D0E0F");
        definition.security.as_mut().unwrap().keys = Keys::parse(&keys).unwrap();
        definition.counter_object = None;
        definition
    };
    let (ek, ak) = (
        "000102030405060708090A0B0C0D0E0F",
        "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
    );
    for (definition, words) in [
        // The proof alone is made with the keys.
        (wrong(ciphering(37, Form::Global), ak), "HLS secret or keys"),
        (
            wrong(ciphering(CIPHERED, Form::Global), ek),
            "cannot decipher",
        ),
        (
            wrong(ciphering(CIPHERED, Form::Global), ak),
            "cannot decipher",
        ),
    ] {
        let (handle, connects, aarqs) = an_hour_of(definition).await;
        let status = handle.status.borrow().clone();
        assert_eq!(status.phase, Phase::NeedsPerson, "{:?}", status.last_error);
        assert_eq!((connects, aarqs), (1, 1));
        let error = status.last_error.unwrap();
        assert!(error.try_next.contains(words), "{error:?}");
    }
}

#[test]
fn only_what_a_secret_caused_counts_as_one() {
    use crate::dlms::security::SecurityError;
    let replay = SecurityError::CounterTooLow { got: 3, lowest: 9 };
    let error = SessionError::from(Failure::Security(replay));
    assert!(!error.needs_person() && error.is_about_counters());
    let SessionError::Association(failure) = &error else {
        panic!()
    };
    assert!(!failure.is_authentication());
    let definition = ciphering(CIPHERED, Form::Global);
    assert!(error.advice(&definition).contains("no key is wrong"));

    let key = Failure::Security(SecurityError::TagMismatch { title: TITLE });
    assert!(key.is_authentication());
    let error = SessionError::from(key);
    assert!(error.needs_person() && !error.may_resynchronise());
    // Nothing was sent, and yet only a person can mend it.
    let missing = Failure::Security(SecurityError::MissingKey("encryption"));
    assert!(!missing.is_authentication());
    assert!(SessionError::from(missing).needs_person());
}
