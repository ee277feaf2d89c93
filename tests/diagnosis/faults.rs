//! One conversation a fault, and what it must be called. `frame` is where the evidence has to point.
use crate::talk::{Act, Talk, acts, findings};

pub struct Case {
    pub name: &'static str,
    pub finding: &'static str,
    /// Frame the first evidence names; 0 where it is about no one frame.
    pub frame: u64,
    pub acts: Vec<Act>,
}

const AARQ: &str = "601DA109060760857405080101BE10040E01000000065F1F040000301DFFFF";
const AARE: &str =
    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D19000007";
const LLS: &str = "6036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B0";
const GET: &str = "C001C100030101200700FF0200";
const NEXT: &str = "C002C100000001";
const DATA: &str = "C401C1000500003520";

/// An HLS request with `mechanism`, in the clear context.
fn hls(mechanism: u8) -> String {
    LLS.replace("60857405080201", &format!("608574050802{mechanism:02X}"))
}

/// An AARE that refuses: result, which diagnostic (A1 user, A2 provider), its number.
fn refuse(result: u8, who: &str, diagnostic: u8) -> String {
    AARE.replace("A203020100", &format!("A2030201{result:02X}"))
        .replace(
            "A305A103020100",
            &format!("A305{who}030201{diagnostic:02X}"),
        )
}

/// The same without user-information.
fn refuse_bare(result: u8, diagnostic: u8) -> String {
    format!("6117A109060760857405080101A2030201{result:02X}A305A1030201{diagnostic:02X}")
}

fn open() -> Talk {
    Talk::linked().tx(AARQ).rx(AARE)
}

fn open_hls(mechanism: u8) -> Talk {
    Talk::linked().tx(&hls(mechanism)).rx(&refuse(0, "A1", 14))
}

fn ask(answer: &str) -> Vec<Act> {
    open().tx(GET).rx(answer).end()
}

