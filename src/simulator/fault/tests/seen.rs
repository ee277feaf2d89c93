//! Every fault against one conversation: what must be in the bytes, and that nothing but the seed decides.

use super::*;

/// Faults whose conversation looks healthy: they show in another one (`states`, `connections`), or only when waited for.
const ELSEWHERE: &[&str] = &[
    "refuse",
    "rst",
    "fin",
    "holds-port",
    "idle-close",
    "half-open",
    "hdlc-port",
    "no-sign-on",
    "no-mode-e",
    "silent-to",
    "answers-all",
    "inactivity",
    "inactivity-silent",
    "no-reassociation",
    "hls",
    "wrong-proof",
    "deaf-to-ciphered",
    "locked",
];

#[test]
fn each_changes_the_conversation_and_two_runs_are_identical() {
    let healthy = Desk::generic(&[]).conversation();
    assert!(healthy.lines().count() >= 10, "{healthy}");
    let mut wrong = Vec::new();
    for row in ROWS {
        let text = row.example.map_or_else(
            || row.name.to_owned(),
            |example| format!("{}={example}", row.name),
        );
        let first = Desk::generic(&[&text]).conversation();
        let second = Desk::generic(&[&text]).conversation();
        assert_eq!(first, second, "{text}");
        if (first == healthy) != ELSEWHERE.contains(&row.name) {
            wrong.push(text);
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "healthy:\n{healthy}");
}

#[test]
fn chance_comes_from_the_seed() {
    let run = |seed| {
        let profile = Profile::generic(seed)
            .with_fault(fault("bit-flips=0.05"))
            .with_fault(fault("split"));
        Desk::new(profile).conversation()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// What must be somewhere in what comes, and what must not.
#[test]
fn the_bytes_that_give_it_away() {
    let mut wrong = Vec::new();
    for (text, has, has_not) in [
        // UA to SNRM, then the AARE.
        ("ua-empty", "7EA00821022373", "8180"),
        ("ua-short", "81800C050180060180070101080101", "818014"),
        ("max-info=64", "05020040", "050207EE"),
        ("dm-to-snrm", "7EA0082102231F", "C401"),
        ("busy", "7EA0082102231F", "C401"),
        // DM to DISC is right; here it comes to the I frame too.
        ("dm-to-i", "818014", "C401"),
        ("frmr-w", "100001", "C401"),
        ("frmr-x", "100002", "C401"),
        ("frmr-y", "100004", "C401"),
        ("frmr-z", "100008", "C401"),
        ("frmr-v", "100010", "C401"),
        ("frmr-reversed", "100040", "C401"),
        ("frmr-bare", "7EA00821022397", "C401"),
        ("wrong-llc", "E6E600C401", "E6E700"),
        ("no-final", "7EA0082102230F", "7EA0082102231F"),
        ("other-client", "C401C10006000059D8", "C001C1"),
        ("second-master", "E6E600C001C1000301002007", "D80"),
        ("gateway-text", "E6E7004E45584552524F524E4F2D31", "C401"),
        ("aare=1/13", "A203020101A305A10302010D", "BE"),
        (
            "aare-info=1/13",
            "A203020101A305A10302010DBE10040E0800",
            "C401",
        ),
        ("aare-provider=1/2", "A203020101A305A203020102", "A305A1"),
        ("initiate-error=3", "BE0604040E010603", "C401"),
        ("exception-aarq=1/1", "E6E700D80101", "61"),
        ("stale-association", "E6E700D80101", "C401"),
        ("stale-calling", "A203020101A305A103020101", "C401"),
        ("vaa-name", "FA00", "5F1F0400007E1D10000007"),
        ("empty-title", "A4020400", "A40A"),
        ("max-pdu=64", "0040 0007", "10000007"),
        ("no-blocks", "C401C301FA", "C402C300000000"),
        ("invocation-counter=258", "D8010600000102", "C401"),
        ("no-rlre", "C403", "E6E700630380"),
        ("rlre-exception", "E6E700D80202", "630380"),
        ("access-result=4", "C401C20104", "C401C200"),
        ("exception=1/5", "E6E700D80105", "C401"),
        ("service-error", "E6E7000E040501", "C401"),
        ("list-broken", "E6E700D80102", "C403"),
        ("wrong-invoke", "C401C500", "C401C200"),
        ("wrong-service", "C501C200", "C401C200"),
        ("block-number", "C402C30000000002", "C402C30000000001"),
        ("blocks-stop", "C402C30000000001", "C402C30000000002"),
        ("unknown-type", "C401C2007B", "C401C20012"),
        ("fillers", "C401C20012FFFF", "C401C2001259"),
        ("clock-off=1h", "07E90B14040E", "07E90B14040D"),
        (
            "clock-undefined",
            "C401C100090CFFFFFFFFFFFFFFFFFFFFFFFF",
            "07E9",
        ),
        ("two-meters", "7EA00821022B1F", "7EA0082102221F"),
        ("parity", "E766E700", "E6E700"),
        ("wrapper-port", "0001000100100003D80202", "7EA0"),
        ("push-port=5s", "E6E7000F", "C401"),
        ("push-mbus=5s", "6853FF", "C401"),
        ("push-sml=5s", "1B1B1B1B01010101", "C401"),
        ("wrong-format", "7E80", "7EA0"),
    ] {
        let mut desk = Desk::generic(&[text]);
        desk.conversation();
        let all = desk.all();
        let clean = |hex: &str| hex.replace(' ', "");
        if !all.contains(&clean(has)) || all.contains(&clean(has_not)) {
            wrong.push(format!("{text}: {has} but not {has_not} in {all}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checksums: which of them is right.
#[test]
fn checksums() {
    for (text, hcs, fcs) in [
        ("echo", true, true),
        ("wrong-header", false, false),
        ("wrong-hcs", false, true),
        ("wrong-fcs", true, false),
        ("fcs-msb-first", false, false),
    ] {
        let mut desk = Desk::generic(&[text]);
        desk.frame(0x93, "");
        let sent = desk.framed(0x10, &bytes(&format!("E6E600{AARQ}"))).len();
        let mut answer = desk.apdu(0x10, AARQ);
        if text == "echo" {
            answer.drain(..sent);
        }
        let frame = Frame::parse(&answer[1..answer.len() - 1]).unwrap();
        assert_eq!((frame.hcs_ok(), frame.fcs_ok()), (Some(hcs), fcs), "{text}");
        if text == "fcs-msb-first" {
            let mut right = answer[1..answer.len() - 1].to_vec();
            let end = right.len();
            right[end - 2..].reverse();
            assert!(Frame::parse(&right).unwrap().fcs_ok());
        }
    }
}

#[test]
fn echoes_and_bytes_lost_or_doubled() {
    let sent = Desk::generic(&[]).framed(0x93, &[]);
    let ua = Desk::generic(&[]).raw(&sent);
    for (text, expected) in [
        ("echo", [&sent[..], &ua[..]].concat()),
        ("echo-part=4", [&sent[..4], &ua[..]].concat()),
        ("echo-part=64", [&sent[..], &ua[..]].concat()),
        ("echo-only", sent.clone()),
        ("silent", Vec::new()),
        ("split=40ms", Vec::new()),
    ] {
        let mut desk = Desk::generic(&[text]);
        let mut came = desk.raw(&sent);
        if text.starts_with("split") {
            came.extend(desk.wait(Duration::from_secs(5)));
            assert!(desk.came.len() >= 3, "{:?}", desk.came);
            assert_eq!(came, ua);
        } else {
            assert_eq!(hex(&came), hex(&expected), "{text}");
        }
    }
    let mut octets = vec![0x7E, 0xFF, 0x01, 0xFF];
    let mut dice = dice::Dice::new(1);
    let faults = |text| Profile::generic(1).with_fault(fault(text)).faults;
    line::damage(&faults("doubled-ff"), &mut dice, &mut octets);
    assert_eq!(octets, [0x7E, 0xFF, 0xFF, 0x01, 0xFF, 0xFF]);
    line::damage(&faults("dropped-ff"), &mut dice, &mut octets);
    assert_eq!(octets, [0x7E, 0x01]);
    line::damage(&faults("parity"), &mut dice, &mut octets);
    assert_eq!(octets, [0x7E, 0x81]);
    let mut zeros = vec![0; 10_000];
    line::damage(&faults("bit-flips=0.01"), &mut dice, &mut zeros);
    let flipped = zeros.iter().filter(|octet| **octet != 0).count();
    assert!((60..140).contains(&flipped), "{flipped}");
    assert!(zeros.iter().all(|octet| octet.count_ones() <= 1));
}
