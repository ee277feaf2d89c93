//! What one frame's line and its fields say, on frames of the vendor's manual and of the field.
use crate::{assert_sound, bytes};
use obiscope::dlms::explain::{Explained, Field, explain};

fn only(hex: &str) -> Explained {
    let input = bytes(hex);
    let explanation = explain(&input);
    assert_sound(&input, &explanation);
    assert_eq!(explanation.frames.len(), 1, "{hex}");
    explanation.frames.into_iter().next().unwrap()
}

fn line_of(hex: &str) -> String {
    let frame = only(hex);
    let mark = if frame.trouble { " !" } else { "" };
    format!("{} | {} | {}{mark}", frame.kind, frame.link, frame.summary)
}

#[test]
fn what_a_trace_line_says() {
    let lines = [
        (
            "7EA0070303938C117E",
            "SNRM | SNRM  P | opens the link, default parameters",
        ),
        (
            "7EA023210002002373F6C58180140502008006020080070400000001080400000001CE6A7E",
            "UA | UA  F | info 128/128 window 1/1",
        ),
        (
            "7EA0212100023659738EAF8180120501C806018C07040000000108040000000149C67E",
            "UA | UA  F | info 200/140 window 1/1",
        ),
        ("7EA0070303538 0D77E", "DISC | DISC  P | closes the link"),
        (
            "7EA00703031FE85F7E",
            "DM | DM  F | the meter is disconnected !",
        ),
        ("7EA0070321311787 7E", "RR | RR  N(R)1 P | ready for 1"),
        (
            "7EA02E0002002321107ECBE6E600601DA109060760857405080101BE10040E01000000065F1F040000301DFFFFD4C57E",
            "AARQ | I  N(S)0 N(R)0 P | AARQ LN no authentication",
        ),
        (
            "7EA0440303106594E6E6006036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B052687E",
            "AARQ | I  N(S)0 N(R)0 P | AARQ LN LLS",
        ),
        (
            "7EA03A2100020023309941E6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000301D190000070C527E",
            "AARE | I  N(S)0 N(R)1 F | accepted",
        ),
        (
            "7EA0254103 30F683E6E7006117A109060760857405080101A203020101A305A10302010DAE4F7E",
            "AARE | I  N(S)0 N(R)1 F | authentication-failure !",
        ),
        (
            "7EA019030398BCC2E6E600C001C1000301011F0700FF020009E67E",
            "GET.request | I  N(S)4 N(R)4 P | GET 3 1-1:31.7.0 /2",
        ),
        (
            "7EA015030374EA78E6E700C401020005000034E7B7AE7E",
            "GET.response | I  N(S)2 N(R)3 F | data 13543 double-long",
        ),
        (
            "7EA0160303521319E6E700C401010002020FFE16233B0C7E",
            "GET.response | I  N(S)1 N(R)2 F | data ×10⁻² V scaler and unit",
        ),
        (
            "7EA011030352324EE6E700C401C10104CCF67E",
            "GET.response | I  N(S)1 N(R)2 F | object-undefined !",
        ),
        (
            "7EA0107595B85101E6E700C501810036CF7E",
            "SET.response | I  N(S)4 N(R)5 F | SET success",
        ),
    ];
    for (hex, expected) in lines {
        assert_eq!(line_of(hex), expected, "{hex}");
    }
    assert!(
        line_of("7EA00F030352D123E6E700D801013C437E")
            .starts_with("exception-response | I  N(S)1 N(R)2 F | service-not-allowed")
    );
    assert!(only("7EA00F030352D123E6E700D801013C437E").trouble);
}

#[derive(serde::Deserialize)]
struct Vector {
    hex: String,
    kind: String,
    fcs_ok: bool,
    hcs_ok: Option<bool>,
    dst: Option<String>,
}

#[test]
fn the_vendors_own_frames_are_what_they_are() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../data/frames.json")).unwrap();
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let frame = only(&vector.hex);
        assert_eq!(frame.kind, vector.kind, "{}", vector.hex);
        assert_eq!(
            (frame.fcs_ok, frame.hcs_ok, frame.length_ok),
            (vector.fcs_ok, vector.hcs_ok, true)
        );
        let destination = frame
            .fields
            .iter()
            .find(|field| field.name == "destination")
            .unwrap();
        assert_eq!(destination.length * 2, vector.dst.unwrap().len());
        assert_eq!(destination.offset, 3);
    }
}

#[test]
fn addresses_are_told_apart() {
    let of = |hex: &str| {
        let frame = only(hex);
        let server = frame.server.unwrap();
        (
            frame.client.unwrap(),
            server.upper(),
            server.lower(),
            server.size(),
        )
    };
    assert_eq!(of("7EA00A00020023219318717E"), (16, 1, Some(17), 4));
    assert_eq!(
        of("7EA00802032193BD647E".replace("BD64", "8667").as_str()),
        (16, 1, Some(1), 2)
    );
    assert_eq!(of("7EA0070303938C117E"), (1, 1, None, 1));
    assert_eq!(of("7EA00A000236592153DE437E"), (16, 1, Some(3500), 4));
    assert_eq!(of("7EA00721033117 217E"), (16, 1, None, 1));
    assert_eq!(of("7EA0070321311787 7E"), (16, 1, None, 1));
}

fn field<'a>(frame: &'a Explained, name: &str) -> &'a Field {
    frame
        .fields
        .iter()
        .find(|field| field.name == name)
        .unwrap_or_else(|| panic!("{name} in {frame:#?}"))
}

/// The password-length bug of the field: the length octet is a constant right for 8 characters only.
#[test]
fn an_association_request_with_a_lying_length_is_read_to_its_end() {
    let frame = only(
        "7EA04603031013ADE6E6006036A1090607608574050801018A0207808B0760857405080201AC0C800A32323232323232323232BE10040E01000000065F1F0400007E1F04B090B67E",
    );
    assert!(frame.trouble && frame.fcs_ok && frame.length_ok);
    let wrong: Vec<_> = frame
        .fields
        .iter()
        .filter(|field| field.problem.is_some())
        .collect();
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert_eq!(
        (wrong[0].name.as_str(), wrong[0].offset, wrong[0].length),
        ("length", 12, 1)
    );
    assert_eq!(
        wrong[0].problem.as_deref(),
        Some("says 54, but 56 octets follow")
    );
    let names = field(&frame, "proposed-conformance");
    assert!(
        names.value.starts_with("007E1F: ")
            && names.value.contains("get")
            && names.value.contains("action")
    );
    assert_eq!(field(&frame, "client-max-receive-pdu-size").value, "1200");
}

#[test]
fn a_password_is_hidden_and_marked() {
    let frame = only(
        "7EA0440303106594E6E6006036A1090607608574050801018A0207808B0760857405080201AC0A80083232323232323232BE10040E01000000065F1F0400007E1F04B052687E",
    );
    let text = format!("{frame:?}");
    assert!(
        !text.contains("22222222") && !text.contains("32 32"),
        "{text}"
    );
    let secret: Vec<_> = frame.fields.iter().filter(|field| field.secret).collect();
    assert_eq!(secret.len(), 1);
    assert!(secret[0].value.contains("hidden"), "{:?}", secret[0]);
    assert_eq!((secret[0].offset, secret[0].length), (41, 8));
}