#[expect(clippy::too_many_lines, reason = "a table, a row a fault")]
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut case = |name, finding, frame, acts| {
        all.push(Case {
            name,
            finding,
            frame,
            acts,
        });
    };
    // Sign-on.
    case("sign-on unanswered", "E1", 0, acts("TX 2F3F210D0A\nQUIET"));
    case(
        "no mode E on the port",
        "E2",
        0,
        acts(
            "TX 2F3F210D0A\nRX 2F4B414D3532330D0A\nTX 063235320D0A\nRX 02302E302E302831323334290D0A",
        ),
    );
    case(
        "acknowledged with mode C",
        "E3",
        0,
        acts(
            "TX 2F3F210D0A\nRX 2F4B414D355C325736330D0A\nTX 063035300D0A\nRX 02302E302E302831323334290D0A",
        ),
    );
    case(
        "garbage after the switch",
        "E4",
        0,
        acts(
            "TX 2F3F210D0A\nRX 2F4B414D355C325736330D0A\nTX 063235320D0A\nRX FCFEE0F81C9E00\nTX 7EA0070303938C117E\nRX 80E0FC1C0000FEC0\nQUIET",
        ),
    );
    case(
        "SNRM too soon after the switch",
        "E5",
        0,
        acts(
            "TX 2F3F210D0A\nRX 2F4B414D355C325736330D0A\nTX 063235320D0A\nRX 063235320D0A\nTX 7EA0070303938C117E\nQUIET",
        ),
    );
    // Association.
    case(
        "AARQ with a fixed length octet",
        "A1",
        1,
        acts(
            "TX 7EA04603031013ADE6E6006036A1090607608574050801018A0207808B0760857405080201AC0C800A32323232323232323232BE10040E01000000065F1F0400007E1F04B090B67E\nQUIET",
        ),
    );
    case(
        "AARQ unanswered",
        "A1",
        3,
        Talk::linked().tx(AARQ).quiet().cut(),
    );
    case(
        "wrong password",
        "A2",
        4,
        Talk::linked().tx(LLS).rx(&refuse(1, "A1", 13)).end(),
    );
    case(
        "wrong password, bare refusal",
        "A2",
        4,
        Talk::linked().tx(LLS).rx(&refuse_bare(1, 13)).end(),
    );
    case(
        "authentication required",
        "A3",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A1", 14)).end(),
    );
    case(
        "GET before the HLS proof",
        "A4",
        6,
        open_hls(5).tx(GET).rx("C401C10103").end(),
    );
    case(
        "mechanism not known",
        "A5",
        4,
        Talk::linked().tx(&hls(6)).rx(&refuse(1, "A1", 11)).end(),
    );
    case(
        "mechanism name missing",
        "A6",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A1", 12)).end(),
    );
    case(
        "context not supported",
        "A7",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A1", 2)).end(),
    );
    case(
        "refused without reason",
        "A8",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A1", 1)).end(),
    );
    case(
        "refused for now",
        "A9",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(2, "A1", 1)).end(),
    );
    for code in 3..=10 {
        case(
            "title or identifier refused",
            "A10",
            4,
            Talk::linked().tx(AARQ).rx(&refuse(1, "A1", code)).end(),
        );
    }
    case(
        "no common ACSE version",
        "A11",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A2", 2)).end(),
    );
    case(
        "provider gives no reason",
        "A11",
        4,
        Talk::linked().tx(AARQ).rx(&refuse(1, "A2", 1)).end(),
    );
    case(
        "goes on after a bare refusal",
        "A12",
        5,
        Talk::linked()
            .tx(AARQ)
            .rx(&refuse_bare(1, 1))
            .tx(GET)
            .rx("D80101")
            .end(),
    );
    for value in 1..=4 {
        let refused =
            format!("611FA109060760857405080101A203020101A305A103020101BE0604040E0106{value:02X}");
        case(
            "initiate refused",
            "A13",
            4,
            Talk::linked().tx(AARQ).rx(&refused).end(),
        );
    }
    case(
        "request longer than the server's PDU",
        "A14",
        5,
        Talk::linked()
            .tx(AARQ)
            .rx(&AARE.replace("301D1900", "301D000C"))
            .tx(GET)
            .quiet()
            .cut(),
    );
    case(
        "list not agreed on",
        "X15",
        6,
        open()
            .tx("C003C10200030101200700FF020000030101200700FF0300")
            .rx("D80102")
            .end(),
    );
    case(
        "selection not agreed on",
        "A15",
        6,
        Talk::linked()
            .tx(AARQ)
            .rx(&AARE.replace("00301D", "003018"))
            .tx("C001C100070100630100FF020102020406000000010600000000120001120000")
            .rx("C401C1010C")
            .end(),
    );
    case(
        "GET in short names",
        "A16",
        6,
        Talk::linked()
            .tx(&AARQ.replace("080101", "080102"))
            .rx(&AARE
                .replace("080101", "080102")
                .replace("19000007", "1900FA00"))
            .tx(GET)
            .rx("D80102")
            .end(),
    );
    case(
        "AARQ answered by an exception",
        "A17",
        4,
        Talk::linked().tx(AARQ).rx("D80101").end(),
    );
    case(
        "second AARQ refused",
        "A18",
        6,
        open().tx(AARQ).rx(&refuse(1, "A1", 1)).end(),
    );
    case(
        "second AARQ excepted",
        "A18",
        6,
        open().tx(AARQ).rx("D80101").end(),
    );
    let pass_3 = "C301C1000F0000280000FF010109080102030405060708";
    for result in ["01", "03", "FA"] {
        case(
            "proof refused",
            "A19",
            6,
            open_hls(3)
                .tx(pass_3)
                .rx(&format!("C701C1{result}00"))
                .end(),
        );
    }
    case(
        "invocation counter refused",
        "A21",
        6,
        open().tx("C81E3000000001").rx("D80206000001F4").end(),
    );
    case(
        "cannot be deciphered",
        "A22",
        6,
        open().tx("C8063000000001AA").rx("D80105").end(),
    );
    case(
        "ciphered request unanswered",
        "A22",
        5,
        open().tx("C8063000000001AA").quiet().cut(),
    );
    case(
        "counter goes down",
        "A22",
        7,
        open()
            .tx("C8063000000009AA")
            .rx("CC063000000001AA")
            .tx("C8063000000008BB")
            .rx("CC063000000002AA")
            .end(),
    );
    case(
        "counter used again",
        "A22",
        7,
        open()
            .tx("C8063000000009AA")
            .rx("CC063000000001AA")
            .tx("C8063000000009BB")
            .rx("CC063000000002AA")
            .end(),
    );
    case(
        "signing wanted",
        "A24",
        6,
        open_hls(7).tx(pass_3).rx("D80101").end(),
    );
    // Ciphered with the global key in the AARQ, and nothing in it works after.
    let sealed = || {
        Talk::linked()
            .tx(&AARQ.replace("080101", "080103"))
            .rx(&AARE
                .replace("6129A109", "6135A109")
                .replace("080101", "080103")
                .replace("A305A103020100", "A305A103020100A40A04084F42533030303031"))
    };
    for (request, answer) in [
        ("C8063000000001AA", "D80102"),
        ("D0063000000001AA", "D80105"),
        ("C8063000000001AA", "0E040300"),
    ] {
        let next = |at: u8| request.replace("0001AA", &format!("00{at:02X}AA"));
        case(
            "nothing ciphered works",
            "A23",
            10,
            sealed()
                .tx(&next(1))
                .rx(answer)
                .tx(&next(2))
                .rx(answer)
                .tx(&next(3))
                .rx(answer)
                .end(),
        );
    }
    case(
        "user identifier refused",
        "A29",
        4,
        Talk::linked()
            .tx(&AARQ
                .replace("601DA109", "6022A109")
                .replace("BE10", "A903020105BE10"))
            .rx(&refuse(1, "A1", 6))
            .end(),
    );
    case(
        "maker's mechanism",
        "A25",
        4,
        Talk::linked().tx(&hls(2)).rx(&refuse(1, "A1", 13)).end(),
    );
    case(
        "right password refused for a while",
        "A26",
        10,
        Talk::linked()
            .tx(LLS)
            .rx(&refuse(1, "A1", 13))
            .relink()
            .tx(LLS)
            .rx(AARE)
            .end(),
    );
    case(
        "no title of the meter",
        "A27",
        4,
        Talk::linked()
            .tx(&AARQ.replace("080101", "080103"))
            .rx(&AARE.replace("080101", "080103"))
            .end(),
    );
    case(
        "release refused",
        "A28",
        6,
        open().tx("6203800100").rx("D80102").end(),
    );
    case(
        "release unanswered",
        "A28",
        5,
        open().tx("6203800100").quiet().cut(),
    );
    case(
        "GET before an association",
        "A30",
        4,
        Talk::linked().tx(GET).rx("D80101").end(),
    );
    case(
        "port locked by its own word",
        "L1",
        6,
        open()
            .tx("C001C1007C00002C0200FF0800")
            .rx("C401C1001601")
            .end(),
    );
    // Services.
    for (result, finding) in [
        (1, "X7"),
        (2, "X7"),
        (3, "X1"),
        (4, "X2"),
        (9, "X3"),
        (11, "X4"),
        (12, "X5"),
        (13, "X6"),
        (14, "X8"),
        (15, "X9"),
        (16, "X9"),
        (17, "X10"),
        (18, "X10"),
        (19, "X10"),
        (250, "X7"),
    ] {
        case(
            "GET refused",
            finding,
            6,
            ask(&format!("C401C101{result:02X}")),
        );
    }
    case(
        "SET refused",
        "X1",
        6,
        open()
            .tx("C101C100080000010000FF02000500000001")
            .rx("C501C103")
            .end(),
    );
    case(
        "ACTION refused",
        "X1",
        6,
        open()
            .tx("C301C100460000030A00FF01010F00")
            .rx("C701C10300")
            .end(),
    );
    case(
        "block refused",
        "X8",
        8,
        open()
            .tx(GET)
            .rx("C402C100000000010004AAAAAAAA")
            .tx(NEXT)
            .rx("C402C10000000002010E")
            .end(),
    );
    let set = "C101C100080000010000FF020009010A";
    let get = "C001C100080000010000FF0200";
    case(
        "write refused and passed over",
        "X17",
        8,
        open()
            .tx(set)
            .rx("C501C103")
            .tx(get)
            .rx("C401C10009010B")
            .end(),
    );
    case(
        "write taken and without effect",
        "X17",
        10,
        open()
            .tx(get)
            .rx("C401C10009010B")
            .tx(set)
            .rx("C501C100")
            .tx(get)
            .rx("C401C10009010B")
            .end(),
    );
    case(
        "blocks numbered wrong",
        "X10",
        8,
        open()
            .tx(GET)
            .rx("C402C100000000010004AAAAAAAA")
            .tx(NEXT)
            .rx("C402C101000000030004AAAAAAAA")
            .end(),
    );
    case(
        "next block not asked for",
        "X11",
        7,
        open()
            .tx(GET)
            .rx("C402C100000000010004AAAAAAAA")
            .tx(GET)
            .rx(DATA)
            .end(),
    );
    case(
        "next block does not come",
        "X11",
        7,
        open()
            .tx(GET)
            .rx("C402C100000000010004AAAAAAAA")
            .tx(NEXT)
            .quiet()
            .cut(),
    );
    case("another invoke-id", "X12", 6, ask("C401C2000500003520"));
    case("service not supported", "X13", 6, ask("D80102"));
    case("service unknown", "X13", 6, ask("D80201"));
    case("PDU too long", "X14", 6, ask("D80104"));
    case("service error", "X16", 6, ask("0E040301"));
    case("value cut off", "X18", 6, ask("C401C10005000035"));
    case("another service answers", "X25", 6, ask("C501C100"));
    case("not possible now", "X26", 6, ask("D80101"));
    all
}

