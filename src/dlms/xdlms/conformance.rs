//! The conformance block: 24 bits, bit 0 the most significant. What either side can do, and what both agreed on.

/// In the low 24 bits, as the three octets are written: `0x00301D` is what travels as `00 30 1D`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conformance(pub u32);

const NAMES: [&str; 24] = [
    "reserved-zero",
    "general-protection",
    "general-block-transfer",
    "read",
    "write",
    "unconfirmed-write",
    "delta-value-encoding",
    "reserved-seven",
    "attribute0-supported-with-set",
    "priority-mgmt-supported",
    "attribute0-supported-with-get",
    "block-transfer-with-get",
    "block-transfer-with-set",
    "block-transfer-with-action",
    "multiple-references",
    "information-report",
    "data-notification",
    "access",
    "parameterized-access",
    "get",
    "set",
    "selective-access",
    "event-notification",
    "action",
];

impl Conformance {
    /// What a client by short names can do: read and write, each with blocks, several at once, parameterised access,
    /// and the information report.
    pub const SHORT_NAMES: Self = Self(0x18_1B20);

    pub const GENERAL_PROTECTION: u8 = 1;
    pub const GENERAL_BLOCK_TRANSFER: u8 = 2;
    pub const READ: u8 = 3;
    pub const WRITE: u8 = 4;
    pub const UNCONFIRMED_WRITE: u8 = 5;
    pub const PRIORITY: u8 = 9;
    pub const ATTRIBUTE0_GET: u8 = 10;
    pub const BLOCK_GET: u8 = 11;
    pub const BLOCK_SET: u8 = 12;
    pub const BLOCK_ACTION: u8 = 13;
    pub const MULTIPLE_REFERENCES: u8 = 14;
    pub const INFORMATION_REPORT: u8 = 15;
    pub const DATA_NOTIFICATION: u8 = 16;
    pub const ACCESS: u8 = 17;
    pub const PARAMETERISED_ACCESS: u8 = 18;
    pub const GET: u8 = 19;
    pub const SET: u8 = 20;
    pub const SELECTIVE_ACCESS: u8 = 21;
    pub const EVENT_NOTIFICATION: u8 = 22;
    pub const ACTION: u8 = 23;

    /// Whether bit `bit` (0..=23) is set.
    pub const fn has(self, bit: u8) -> bool {
        bit < 24 && self.0 >> (23_u8.saturating_sub(bit)) & 1 == 1
    }

    /// This block with bit `bit` (0..=23) set.
    #[must_use]
    pub const fn with(self, bit: u8) -> Self {
        if bit < 24 {
            Self(self.0 | 1 << (23_u8.saturating_sub(bit)))
        } else {
            self
        }
    }

    /// What both sides have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn from_octets(octets: [u8; 3]) -> Self {
        let [a, b, c] = octets;
        Self(u32::from_be_bytes([0, a, b, c]))
    }

    pub const fn octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// The name of bit `bit` (0..=23).
    pub fn bit_name(bit: u8) -> Option<&'static str> {
        NAMES.get(usize::from(bit)).copied()
    }

    /// Names of the bits set, in bit order: `get`, `block-transfer-with-get` …
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0_u8..)
            .zip(NAMES)
            .filter(move |(bit, _)| self.has(*bit))
            .map(|(_, name)| name)
    }
}
