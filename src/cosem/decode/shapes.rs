//! The attributes' shapes as data, in order of class (Blue Book part 1). Attribute 1 is the logical name everywhere;
//! what is a choice or a plain number is not listed.

use super::shape::Shape;
use super::shape::Shape::{
    Any, Bits, Date, DateTime, Enum, Fields, Hidden, Ipv4, Ipv6, List, Mac, Name, Obis, OneOf,
    ScalerUnit, Text, Time,
};

pub(super) fn shape(class: u16, attribute: i8) -> &'static Shape {
    if attribute == 1 {
        return &Obis;
    }
    let same = |(c, a, _): &(u16, i8, Shape)| (*c, *a) == (class, attribute);
    SHAPES
        .iter()
        .find(|entry| same(entry))
        .map_or(&Any, |(_, _, shape)| shape)
}

const OBJECT: Shape = Fields(&[("class", Any), ("object", Obis)]);
const ATTRIBUTE: Shape = Fields(&[("class", Any), ("object", Obis), ("attribute", Any)]);
const CAPTURED: Shape = OneOf(&[
    Fields(&[
        ("class", Any),
        ("object", Obis),
        ("attribute", Any),
        ("index", Any),
    ]),
    Fields(&[
        ("class", Any),
        ("object", Obis),
        ("attribute", Any),
        ("index", Any),
        ("restriction", Any),
    ]),
    Fields(&[
        ("class", Any),
        ("object", Obis),
        ("attribute", Any),
        ("index", Any),
        ("restriction", Any),
        ("columns", Any),
    ]),
]);
const SCRIPT: Shape = Fields(&[("script_table", Obis), ("selector", Any)]);
const WINDOW: Shape = Fields(&[("start", DateTime), ("end", DateTime)]);
const BAUD: Shape = Enum(&[
    (0, "300 baud"),
    (1, "600 baud"),
    (2, "1200 baud"),
    (3, "2400 baud"),
    (4, "4800 baud"),
    (5, "9600 baud"),
    (6, "19200 baud"),
    (7, "38400 baud"),
    (8, "57600 baud"),
    (9, "115200 baud"),
]);
const CLOCK_STATUS: Shape = Bits(&[
    (0, "invalid value"),
    (1, "doubtful value"),
    (2, "different clock base"),
    (3, "invalid clock status"),
    (7, "daylight saving active"),
]);
const SEASONS: Shape = List(&Fields(&[
    ("season", Text),
    ("start", DateTime),
    ("week", Text),
]));
const WEEKS: Shape = List(&Fields(&[
    ("week", Text),
    ("monday", Any),
    ("tuesday", Any),
    ("wednesday", Any),
    ("thursday", Any),
    ("friday", Any),
    ("saturday", Any),
    ("sunday", Any),
]));
const DAYS: Shape = List(&Fields(&[
    ("day", Any),
    (
        "schedule",
        List(&Fields(&[
            ("start", Time),
            ("script_table", Obis),
            ("selector", Any),
        ])),
    ),
]));
const QOS: Shape = Fields(&[
    ("precedence", Any),
    ("delay", Any),
    ("reliability", Any),
    ("peak_throughput", Any),
    ("mean_throughput", Any),
]);
const USER: Shape = Fields(&[("id", Any), ("name", Text)]);
const CELL: Shape = Fields(&[("cell_id", Any), ("signal_quality", Any)]);
const PROTECTION: Shape = Bits(&[
    (2, "authenticated request"),
    (3, "encrypted request"),
    (4, "signed request"),
    (5, "authenticated response"),
    (6, "encrypted response"),
    (7, "signed response"),
]);
const CREDIT_STATUS: Shape = Bits(&[
    (0, "in credit"),
    (1, "low credit"),
    (2, "next credit enabled"),
    (3, "next credit selectable"),
    (4, "next credit selected"),
    (5, "selectable credit in use"),
    (6, "out of credit"),
]);

