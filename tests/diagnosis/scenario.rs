//! With which settings each fault is met: those a person would have who meets it. The rule: what is not said here is the
//! generic meter's reading client with its right password over HDLC.
use obiscope::dlms::hdlc::{ClientAddress, ServerAddress};
use obiscope::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
use obiscope::meter::Definition;
use obiscope::meter::definition::{Auth, TransportKind};
use obiscope::meter::known_good::KnownGood;
use obiscope::simulator::clients;
use obiscope::simulator::fault::{Kind, Row};
use std::time::Duration;

pub struct Scenario {
    pub meter: Definition,
    /// Probes before, with a password that is wrong.
    pub wrong_before: u32,
    pub stay: Option<Duration>,
    /// Who worked with this meter before.
    pub before: Option<KnownGood>,
}

fn usual() -> Definition {
    let mut meter = Definition::new("meter", "127.0.0.1", 1);
    meter.client = ClientAddress::new(1).unwrap();
    meter.server = "1/17".parse().unwrap();
    meter.auth = Auth::Lls;
    meter.password = Some(Secret::new(clients::SECRET));
    meter
}

fn client(sap: u8, auth: Auth) -> Definition {
    let mut meter = usual();
    meter.client = ClientAddress::new(sap).unwrap();
    meter.auth = auth;
    meter
}

fn with_keys(mut meter: Definition, protection: Option<Protection>) -> Definition {
    meter.security = Some(Security {
        suite: Suite::Zero,
        protection,
        form: Form::Global,
        title: SystemTitle(*b"OBS00001"),
        keys: Keys::parse(&clients::client_keys(Suite::Zero)).unwrap(),
    });
    meter.counter_object = None;
    meter
}

pub fn of(row: &Row) -> Scenario {
    let ciphered = || with_keys(client(68, Auth::Lls), Some(Protection::Both));
    let mut scenario = Scenario {
        meter: usual(),
        wrong_before: 0,
        stay: None,
        before: None,
    };
    let meter = &mut scenario.meter;
    match row.kind {
        Kind::HdlcPort => meter.transport = TransportKind::WrapperTcp,
        Kind::NoSignOn | Kind::NoModeE | Kind::ModeC | Kind::NoParitySwitch | Kind::SlowSwitch => {
            meter.mode_e = true;
        }
        Kind::Hls | Kind::WrongProof => *meter = client(35, Auth::HlsMd5),
        Kind::EmptyTitle => *meter = with_keys(client(37, Auth::HlsGmac), None),
        Kind::InvocationCounter | Kind::DeafToCiphered => *meter = ciphered(),
        Kind::Exception if matches!(row.finding, "A21" | "A22") => *meter = ciphered(),
        Kind::StaleLink => {
            scenario.before = Some(KnownGood {
                at: "2026-11-19T12:00:00Z".parse().unwrap(),
                client: ClientAddress::new(33).unwrap(),
                server: meter.server,
                parameters: None,
            });
        }
        // A guide that says 127 for any meter.
        Kind::AnswersAll => meter.server = ServerAddress::all_station(1, 2).unwrap(),
        Kind::Locked => scenario.wrong_before = 3,
        Kind::Inactivity | Kind::InactivitySilent => scenario.stay = Some(Duration::from_secs(40)),
        Kind::IdleClose => scenario.stay = Some(Duration::from_secs(10)),
        Kind::HoldsPort => scenario.stay = Some(Duration::from_secs(1)),
        _ => {}
    }
    scenario
}
