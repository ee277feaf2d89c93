//! The table of what goes wrong with services. X26 is obiscope's own number.

use crate::diagnosis::Diagnosis;

pub(super) static X1: Diagnosis = Diagnosis {
    id: "X1",
    title: "No right to read or write this for this client",
    specific: 6,
    remedy: &[
        "Look at the access rights in the object list: obiscope browse.",
        "Use another client: --client, with its own --auth.",
    ],
};

pub(super) static X2: Diagnosis = Diagnosis {
    id: "X2",
    title: "The meter has no such object",
    specific: 6,
    remedy: &[
        "Check the code, channel B too: some meters use 1-1: instead of 1-0:.",
        "Read the object list: obiscope browse.",
    ],
};

pub(super) static X3: Diagnosis = Diagnosis {
    id: "X3",
    title: "The object is of another class",
    specific: 6,
    remedy: &[
        "Give the code alone: obiscope tries the classes 3, 1, 4 and 8.",
        "Take the class from the object list: obiscope browse.",
    ],
};

pub(super) static X4: Diagnosis = Diagnosis {
    id: "X4",
    title: "The object is not available in this association or just now",
    specific: 6,
    remedy: &[
        "Read the object list with this client: obiscope browse.",
        "Try another client: --client.",
    ],
};

pub(super) static X5: Diagnosis = Diagnosis {
    id: "X5",
    title: "The type of the value or of the selection does not match",
    specific: 6,
    remedy: &[
        "Read the attribute first, and write the same type.",
        "Leave the selection out: read the whole.",
    ],
};

pub(super) static X6: Diagnosis = Diagnosis {
    id: "X6",
    title: "The security policy forbids this",
    specific: 6,
    remedy: &[
        "Use ciphering (--security auth-enc --keys-file FILE) or a client with higher authentication (--auth hls-gmac).",
    ],
};

pub(super) static X7: Diagnosis = Diagnosis {
    id: "X7",
    title: "The meter reports a fault of its own",
    specific: 5,
    remedy: &[
        "Ask again later.",
        "If it stays: it is the object's hardware or memory, for the maker.",
    ],
};

pub(super) static X8: Diagnosis = Diagnosis {
    id: "X8",
    title: "The next block of a long answer is not available",
    specific: 6,
    remedy: &["Read again from the first block."],
};

pub(super) static X9: Diagnosis = Diagnosis {
    id: "X9",
    title: "The long read was broken off",
    specific: 6,
    remedy: &["Read again from the first block, with no other request between blocks."],
};

pub(super) static X10: Diagnosis = Diagnosis {
    id: "X10",
    title: "The block count of a long transfer is lost",
    specific: 6,
    remedy: &[
        "Start the transfer again with block 1.",
        "If it stays: ask for less at once, so that it fits without blocks.",
    ],
};

pub(super) static X11: Diagnosis = Diagnosis {
    id: "X11",
    title: "A long answer stops half way",
    specific: 6,
    remedy: &[
        "Read again on a fresh link: a long answer cannot be resumed.",
        "Ask for less at once: a range of entries or of time.",
        "In another client: each block has to be asked for.",
    ],
};

pub(super) static X12: Diagnosis = Diagnosis {
    id: "X12",
    title: "The answer carries another invoke-id than the request",
    specific: 6,
    remedy: &[
        "Nothing to do, if the meter never repeats the id and the values are right.",
        "If values come under the wrong name: raise the time-out (--timeout 15s).",
    ],
};

pub(super) static X13: Diagnosis = Diagnosis {
    id: "X13",
    title: "The meter does not know this service",
    specific: 6,
    remedy: &[
        "Switch between logical and short names: --naming sn, or ln.",
        "Ask for one object at a time.",
    ],
};

pub(super) static X14: Diagnosis = Diagnosis {
    id: "X14",
    title: "The APDU is too long for the meter",
    specific: 7,
    remedy: &["Ask for fewer objects at once."],
};

pub(super) static X15: Diagnosis = Diagnosis {
    id: "X15",
    title: "Several objects in one request fail here",
    specific: 7,
    remedy: &["Ask for them one by one; obiscope falls back to that by itself."],
};

pub(super) static X16: Diagnosis = Diagnosis {
    id: "X16",
    title: "The meter answers with a service error",
    specific: 6,
    remedy: &[
        "Read its words in the evidence: which service, in which respect.",
        "Try another client: --client.",
    ],
};

pub(super) static X17: Diagnosis = Diagnosis {
    id: "X17",
    title: "The write had no effect: the value is as before",
    specific: 7,
    remedy: &[
        "Look at the result in the SET response: anything but 0 is a refusal.",
        "Use a client that may write this: obiscope browse shows the rights.",
        "Look whether another client or the meter itself sets the value back.",
    ],
};

pub(super) static X18: Diagnosis = Diagnosis {
    id: "X18",
    title: "The value in the answer cannot be read: cut off, or a type of the maker's own",
    specific: 6,
    remedy: &[
        "Look at the octets where reading stops: obiscope decode.",
        "Ask for longer frames, if it was cut: --max-info 1024.",
    ],
};

pub(super) static X25: Diagnosis = Diagnosis {
    id: "X25",
    title: "The answer belongs to another service than the request",
    specific: 7,
    remedy: &[
        "Begin anew: DISC and SNRM; both sides have lost step.",
        "Raise the time-out, if answers are slow: --timeout 15s.",
    ],
};

pub(super) static X26: Diagnosis = Diagnosis {
    id: "X26",
    title: "The meter refuses this request just now",
    specific: 4,
    remedy: &[
        "Wait, and ask again.",
        "Read something simpler to see whether the association lives: 0-0:1.0.0.255.",
    ],
};
