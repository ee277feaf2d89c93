//! A meter as a person defines it: where it is, how to talk to it, what to read, where readings go.
//! Everything here is data; `check` is the one place that says what a field may hold.

mod auth;
mod check;
mod limits;
mod line;
mod naming;
mod nominal;
mod polled;
mod protection;
mod recovery;
mod report;
mod security_check;

pub use auth::Auth;
pub use check::FieldError;
pub use limits::{Limits, Rate};
pub use line::{Parity, SerialLine, TransportKind};
pub use naming::{NAMINGS, naming_name, naming_named};
pub use nominal::{Nominal, nominal};
pub use polled::PolledObject;
pub use protection::{
    FORMS, PROTECTIONS, form_name, form_named, key_names, key_text, own_title, protection_name,
    protection_named, suite_named,
};
pub use recovery::{RECOVERY_KEYS, RecoverySettings};
pub use report::{Deadband, Report};

use super::status::Rung;
use crate::cosem::{Obis, ObjectSpec};
use crate::dlms::association::Naming;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::{Secret, Security};
use std::borrow::Cow;
use std::time::Duration;

/// The store's number of a meter; 0 until it was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterId(pub i64);

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct Definition {
    /// `MeterId(0)` until saved.
    pub id: MeterId,
    pub name: String,
    /// Empty where the transport is a serial line.
    pub host: String,
    pub port: u16,
    pub transport: TransportKind,
    /// The line begins with the hand-over of IEC 62056-21 mode E.
    pub mode_e: bool,
    pub client: ClientAddress,
    /// Over the wrapper its upper part is the logical device.
    pub server: ServerAddress,
    /// How the meter calls its objects.
    pub naming: Naming,
    pub auth: Auth,
    pub password: Option<Secret>,
    /// Keys, and how APDUs are ciphered with them.
    pub security: Option<Security>,
    /// Where the public client finds the invocation counter the meter has seen last; `None` never asks.
    pub counter_object: Option<Obis>,
    /// Nothing that writes can be built for this meter.
    pub read_only: bool,
    /// How long one answer may take; also the limit for opening the connection.
    pub timeout: Duration,
    /// Answers are measured, and a meter that takes longer than it usually does is asked where it stands before `timeout`
    /// is over, but never sooner than this. It only asks sooner: it gives up as late as `timeout` and `retries` say, and
    /// the first answers of an association, SNRM, AARQ and the wrapper always have the whole `timeout`. At or above
    /// `timeout` nothing is asked sooner.
    pub timeout_floor: Duration,
    /// Least time between the meter's last octet and our next frame.
    pub turn_round: Duration,
    /// Longest pause within a frame; zero leaves it to `timeout`.
    pub inter_octet: Duration,
    /// How often an unanswered frame is sent again.
    pub retries: u8,
    /// Time from one poll to the next.
    pub poll: Duration,
    /// Intervals without a reading before that is an alarm; 0 for never.
    pub overdue: u16,
    /// Serial number and firmware are read once an association: another meter in the same place has other scalers.
    pub identify: bool,
    /// The meter's own inactivity timeout, zero for none; keep-alive goes well inside it.
    pub inactivity: Duration,
    /// Largest HDLC information field proposed, bytes, both ways.
    pub max_info: u16,
    /// HDLC window proposed, both ways.
    pub window: u8,
    pub objects: Vec<PolledObject>,
    /// What its values are judged by.
    pub nominal: Nominal,
    /// When it is tried again, paused, or one object rested.
    pub recovery: RecoverySettings,
    /// Name of the saved broker readings go to.
    pub publish: Option<String>,
    /// The device name used there (default: the meter's name).
    pub device: Option<String>,
    /// Whether it starts with the program.
    pub enabled: bool,
}

/// A silent meter is asked at least this often, however long its own time: converters and NAT forget sooner.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// Intervals without a reading that are usual to be told of.
pub const OVERDUE: u16 = 5;

