//! The table of what goes wrong with associations: titles and remedies, cheapest first. A30 and L1 are obiscope's own numbers.

use crate::diagnosis::Diagnosis;

pub(super) static A1: Diagnosis = Diagnosis {
    id: "A1",
    title: "The AARQ gets no answer: it is malformed or too long for this meter",
    specific: 5,
    remedy: &[
        "check the lengths inside the AARQ: they follow from the password, no template is right for all",
        "propose no more than the meter's UA granted, or send the AARQ in segments",
        "DISC, SNRM, and try once more without authentication (client 16)",
    ],
};

pub(super) static A2: Diagnosis = Diagnosis {
    id: "A2",
    title: "Wrong password for this client",
    specific: 8,
    remedy: &[
        "check which client (SAP) this password belongs to: each client has its own",
        "stop after one or two tries: meters lock",
        "read the meter's label or the maker's list for the right pair",
    ],
};

pub(super) static A3: Diagnosis = Diagnosis {
    id: "A3",
    title: "The meter wants authentication for this client",
    specific: 8,
    remedy: &[
        "give a password (LLS) or the key for HLS",
        "or come as the public client 16, which needs none",
    ],
};

pub(super) static A4: Diagnosis = Diagnosis {
    id: "A4",
    title: "Associated, but the HLS proof (passes 3 and 4) is still owed",
    specific: 7,
    remedy: &["send reply_to_HLS_authentication (method 1 of 0-0:40.0.0.255) before anything else"],
};

pub(super) static A5: Diagnosis = Diagnosis {
    id: "A5",
    title: "The meter does not know this authentication mechanism",
    specific: 8,
    remedy: &["choose another: LLS is 1, HLS 2 to 7; most meters offer LLS or HLS-GMAC (5)"],
};

pub(super) static A6: Diagnosis = Diagnosis {
    id: "A6",
    title: "The AARQ names no authentication mechanism, and the meter wants one",
    specific: 8,
    remedy: &["send both the ACSE requirements (8A) and the mechanism name (8B)"],
};

pub(super) static A7: Diagnosis = Diagnosis {
    id: "A7",
    title: "The meter does not speak this application context",
    specific: 8,
    remedy: &[
        "switch between logical and short names, or between ciphered and plain (1 LN, 2 SN, 3 LN ciphered, 4 SN ciphered)",
    ],
};

pub(super) static A8: Diagnosis = Diagnosis {
    id: "A8",
    title: "The association is refused without a reason",
    specific: 4,
    remedy: &[
        "try the public client 16: does this client (SAP) exist in the meter?",
        "release what may still be open: RLRQ, DISC, or wait the inactivity time",
        "read the lock state (0-0:44.2.0.255) before any password goes out again",
    ],
};

pub(super) static A9: Diagnosis = Diagnosis {
    id: "A9",
    title: "The association is refused for now: busy, another one open, or a lock running",
    specific: 6,
    remedy: &[
        "wait the meter's inactivity time, then try once",
        "close any other client",
    ],
};

pub(super) static A10: Diagnosis = Diagnosis {
    id: "A10",
    title: "The meter does not accept the calling title or identifier",
    specific: 8,
    remedy: &[
        "give the 8 octets of the client's system title (A6)",
        "leave the calling identifiers out if the meter asks for none",
    ],
};

pub(super) static A11: Diagnosis = Diagnosis {
    id: "A11",
    title: "The meter's ACSE cannot follow this AARQ",
    specific: 8,
    remedy: &["leave the protocol version (80) out of the AARQ"],
};

pub(super) static A12: Diagnosis = Diagnosis {
    id: "A12",
    title: "The refusal carries no InitiateResponse: a client that looks only there takes it for success",
    specific: 5,
    remedy: &["always read result and diagnostic (A2, A3) of the AARE"],
};

pub(super) static A13: Diagnosis = Diagnosis {
    id: "A13",
    title: "The meter refuses what the InitiateRequest proposes",
    specific: 8,
    remedy: &[
        "propose DLMS version 6, less conformance, a larger client PDU (or 0: no limit)",
        "if the handler refuses: another client, or another time",
    ],
};

pub(super) static A14: Diagnosis = Diagnosis {
    id: "A14",
    title: "A request is longer than the largest PDU the meter takes",
    specific: 7,
    remedy: &[
        "ask for fewer objects at once, or use block transfer",
        "look at the server's max PDU in the AARE",
    ],
};

