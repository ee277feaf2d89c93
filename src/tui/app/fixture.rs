//! Models to test with, built by hand at one fixed moment. The rule: the same picture on
//! every machine, in every zone.
use super::trace::Assembler;
use super::{Model, Msg, Now, update};
use crate::cosem::{Data, ScalerUnit, Unit};
use crate::diagnosis::{Confidence, Evidence, Finding};
use crate::dlms::explain;
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::ServerAddress;
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;
use crate::headend::{
    Alarm, At, BenchView, BrokerView, Changes, Exchange, MeterView, ProbeView, Published, Severity,
    StepView, Work,
};
use crate::meter::probe::{Mark, Outcome, Pending, Report, Stage, Step, StepName, Working};
use crate::meter::status::{LastError, RungState};
use crate::meter::tap::{Chunk, Direction, Note, Record};
use crate::meter::{Definition, MeterId, MeterStatus, Phase, Reading};
use crate::publish::{BrokerPhase, BrokerStatus, Cause, Happening, Latency, Trail};
use crate::store::{BrokerDefinition, DeadLetter, Dialect, QueueDepth};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 14:32:15 on a Friday in November.
pub fn wall() -> jiff::Timestamp {
    "2026-11-20T14:32:15Z".parse().unwrap()
}

/// Of microstar-001, raised an hour ago and seen a minute ago.
pub fn alarm(id: i64, severity: Severity, text: &str) -> Alarm {
    Alarm {
        id,
        meter: Some(MeterId(1)),
        name: "microstar-001".to_owned(),
        key: String::new(),
        cause: "breaker".to_owned(),
        severity,
        text: text.to_owned(),
        first: wall() - jiff::SignedDuration::from_hours(1),
        last: wall() - jiff::SignedDuration::from_mins(1),
        count: 1,
        value: None,
        acknowledged: None,
        cleared: None,
    }
}

pub struct Moment {
    pub mono: Instant,
}

impl Moment {
    pub fn new() -> Self {
        // Far enough from the beginning of the clock to look back two weeks.
        Self {
            mono: Instant::now() + Duration::from_hours(400),
        }
    }

    pub fn now(&self) -> Now {
        Now {
            wall: wall(),
            mono: self.mono,
        }
    }

