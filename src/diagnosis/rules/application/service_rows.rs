//! The table of what goes wrong with services. X26 is obiscope's own number.

use crate::diagnosis::Diagnosis;

pub(super) static X1: Diagnosis = Diagnosis {
    id: "X1",
    title: "No right to read or write this for this client",
    specific: 6,
    remedy: &[
        "look at the access rights in the object list",
        "use another association (client)",
    ],
};

pub(super) static X2: Diagnosis = Diagnosis {
    id: "X2",
    title: "The meter has no such object",
    specific: 6,
    remedy: &[
        "check the OBIS code, channel B too: some meters use 1-1: instead of 1-0:",
        "read the object list",
    ],
};

pub(super) static X3: Diagnosis = Diagnosis {
    id: "X3",
    title: "The object is of another class",
    specific: 6,
    remedy: &["take the class from the object list; else try 3, 1, 4, 8"],
};

pub(super) static X4: Diagnosis = Diagnosis {
    id: "X4",
    title: "The object is not available in this association or just now",
    specific: 6,
    remedy: &[
        "read the object list with this client again",
        "try another client",
    ],
};

pub(super) static X5: Diagnosis = Diagnosis {
    id: "X5",
    title: "The type of the value or of the selection does not match",
    specific: 6,
    remedy: &[
        "read the attribute first and write the same type",
        "leave the selective access out",
    ],
};

pub(super) static X6: Diagnosis = Diagnosis {
    id: "X6",
    title: "The security policy forbids this",
    specific: 6,
    remedy: &["use a client with higher authentication, or ciphering"],
};

pub(super) static X7: Diagnosis = Diagnosis {
    id: "X7",
    title: "The meter reports a fault of its own",
    specific: 5,
    remedy: &[
        "try again later",
        "if it stays: the object's hardware or memory",
    ],
};

pub(super) static X8: Diagnosis = Diagnosis {
    id: "X8",
    title: "The next block of a long answer is not available",
    specific: 6,
    remedy: &["restart the long read from its first block"],
};

pub(super) static X9: Diagnosis = Diagnosis {
    id: "X9",
    title: "The long read was broken off",
    specific: 6,
    remedy: &["do not put another request between blocks; restart the read"],
};

pub(super) static X10: Diagnosis = Diagnosis {
    id: "X10",
    title: "The long write lost its block count",
    specific: 6,
    remedy: &["start the transfer again with block 1"],
};

pub(super) static X11: Diagnosis = Diagnosis {
    id: "X11",
    title: "A long answer stops half way",
    specific: 6,
    remedy: &[
        "ask for the next block",
        "start the read again on a fresh link; a long answer cannot be resumed",
    ],
};

pub(super) static X12: Diagnosis = Diagnosis {
    id: "X12",
    title: "The answer carries another invoke-id than the request",
    specific: 6,
    remedy: &[
        "drop the late answer and wait for the right one",
        "for a meter that never echoes the id: tell the client to ignore it",
    ],
};

pub(super) static X13: Diagnosis = Diagnosis {
    id: "X13",
    title: "The meter does not know this service",
    specific: 6,
    remedy: &[
        "switch between GET and READ (logical and short names)",
        "ask for one object at a time",
    ],
};

pub(super) static X14: Diagnosis = Diagnosis {
    id: "X14",
    title: "The APDU is too long for the meter",
    specific: 7,
    remedy: &["ask for fewer objects, or propose a smaller PDU"],
};

pub(super) static X15: Diagnosis = Diagnosis {
    id: "X15",
    title: "Several objects in one request fail here",
    specific: 7,
    remedy: &["ask for them one by one: multiple-references (bit 14) is missing or broken"],
};

pub(super) static X16: Diagnosis = Diagnosis {
    id: "X16",
    title: "The meter answers with a service error",
    specific: 6,
    remedy: &["read its words: which service, in which respect"],
};

pub(super) static X17: Diagnosis = Diagnosis {
    id: "X17",
    title: "A refused write was passed over: the value is as before",
    specific: 4,
    remedy: &["look at the result in every SET and ACTION response"],
};

pub(super) static X18: Diagnosis = Diagnosis {
    id: "X18",
    title: "The value in the answer cannot be read: cut off, or a type of the maker's own",
    specific: 6,
    remedy: &[
        "look at the octets where reading stops",
        "read it with block transfer, if it was cut",
    ],
};

pub(super) static X25: Diagnosis = Diagnosis {
    id: "X25",
    title: "The answer belongs to another service than the request",
    specific: 7,
    remedy: &["drain the line, then DISC and SNRM: both sides have lost step"],
};

pub(super) static X26: Diagnosis = Diagnosis {
    id: "X26",
    title: "The meter refuses this request just now",
    specific: 4,
    remedy: &["wait, ask again; read something simpler to see whether the association lives"],
};