/// The public client of IEC 62056-46.
const PUBLIC_CLIENT: u8 = 16;
/// The invocation counter of the unicast key, attribute 2 of class 1 (Green Book 6.2.21, as DSMR, IDIS and Gurux use it).
pub const COUNTER_OBJECT: Obis = Obis::new(0, 0, 43, 1, 0, 255);
/// As RFC 6298 has it: sooner than this nothing is taken for lost.
pub const TIMEOUT_FLOOR: Duration = Duration::from_secs(1);
/// What Microstar meters need on a serial line before they hear again.
const MICROSTAR_TURN_ROUND: Duration = Duration::from_millis(30);
const MICROSTAR_INACTIVITY: Duration = Duration::from_mins(3);
/// The field meters' reading client.
const MICROSTAR_CLIENT: u8 = 1;

fn client(sap: u8) -> ClientAddress {
    ClientAddress::new(sap).unwrap_or_else(|_| unreachable!("{sap} is under 128"))
}

/// Upper address 1 in one byte, on the wire `03`.
fn server_one() -> ServerAddress {
    ServerAddress::new(1, None, Some(1)).unwrap_or_else(|_| unreachable!("1 fits in seven bits"))
}

impl Definition {
    /// A new definition with the house defaults: client 16, server 1, no authentication, 7 s, every 5 s.
    pub fn new(name: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            id: MeterId(0),
            name: name.into(),
            host: host.into(),
            port,
            transport: TransportKind::HdlcTcp,
            mode_e: false,
            client: client(PUBLIC_CLIENT),
            server: server_one(),
            naming: Naming::LogicalName,
            auth: Auth::None,
            password: None,
            security: None,
            counter_object: Some(COUNTER_OBJECT),
            read_only: false,
            timeout: Duration::from_secs(7),
            timeout_floor: TIMEOUT_FLOOR,
            turn_round: Duration::ZERO,
            inter_octet: Duration::ZERO,
            retries: 2,
            poll: Duration::from_secs(5),
            overdue: OVERDUE,
            identify: true,
            inactivity: Duration::from_mins(2),
            max_info: 128,
            window: 1,
            objects: Vec::new(),
            nominal: Nominal::default(),
            recovery: RecoverySettings::default(),
            publish: None,
            device: None,
            enabled: true,
        }
    }

    /// The field settings of Microstar meters: server 1 in one byte, client 1 with LLS (the password is
    /// still to be given), 180 s of inactivity, and nine values, all in the 1-1 channel.
    pub fn microstar(name: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            client: client(MICROSTAR_CLIENT),
            auth: Auth::Lls,
            inactivity: MICROSTAR_INACTIVITY,
            objects: MICROSTAR_OBJECTS
                .iter()
                .map(|&(key, c)| {
                    PolledObject::new(ObjectSpec::Value(Obis::new(1, 1, c.0, c.1, 0, 255)), key)
                })
                .collect(),
            ..Self::new(name, host, port)
        }
    }

    /// Whether it is asked as Microstar field meters are; nothing in the meter itself tells its make before it answers.
    pub fn is_like_microstar(&self) -> bool {
        self.inactivity == MICROSTAR_INACTIVITY && self.client.sap() == MICROSTAR_CLIENT
    }

    /// Moves it to a serial device, with that device's usual settings; for Microstar meters with their pause.
    pub fn on_serial(mut self, path: impl Into<String>) -> Self {
        self.host = String::new();
        self.port = 0;
        self.transport = TransportKind::Serial(SerialLine::new(path));
        if self.is_like_microstar() {
            self.turn_round = MICROSTAR_TURN_ROUND;
        }
        self
    }

    /// `host:port`, with brackets around an IPv6 address; of a serial line its path.
    pub fn endpoint(&self) -> String {
        if let TransportKind::Serial(line) = &self.transport {
            line.path.clone()
        } else if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// How frames travel, in words: `hdlc-tcp`, `serial 9600 8N1, mode E`.
    pub fn transport_words(&self) -> Cow<'static, str> {
        let name = self.transport.name();
        let mode_e = if self.mode_e { ", mode E" } else { "" };
        match &self.transport {
            TransportKind::Serial(line) => format!("{name} {}{mode_e}", line.settings()).into(),
            _ if self.mode_e => format!("{name}{mode_e}").into(),
            _ => name.into(),
        }
    }

    /// Why nothing may be written to this meter, and how that is changed; `None` where it may.
    pub fn why_read_only(&self) -> Option<String> {
        self.read_only.then(|| {
            format!(
                "meter {} is marked read-only; nothing was sent. To allow it: obiscope meter edit {} --read-only false",
                self.name, self.name
            )
        })
    }

    /// Whether a session with this meter climbs that rung: the wrapper has neither SNRM nor UA, a password no proof.
    pub const fn climbs(&self, rung: Rung) -> bool {
        match rung {
            Rung::Snrm | Rung::Ua => self.transport.is_hdlc(),
            Rung::Hls => self.auth.is_high_level(),
            Rung::Tcp | Rung::Aarq | Rung::Aare | Rung::Ready => true,
        }
    }

    /// How often this object is read.
    pub fn every(&self, object: &PolledObject) -> Duration {
        object.every.unwrap_or(self.poll)
    }

    /// Other objects to read; one whose key was there before is reported, and has limits, as before.
    pub fn set_objects(&mut self, mut objects: Vec<PolledObject>) {
        for object in &mut objects {
            let before = self.objects.iter().find(|before| before.key == object.key);
            if let Some(before) = before {
                (object.report, object.limits) = (before.report, before.limits);
            }
        }
        self.objects = objects;
    }

    /// How often a reading of anything is due.
    pub fn interval(&self) -> Duration {
        let each = self.objects.iter().map(|it| self.every(it));
        each.min().unwrap_or(self.poll)
    }

    /// The name readings carry on a broker.
    pub fn device_name(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.name)
    }

    /// After how long a silence a keep-alive goes; about half the meter's inactivity time, `None` if it has none.
    pub fn keep_alive_after(&self) -> Option<Duration> {
        let silence = (self.inactivity / 2).min(LONGEST_SILENCE);
        (!self.inactivity.is_zero()).then_some(silence)
    }

    /// Whether `other` asks for another conversation: a running link must be let go and opened anew.
    pub fn needs_reconnect(&self, other: &Self) -> bool {
        self.proves_itself_otherwise(other)
            || self.timeout != other.timeout
            || self.timeout_floor != other.timeout_floor
            || self.turn_round != other.turn_round
            || self.inter_octet != other.inter_octet
            || self.read_only != other.read_only
            || self.naming != other.naming
            || self.retries != other.retries
            || self.max_info != other.max_info
            || self.window != other.window
    }

    /// Whether `other` shows another secret, or shows it to another: a refusal of this one no longer holds.
    pub fn proves_itself_otherwise(&self, other: &Self) -> bool {
        self.is_elsewhere(other)
            || self.auth != other.auth
            || self.password != other.password
            || self.security != other.security
            || self.counter_object != other.counter_object
    }

    /// Whether `other` may be another device: what was learned of this one no longer holds.
    pub fn is_elsewhere(&self, other: &Self) -> bool {
        self.host != other.host
            || self.port != other.port
            || self.transport != other.transport
            || self.mode_e != other.mode_e
            || self.client != other.client
            || self.server != other.server
    }
}

/// Key, and groups C and D of the code, as the bridges before this one named them.
const MICROSTAR_OBJECTS: [(&str, (u8, u8)); 9] = [
    ("voltage_l1", (32, 7)),
    ("current_l1", (31, 7)),
    ("frequency", (14, 7)),
    ("active_power", (1, 7)),
    ("active_energy", (1, 8)),
    ("voltage_l2", (52, 7)),
    ("current_l2", (51, 7)),
    ("voltage_l3", (72, 7)),
    ("current_l3", (71, 7)),
];
