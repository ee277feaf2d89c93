//! The table of what goes wrong with associations: titles and remedies, cheapest first. A30 and L1 are obiscope's own numbers.

use crate::diagnosis::Diagnosis;

pub(super) static A1: Diagnosis = Diagnosis {
    id: "A1",
    title: "The AARQ gets no answer: it is malformed or too long for this meter",
    specific: 5,
    remedy: &[
        "Ask without authentication as the public client: --client 16 --auth none.",
        "Let frames be longer: --max-info 1024; or send the AARQ in segments.",
        "In another client check the lengths inside the AARQ: they follow from the password, no template is right for all.",
    ],
};

pub(super) static A2: Diagnosis = Diagnosis {
    id: "A2",
    title: "Wrong password for this client",
    specific: 8,
    remedy: &[
        "Check which client (SAP) this password belongs to: each client has its own",
        "Stop after one or two tries: meters lock",
        "Read the meter's label or the maker's list for the right pair",
    ],
};

pub(super) static A3: Diagnosis = Diagnosis {
    id: "A3",
    title: "The meter wants authentication for this client",
    specific: 8,
    remedy: &[
        "Come as the public client, which needs none: --client 16 --auth none.",
        "Give a password: --auth lls --password-file FILE.",
        "Or prove a key: --auth hls-gmac --keys-file FILE.",
    ],
};

pub(super) static A4: Diagnosis = Diagnosis {
    id: "A4",
    title: "Associated, but the HLS proof (passes 3 and 4) is still owed",
    specific: 7,
    remedy: &[
        "In the client, send reply_to_HLS_authentication (method 1 of 0-0:40.0.0.255) before anything else; obiscope does.",
    ],
};

pub(super) static A5: Diagnosis = Diagnosis {
    id: "A5",
    title: "The meter does not know this authentication mechanism",
    specific: 8,
    remedy: &[
        "Choose another: --auth lls or --auth hls-gmac are the most usual.",
        "Ask the maker which one this client takes.",
    ],
};

pub(super) static A6: Diagnosis = Diagnosis {
    id: "A6",
    title: "The AARQ names no authentication mechanism, and the meter wants one",
    specific: 8,
    remedy: &[
        "Name one: --auth lls or --auth hls-gmac.",
        "In another client send both the ACSE requirements (8A) and the mechanism name (8B).",
    ],
};

pub(super) static A7: Diagnosis = Diagnosis {
    id: "A7",
    title: "The meter does not speak this application context",
    specific: 8,
    remedy: &[
        "Switch between logical and short names: --naming sn, or ln.",
        "Switch between plain and ciphered: --security none, or auth-enc with --keys-file FILE.",
    ],
};

pub(super) static A8: Diagnosis = Diagnosis {
    id: "A8",
    title: "The association is refused without a reason",
    specific: 4,
    remedy: &[
        "Try the public client, for this one may not exist in the meter: --client 16 --auth none.",
        "Release what may still be open: wait the inactivity time (obiscope probe --wait).",
        "Look what the meter says of locks before any password goes out again: obiscope probe reads 0-0:44.2.0.255.",
    ],
};

pub(super) static A9: Diagnosis = Diagnosis {
    id: "A9",
    title: "The association is refused for now: busy, another one open, or a lock running",
    specific: 6,
    remedy: &[
        "Wait the meter's inactivity time, then try once: obiscope probe --wait.",
        "Close any other client of this meter.",
    ],
};

pub(super) static A10: Diagnosis = Diagnosis {
    id: "A10",
    title: "The meter does not accept the calling title or identifier",
    specific: 8,
    remedy: &[
        "Give the system title the meter knows this client by: --system-title HEX (8 octets).",
        "In another client leave the calling identifiers out if the meter asks for none.",
    ],
};

pub(super) static A11: Diagnosis = Diagnosis {
    id: "A11",
    title: "The meter cannot follow the form of this AARQ (ACSE)",
    specific: 8,
    remedy: &[
        "In the client leave the protocol version (80) out of the AARQ; obiscope does.",
        "Try the other application context: --naming sn, or --security none.",
    ],
};

pub(super) static A12: Diagnosis = Diagnosis {
    id: "A12",
    title: "The client went on although the meter had refused the association",
    specific: 5,
    remedy: &[
        "In the client always read result and diagnostic (A2, A3) of the AARE: a refusal may look like success otherwise.",
        "Then see to the refusal itself.",
    ],
};

pub(super) static A13: Diagnosis = Diagnosis {
    id: "A13",
    title: "The meter refuses what the InitiateRequest proposes",
    specific: 8,
    remedy: &[
        "In the client propose DLMS version 6, less conformance, a larger client PDU (0: no limit).",
        "If the meter's handler refuses: another client (--client), or another time.",
    ],
};

pub(super) static A14: Diagnosis = Diagnosis {
    id: "A14",
    title: "A request is longer than the largest PDU the meter takes",
    specific: 7,
    remedy: &[
        "Ask for fewer objects at once, or use block transfer.",
        "Look at the server's max PDU in the AARE.",
    ],
};

pub(super) static A15: Diagnosis = Diagnosis {
    id: "A15",
    title: "Asked for a service that was not agreed in the association",
    specific: 7,
    remedy: &[
        "Look at the negotiated conformance in the AARE, and leave the missing feature out.",
        "Try another client: some meters offer the feature to others only (--client).",
    ],
};