#[rustfmt::skip]
const SHAPES: &[(u16, i8, Shape)] = &[
    (3, 3, ScalerUnit),
    (4, 3, ScalerUnit),
    (4, 5, DateTime),
    (5, 4, ScalerUnit),
    (5, 6, DateTime),
    (5, 7, DateTime),
    (6, 2, List(&OBJECT)),
    (6, 3, List(&Fields(&[("mask", Text), ("indexes", Any)]))),
    (6, 4, Text),
    (7, 3, List(&CAPTURED)),
    (7, 5, Enum(&[(1, "FIFO"), (2, "LIFO"), (3, "largest"), (4, "smallest"), (5, "nearest to zero"),
        (6, "farthest from zero")])),
    (7, 6, CAPTURED),
    (8, 2, DateTime),
    (8, 4, CLOCK_STATUS),
    (8, 5, DateTime),
    (8, 6, DateTime),
    (8, 9, Enum(&[(0, "not defined"), (1, "internal crystal"), (2, "mains frequency 50 Hz"),
        (3, "mains frequency 60 Hz"), (4, "GPS"), (5, "radio controlled")])),
    (9, 2, List(&Fields(&[("script", Any), ("actions", List(&Fields(&[
        ("service", Enum(&[(1, "write attribute"), (2, "execute method")])),
        ("class", Any), ("object", Obis), ("index", Any), ("parameter", Any)])))]))),
    (11, 2, List(&Fields(&[("index", Any), ("date", Date), ("day", Any)]))),
    (15, 3, Fields(&[("client_sap", Any), ("server_sap", Any)])),
    (15, 4, Name),
    (15, 5, Fields(&[("conformance", Any), ("max_receive_pdu_size", Any), ("max_send_pdu_size", Any),
        ("dlms_version", Any), ("quality_of_service", Any), ("cyphering_info", Hidden)])),
    (15, 6, Name),
    (15, 7, Hidden),
    (15, 8, Enum(&[(0, "non-associated"), (1, "association pending"), (2, "associated")])),
    (15, 9, Obis),
    (15, 10, List(&USER)),
    (15, 11, USER),
    (17, 2, List(&Fields(&[("sap", Any), ("logical_device_name", Text)]))),
    (18, 6, Enum(&[(0, "transfer not initiated"), (1, "transfer initiated"), (2, "verification initiated"),
        (3, "verification successful"), (4, "verification failed"), (5, "activation initiated"),
        (6, "activation successful"), (7, "activation failed")])),
    (18, 7, List(&Fields(&[("size", Any), ("identification", Text), ("signature", Text)]))),
    (19, 2, Enum(&[(0, "IEC 62056-21"), (1, "HDLC"), (2, "not specified")])),
    (19, 3, BAUD),
    (19, 4, BAUD),
    (19, 5, Enum(&[(0, "20 ms"), (1, "200 ms")])),
    (19, 6, Text),
    (19, 7, Hidden),
    (19, 8, Hidden),
    (19, 9, Hidden),
    (20, 2, Text),
    (20, 3, SEASONS),
    (20, 4, WEEKS),
    (20, 5, DAYS),
    (20, 6, Text),
    (20, 7, SEASONS),
    (20, 8, WEEKS),
    (20, 9, DAYS),
    (20, 10, DateTime),
    (21, 3, ATTRIBUTE),
    (21, 4, List(&Fields(&[("up", SCRIPT), ("down", SCRIPT)]))),
    (22, 2, SCRIPT),
    (22, 3, Enum(&[(1, "one time, wildcards in the date allowed"), (2, "same time, no wildcards"),
        (3, "same time, wildcards allowed"), (4, "different times, no wildcards"),
        (5, "different times, wildcards allowed")])),
    (22, 4, List(&Fields(&[("time", Time), ("date", Date)]))),
    (23, 2, BAUD),
    (24, 2, Enum(&[(0, "inactive"), (1, "active")])),
    (24, 3, BAUD),
    (25, 2, BAUD),
    (25, 3, BAUD),
    (25, 4, Enum(&[(0, "not assigned"), (1, "assigned")])),
    (27, 2, BAUD),
    (27, 3, List(&OneOf(&[Fields(&[("request", Text), ("response", Text), ("delay_ms", Any)]),
        Fields(&[("request", Text), ("response", Text)])]))),
    (27, 4, List(&Text)),
    (28, 2, Enum(&[(0, "line dedicated to the device"), (1, "shared line, limited calls"),
        (2, "shared line, limited successful calls"), (3, "no modem connected")])),
    (28, 3, List(&WINDOW)),
    (28, 4, Enum(&[(0, "inactive"), (1, "active"), (2, "locked")])),
    (28, 6, Fields(&[("in_window", Any), ("out_of_window", Any)])),
    (28, 7, List(&Fields(&[("caller", Text), ("call", Enum(&[(0, "normal"), (1, "wake-up")]))]))),
    (29, 2, Enum(&[(0, "no automatic connection"), (1, "any time"), (2, "within the calling window"),
        (3, "regular within the calling window, alarms any time"), (4, "SMS over PLMN"), (5, "SMS over PSTN"),
        (6, "e-mail"), (101, "permanently connected"), (102, "permanently connected within the calling window"),
        (103, "permanently connected within the calling window, connects on request"),
        (104, "usually disconnected, connects on request")])),
    (29, 5, List(&WINDOW)),
    (29, 6, List(&Text)),
    (30, 3, List(&CAPTURED)),
    (30, 6, PROTECTION),
    (40, 2, List(&CAPTURED)),
    (40, 3, Fields(&[("service", Enum(&[(0, "TCP"), (1, "UDP"), (2, "FTP"), (3, "SMTP"), (4, "SMS"), (5, "HDLC"),
        (6, "M-Bus"), (7, "ZigBee")])), ("destination", Text),
        ("message", Enum(&[(0, "A-XDR"), (1, "XML")]))])),
    (40, 4, List(&WINDOW)),
    (40, 8, Obis),
    (40, 11, Enum(&[(0, "unconfirmed, retried when the link fails"),
        (1, "unconfirmed, retried without a confirmation of the link"), (2, "confirmed")])),
    (40, 13, DateTime),
    (41, 3, Obis),
    (42, 2, Obis),
    (42, 3, Ipv4),
    (42, 4, List(&Ipv4)),
    (42, 5, List(&Fields(&[("type", Any), ("length", Any), ("data", Any)]))),
    (42, 6, Ipv4),
    (42, 7, Ipv4),
    (42, 9, Ipv4),
    (42, 10, Ipv4),
    (43, 2, Mac),
    (44, 5, Hidden),
    (45, 2, Text),
    (45, 3, Hidden),
    (45, 4, Fields(&[("default", QOS), ("requested", QOS)])),
    (46, 4, Hidden),
    (47, 2, Text),
    (47, 3, Enum(&[(0, "not registered"), (1, "registered, home network"), (2, "searching"),
        (3, "registration denied"), (4, "unknown"), (5, "registered, roaming")])),
    (47, 4, Enum(&[(0, "inactive"), (1, "incoming call"), (2, "active")])),
    (47, 5, Enum(&[(0, "inactive"), (1, "GPRS"), (2, "EDGE"), (3, "UMTS"), (4, "HSDPA"), (5, "LTE"), (6, "CDMA"),
        (7, "LTE Cat M1"), (8, "LTE Cat NB1"), (9, "LTE Cat NB2")])),
    (47, 6, OneOf(&[Fields(&[("cell_id", Any), ("location_id", Any), ("signal_quality", Any), ("bit_errors", Any)]),
        Fields(&[("cell_id", Any), ("location_id", Any), ("signal_quality", Any), ("bit_errors", Any),
        ("country", Any), ("network", Any), ("channel", Any)])])),
    (47, 7, List(&CELL)),
    (47, 8, DateTime),
    (48, 2, Obis),
    (48, 3, Enum(&[(0, "auto-configuration"), (1, "DHCPv6"), (2, "manual"), (3, "neighbour discovery")])),
    (48, 4, List(&Ipv6)),
    (48, 5, List(&Ipv6)),
    (48, 6, List(&Ipv6)),
    (48, 7, Ipv6),
    (48, 8, Ipv6),
    (48, 10, List(&Fields(&[("max_retries", Any), ("retry_wait", Any), ("send_period", Any)]))),
    (61, 3, Fields(&[("class", Any), ("object", Obis), ("group_e", List(&Any)), ("attribute", Any)])),
    (61, 4, ScalerUnit),
    (62, 3, List(&CAPTURED)),
    (62, 6, Enum(&[(0, "when invoked"), (1, "when read")])),
    (63, 3, Fields(&[("table", Any), ("mapping", Any)])),
    // Attribute 2 means another thing in version 0 than in version 1: it stays a number.
    (64, 3, Enum(&[(0, "suite 0: AES-GCM-128"), (1, "suite 1: AES-GCM-128, ECDSA P-256"),
        (2, "suite 2: AES-GCM-256, ECDSA P-384")])),
    (64, 6, List(&Fields(&[
        ("entity", Enum(&[(0, "server"), (1, "client"), (2, "certification authority"), (3, "other")])),
        ("type", Enum(&[(0, "digital signature"), (1, "key agreement"), (2, "TLS"), (3, "other")])),
        ("serial", Any), ("issuer", Text), ("subject", Text), ("alternative_name", Text)]))),
    (68, 2, List(&SCRIPT)),
    (70, 3, Enum(&[(0, "disconnected"), (1, "connected"), (2, "ready for reconnection")])),
    (70, 4, Enum(&[(0, "none: always connected"), (1, "mode 1"), (2, "mode 2"), (3, "mode 3"), (4, "mode 4"),
        (5, "mode 5"), (6, "mode 6"), (7, "mode 7")])),
    (71, 2, ATTRIBUTE),
    (71, 8, Fields(&[("id", Any), ("activation", DateTime), ("duration", Any)])),
    (71, 11, Fields(&[("over", SCRIPT), ("under", SCRIPT)])),
    (100, 6, Hidden),
    (100, 7, Hidden),
    (111, 2, Fields(&[("mode", Enum(&[(1, "credit"), (2, "prepayment")])),
        ("status", Enum(&[(1, "new"), (2, "active"), (3, "closed")]))])),
    (111, 4, CREDIT_STATUS),
    (111, 9, List(&Obis)),
    (111, 10, List(&Obis)),
    (111, 11, List(&Fields(&[("credit", Obis), ("charge", Obis), ("collection", Any)]))),
    (111, 12, List(&Fields(&[("credit", Obis), ("proportion", Any)]))),
    (111, 13, DateTime),
    (111, 14, DateTime),
    (111, 15, Fields(&[("name", Text), ("scale", Any),
        ("unit", Enum(&[(0, "time"), (1, "consumption"), (2, "monetary")]))])),
    // A token is worth money until it is used.
    (115, 2, Hidden),
    (115, 3, DateTime),
    (115, 4, List(&Text)),
    (115, 5, Enum(&[(0, "remote"), (1, "local"), (2, "manual entry")])),
    (115, 6, Fields(&[("status", Enum(&[(0, "format ok"), (1, "authentication ok"), (2, "validation ok"),
        (3, "execution ok"), (4, "format failure"), (5, "authentication failure"), (6, "validation failure"),
        (7, "execution failure"), (8, "received, not yet processed")])), ("data", Any)])),
    (122, 2, List(&Fields(&[("function", Text), ("active", Any)]))),
    (122, 3, List(&Fields(&[("function", Text), ("objects", List(&OBJECT))]))),
    (124, 2, Enum(&[(0, "locked"), (1, "locked on failed attempts"), (2, "unlocked")])),
    (124, 7, Obis),
    (124, 8, Enum(&[(0, "unlocked"), (1, "temporarily locked"), (2, "locked")])),
];

#[cfg(test)]
mod tests {
    use super::SHAPES;
    use crate::cosem::class::class;

    #[test]
    fn every_entry_names_an_attribute_of_a_known_class_once() {
        for (id, attribute, _) in SHAPES {
            let known = class(*id).and_then(|class| class.attribute(*attribute));
            assert!(known.is_some(), "{id}/{attribute}");
        }
        assert!(SHAPES.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
    }
}
