//! The table of what values show. V numbers are obiscope's own.

use crate::diagnosis::Diagnosis;

pub(super) static ALL: [&Diagnosis; 14] = [
    &V1, &V2, &V3, &V4, &V5, &V6, &V7, &V8, &V9, &V10, &X19, &X21, &X22, &X23,
];

pub(super) static V1: Diagnosis = Diagnosis {
    id: "V1",
    title: "The voltage is far from its nominal value",
    specific: 5,
    remedy: &[
        "check the nominal voltage in the meter's definition, and voltage transformers",
        "look at the supply",
    ],
};

pub(super) static V2: Diagnosis = Diagnosis {
    id: "V2",
    title: "The frequency is not that of the network",
    specific: 5,
    remedy: &["check the scaler of this object; else it is the supply"],
};

pub(super) static V3: Diagnosis = Diagnosis {
    id: "V3",
    title: "Power does not fit voltage, current and power factor",
    specific: 5,
    remedy: &[
        "check the direction and order of the current transformers, phase by phase",
        "check the scaler of each of the three",
    ],
};

pub(super) static V4: Diagnosis = Diagnosis {
    id: "V4",
    title: "The phases do not add up to the total",
    specific: 5,
    remedy: &[
        "a phase may count the other way: check the current transformers",
        "are all of the same channel (B) and read at the same time?",
    ],
};

pub(super) static V5: Diagnosis = Diagnosis {
    id: "V5",
    title: "Energy stands still while power flows",
    specific: 6,
    remedy: &[
        "is this register the one for the direction in which power flows?",
        "is it of the active tariff, and not a stored value?",
    ],
};

pub(super) static V6: Diagnosis = Diagnosis {
    id: "V6",
    title: "An energy register runs backwards",
    specific: 7,
    remedy: &[
        "was the meter changed or its register set? then begin a new series",
        "an overflow begins at zero again",
    ],
};

pub(super) static V7: Diagnosis = Diagnosis {
    id: "V7",
    title: "The meter's clock is off",
    specific: 5,
    remedy: &[
        "set the clock (an authorised client can)",
        "is the reader's own clock right?",
    ],
};

pub(super) static V8: Diagnosis = Diagnosis {
    id: "V8",
    title: "Scaler or unit of an object have changed",
    specific: 7,
    remedy: &[
        "read the scaler again and drop the kept one: keep it by meter, firmware and object",
        "was the meter changed?",
    ],
};

pub(super) static V9: Diagnosis = Diagnosis {
    id: "V9",
    title: "This quantity has another unit than it should",
    specific: 6,
    remedy: &[
        "check the OBIS code, and the unit table of the tool: 27 W, 30 Wh, 33 A, 35 V, 44 Hz",
    ],
};

pub(super) static V10: Diagnosis = Diagnosis {
    id: "V10",
    title: "Energy grows at another rate than power flows",
    specific: 5,
    remedy: &[
        "compare transformer ratios (current 1-b:0.4.2, voltage 1-b:0.4.3): does the meter apply them to both, or to one?",
        "check the scaler of both",
    ],
};

pub(super) static X19: Diagnosis = Diagnosis {
    id: "X19",
    title: "The value is off by a power of ten",
    specific: 7,
    remedy: &[
        "read scaler and unit (attribute 3) again; a kept scaler may be another meter's",
        "a transformer ratio of 10 or 100 looks the same: compare 1-b:0.4.2 and 1-b:0.4.3",
    ],
};

pub(super) static X21: Diagnosis = Diagnosis {
    id: "X21",
    title: "All ones: the meter says the value is not available",
    specific: 5,
    remedy: &["show it as not available; do not store it as a number"],
};

pub(super) static X22: Diagnosis = Diagnosis {
    id: "X22",
    title: "A phase without voltage, or a value that cannot be",
    specific: 6,
    remedy: &["check fuses and wiring of this phase", "check the scaler"],
};

pub(super) static X23: Diagnosis = Diagnosis {
    id: "X23",
    title: "The clock's time zone or status cannot be relied on",
    specific: 5,
    remedy: &[
        "show the raw time beside local time and UTC: meters differ in the sign of the deviation",
        "8000 means the deviation is not known; set the clock",
    ],
};
