//! What a simulated meter is: addresses, clients and passwords, link parameters, limits, clock. Behaviour that differs
//! between the two kinds is decided here and nowhere else, as a method that says so.

use super::clients::{self, Access};
use super::fault::Faults;
use super::load::Supply;
use super::objects::{self, Table};
use crate::dlms::hdlc::{Parameters, ServerAddress};
use crate::dlms::security::{Secret, SystemTitle};
use crate::dlms::xdlms::Conformance;
use std::sync::Arc;
use std::time::Duration;

pub use super::clients::Client;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfileKind {
    /// The field meters: one-byte address, silence where others refuse.
    Microstar,
    /// A meter by the book: every address size, windows, refusals in words.
    Generic,
}

/// What carries the APDUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    #[default]
    HdlcTcp,
    WrapperTcp,
    WrapperUdp,
}

impl Transport {
    /// As command lines and JSON say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HdlcTcp => "hdlc-tcp",
            Self::WrapperTcp => "wrapper-tcp",
            Self::WrapperUdp => "wrapper-udp",
        }
    }
}

/// The most rows a load profile may keep.
const MOST_ROWS: u32 = 100_000;

/// Everything that decides how one simulated meter behaves; built by `Profile::microstar(seed)` / `Profile::generic(seed)`.
#[derive(Clone, Debug)]
pub struct Profile {
    pub kind: ProfileKind,
    /// Serial number and load curves come from it.
    pub seed: u64,
    /// What a list of simulated meters calls it.
    pub name: String,
    pub transport: Transport,
    /// HDLC comes after the sign-on of IEC 62056-21 mode E.
    pub mode_e: bool,
    /// Long answers go in general blocks to every client that agreed to them, not only to those that use them or have no
    /// other way.
    pub general_blocks: bool,
    pub address: ServerAddress,
    /// The meter's own limits, from its view.
    pub link: Parameters,
    /// The link and the association end when the client is silent this long. Zero: never.
    pub inactivity: Duration,
    /// how long before an answer goes out
    pub delay: Duration,
    /// An unfinished frame is forgotten when nothing follows for this long.
    pub inter_octet: Duration,
    pub clients: Vec<Client>,
    pub objects: Arc<Table>,
    /// Rows the load profile keeps.
    pub rows: u32,
    pub conformance: Conformance,
    /// Largest APDU it takes and sends.
    pub max_pdu: u16,
    pub supply: Supply,
    /// The meter's clock runs ahead of true time by this much …
    pub clock_offset: jiff::SignedDuration,
    /// … and gains this many microseconds each second.
    pub clock_drift_ppm: i32,
    /// What is wrong on purpose; see `Profile::with_fault`.
    pub faults: Faults,
}

impl Profile {
    /// As the field meters are: server `03`, clients 1, 17 and 32 each with its own password, 16 public.
    pub fn microstar(seed: u64) -> Self {
        Self {
            kind: ProfileKind::Microstar,
            seed,
            name: format!("microstar-{:03}", seed % 1000),
            transport: Transport::HdlcTcp,
            mode_e: false,
            general_blocks: false,
            address: address(1, None),
            link: Parameters::default(),
            inactivity: Duration::from_mins(3),
            delay: Duration::ZERO,
            inter_octet: Duration::from_secs(1),
            clients: vec![
                Client::password(1, "22222222"),
                Client::public(16),
                Client::password(17, "00000000"),
                Client::password(32, "11111111"),
            ],
            objects: Arc::clone(objects::table(ProfileKind::Microstar)),
            // 31 days.
            rows: 31 * 96,
            conformance: Conformance(0x0000_301D),
            max_pdu: 6400,
            supply: Supply {
                voltage: 13_100,
                frequency: 6_000,
                utc_offset: -5 * 3600,
            },
            clock_offset: jiff::SignedDuration::ZERO,
            clock_drift_ppm: 0,
            faults: Faults::default(),
        }
    }

