//! The one table of faults: name, what it takes, an example, the diagnosis that should name it, and what it does. A fault
//! that is named differently by its argument has a row for each.

use super::{Argument, Fault, Form, Kind};

/// One fault, or one of the ways it can be.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub kind: Kind,
    pub name: &'static str,
    pub form: Form,
    /// An argument to try; also what holds when none is given. None: it takes none.
    pub example: Option<&'static str>,
    /// The id of the diagnosis.
    pub finding: &'static str,
    pub what: &'static str,
}

const fn bare(kind: Kind, name: &'static str, finding: &'static str, what: &'static str) -> Row {
    Row {
        kind,
        name,
        form: Form::None,
        example: None,
        finding,
        what,
    }
}

const fn with(
    (kind, name, form): (Kind, &'static str, Form),
    example: &'static str,
    finding: &'static str,
    what: &'static str,
) -> Row {
    Row {
        kind,
        name,
        form,
        example: Some(example),
        finding,
        what,
    }
}

type Named = (Kind, &'static str, Form);

const AARE: Named = (Kind::Aare, "aare", Form::Pair);
const AARE_INFO: Named = (Kind::AareInfo, "aare-info", Form::Pair);
const PROVIDER: Named = (Kind::AareProvider, "aare-provider", Form::Pair);
const INITIATE: Named = (Kind::InitiateError, "initiate-error", Form::Number(1, 4));
const ACCESS: Named = (Kind::AccessResult, "access-result", Form::Number(1, 255));
const EXCEPTION: Named = (Kind::Exception, "exception", Form::Pair);
const EXCEPTION_AARQ: Named = (Kind::ExceptionAarq, "exception-aarq", Form::Pair);
const SIZE: Named = (Kind::AddressSize, "address-size", Form::Number(1, 4));

/// All of them. The first row of a kind says what holds when no argument is given.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // The connection.
    bare(Kind::Refuse, "refuse", "T1", "the port is closed: connecting is refused"),
    bare(Kind::Reset, "rst", "T3", "each connection is accepted, then reset"),
    bare(Kind::Close, "fin", "T3", "each connection is accepted, then closed"),
    with((Kind::HoldsPort, "holds-port", Form::Time), "1m", "T4", "after a connection ends, new ones are closed at once for this time"),
    with((Kind::IdleClose, "idle-close", Form::Time), "5s", "T5", "the converter closes when no byte passes for this time"),
    bare(Kind::HalfOpen, "half-open", "T19", "connections are accepted, and nothing is ever heard or said"),
    // The line.
    bare(Kind::Silent, "silent", "T19", "the meter says nothing, whatever it is asked"),
    bare(Kind::Residual, "residual", "T6", "an old answer, still in the converter, comes as soon as a connection opens"),
    with((Kind::Late, "late", Form::Time), "8s", "T7", "every answer takes this long on its way"),
    bare(Kind::OneBehind, "one-behind", "T7", "answers to reads come one request late"),
    bare(Kind::Echo, "echo", "T8", "everything sent comes back before the answer"),
    with((Kind::EchoPart, "echo-part", Form::Number(1, 64)), "4", "T8", "the first bytes of each request come back before the answer"),
    bare(Kind::EchoOnly, "echo-only", "T9", "everything sent comes back, and no answer"),
    with((Kind::Split, "split", Form::Time), "40ms", "T10", "answers come in pieces of any length, up to this far apart"),
    bare(Kind::DroppedFf, "dropped-ff", "T11", "the adapter swallows every FF in answers"),
    bare(Kind::DoubledFf, "doubled-ff", "T11", "telnet: every FF in answers comes twice"),
    bare(Kind::Parity, "parity", "T12", "answers at 7E1 seen as 8N1: the top bit of each byte is its parity"),
    with((Kind::BitFlips, "bit-flips", Form::Rate), "0.01", "T13", "noise: this share of the bytes of answers has a bit that became 1"),
    bare(Kind::WrapperPort, "wrapper-port", "T14", "the port talks the TCP wrapper, and says so to HDLC frames"),
    bare(Kind::HdlcPort, "hdlc-port", "T15", "the port talks HDLC, and says so to wrapper PDUs"),
    with((Kind::PushPort, "push-port", Form::Time), "5s", "T17", "a push port: every so often a notification in a UI frame, nothing else"),
    with((Kind::PushMbus, "push-mbus", Form::Time), "5s", "T17", "a push port that speaks M-Bus long frames"),
    with((Kind::PushSml, "push-sml", Form::Time), "5s", "T17", "a push port that speaks SML"),
    bare(Kind::TwoMeters, "two-meters", "T18", "a second meter on the line answers too"),
    bare(Kind::GatewayText, "gateway-text", "T20", "a gateway answers reads with an error text of its own"),
    // The sign-on of IEC 62056-21.
    bare(Kind::AsciiPort, "ascii-port", "T16", "the port waits in IEC 62056-21 and answers anything with its identification"),
    bare(Kind::NoSignOn, "no-sign-on", "E1", "a mode E port that does not answer the sign-on"),
    bare(Kind::NoModeE, "no-mode-e", "E2", "the identification offers no mode E"),
    bare(Kind::ModeC, "mode-c", "E3", "the acknowledgement is answered with an ASCII readout"),
    bare(Kind::NoParitySwitch, "no-parity-switch", "E4", "after the hand-over the meter speaks 8N1 and the line stays at 7E1"),
    with((Kind::SlowSwitch, "slow-switch", Form::Time), "1s", "E5", "after the hand-over the meter is deaf for this time"),
    // The link.
    with(SIZE, "1", "H1", "only a server address of so many bytes (1, 2 or 4) is heard"),
    with(SIZE, "4", "H1", "only a server address of so many bytes (1, 2 or 4) is heard"),
    with((Kind::SilentTo, "silent-to", Form::Number(0, 127)), "1", "H1", "this client hears nothing; others are answered"),
    bare(Kind::UaEmpty, "ua-empty", "H4", "UA carries no parameters"),
    bare(Kind::UaShort, "ua-short", "H5", "UA carries one-byte values"),
    with((Kind::MaxInfo, "max-info", Form::Number(32, 2030)), "64", "H6", "no frame with more octets of information is taken or sent"),
    bare(Kind::AnswersAll, "answers-all", "H7", "the all-station address is answered too, from the meter's own"),
    bare(Kind::DmToSnrm, "dm-to-snrm", "H8", "SNRM is answered DM"),
    with((Kind::Busy, "busy", Form::Number(0, 127)), "32", "H8", "this other client holds the link: DM until its DISC, or the inactivity time"),
    with((Kind::StaleLink, "stale-link", Form::Number(0, 127)), "33", "H10", "DISC is answered UA, yet AARQ is refused until the DISC of this client"),
    bare(Kind::StaleCalling, "stale-calling", "H11", "AARQ is refused until a DISC to the CALLING address, or the inactivity time"),
    with((Kind::Inactivity, "inactivity", Form::Time), "30s", "H12", "the link ends when nothing is heard for this time; then DM"),
    with((Kind::InactivitySilent, "inactivity-silent", Form::Time), "30s", "H13", "the link ends when nothing is heard for this time; then silence"),
    bare(Kind::DmToI, "dm-to-i", "H12", "I frames are answered DM"),
    bare(Kind::FrmrW, "frmr-w", "H14", "I frames are answered FRMR: control field not implemented"),
    bare(Kind::FrmrBare, "frmr-bare", "H14", "I frames are answered FRMR without a reason"),
    bare(Kind::FrmrX, "frmr-x", "H15", "I frames are answered FRMR: no information allowed"),
    bare(Kind::FrmrY, "frmr-y", "H16", "I frames are answered FRMR: information too long"),
    bare(Kind::FrmrZ, "frmr-z", "H17", "I frames are answered FRMR: invalid N(R)"),
    bare(Kind::FrmrV, "frmr-v", "H18", "I frames are answered FRMR: invalid N(S)"),
    bare(Kind::FrmrReversed, "frmr-reversed", "H19", "I frames are answered FRMR, its reason bits in reversed order"),
    bare(Kind::Duplicate, "duplicate", "H20", "every I frame comes twice"),
    bare(Kind::WrongNs, "wrong-ns", "H20", "answers after the first carry the N(S) before the one that is due"),
    bare(Kind::WrongNr, "wrong-nr", "H17", "answers after the first acknowledge by N(R) what was never sent"),
    with((Kind::Rnr, "rnr", Form::Number(1, 1000)), "3", "H21", "each answer comes only after so many RNR"),
    bare(Kind::SegmentEndless, "segment-endless", "H22", "an answer after the first says that more segments follow, and none does"),
    bare(Kind::NoFinal, "no-final", "H23", "the final bit is never set"),
    bare(Kind::WrongHeader, "wrong-header", "H24", "I frames come with a damaged header: HCS and FCS wrong"),
    bare(Kind::WrongHcs, "wrong-hcs", "H24", "I frames come with a wrong HCS under a right FCS"),
    bare(Kind::WrongFcs, "wrong-fcs", "H25", "I frames come with a wrong FCS behind a right HCS"),
    bare(Kind::FcsMsbFirst, "fcs-msb-first", "H26", "checksums come with their high octet first"),
    bare(Kind::WrongFormat, "wrong-format", "H28", "frames do not begin with the type-3 format"),
    bare(Kind::OtherClient, "other-client", "H29", "answers to another client come before our own"),
    bare(Kind::SecondMaster, "second-master", "H30", "requests of another client are seen on the line"),
    bare(Kind::WrongLlc, "wrong-llc", "H32", "answers carry the LLC header of requests"),
    // The association.
    bare(Kind::NoAare, "no-aare", "A1", "AARQ is not answered"),
    with(AARE, "1/13", "A2", "AARQ is refused with this result/diagnostic, without user-information"),
    with(AARE, "1/14", "A3", "AARQ is refused: authentication required"),
    with(AARE, "1/11", "A5", "AARQ is refused: mechanism name not recognised"),
    with(AARE, "1/12", "A6", "AARQ is refused: mechanism name required"),
    with(AARE, "1/2", "A7", "AARQ is refused: application context not supported"),
    with(AARE, "1/1", "A8", "AARQ is refused: no reason given"),
    with(AARE, "2/1", "A9", "AARQ is refused for now"),
    with(AARE, "1/3", "A10", "AARQ is refused: calling AP-title not recognised"),
    with(AARE, "1/0", "A8", "AARQ is refused with an empty diagnostic and no user-information"),
    with(AARE_INFO, "1/13", "A2", "AARQ is refused with an InitiateResponse that looks like success"),
    with(AARE_INFO, "1/1", "A8", "AARQ is refused, no reason given, with an InitiateResponse"),
    with(PROVIDER, "1/2", "A11", "AARQ is refused by the provider, with this result/diagnostic"),
    with(INITIATE, "1", "A13", "AARQ is refused: DLMS version too low"),
    with(INITIATE, "2", "A13", "AARQ is refused: incompatible conformance"),
    with(INITIATE, "3", "A13", "AARQ is refused: PDU size too short"),
    with(INITIATE, "4", "A13", "AARQ is refused by the VDE handler"),
    with((Kind::MaxPdu, "max-pdu", Form::Number(32, 65535)), "64", "A14", "the meter takes and sends no longer APDU"),
    bare(Kind::NoBlocks, "no-blocks", "A15", "no block transfer and no selective access, though answers are long"),
    bare(Kind::VaaName, "vaa-name", "A16", "the InitiateResponse speaks of short names in a logical-name context"),
    with(EXCEPTION_AARQ, "1/1", "A17", "AARQ is answered with this exception"),
    with((Kind::StaleAssociation, "stale-association", Form::Number(0, 127)), "32", "A17", "this client's association is still open: an exception at AARQ until its DISC, or the inactivity time"),
    bare(Kind::NoReassociation, "no-reassociation", "A18", "a second AARQ on one link is refused"),
    with((Kind::Hls, "hls", Form::Number(1, 255)), "1", "A19", "the client's HLS proof is refused with this action-result"),
    bare(Kind::WrongProof, "wrong-proof", "A20", "the meter's own HLS proof is wrong"),
    with((Kind::InvocationCounter, "invocation-counter", Form::Number(1, u32::MAX)), "1000000", "A21", "requests are refused: this invocation counter is expected"),
    bare(Kind::DeafToCiphered, "deaf-to-ciphered", "A22", "ciphered requests are not answered"),
    with((Kind::Locked, "locked", Form::After), "1m/3", "A26", "locked for this time after so many wrong passwords; the right one waits too"),
    bare(Kind::EmptyTitle, "empty-title", "A27", "the responding system title is empty"),
    bare(Kind::NoRlre, "no-rlre", "A28", "RLRQ is not answered"),
    bare(Kind::RlreException, "rlre-exception", "A28", "RLRQ is answered with an exception"),
    // The services.
    with(ACCESS, "3", "X1", "reads are refused with this data-access-result: read-write-denied"),
    with(ACCESS, "4", "X2", "reads are refused: object-undefined"),
    with(ACCESS, "9", "X3", "reads are refused: object-class-inconsistent"),
    with(ACCESS, "11", "X4", "reads are refused: object-unavailable"),
    with(ACCESS, "12", "X5", "reads are refused: type-unmatched"),
    with(ACCESS, "13", "X6", "reads are refused: scope-of-access-violated"),
    with(ACCESS, "1", "X7", "reads are refused: hardware-fault"),
    with(ACCESS, "2", "X7", "reads are refused: temporary-failure"),
    with(ACCESS, "250", "X7", "reads are refused: other-reason"),
    with(ACCESS, "14", "X8", "reads are refused: data-block-unavailable"),
    with(ACCESS, "15", "X9", "reads are refused: long-get-aborted"),
    with(ACCESS, "16", "X9", "reads are refused: no-long-get-in-progress"),
    with(ACCESS, "19", "X10", "reads are refused: data-block-number-invalid"),
    bare(Kind::BlockNumber, "block-number", "X10", "blocks of a long answer are numbered wrong"),
    bare(Kind::BlocksStop, "blocks-stop", "X11", "after the first block of a long answer no more is heard"),
    bare(Kind::WrongInvoke, "wrong-invoke", "X12", "answers carry another invoke-id"),
    with(EXCEPTION, "1/2", "X13", "reads are answered with this exception: service not supported"),
    with(EXCEPTION, "2/2", "X13", "reads are answered with an exception: service unknown"),
    with(EXCEPTION, "1/4", "X14", "reads are answered with an exception: PDU too long"),
    with(EXCEPTION, "1/5", "A22", "reads are answered with an exception: deciphering error"),
    with(EXCEPTION, "1/6", "A21", "reads are answered with an exception: invocation counter error"),
    bare(Kind::ListBroken, "list-broken", "X15", "reads of a list are refused, single ones are not"),
    bare(Kind::ServiceError, "service-error", "X16", "reads are answered with a confirmed service error"),
    bare(Kind::Truncated, "truncated", "X18", "values end early"),
    bare(Kind::UnknownType, "unknown-type", "X18", "values are of a type that is in no table"),
    bare(Kind::Fillers, "fillers", "X21", "numbers are all ones: not available"),
    with((Kind::ClockOff, "clock-off", Form::Time), "1h", "X23", "the meter's clock runs ahead by this much"),
    bare(Kind::ClockUndefined, "clock-undefined", "X23", "every field of the meter's clock is not specified"),
    bare(Kind::WrongService, "wrong-service", "X25", "a read is answered as if it were a write"),
];

/// The first row of a kind.
pub(super) fn row(kind: Kind) -> &'static Row {
    // Every kind is in the table (a test walks them), so the fallback is never seen.
    ROWS.iter().find(|row| row.kind == kind).unwrap_or(&ROWS[0])
}

/// By the argument, where rows differ in it.
pub(super) fn finding(fault: &Fault) -> &'static str {
    let mut rows = ROWS.iter().filter(|row| row.kind == fault.kind);
    let exact = rows
        .find(|row| row.example.and_then(|example| row.form.read(example)) == Some(fault.argument));
    if let Some(row) = exact {
        return row.finding;
    }
    match (fault.kind, fault.argument) {
        (Kind::Aare | Kind::AareInfo, Argument::Pair(2, _)) => "A9",
        (Kind::Aare | Kind::AareInfo, Argument::Pair(_, diagnostic)) => match diagnostic {
            0 | 1 => "A8",
            2 => "A7",
            3..=10 => "A10",
            11 => "A5",
            12 => "A6",
            14 => "A3",
            _ => "A2",
        },
        (Kind::Exception, Argument::Pair(_, code)) => match code {
            4 => "X14",
            5 => "A22",
            6 => "A21",
            _ => "X13",
        },
        (Kind::AccessResult, Argument::Number(17 | 18)) => "X10",
        (Kind::AccessResult, _) => "X7",
        (kind, _) => row(kind).finding,
    }
}