    pub fn ago(&self, seconds: u64) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.mono.checked_sub(Duration::from_secs(seconds)).unwrap())
    }

    pub fn ahead(&self, ms: u64) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.mono + Duration::from_millis(ms))
    }

    pub fn model(&self) -> Model {
        Model::new(self.now(), jiff::tz::TimeZone::UTC)
    }

    /// A Microstar meter that answers: nine values and a clock that is 8 s behind.
    pub fn healthy(&self) -> MeterView {
        let mut d = Definition::microstar("microstar-001", "127.0.0.1", 3333);
        d.id = MeterId(1);
        d.password = Some(Secret::new(*b"22222222"));
        d.publish = Some("lab".to_owned());
        let clock = "8/0-0:1.0.0.255/2".parse().unwrap();
        d.objects
            .push(crate::meter::PolledObject::new(clock, "clock"));
        let mut s = MeterStatus::new(self.ago(900), d.objects.len());
        s.phase = Phase::Ready;
        s.ready_since = Some(self.ago(847));
        s.last_received = Some(self.ago(1));
        s.rungs = [
            done(3, ""),
            done(0, "sent"),
            done(31, "info 128/128 w 1/1"),
            done(0, "LLS, client 1 → 1"),
            done(44, "accepted"),
            RungState::Pending,
            done(0, ""),
        ];
        s.parameters = Some(Parameters::default());
        s.conformance = Some(Conformance(0x0000_301D));
        s.max_pdu = Some(1024);
        s.counters.gets = 4231;
        s.counters.polls = 512;
        s.counters.polls_failed = 8;
        s.counters.bytes_sent = 114_237;
        s.counters.bytes_received = 97_313;
        s.counters.round_trip_us = 29_400;
        s.link.frames_sent = 4240;
        s.link.frames_received = 4238;
        s.link.resent = 2;
        let raws = [13540, 1302, 5998, 1759, 56_348, 13552, 1290, 13561, 1311];
        for (i, object) in d.objects.iter().enumerate() {
            let scaler = match object.key.as_str() {
                k if k.starts_with("voltage") || k == "frequency" => -2,
                k if k.starts_with("current") => -3,
                "active_power" => -1,
                _ => 0,
            };
            let unit = match object.key.as_str() {
                k if k.starts_with("voltage") => 35,
                k if k.starts_with("current") => 33,
                "frequency" => 44,
                "active_power" => 27,
                _ => 30,
            };
            let clock = object.key == "clock";
            s.values[i] = Some(Reading {
                spec: object.spec,
                key: object.key.clone(),
                attribute: crate::cosem::AttributeRef {
                    class: if clock { 8 } else { 3 },
                    obis: match object.spec {
                        crate::cosem::ObjectSpec::Value(obis) => obis,
                        crate::cosem::ObjectSpec::Attribute(a) => a.obis,
                    },
                    attribute: 2,
                },
                scaler_unit: (!clock).then_some(ScalerUnit {
                    scaler,
                    unit: Unit(unit),
                }),
                at: wall() - jiff::SignedDuration::from_secs(1),
                value: Ok(if clock {
                    Data::OctetString(vec![
                        0x07, 0xEA, 11, 20, 5, 14, 32, 6, 0xFF, 0x80, 0x00, 0x00,
                    ])
                } else {
                    Data::DoubleLong(raws.get(i).copied().unwrap_or(i32::try_from(i).unwrap()))
                }),
            });
        }
        MeterView {
            definition: d.into(),
            status: s,
            health: Arc::default(),
            bench: None,
            attention: None,
        }
    }

    /// Nobody answers SNRM there; the next try comes in 14 s.
    pub fn retrying(&self) -> MeterView {
        let mut d = Definition::new("feeder-7", "10.0.4.7", 4059);
        d.id = MeterId(2);
        let mut s = MeterStatus::new(self.ago(20), 0);
        s.phase = Phase::Waiting {
            until: self.ahead(13_600),
            failures: 3,
        };
        s.rungs[0] = done(4, "");
        s.rungs[1] = RungState::Failed {
            why: "no answer to SNRM in 7s (3 tries)".to_owned(),
        };
        s.last_error = Some(LastError {
            at: wall() - jiff::SignedDuration::from_secs(2),
            what: "no answer to SNRM in 7s (3 tries). We asked 1/1 in 2 bytes, client 16; a meter that does not know an address is silent.".to_owned(),
            try_next: "Check the server address and its size: the same numbers in another size are another address to many meters.".to_owned(),
        });
        s.counters.connects = 3;
        MeterView {
            definition: d.into(),
            status: s,
            health: Arc::default(),
            bench: None,
            attention: None,
        }
    }

    /// Over the wrapper, proven both ways and ciphered.
    pub fn ciphered(&self) -> MeterView {
        let MeterView {
            definition,
            status: mut s,
            ..
        } = self.healthy();
        let mut d = Arc::unwrap_or_clone(definition);
        d.transport = crate::meter::definition::TransportKind::WrapperTcp;
        d.auth = crate::meter::definition::Auth::HlsGmac;
        s.rungs = [
            done(3, ""),
            RungState::Pending,
            RungState::Pending,
            done(0, "HLS GMAC, auth-enc, client 64 → 1"),
            done(44, "proof asked"),
            done(38, "verified"),
            done(0, ""),
        ];
        s.parameters = None;
        MeterView {
            definition: d.into(),
            status: s,
            health: Arc::default(),
            bench: None,
            attention: None,
        }
    }

    /// Its password was refused.
    pub fn needs_person(&self) -> MeterView {
        let mut d = Definition::microstar("pump-house", "10.0.4.9", 3333);
        d.id = MeterId(3);
        d.password = Some(Secret::new(*b"00000000"));
        let mut s = MeterStatus::new(self.ago(61), d.objects.len());
        s.phase = Phase::NeedsPerson;
        s.rungs = [
            done(3, ""),
            done(0, "sent"),
            done(30, "info 128/128 w 1/1"),
            done(0, "LLS, client 1 → 1"),
            RungState::Failed {
                why: "association refused: rejected-permanent, authentication-failure".to_owned(),
            },
            RungState::Pending,
            RungState::Pending,
        ];
        s.last_error = Some(LastError {
            at: wall() - jiff::SignedDuration::from_secs(61),
            what: "association refused: rejected-permanent, authentication-failure. The meter knows client 1 and does not accept its password.".to_owned(),
            try_next: "Correct the password before trying again: many meters lock for minutes after a few wrong ones.".to_owned(),
        });
        MeterView {
            definition: d.into(),
            status: s,
            health: Arc::default(),
            bench: None,
            attention: None,
        }
    }

    /// At the bench: the same meter, where another form of its address worked.
    pub fn probed(&self) -> MeterView {
        let mut view = self.retrying();
        Arc::make_mut(&mut view.definition).server = two_bytes();
        let steps = vec![
            step("tcp", Outcome::Ok, 4, "10.0.4.7:4059", None),
            step(
                "snrm",
                Outcome::Silent,
                7000,
                "no answer to SNRM in 7s",
                None,
            ),
            step(
                "ladder",
                Outcome::Silent,
                4000,
                "DISC first: a link may have been left open: no answer",
                Some(two_bytes()),
            ),
            step(
                "ladder",
                Outcome::Ok,
                31,
                "the same numbers in one byte: UA from 03",
                Some(one_byte()),
            ),
        ];
        let report = Report {
            steps: steps.clone(),
            working: Some(Working {
                client: view.definition.client,
                server: one_byte(),
                association: false,
                settled: crate::meter::session::Settled::default(),
            }),
            findings: vec![h1()],
            beside: vec!["UA carries no parameters (H4)".to_owned()],
            ..Report::default()
        };
        let probe = ProbeView {
            steps,
            report: Some(Arc::new(report)),
            ..ProbeView::default()
        };
        view.bench = Some(Arc::new(BenchView {
            at: At::Over,
            trouble: None,
            from: 0,
            findings: [h1()].into(),
            work: Work::Probe(probe),
        }));
        view
    }

    /// The probe waits until the meter has let go of an old link.
    pub fn waiting(&self) -> MeterView {
        let mut view = self.probed();
        view.status.phase = Phase::Lent;
        let bench = Arc::make_mut(view.bench.as_mut().unwrap());
        bench.at = At::Working;
        bench.findings = Arc::default();
        if let Work::Probe(probe) = &mut bench.work {
            probe.steps.truncate(2);
            probe.report = None;
            probe.waiting = Some(self.ahead(133_400));
        }
        view
    }

    /// A session is stepped through: SNRM comes next.
    pub fn stepping(&self) -> MeterView {
        let mut view = self.retrying();
        view.status.phase = Phase::Lent;
        let stage = |name, mark, words: &str| Stage {
            step: name,
            mark,
            words: words.to_owned(),
        };
        let shown = unhex("7EA0070321930F017E");
        let (said, answer) = (unhex("7EA00703215303C77E"), unhex("7EA0072103736EDB7E"));
        let explained = |bytes: &[u8], way| explain::explain_from(bytes, Some(way)).frames;
        let step = StepView {
            definition: Arc::clone(&view.definition),
            proposal: crate::meter::probe::Proposal::default(),
            picture: [
                stage(StepName::Connect, Mark::Done, "4 ms"),
                stage(StepName::Drain, Mark::Done, "nothing waited"),
                stage(StepName::Disc, Mark::Done, "UA"),
                stage(StepName::Snrm, Mark::Next, ""),
                stage(StepName::Aarq, Mark::Todo, ""),
                stage(StepName::HlsPass3, Mark::NotUsed, ""),
                stage(StepName::Get, Mark::Todo, ""),
                stage(StepName::Rlrq, Mark::Todo, ""),
                stage(StepName::DiscEnd, Mark::Todo, ""),
                stage(StepName::Close, Mark::Todo, ""),
            ]
            .into(),
            explained: explained(&shown, explain::Direction::ToMeter).into(),
            pending: Some(Pending::Bytes {
                step: StepName::Snrm,
                shown,
                asks: None,
            }),
            said: [
                Exchange {
                    sent: true,
                    frames: explained(&said, explain::Direction::ToMeter),
                    bytes: said,
                },
                Exchange {
                    sent: false,
                    frames: explained(&answer, explain::Direction::FromMeter),
                    bytes: answer,
                },
            ]
            .into(),
            hand: None,
            busy: false,
        };
        view.bench = Some(Arc::new(BenchView {
            at: At::Working,
            trouble: None,
            from: 0,
            findings: Arc::default(),
            work: Work::Step(Box::new(step)),
        }));
        view
    }

    pub fn broker(&self) -> BrokerView {
        BrokerView {
            definition: BrokerDefinition {
                id: 1,
                client_id: "obiscope".to_owned(),
                ..BrokerDefinition::new("lab", "mqtt://127.0.0.1", Dialect::Json).unwrap()
            },
            status: BrokerStatus {
                phase: BrokerPhase::Connected,
                since: self.ago(8040),
                depth: QueueDepth::default(),
                trend: Arc::from([0; 60]),
                acknowledged: 5512,
                bytes_sent: 1_048_576,
                bytes_received: 0,
                received: 0,
                per_minute: 12,
                latency: Some(Latency {
                    p50: Duration::from_millis(8),
                    p99: Duration::from_millis(21),
                    max: Duration::from_millis(40),
                }),
                last_topic: Some("meters/microstar-001/telemetry".to_owned()),
                last_payload: Some(r#"{"device_id":"microstar-001","ts":1795444334123,"seq":5512,"measurements":{"voltage_l1":{"obis":"1-1:32.7.0","value":135.40,"unit_code":35,"raw_value":13540}}}"#.to_owned()),
                last_error: None,
                history: Arc::default(),
                happenings: 0,
                findings: Arc::default(),
                reconnects: 0,
            },
            letters: Arc::default(),
        }
    }

    /// The same broker when all is not well: it went, messages wait, two were refused, and it has a name.
    pub fn troubled_broker(&self) -> BrokerView {
        let mut view = self.broker();
        let before = |s: i64| wall() - jiff::SignedDuration::from_secs(s);
        let happening = |s, what: &str, cause| Happening {
            at: before(s),
            what: what.to_owned(),
            cause,
        };
        let status = &mut view.status;
        status.phase = BrokerPhase::Waiting {
            until: self
                .now()
                .mono
                .checked_add(Duration::from_secs(14))
                .unwrap()
                .into(),
        };
        status.depth = QueueDepth {
            waiting: 1204,
            bytes: 312_000,
            oldest: Some(before(372)),
            dropped: 0,
            dead: 2,
            rejected: 2,
        };
        status.trend = (0..60).map(|n| n * 20).collect();
        status.reconnects = 7;
        let closed = "127.0.0.1:1883 closed the connection; when this repeats, another client may use the same token or client id";
        status.last_error = Some((before(6), closed.to_owned()));
        status.history = Arc::from([
            happening(8040, "connected", Cause::Connected),
            happening(36, closed, Cause::Closed),
            happening(20, "connected", Cause::Connected),
            happening(6, closed, Cause::Closed),
        ]);
        status.findings = Arc::from([Finding {
            id: "P1",
            title: "another client uses the same client id".to_owned(),
            confidence: Confidence::Likely,
            evidence: vec![Evidence::words(
                "7 connections ended within 16 s of their beginning",
            )],
            remedy: vec![
                "stop the other one, or give this broker a client id of its own".to_owned(),
            ],
            count: 7,
        }]);
        let letter = |id, topic: &str, reason: &str| DeadLetter {
            id,
            topic: topic.to_owned(),
            bytes: 280,
            created: before(4000),
            reason: reason.to_owned(),
            at: before(3999),
        };
        view.letters = Arc::from([
            letter(
                9,
                "meters/feeder-7/telemetry",
                "the broker refused it: payload format invalid (0x99)",
            ),
            letter(
                4,
                "meters/pump-house/telemetry",
                "it is 300000 bytes long, more than the 262144 a packet may have; let the meter read fewer objects",
            ),
        ]);
        view
    }

    /// What became of the healthy meter's newest poll.
    pub fn published(&self) -> Published {
        let at = |ms| wall() - jiff::SignedDuration::from_millis(ms);
        let payload = self.broker().status.last_payload.unwrap();
        Published {
            broker_id: 1,
            broker: "lab".to_owned(),
            device: "microstar-001".to_owned(),
            read: at(5000),
            stored: at(390),
            messages: 1,
            trail: Some(Trail {
                read: at(5000),
                topic: "meters/microstar-001/telemetry".into(),
                payload: payload.into_bytes().into(),
                sent: at(388),
                acknowledged: Some(at(380)),
                parts: 1,
                taken: 1,
            }),
        }
    }

    /// All three meters and the broker; the healthy one with a course of its values.
    pub fn lively(&self, size: (u16, u16)) -> Model {
        let mut model = self.model();
        model.size = size;
        for n in (0..14_i32).rev() {
            let mut view = self.healthy();
            for (i, reading) in view.status.values.iter_mut().enumerate() {
                let Some(reading) = reading else { continue };
                reading.at -= jiff::SignedDuration::from_secs(5 * i64::from(n));
                if let Ok(Data::DoubleLong(raw)) = &mut reading.value {
                    let step = i32::try_from(i).unwrap() + 1;
                    *raw -= (n * 7 * step) % (11 + step) - if n == 1 { 9 * (step % 3) } else { 0 };
                }
            }
            update(&mut model, changes(vec![view]));
        }
        update(
            &mut model,
            Msg::Changes(Changes {
                meters: judged(vec![self.retrying(), self.needs_person()]),
                brokers: vec![Arc::new(self.broker())],
                published: vec![(MeterId(1), Arc::new(self.published()))],
                ..Changes::default()
            }),
        );
        // By name: feeder-7, microstar-001, pump-house.
        model.meters.select(MeterId(1));
        update(&mut model, changes(Vec::new()));
        model
    }

    /// The same with frames: a connect, two readings, a refusal and some junk.
    pub fn tracing(&self, size: (u16, u16)) -> Model {
        let mut model = self.lively(size);
        let rows = Assembler::new().rows(&records());
        update(
            &mut model,
            Msg::Trace {
                meter: MeterId(1),
                rows,
                lost: 0,
                findings: None,
            },
        );
        model
    }
}

