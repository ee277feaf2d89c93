//! What a simulated meter is: addresses, clients and passwords, link parameters, limits, clock. Behaviour that differs
//! between the two kinds is decided here and nowhere else, as a method that says so.

use super::load::Supply;
use crate::dlms::hdlc::{Parameters, ServerAddress};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfileKind {
    /// The field meters: one-byte address, silence where others refuse.
    Microstar,
    /// A meter by the book: every address size, windows, refusals in words.
    Generic,
}

/// A client the meter serves, and how it must prove itself: no password means no authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub sap: u8,
    pub password: Option<Secret>,
}

/// Everything that decides how one simulated meter behaves; built by `Profile::microstar(seed)` / `Profile::generic(seed)`.
#[derive(Clone, Debug)]
pub struct Profile {
    pub kind: ProfileKind,
    /// Serial number and load curves come from it.
    pub seed: u64,
    /// What a list of simulated meters calls it.
    pub name: String,
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
    pub conformance: Conformance,
    /// Largest APDU it takes and sends.
    pub max_pdu: u16,
    pub supply: Supply,
    /// The meter's clock runs ahead of true time by this much …
    pub clock_offset: jiff::SignedDuration,
    /// … and gains this many microseconds each second.
    pub clock_drift_ppm: i32,
}

impl Profile {
    /// As the field meters are: server `03`, clients 1, 17 and 32 each with its own password, 16 public.
    pub fn microstar(seed: u64) -> Self {
        Self {
            kind: ProfileKind::Microstar,
            seed,
            name: format!("microstar-{:03}", seed % 1000),
            address: address(1, None),
            link: Parameters::default(),
            inactivity: Duration::from_mins(3),
            delay: Duration::ZERO,
            inter_octet: Duration::from_secs(1),
            clients: vec![
                client(1, Some("22222222")),
                client(16, None),
                client(17, Some("00000000")),
                client(32, Some("11111111")),
            ],
            conformance: Conformance(0x0000_301D),
            max_pdu: 6400,
            supply: Supply {
                voltage: 13_100,
                frequency: 6_000,
                utc_offset: -5 * 3600,
            },
            clock_offset: jiff::SignedDuration::ZERO,
            clock_drift_ppm: 0,
        }
    }

    /// Server 1/17 in 1, 2 or 4 bytes, window 7, information 2030, clients 16 public, 1 and 17 by password.
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
            clients: vec![
                client(1, Some("12345678")),
                client(16, None),
                client(17, Some("00000000")),
            ],
            conformance: Conformance(0x0000_7E1D),
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

    pub fn at(mut self, address: ServerAddress) -> Self {
        self.address = address;
        self
    }

    pub fn inactive_after(mut self, inactivity: Duration) -> Self {
        self.inactivity = inactivity;
        self
    }

    /// Lets this client in, with this password or none; replaces what held for it.
    pub fn with_client(mut self, sap: u8, password: Option<Secret>) -> Self {
        self.clients.retain(|client| client.sap != sap);
        self.clients.push(Client { sap, password });
        self.clients.sort_by_key(|client| client.sap);
        self
    }

    /// Sets the meter's clock wrong.
    pub fn clock(mut self, offset: jiff::SignedDuration, drift_ppm: i32) -> Self {
        self.clock_offset = offset;
        self.clock_drift_ppm = drift_ppm;
        self
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

    /// Sixteen octets: a maker's three letters, then the serial number.
    pub fn logical_device_name(&self) -> String {
        let maker = match self.kind {
            ProfileKind::Microstar => "MST",
            ProfileKind::Generic => "SIM",
        };
        format!("{maker}0{}", self.serial())
    }
}

fn client(sap: u8, password: Option<&str>) -> Client {
    Client {
        sap,
        password: password.map(|text| Secret::new(text.as_bytes())),
    }
}

#[expect(
    clippy::expect_used,
    reason = "two constants, both legal; every test that builds a profile passes here"
)]
fn address(upper: u16, lower: Option<u16>) -> ServerAddress {
    ServerAddress::new(upper, lower, None).expect("1 and 1/17 are legal addresses")
}
