//! The association as client, fed any APDUs in and out of sequence: no panic, every wait has an end, a release always
//! comes to one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::cosem::{AttributeRef, Data, Obis};
use rooms::dlms::acse::{Aare, ApplicationContext, InitiateResponse, Mechanism, UserInformation};
use rooms::dlms::association::{Association, Authentication, Carrier, Config, Event, Fresh, State};
use rooms::dlms::hdlc::ClientAddress;
use rooms::dlms::hdlc::link::LinkConfig;
use rooms::dlms::security::hls::HlsMechanism;
use rooms::dlms::security::{
    Form, Keys, Protection, Sealing, Secret, Security, Suite, SystemTitle, seal,
};
use rooms::dlms::wrapper::WrapperConfig;
use rooms::dlms::xdlms::{Conformance, MethodRef, Selection};
use rooms::{Meter, Script, bounded};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_millis(100);
const CLIENT: SystemTitle = SystemTitle(*b"MMM\0\0\xBC\x61\x4E");
const METER: SystemTitle = SystemTitle(*b"GRX\0\0\0\0\x01");
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let text = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
    Keys::parse(text).expect("good keys")
});
const ENERGY: AttributeRef = AttributeRef {
    class: 3,
    obis: Obis::new(1, 0, 1, 8, 0, 255),
    attribute: 2,
};

struct Line {
    client: Association,
    meter: Meter,
    now: Instant,
    /// The meter's invocation counter.
    counter: u32,
}

fn config(choice: u8) -> Config {
    let carrier = if choice & 1 == 0 {
        let mut link = LinkConfig::new(ClientAddress::new(1).unwrap(), "1".parse().unwrap());
        link.quiet = QUIET;
        Carrier::Hdlc(link)
    } else {
        Carrier::Wrapper(WrapperConfig {
            client: 1,
            server: 1,
            response_timeout: Duration::from_secs(7),
            retries: 2,
            datagrams: choice & 2 != 0,
        })
    };
    let hls = |mechanism| Authentication::Hls {
        mechanism,
        secret: Secret::new("12345678"),
    };
    let authentication = match choice >> 3 & 3 {
        0 => Authentication::None,
        1 => Authentication::Lls(Secret::new("12345678")),
        2 => hls(HlsMechanism::Gmac),
        _ => hls(HlsMechanism::Sha256),
    };
    let security = Security {
        suite: Suite::Zero,
        protection: (choice & 32 != 0).then_some(Protection::Both),
        form: Form::Global,
        title: CLIENT,
        keys: KEYS.clone(),
    };
    Config {
        authentication,
        security: (choice >= 16).then_some(security),
        max_answer: 1 << 20,
        read_only: false,
        ..Config::new(carrier)
    }
}

/// As the meter seals it, under its next counter; as it is where nothing can be sealed.
fn sealed(plain: &[u8], counter: &mut u32) -> Vec<u8> {
    *counter += 1;
    let how = Sealing {
        suite: Suite::Zero,
        protection: Protection::Both,
        form: Form::Global,
        title: METER,
        keys: &KEYS,
        counter: *counter,
    };
    let mut out = Vec::new();
    if seal(plain, &how, &mut out).is_err() {
        out.extend_from_slice(plain);
    }
    out
}