    /// Server 1/17 in 1, 2 or 4 bytes, window 7, information 2030; its clients are `clients::generic`.
    pub fn generic(seed: u64) -> Self {
        Self {
            kind: ProfileKind::Generic,
            name: format!("generic-{:03}", seed % 1000),
            address: address(1, Some(17)),
            link: Parameters {
                max_info_transmit: 2030,
                max_info_receive: 2030,
                window_transmit: 7,
                window_receive: 7,
            },
            inactivity: Duration::from_mins(2),
            clients: clients::generic(),
            objects: Arc::clone(objects::table(ProfileKind::Generic)),
            conformance: Conformance(0x0000_7E1D)
                .with(Conformance::GENERAL_PROTECTION)
                .with(Conformance::GENERAL_BLOCK_TRANSFER),
            max_pdu: 4096,
            supply: Supply {
                voltage: 23_000,
                frequency: 5_000,
                utc_offset: 3600,
            },
            ..Self::microstar(seed)
        }
    }

    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub fn over(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Over HDLC: only after the sign-on of mode E.
    pub fn with_mode_e(mut self) -> Self {
        self.mode_e = true;
        self
    }

    pub fn with_general_blocks(mut self) -> Self {
        self.general_blocks = true;
        self
    }

    /// A load profile of so many rows.
    pub fn with_rows(mut self, rows: u32) -> Self {
        self.rows = rows.min(MOST_ROWS);
        self
    }

    /// At least so many objects.
    pub fn with_objects(mut self, least: usize) -> Self {
        if self.objects.iter().len() < least {
            self.objects = Arc::new(self.objects.grown(least));
        }
        self
    }

    pub fn at(mut self, address: ServerAddress) -> Self {
        self.address = address;
        self
    }

    pub fn inactive_after(mut self, inactivity: Duration) -> Self {
        self.inactivity = inactivity;
        self
    }

    /// Lets this client in, with this password or none; replaces what held for it.
    pub fn with_client(self, sap: u8, password: Option<Secret>) -> Self {
        let access = password.map_or(Access::Public, Access::Password);
        self.admitting(Client {
            sap,
            access,
            security: None,
        })
    }

    /// Lets this client in; replaces what held for its address.
    pub fn admitting(mut self, client: Client) -> Self {
        self.clients.retain(|other| other.sap != client.sap);
        self.clients.push(client);
        self.clients.sort_by_key(|client| client.sap);
        self
    }

    /// Sets the meter's clock wrong.
    pub fn clock(mut self, offset: jiff::SignedDuration, drift_ppm: i32) -> Self {
        self.clock_offset = offset;
        self.clock_drift_ppm = drift_ppm;
        self
    }

    /// The field meters know logical names only.
    pub(super) fn speaks_short_names(&self) -> bool {
        self.kind == ProfileKind::Generic
    }

    /// What it can do, by logical or by short names.
    pub(super) fn offers(&self, short: bool) -> Conformance {
        if short {
            Conformance::SHORT_NAMES.with(Conformance::UNCONFIRMED_WRITE)
        } else if self.kind == ProfileKind::Generic {
            self.conformance.with(Conformance::ACCESS)
        } else {
            self.conformance
        }
    }

    pub(super) fn client(&self, sap: u8) -> Option<&Client> {
        self.clients.iter().find(|client| client.sap == sap)
    }

    /// Whether a frame with this destination field is for us. The Microstar knows its one form only; the generic meter
    /// takes its upper address alone, or both parts in two or four bytes. Neither answers to broadcasts.
    pub(super) fn answers_to(&self, destination: &[u8]) -> bool {
        let Ok((asked, used)) = ServerAddress::decode(destination) else {
            return false;
        };
        if used != destination.len() {
            return false;
        }
        let same = asked.upper() == self.address.upper() && asked.lower() == self.address.lower();
        match self.kind {
            ProfileKind::Microstar => same && asked.size() == self.address.size(),
            ProfileKind::Generic => {
                same || (asked.upper() == self.address.upper() && asked.lower().is_none())
            }
        }
    }

    /// Unknown clients, and clients that come while another holds the link: the Microstar says nothing (the look of a
    /// "locked" meter), the generic one answers DM.
    pub(super) fn refuses_silently(&self) -> bool {
        self.kind == ProfileKind::Microstar
    }

    /// The field meters answer requests whose N(R) was never advanced; by the book that is a FRMR.
    pub(super) fn ignores_stale_acknowledgement(&self) -> bool {
        self.kind == ProfileKind::Microstar
    }

    /// One-byte values in UA, and the group also in the UA that answers DISC (vendor guide p.16).
    pub(super) fn short_parameters(&self) -> bool {
        self.kind == ProfileKind::Microstar
    }

    /// Some meters send an InitiateResponse even when they refuse; clients must not take it for success.
    pub(super) fn refusal_carries_initiate(&self) -> bool {
        self.kind == ProfileKind::Generic
    }

    /// Load profiles with a fixed period may leave out the time of every row but the first (null-data).
    pub(super) fn leaves_out_known_times(&self) -> bool {
        self.kind == ProfileKind::Microstar
    }

    /// Twelve digits, the last ones the seed's.
    pub fn serial(&self) -> String {
        let base: u64 = match self.kind {
            ProfileKind::Microstar => 19_000_000,
            ProfileKind::Generic => 57_000_000,
        };
        format!("{:012}", base + self.seed % 1_000_000)
    }

    /// Three letters of the maker, then the seed's number.
    pub fn system_title(&self) -> SystemTitle {
        let mut title = (self.seed & 0x00FF_FFFF_FFFF).to_be_bytes();
        let maker = self.maker().as_bytes();
        for (place, letter) in title.iter_mut().zip(maker) {
            *place = *letter;
        }
        SystemTitle(title)
    }

    /// The answer to a sign-on: maker, 9600 baud, mode E, serial number.
    pub(super) fn identification(&self) -> String {
        format!("/{}5\\2{}", self.maker(), self.serial())
    }

    fn maker(&self) -> &'static str {
        match self.kind {
            ProfileKind::Microstar => "MST",
            ProfileKind::Generic => "SIM",
        }
    }

    /// Sixteen octets: a maker's three letters, then the serial number.
    pub fn logical_device_name(&self) -> String {
        format!("{}0{}", self.maker(), self.serial())
    }
}

#[expect(
    clippy::expect_used,
    reason = "two constants, both legal; every test that builds a profile passes here"
)]
fn address(upper: u16, lower: Option<u16>) -> ServerAddress {
    ServerAddress::new(upper, lower, None).expect("1 and 1/17 are legal addresses")
}