pub(super) static A15: Diagnosis = Diagnosis {
    id: "A15",
    title: "Asked for a service that was not agreed in the association",
    specific: 7,
    remedy: &[
        "look at the negotiated conformance and leave the missing feature out",
        "propose the feature in the AARQ; some meters offer it to other clients only",
    ],
};

pub(super) static A16: Diagnosis = Diagnosis {
    id: "A16",
    title: "Logical and short names are mixed up",
    specific: 7,
    remedy: &[
        "use GET and SET where the VAA name is 0007, READ and WRITE where it is FA00",
        "ask for the other application context",
    ],
};

pub(super) static A17: Diagnosis = Diagnosis {
    id: "A17",
    title: "An earlier association is still open: the meter refuses the AARQ",
    specific: 7,
    remedy: &[
        "send RLRQ or DISC as the client that opened it",
        "wait the meter's inactivity time: it goes away by itself",
    ],
};

pub(super) static A18: Diagnosis = Diagnosis {
    id: "A18",
    title: "The meter does not associate twice on one link",
    specific: 7,
    remedy: &["RLRQ first, or DISC and SNRM, then the AARQ"],
};

pub(super) static A19: Diagnosis = Diagnosis {
    id: "A19",
    title: "The meter rejects our proof in HLS pass 3",
    specific: 8,
    remedy: &[
        "check key (EK, AK), system titles and mechanism",
        "the invocation counter inside the proof must be the one that was sent",
    ],
};

pub(super) static A21: Diagnosis = Diagnosis {
    id: "A21",
    title: "The invocation counter is not the one the meter expects",
    specific: 9,
    remedy: &[
        "set the counter to the expected value plus one and keep it",
        "two programs must not share one system title and key",
    ],
};

pub(super) static A22: Diagnosis = Diagnosis {
    id: "A22",
    title: "The meter does not open our ciphered requests: key, system title, security control, or a counter too low",
    specific: 6,
    remedy: &[
        "read the counter with the public client (0-0:43.1.x.255) and go on one above",
        "check the encryption and authentication keys and both system titles",
        "check the security control octet against the meter's policy",
    ],
};

pub(super) static A23: Diagnosis = Diagnosis {
    id: "A23",
    title: "Associated with ciphering, but every request fails",
    specific: 6,
    remedy: &[
        "leave the dedicated key out",
        "check the global key set and the security policy",
    ],
};

pub(super) static A24: Diagnosis = Diagnosis {
    id: "A24",
    title: "The meter wants signed messages (suite 1 or 2)",
    specific: 6,
    remedy: &[
        "this association needs ECDSA or general-signing: use a client with suite 0, or give the signing keys",
    ],
};

pub(super) static A25: Diagnosis = Diagnosis {
    id: "A25",
    title: "Mechanism 2 is the maker's own algorithm",
    specific: 7,
    remedy: &["use the maker's tool, or a client with LLS or a numbered HLS mechanism"],
};

pub(super) static A26: Diagnosis = Diagnosis {
    id: "A26",
    title: "The right password was refused for a while: a lock timer was running",
    specific: 8,
    remedy: &[
        "after a refusal wait before the next try (a minute is usual)",
        "count tries, also of other tools",
    ],
};

pub(super) static A27: Diagnosis = Diagnosis {
    id: "A27",
    title: "The meter gives no system title, yet ciphers with one",
    specific: 6,
    remedy: &["set the meter's system title by hand (label, or 0-0:42.0.0.255)"],
};

pub(super) static A28: Diagnosis = Diagnosis {
    id: "A28",
    title: "The meter has no release service: RLRQ is not answered as such",
    specific: 6,
    remedy: &["release with DISC only"],
};

pub(super) static A29: Diagnosis = Diagnosis {
    id: "A29",
    title: "The AARQ carries a user identifier (A9) this meter may not take",
    specific: 5,
    remedy: &["leave the calling AE invocation identifier out"],
};

pub(super) static A30: Diagnosis = Diagnosis {
    id: "A30",
    title: "A service was asked before an association was open",
    specific: 7,
    remedy: &["send the AARQ and wait for an AARE that accepts"],
};

pub(super) static L1: Diagnosis = Diagnosis {
    id: "L1",
    title: "The meter itself says: this port is locked",
    specific: 9,
    remedy: &[
        "wait the lock time it names, then try once with the right password",
        "another port (optical, RS-485, network) may be open",
        "an authorised client can reset the counter (method 1 of the same object)",
    ],
};