impl Line {
    fn act(&mut self, script: &mut Script<'_>) {
        let Self {
            client,
            meter,
            now,
            counter,
        } = self;
        let now = *now;
        match script.byte() % 16 {
            0 => {
                client.renew(Fresh {
                    challenge: vec![7; 16],
                    counter: 1,
                    dedicated: None,
                });
                if client.connect(now).is_ok() {
                    self.pass(QUIET);
                }
            }
            1 => client.handle_bytes(now, &meter.accept(script.piece())),
            2 => {
                let granted = Conformance(u32::from(script.word()));
                let mut apdu = Vec::new();
                let response = InitiateResponse::new(granted, script.word());
                let mut aare = Aare::accepted(response);
                if client.config().security.is_some() {
                    aare.responding_title = Some(METER.0.to_vec());
                    aare.mechanism = Some(Mechanism::from_arc(5));
                    aare.authentication_value = Some(vec![9; 16]);
                }
                if client.config().is_ciphered() {
                    let mut plain = Vec::new();
                    response.encode(&mut plain);
                    let inside = sealed(&plain, counter);
                    aare.context = Some(ApplicationContext::from_arc(3));
                    aare.user_information = UserInformation::from_apdu(&inside);
                }
                aare.encode(&mut apdu);
                client.handle_bytes(now, &meter.answer(&apdu, 128));
            }
            3 => drop(client.get(now, ENERGY)),
            4 => {
                let (from, to) = (script.byte(), script.byte());
                let entries = Selection::entries(from.into(), to.into());
                drop(client.get_with(now, ENERGY, &entries));
            }
            5 => {
                let list = vec![ENERGY; usize::from(script.byte() % 20)];
                drop(client.get_list(now, &list));
            }
            6 => {
                let value = Data::OctetString(vec![7; script.word().into()]);
                drop(client.set(now, ENERGY, &value));
            }
            7 => {
                let method = MethodRef {
                    class: 70,
                    obis: ENERGY.obis,
                    method: 1,
                };
                let value = Data::OctetString(vec![7; script.word().into()]);
                drop(client.action(now, method, script.flag().then_some(&value)));
            }
            8 => drop(client.keep_alive(now)),
            9 => client.release(now, script.time()),
            10 => client.reset(),
            11 => self.pass(script.time()),
            12 => client.handle_bytes(now, script.piece()),
            13 => {
                let (control, segmented) = (script.byte(), script.flag());
                client.handle_bytes(now, &meter.frame(control, segmented, script.piece()));
            }
            14 => {
                // In sequence; under the invoke-id asked with, and sealed, where the script says so.
                let how = script.byte();
                let mut apdu = script.piece().to_vec();
                if let Some(invoke) = apdu.get_mut(2).filter(|_| how & 1 == 1) {
                    *invoke = meter.invoke;
                }
                if how & 2 == 2 {
                    apdu = sealed(&apdu, counter);
                }
                client.handle_bytes(now, &meter.answer(&apdu, 128));
            }
            _ => {
                let (last, number) = (script.flag(), script.word());
                let data = &script.piece();
                let mut apdu = vec![0xC4, 2, meter.invoke, last.into(), 0, 0];
                apdu.extend(number.to_be_bytes());
                apdu.push(0);
                rooms::cosem::data::encode_length(data.len(), &mut apdu);
                apdu.extend_from_slice(data);
                client.handle_bytes(now, &meter.answer(&apdu, 2030));
            }
        }
        self.settle();
    }

    /// Time goes by; the client is told whenever it asked to be.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..1000 {
            match self.client.poll_timeout() {
                Some(due) if due <= end => {
                    self.now = self.now.max(due);
                    self.client.handle_timeout(self.now);
                    self.settle();
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("the client's timers do not rest");
    }

    /// What the client says is heard; its last event is given back.
    fn settle(&mut self) -> Option<Event> {
        let mut sent = 0;
        while let Some(bytes) = self.client.poll_transmit().filter(|b| !b.is_empty()) {
            self.meter.hear(bytes);
            sent += 1;
            assert!(sent < 10_000, "it goes on sending");
        }
        let mut last = None;
        let mut events = 0;
        while let Some(event) = self.client.poll_event() {
            last = Some(event);
            events += 1;
            assert!(events < 1000, "it goes on telling");
        }
        let waits = !matches!(self.client.state(), State::Idle | State::Ready);
        assert!(!waits || self.client.poll_timeout().is_some());
        last
    }
}

fuzz_target!(|input: &[u8]| {
    bounded(|| {
        let mut script = Script::new(input);
        let config = config(script.byte());
        let mut line = Line {
            meter: match config.carrier {
                Carrier::Hdlc(_) => Meter::default(),
                Carrier::Wrapper(_) => Meter::behind_a_wrapper(),
            },
            client: Association::new(config),
            now: Instant::now(),
            counter: 0,
        };
        while !script.is_over() {
            line.act(&mut script);
        }
        line.client.release(line.now, Duration::from_secs(1));
        let mut last = line.settle();
        for _ in 0..100 {
            let Some(due) = line.client.poll_timeout() else {
                break;
            };
            line.now = line.now.max(due);
            line.client.handle_timeout(line.now);
            last = line.settle().or(last);
        }
        assert_eq!(line.client.state(), State::Idle);
        assert_eq!(last, Some(Event::Released));
        assert_eq!(line.client.poll_timeout(), None);
    });
});
