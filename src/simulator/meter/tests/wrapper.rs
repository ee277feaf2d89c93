//! The wrapper's end of it: who is heard, and when an association ends.

use super::talk::Talk;
use super::*;

const AARQ: &str = "601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF";
const GET_CLOCK: &str = "C001C100080000010000FF0200";

#[test]
fn an_association_ends_with_its_stream() {
    let mut talk = Talk::new(Profile::generic(1), 16);
    assert_eq!(talk.say(GET_CLOCK), "D80102", "not before an AARQ");
    assert!(
        talk.say(AARQ)
            .starts_with("6129A109060760857405080101A203020100")
    );
    assert!(talk.say(GET_CLOCK).starts_with("C401C100090C07E9"));
    talk.meter.disconnected(talk.now);
    talk.meter.connected(talk.now);
    assert_eq!(talk.say(GET_CLOCK), "D80102");
    talk.say(AARQ);
    assert!(talk.meter.is_associated(talk.now));
    talk.now += Duration::from_mins(2);
    talk.meter.handle_timeout(talk.now);
    assert!(!talk.meter.is_associated(talk.now), "silent for too long");
}

#[test]
fn who_is_not_known_or_not_meant_hears_nothing() {
    let mut talk = Talk::new(Profile::generic(1), 99);
    assert!(talk.all(&bytes(AARQ)).is_empty());
    talk.client = 16;
    let mut elsewhere = bytes("000100100002001F");
    elsewhere.extend(bytes(AARQ));
    talk.meter.handle_bytes(talk.now, &elsewhere);
    assert!(talk.answers().is_empty());
    // Another client of the same stream begins anew.
    talk.say(AARQ);
    talk.client = 17;
    assert_eq!(talk.say(GET_CLOCK), "D80102");
    assert_eq!(
        hex(&talk.ask(&[0xC0; 5000])),
        "D80104",
        "longer than agreed"
    );
}

#[test]
fn more_objects_and_more_rows() {
    let mut talk = Talk::new(Profile::generic(1).with_objects(500).with_rows(7), 16);
    talk.say(AARQ);
    assert_eq!(talk.say("C001C100070100630100FF0700"), "C401C1000600000007");
    assert_eq!(
        talk.say("C001C100030100200703FF0200"),
        "C401C100120003",
        "a harmonic"
    );
    assert_eq!(talk.meter.profile().objects.iter().len(), 500);
}

/// The hand-over as it was recorded, then what followed it.
#[test]
fn mode_e_then_hdlc() {
    let mut line = Line::new(Profile::generic(1).with_mode_e());
    assert_eq!(line.say("7EA0070321930F017E"), "", "not yet");
    let identification = line.raw(b"/?!\r\n");
    assert_eq!(identification, b"/SIM5\\2000057000001\r\n");
    assert_eq!(line.raw(b"\x06252\r\n"), b"\x06252\r\n");
    assert!(line.say("7EA0070321930F017E").starts_with("7EA020210373"));
    let aarq = "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFFC5E47E";
    assert!(line.say(aarq).starts_with("7EA0372103306C7CE6E7006129"));
    // A new connection begins with the sign-on again.
    line.meter.disconnected(line.now);
    line.meter.connected(line.now);
    assert_eq!(line.say("7EA0070321930F017E"), "");
}

#[test]
fn an_image_goes_in_and_is_activated() {
    let mut talk = Talk::new(Profile::generic(1), 1);
    let aarq = "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E01000000065F1F0400007E1D0000";
    assert!(talk.say(aarq).contains("A203020100"));
    let image = "00120000 2C0000FF".replace(' ', "");
    let call = |method: u8, data: &str| format!("C301C1{image}{method:02X}01{data}");
    let get = |attribute: u8| format!("C001C1{image}{attribute:02X}00");
    assert_eq!(talk.say(&get(2)), "C401C1000600000200");
    assert_eq!(
        talk.say(&call(
            1,
            "0202 0903667732 0600000203".replace(' ', "").as_str()
        )),
        "C701C10000"
    );
    let whole: Vec<u8> = (0..0x203u32).map(|n| n.to_le_bytes()[0]).collect();
    let last = format!("02020600000001{}{}", "0903", hex(&whole[512..]));
    assert_eq!(talk.say(&call(2, &last)), "C701C10000");
    assert_eq!(talk.say(&get(3)), "C401C100040240");
    assert_eq!(talk.say(&get(4)), "C401C1000600000000");
    let first = format!("02020600000000{}{}", "09820200", hex(&whole[..512]));
    assert_eq!(talk.say(&call(2, &first)), "C701C10000");
    assert_eq!(talk.meter.image(), whole);
    assert_eq!(
        talk.say(&call(3, "0F00")),
        "C701C10200",
        "it takes a moment"
    );
    talk.now += Duration::from_millis(200);
    assert_eq!(talk.say(&call(3, "0F00")), "C701C10000");
    assert_eq!(talk.say(&call(4, "0F00")), "C701C10200");
    talk.now += Duration::from_millis(200);
    assert_eq!(talk.say(&get(6)), "C401C1001606");
    assert_eq!(
        talk.say("C001C100010100000200FF0200"),
        "C401C1000903667732",
        "the new firmware"
    );
}
