//! The table of what goes wrong while signing on.

use crate::diagnosis::Diagnosis;

pub(super) static E1: Diagnosis = Diagnosis {
    id: "E1",
    title: "The sign-on /?! is not answered",
    specific: 6,
    remedy: &[
        "Align the optical head, its cable pointing down; wake the meter up (button).",
        "Check the speed: 300 baud, 7 bits, even parity.",
        "Try HDLC directly, not every port signs on: --mode-e=false --baud 9600.",
    ],
};

pub(super) static E2: Diagnosis = Diagnosis {
    id: "E2",
    title: "The meter offers no mode E on this port",
    specific: 6,
    remedy: &["Open HDLC directly at the port's fixed speed: --mode-e=false --baud 9600."],
};

pub(super) static E3: Diagnosis = Diagnosis {
    id: "E3",
    title: "The meter goes on in text: the acknowledgement did not ask for mode E",
    specific: 7,
    remedy: &[
        "In the client acknowledge with 06 32 b 32 0D 0A (b: the baud code of the identification), at once and in 7E1.",
        "Try HDLC directly: --mode-e=false --baud 9600.",
    ],
};

pub(super) static E4: Diagnosis = Diagnosis {
    id: "E4",
    title: "After the switch only garbage: the line is still at the old speed or at 7E1",
    specific: 6,
    remedy: &[
        "Set 8 bits, no parity and the new speed after the acknowledgement.",
        "A network converter cannot switch: open HDLC directly at a fixed speed (--mode-e=false).",
    ],
};

pub(super) static E5: Diagnosis = Diagnosis {
    id: "E5",
    title: "The meter agreed to mode E, then SNRM was too soon",
    specific: 6,
    remedy: &["Wait about a second after the acknowledgement: --turn-round 1s."],
};