pub(super) static A16: Diagnosis = Diagnosis {
    id: "A16",
    title: "Logical and short names are mixed up",
    specific: 7,
    remedy: &[
        "Ask in the other naming: --naming sn where the VAA name is FA00, ln where it is 0007.",
    ],
};

pub(super) static A17: Diagnosis = Diagnosis {
    id: "A17",
    title: "An earlier association is still open: the meter refuses the AARQ",
    specific: 7,
    remedy: &[
        "Wait the meter's inactivity time, it ends by itself: obiscope probe --wait.",
        "Send RLRQ or DISC as the client that opened it: obiscope probe --step.",
        "End every session with a release.",
    ],
};

pub(super) static A18: Diagnosis = Diagnosis {
    id: "A18",
    title: "The meter does not associate twice on one link",
    specific: 7,
    remedy: &["In the client send RLRQ first, or DISC and SNRM, then the AARQ."],
};

pub(super) static A19: Diagnosis = Diagnosis {
    id: "A19",
    title: "The meter rejects our proof in HLS pass 3",
    specific: 8,
    remedy: &[
        "Check the key or password of this client, and the mechanism: --auth, --password-file, --keys-file.",
        "Check the system titles on both sides: --system-title HEX.",
        "In another client: the invocation counter inside the proof must be the one that was sent.",
        "Stop after one or two tries: meters lock.",
    ],
};

pub(super) static A20: Diagnosis = Diagnosis {
    id: "A20",
    title: "The meter cannot prove who it is: its HLS proof is wrong",
    specific: 9,
    remedy: &[
        "Write nothing to it: it may be another meter, or none at all.",
        "Check that this address and port lead to the meter that is meant (serial number on its label).",
        "Check the keys: --keys-file FILE.",
    ],
};

pub(super) static A21: Diagnosis = Diagnosis {
    id: "A21",
    title: "The invocation counter is not the one the meter expects",
    specific: 9,
    remedy: &[
        "Let the public client read it first: --counter-object 0-0:43.1.0.255.",
        "Two programs must not share one system title and key: give this one its own (--system-title HEX).",
    ],
};

pub(super) static A22: Diagnosis = Diagnosis {
    id: "A22",
    title: "The meter does not open our ciphered requests: key, system title, security control, or a counter too low",
    specific: 6,
    remedy: &[
        "Let the public client read the counter first: --counter-object 0-0:43.1.0.255.",
        "Check encryption and authentication key: --keys-file FILE (ek=HEX ak=HEX).",
        "Check the protection the meter's policy asks for: --security auth-enc, auth or enc; and --suite.",
    ],
};

pub(super) static A23: Diagnosis = Diagnosis {
    id: "A23",
    title: "Associated with ciphering, but every request fails",
    specific: 6,
    remedy: &[
        "Leave the dedicated key out: --ciphering global.",
        "Check the authentication key and the key set: --keys-file FILE.",
        "Check the protection the meter's policy asks for: --security.",
    ],
};

pub(super) static A24: Diagnosis = Diagnosis {
    id: "A24",
    title: "The meter wants signed messages (suite 1 or 2)",
    specific: 6,
    remedy: &[
        "Use a client of suite 0: --suite 0 --auth hls-gmac, where the meter has one.",
        "Give the signing keys: --auth hls-ecdsa --keys-file FILE.",
    ],
};

pub(super) static A25: Diagnosis = Diagnosis {
    id: "A25",
    title: "Mechanism 2 is the maker's own algorithm",
    specific: 7,
    remedy: &[
        "Use a client with LLS or a numbered mechanism: --auth lls, --auth hls-gmac.",
        "Else the maker's tool.",
    ],
};

pub(super) static A26: Diagnosis = Diagnosis {
    id: "A26",
    title: "The right password was refused for a while: a lock timer was running",
    specific: 8,
    remedy: &[
        "After a refusal wait before the next try (a minute is usual).",
        "Count the tries of other tools too.",
    ],
};

pub(super) static A27: Diagnosis = Diagnosis {
    id: "A27",
    title: "The meter gives no system title, yet ciphers with one",
    specific: 6,
    remedy: &[
        "Take its title from the label, or read 0-0:42.0.0.255 with the public client, and set it by hand in the client.",
    ],
};

pub(super) static A28: Diagnosis = Diagnosis {
    id: "A28",
    title: "The meter has no release service: RLRQ is not answered as such",
    specific: 6,
    remedy: &[
        "Nothing to do for obiscope: it goes on to DISC.",
        "In another client release with DISC only.",
    ],
};

pub(super) static A29: Diagnosis = Diagnosis {
    id: "A29",
    title: "The AARQ carries a user identifier (A9) that this meter does not take",
    specific: 5,
    remedy: &["In the client leave the calling AE invocation identifier out; obiscope sends none."],
};

pub(super) static A30: Diagnosis = Diagnosis {
    id: "A30",
    title: "A service was asked before an association was open",
    specific: 7,
    remedy: &["In the client send the AARQ first, and wait for an AARE that accepts."],
};

pub(super) static L1: Diagnosis = Diagnosis {
    id: "L1",
    title: "The meter itself says: this port is locked",
    specific: 9,
    remedy: &[
        "Wait the lock time it names, then try once with the right password.",
        "Try another port of the meter (optical, RS-485, network): it may be open.",
        "An authorised client can reset the counter: obiscope call, method 1 of the same object.",
    ],
};