fn one_byte() -> ServerAddress {
    ServerAddress::new(1, None, Some(1)).unwrap()
}

fn two_bytes() -> ServerAddress {
    ServerAddress::new(1, Some(1), Some(2)).unwrap()
}

fn step(
    step: &'static str,
    outcome: Outcome,
    ms: u64,
    words: &str,
    asked: Option<ServerAddress>,
) -> Step {
    Step {
        step,
        outcome,
        took: Duration::from_millis(ms),
        words: words.to_owned(),
        asked: asked.map(|server| (crate::dlms::hdlc::ClientAddress::new(16).unwrap(), server)),
    }
}

pub fn h1() -> Finding {
    Finding {
        id: "H1",
        title: "The meter ignores this address".into(),
        confidence: Confidence::Likely,
        evidence: vec![Evidence {
            frame: Some(1),
            octets: Some(3..4),
            text: "asked 02 03 (upper 1, lower 1, two bytes); a meter that does not know an address is silent".into(),
        }],
        remedy: vec![
            "Try the address forms (SNRM and DISC only, no password)".into(),
            "Correct the address".into(),
        ],
        count: 1,
    }
}

fn done(ms: u64, detail: &str) -> RungState {
    RungState::Done {
        took: Duration::from_millis(ms),
        detail: detail.to_owned(),
    }
}