#[test]
fn each_fault_is_named_first_with_its_evidence() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found = findings(&case.acts);
        let short = |f: &obiscope::diagnosis::Finding| {
            let evidence: Vec<String> = f.evidence.iter().map(ToString::to_string).collect();
            format!("{} {} {evidence:?}", f.id, f.confidence.name())
        };
        let all: Vec<String> = found.iter().map(short).collect();
        let Some(best) = found.first() else {
            wrong.push(format!("{} ({}): nothing found", case.name, case.finding));
            continue;
        };
        let tied = found
            .iter()
            .take_while(|f| f.confidence == best.confidence)
            .find(|f| f.id == case.finding);
        match tied {
            None => wrong.push(format!("{} ({}): {all:?}", case.name, case.finding)),
            Some(found) => {
                let named = found.evidence.first().and_then(|e| e.frame).unwrap_or(0);
                if named != case.frame || found.remedy.is_empty() {
                    wrong.push(format!(
                        "{} ({}): not in frame {}: {all:?}",
                        case.name, case.finding, case.frame
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_original_requests_length_is_named_with_the_right_one() {
    let found = findings(&acts(
        "TX 7EA04603031013ADE6E6006036A1090607608574050801018A0207808B0760857405080201AC0C800A32323232323232323232BE10040E01000000065F1F0400007E1F04B090B67E",
    ));
    let first = found.first().unwrap();
    assert_eq!((first.id, first.confidence.name()), ("A1", "certain"));
    let evidence = &first.evidence[0];
    // Flag, format, addresses, control and HCS before it: the length octet is octet 12 of the frame as shown.
    assert_eq!(
        (evidence.frame, evidence.octets.clone()),
        (Some(1), Some(12..13))
    );
    assert!(
        evidence.text.contains("says 54 (36)") && evidence.text.contains("should say 56 (38)"),
        "{}",
        evidence.text
    );
    // The password is nowhere in what is said.
    assert!(!format!("{found:?}").contains("22222222"));
}
