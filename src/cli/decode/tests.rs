//! Input in every form people have it, the JSON's shape, and what is said of bad input.
use super::*;
use serde_json::Value;

const SNRM: &str = "7EA0070303938C117E";

fn decoded(input: &str) -> Value {
    let mut out = Vec::new();
    let streams = input::parsed(input).unwrap();
    write(&streams, None, true, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn text(input: &str) -> String {
    let mut out = Vec::new();
    write(&input::parsed(input).unwrap(), None, false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn kinds(value: &Value) -> Vec<&str> {
    value["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["kind"].as_str().unwrap())
        .collect()
}

fn refused(input: &str) -> String {
    input::read(input).unwrap_err().to_string()
}

#[test]
fn hex_is_taken_as_people_paste_it() {
    let forms = [
        SNRM,
        "7e a0 07 03 03 93 8c 11 7e",
        "7E:A0:07:03:03:93:8C:11:7E",
        "0x7E 0xA0 0x07 0x03 0x03 0x93 0x8C 0x11 0x7E",
        "[0x7e, 0xa0, 0x07, 0x03, 0x03, 0x93, 0x8c, 0x11, 0x7e]",
        r"\x7e\xa0\x07\x03\x03\x93\x8c\x11\x7e",
        "7EA0 0703\n0393 8C11 7E\n",
        "# the first frame\n7EA007 # format, address\n03 03 93 8C 11 7E",
        "0000: 7e a0 07 03\n0004: 03 93 8c 11\n0008: 7e",
    ];
    for form in forms {
        let value = decoded(form);
        assert_eq!(kinds(&value), ["SNRM"], "{form}");
        assert_eq!(value["frames"][0]["hex"], SNRM, "{form}");
        assert_eq!(value["rest"], "", "{form}");
    }
}

#[test]
fn logs_with_times_and_directions_are_taken_apart() {
    let log = "\
[12:39:25] TX 7E A0 07 03 03 93 8C 11 7E
[12:39:26] RX 7E A0 07 03 03 73
12:39:26.020 RX: 82 F6 7E
TX7EA00703035380D77E
2026-11-04 10:52:01 INFO received 7EA00703031FE85F7E
";
    let value = decoded(log);
    assert_eq!(kinds(&value), ["SNRM", "UA", "DISC", "DM"]);
    let of = |index: usize, key: &str| value["frames"][index][key].clone();
    assert_eq!(
        (of(0, "dir"), of(0, "at"), of(0, "line")),
        ("tx".into(), "12:39:25".into(), 1.into())
    );
    // The answer is spread over two lines and counts from the first.
    assert_eq!(
        (of(1, "dir"), of(1, "offset"), of(1, "line")),
        ("rx".into(), 9.into(), 2.into())
    );
    assert_eq!((of(2, "dir"), of(2, "offset")), ("tx".into(), 18.into()));
    assert_eq!(of(3, "at"), "2026-11-04 10:52:01 INFO");
}

#[test]
fn recorded_traces_are_read_a_meter_and_a_direction_at_a_time() {
    let log = r#"
{"at":"2026-11-20T10:00:00Z","meter":"a","note":"connected"}
{"at":"2026-11-20T10:00:01Z","meter":"a","dir":"tx","hex":"7EA00703"}
{"at":"2026-11-20T10:00:01Z","meter":"b","dir":"tx","hex":"7EA00703035380D77E"}
{"at":"2026-11-20T10:00:02Z","meter":"a","dir":"tx","hex":"03938C117E"}
{"at":"2026-11-20T10:00:03Z","meter":"a","dir":"rx","hex":"7EA007"}
{"at":"2026-11-20T10:00:04Z","meter":"a","note":"closed"}
{"at":"2026-11-20T10:00:05Z","meter":"a","dir":"rx","hex":"7EA00703037382F67E"}
"#;
    let value = decoded(log);
    let complete: Vec<_> = value["frames"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|frame| frame["complete"] == true)
        .collect();
    let found: Vec<_> = complete
        .iter()
        .map(|frame| {
            (
                frame["kind"].as_str().unwrap(),
                frame["meter"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, [("SNRM", "a"), ("DISC", "b"), ("UA", "a")]);
    assert_eq!(value["rest"], "7EA007");
}

#[test]
fn apdus_one_a_line_stay_apart() {
    let value = decoded(
        "TX C001C1000301011F0700FF0200\nRX C401C10005000004C3\nTX C001C1000301011F0700FF0300\nRX C401C10002020FFD1621",
    );
    assert_eq!(
        kinds(&value),
        ["GET.request", "GET.response", "GET.request", "GET.response"]
    );
    assert_eq!(value["frames"][1]["framing"], "none");
    assert_eq!(value["frames"][1]["fcs_ok"], Value::Null);
    assert_eq!(value["frames"][1]["summary"], "data 1219 double-long");
}

#[test]
fn the_json_has_its_shape() {
    let value = decoded(
        "A3F2 7EA03A2100020023309941E6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D190000070C527E 7EA0",
    );
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    for key in ["frames", "rest", "findings"] {
        assert!(keys.iter().any(|found| *found == key), "{key}");
    }
    let frame = &value["frames"][0];
    assert_eq!(frame["kind"], "AARE");
    assert_eq!(
        (&frame["offset"], &frame["client"]),
        (&2.into(), &16.into())
    );
    assert_eq!(
        frame["server"],
        serde_json::json!({"upper": 1, "lower": 17, "bytes": 4})
    );
    assert_eq!(
        (&frame["length_ok"], &frame["hcs_ok"], &frame["fcs_ok"]),
        (&true.into(), &true.into(), &true.into())
    );
    let field = |name: &str| {
        frame["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (
            field("control")["offset"].as_u64(),
            field("control")["length"].as_u64()
        ),
        (Some(10), Some(1))
    );
    assert_eq!(field("server-max-receive-pdu-size")["value"], "6400");
    let apdu = &frame["apdu"];
    assert_eq!(
        (&apdu["kind"], &apdu["summary"]),
        (&"AARE".into(), &"accepted".into())
    );
    let information = apdu["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["name"] == "user-information")
        .unwrap();
    assert_eq!(information["fields"][0]["fields"][0]["name"], "tag");
    assert_eq!(
        value["junk"],
        serde_json::json!([{"offset": 0, "hex": "A3F2"}])
    );
    assert_eq!(value["rest"], "7EA0");
    assert_eq!(value["findings"], serde_json::json!([]));
    assert_eq!(decoded(SNRM)["frames"][0]["hcs_ok"], Value::Null);
    assert_eq!(decoded(SNRM)["frames"][0]["apdu"], Value::Null);
}

#[test]
fn people_see_offsets_octets_and_what_is_wrong() {
    let shown = text(
        "7EA0440303106594E6E6006036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B052687E",
    );
    assert!(
        shown.starts_with("AARQ  [I  N(S)0 N(R)0 P]  AARQ LN LLS\n"),
        "{shown}"
    );
    assert!(
        shown.contains("     5  10                         control"),
        "{shown}"
    );
    assert!(
        !shown.contains("32 32") && shown.contains("·· ·· ··"),
        "the password is dots: {shown}"
    );
    let wrong = text("7EA0070303938D117E D3 00 1B");
    assert!(wrong.contains("! these octets give 8C 11"), "{wrong}");
    assert!(
        wrong.contains("no frame, no APDU: 3 octets at 9"),
        "{wrong}"
    );
    assert!(!wrong.contains('\u{1b}'));
}

#[test]
fn bad_input_says_where_and_what_is_right() {
    assert_eq!(
        refused("7E A0 0G"),
        "column 8: 'G' is not a hex digit. Write bytes in hex, such as 7E A0 07 03 03 93 8C 11 7E"
    );
    assert!(refused("7E A").contains("column 4: a lone hex digit"));
    assert!(refused("7E A0\n7E Z0").starts_with("line 2, column 4: 'Z'"));
    assert!(refused("TX 7EA0\nRX 7EQ0").starts_with("line 2, column 6: 'Q'"));
    assert!(refused("").contains("no bytes to decode"));
    assert!(refused("# nothing\n\n").contains("no bytes to decode"));
    assert!(refused("no/such/file.txt").contains("neither bytes nor a file that exists"));
    assert!(
        refused("{\"at\":\"x\",\"dir\":\"up\",\"hex\":\"7E\"}")
            .contains("\"dir\" is \"tx\" or \"rx\"")
    );
    assert!(refused("{\"at\":1}").contains("not a line of a trace file"));
    assert!(
        refused("7E \u{1b}[2J").contains("'\\u{1b}'"),
        "{}",
        refused("7E \u{1b}[2J")
    );
}

#[test]
fn files_are_text_or_bytes_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let run = |input: String| {
        let mut out = Vec::new();
        super::run(
            &Args {
                input,
                json: true,
                keys_env: None,
                keys_file: None,
                meter_title: None,
                client_title: None,
            },
            &mut out,
        )
        .map(|()| serde_json::from_slice::<Value>(&out).unwrap())
    };
    let raw = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x93, 0x8C, 0x11, 0x7E];
    assert_eq!(kinds(&run(file("raw.bin", &raw)).unwrap()), ["SNRM"]);
    assert_eq!(
        kinds(&run(file("trace.txt", b"TX 7EA0070303938C117E\r\n")).unwrap()),
        ["SNRM"]
    );
    let wide: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(SNRM.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(kinds(&run(file("wide.txt", &wide)).unwrap()), ["SNRM"]);
    let capture = run(file("x.pcap", &[0xD4, 0xC3, 0xB2, 0xA1, 2, 0])).unwrap_err();
    assert!(
        capture
            .to_string()
            .contains("a capture that breaks at byte 0")
    );
    let huge = folder.path().join("huge.txt");
    std::fs::File::create(&huge)
        .unwrap()
        .set_len(65 * 1024 * 1024)
        .unwrap();
    let refused = run(huge.to_str().unwrap().to_owned()).unwrap_err();
    assert!(matches!(refused, Error::TooBig { .. }) && refused.to_string().contains("64 MiB"));
}

#[test]
fn ciphered_apdus_are_opened_with_keys_of_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(
        &path,
        "ek=000102030405060708090A0B0C0D0E0F\nak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\n",
    )
    .unwrap();
    let args = |input: &str, title: &str| Args {
        input: input.to_owned(),
        json: false,
        keys_env: None,
        keys_file: Some(path.clone()),
        meter_title: None,
        client_title: Some(title.parse().unwrap()),
    };
    let say = |args: &Args| {
        let mut out = Vec::new();
        run(args, &mut out).map(|()| String::from_utf8(out).unwrap())
    };
    let request = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B";
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = say(&args(request, "4D4D4D0000BC614E")).unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = say(&args(request, "4D4D4D0000BC614E")).unwrap();
    for part in [
        "glo-get-request, GET 8 0-0:1.0.0 /2, verified",
        "GET.request, verified",
        "00 08                        class-id",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = say(&args(request, "4D4D4D0000BC614F")).unwrap();
    assert!(
        text.contains("! not opened: the tag does not match"),
        "{text}"
    );
    // The dedicated key an initiate request brings stays hidden when it is deciphered.
    let initiate = "21303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE6841DB204D39EE6FDB8E356855";
    let text = say(&args(initiate, "4D4D4D0000BC614E")).unwrap();
    assert!(text.contains("InitiateRequest, verified"), "{text}");
    assert!(
        text.contains("16 octets, hidden") && !text.contains("00 11 22 33"),
        "{text}"
    );
}