/// As the head-end would show them.
fn judged(meters: Vec<MeterView>) -> Vec<Arc<MeterView>> {
    let now = tokio::time::Instant::now();
    (meters.into_iter())
        .map(|view| Arc::new(view.judged(now)))
        .collect()
}

pub fn changes(meters: Vec<MeterView>) -> Msg {
    Msg::Changes(Changes {
        meters: judged(meters),
        ..Changes::default()
    })
}

/// Recorded frames (client 16, server 1): each line a direction and the bytes.
const FRAMES: &[(char, &str)] = &[
    ('>', "7EA00703219 30F017E"),
    (
        '<',
        "7EA01E210373C37A81801205 01C806018C0704000000010804000000 0149C67E",
    ),
    (
        '>',
        "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFFC5E47E",
    ),
    (
        '<',
        "7EA0372103306C7CE6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000181D040000071ABE7E",
    ),
    (
        '>',
        "7EA0190321326FD8E6E600C001C100080000010000FF0200601A7E",
    ),
    (
        '<',
        "7EA01E210352484AE6E700C401C100090C07E90B140410371E00003C00ED397E",
    ),
    (
        '>',
        "7EA0190321545FDEE6E600C001C100030100200700FF03005D9A7E",
    ),
    ('<', "7EA016210374A4EBE6E700C401C10002020FFF1623F4F87E"),
    ('<', "7EA01121037485BCE6E700C401C10104CCF67E"),
];

pub fn records() -> Vec<Record> {
    let begin = wall() - jiff::SignedDuration::from_secs(2);
    let at = |n: usize| begin + jiff::SignedDuration::from_millis(i64::try_from(n).unwrap() * 31);
    let mut records = vec![Record {
        seq: 0,
        at: at(0),
        what: Chunk::Note(Note::Connected),
    }];
    for (n, (way, hex)) in FRAMES.iter().enumerate() {
        let direction = match way {
            '>' => Direction::Sent,
            _ => Direction::Received,
        };
        records.push(Record {
            seq: u64::try_from(n).unwrap() + 1,
            at: at(n + 1),
            what: Chunk::Bytes {
                direction,
                bytes: unhex(hex),
            },
        });
    }
    records
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| u8::try_from(d).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
