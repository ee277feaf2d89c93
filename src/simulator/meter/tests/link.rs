//! The data link as the conformance tests of the trade check it, and what field meters were seen to do.

use super::*;

#[test]
fn recorded_frames_get_the_recorded_answers() {
    let mut line = Line::microstar();
    for (sent, expected) in [
        (DISC_1, DM_1),
        (SNRM_1, UA_1),
        (AARQ_1, AARE_1),
        // The client's N(R) is stale, as the field's client sent it; the meter answers all the same.
        (
            "7EA019030312EEE9E6E600C0010100030101200700FF0300965A7E",
            "7EA0160303521319E6E700C401010002020FFE16233B0C7E",
        ),
        (DISC_1, UA_1),
        (DISC_1, DM_1),
    ] {
        assert_eq!(line.say(sent), expected, "answer to {sent}");
    }
}

/// Server addresses and damage the Microstar is deaf to.
#[test]
fn silence() {
    for sent in [
        // 1/1 in two bytes, with SNRM and with DISC: what a site was stuck with for weeks.
        "7EA0080203039305777E",
        "7EA0080203035309B17E",
        // 1/1234 in four bytes, all stations, upper address 5.
        "7EA00A000212A54193AF347E",
        "7EA007FF219398287E",
        "7EA0070B2193CDC77E",
        // Client 99 is unknown.
        "7EA00703C79346BC7E",
        // Wrong FCS; three-byte server; two-byte client.
        "7EA0070303938D117E",
        "7EA0090002052193AFD07E",
        "7EA00B0002040100219361807E",
        // No opening flag, no format, a length that is one too long.
        "A0070303938C117E",
        "7E00070303938C117E",
        "7EA0080303938C117E",
    ] {
        let mut line = Line::microstar();
        assert_eq!(line.say(sent), "", "{sent}");
        line.wait(Duration::from_secs(2));
        assert_eq!(line.say(DISC_1), DM_1, "after {sent}");
        assert_eq!(line.say(SNRM_1), UA_1, "after {sent}");
    }
}

#[test]
fn unfinished_frames_are_forgotten() {
    let mut line = Line::microstar();
    assert_eq!(line.say(SNRM_1), UA_1);
    assert_eq!(line.say(&DISC_1[..DISC_1.len() - 2]), "");
    assert!(line.meter.poll_timeout().unwrap() <= line.now + Duration::from_secs(1));
    line.wait(Duration::from_secs(1));
    // Still connected: RR polls, nothing was received.
    assert_eq!(line.controls(0x11, ""), [0x11]);
    // Byte by byte is fine as long as it goes on.
    for octet in bytes(DISC_1) {
        line.wait(Duration::from_millis(900));
        let answer = line.raw(&[octet]);
        if !answer.is_empty() {
            assert_eq!(hex(&answer), UA_1);
            return;
        }
    }
    panic!("no answer to DISC");
}

#[test]
fn a_snrm_cut_short_byte_by_byte_is_not_answered() {
    let whole = bytes("A0200321937DD9818014050200800602008007040000000108040000000 1CE6A");
    for keep in 2..whole.len() - 1 {
        let mut line = Line::microstar();
        let mut cut = vec![0x7E];
        cut.extend_from_slice(&whole[..keep]);
        cut[2] = u8::try_from(keep).unwrap();
        cut.push(0x7E);
        assert!(line.raw(&cut).is_empty(), "{}", hex(&cut));
        line.wait(Duration::from_secs(2));
        assert_eq!(line.say("7EA0070321930F017E").len(), UA_1.len());
    }
}

#[test]
fn two_frames_at_once_and_noise_before() {
    let mut line = Line::microstar();
    assert_eq!(
        line.say(&format!("00FF55{SNRM_1}{AARQ_1}")),
        format!("{UA_1}{AARE_1}")
    );
    // One flag between two frames.
    let mut line = Line::microstar();
    assert_eq!(
        line.say(&format!("7E7E{}{}", &SNRM_1[..16], AARQ_1)),
        format!("{UA_1}{AARE_1}")
    );
}

#[test]
fn polling_without_data() {
    let mut line = Line::microstar();
    assert_eq!(line.controls(0x11, ""), [0x1F]);
    line.say(SNRM_1);
    assert_eq!(line.controls(0x11, ""), [0x11]);
    assert_eq!(line.controls(0x15, ""), [0x11]);
    line.say(AARQ_1);
    // The answer was not acknowledged, so it comes again.
    assert_eq!(line.controls(0x11, ""), [0x30]);
    assert_eq!(line.controls(0x31, ""), [0x31]);
}

#[test]
fn a_request_without_a_link_gets_dm() {
    let mut line = Line::microstar();
    assert_eq!(line.say(AARQ_1), DM_1);
    assert!(!line.meter.is_associated(line.now));
}

/// Frames that are refused, with the reasons of FRMR; after each, SNRM works again.
#[test]
fn rejected_frames() {
    let long = hex(&[0xE6; 129]);
    for (control, information, reason) in [
        (0xFF, "", 0x01),
        (0xEF, "", 0x01),
        (0x19, "", 0x01),
        (0x11, "00", 0x02),
        (0x10, long.as_str(), 0x04),
        (0x31, "", 0x08),
    ] {
        let mut line = Line::microstar();
        line.say(SNRM_1);
        let expected = (0x97, format!("{control:02X}00{reason:02X}"));
        let expected = [expected];
        assert_eq!(line.ask(control, information), expected, "{control:02X}");
        // Nothing else is heard now.
        assert_eq!(line.ask(0x11, ""), expected);
        assert_eq!(line.say(SNRM_1), UA_1);
        assert_eq!(line.say(AARQ_1), AARE_1);
        assert_eq!(line.say(DISC_1), UA_1);
    }
}

#[test]
fn sequence_numbers() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    // N(S)=1 where 0 is due: RR that says so, and no data.
    assert_eq!(
        line.ask(0x12, "E6E600C001C100010000600100FF0200"),
        [(0x11, String::new())]
    );
    assert_eq!(line.say(AARQ_1), AARE_1);
    // The same frame again, as after a lost answer: the same answer again.
    assert_eq!(line.say(AARQ_1), AARE_1);
    assert!(line.meter.is_associated(line.now));
    let get = "E6E600C001C100080000010000FF0200";
    let first = line.ask(0x32, get);
    line.wait(Duration::from_secs(5));
    // Stored, not read anew: the clock in it stands still.
    assert_eq!(line.ask(0x32, get), first);
    assert_ne!(line.ask(0x54, get)[0].1, first[0].1);
}

/// By the book an N(R) that names nothing outstanding is refused, in I frames too.
#[test]
fn the_generic_meter_is_strict_about_acknowledgement() {
    let mut line = Line::generic();
    assert_eq!(line.controls(0x93, ""), [0x73]);
    let aarq = "E6E600601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF";
    assert_eq!(line.controls(0x10, aarq), [0x30]);
    let get = "E6E600C001C100080000010000FF0200";
    assert_eq!(line.controls(0x52, get), [0x97]);
    assert!(!line.meter.is_associated(line.now));
    assert_eq!(line.controls(0x93, ""), [0x73]);
}

#[test]
fn segmented_requests() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    let request = bytes(AARQ_1);
    let information = &request[8..request.len() - 3];
    let mut send = 0u8;
    let pieces: Vec<&[u8]> = information.chunks(4).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let last = i + 1 == pieces.len();
        let frame = line.frame(0x10 | (send << 1), !last, piece);
        send = (send + 1) & 7;
        let answer = frames(&line.raw(&frame));
        assert_eq!(answer.len(), 1);
        if last {
            assert_eq!(answer[0].1, 0x10 | (send << 5));
            assert_eq!(hex(&answer[0].2), AARE_1[16..AARE_1.len() - 6]);
        } else {
            assert_eq!(answer[0].1, 0x11 | (send << 5), "RR for each piece");
        }
    }
    assert!(line.meter.is_associated(line.now));
}

#[test]
fn an_endless_request_is_cut_off() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    let piece = [0xE6; 128];
    for i in 0..60u8 {
        let frame = line.frame(0x10 | ((i & 7) << 1), true, &piece);
        if frames(&line.raw(&frame))[0].1 == 0x97 {
            assert!(i >= 50);
            return;
        }
    }
    panic!("segments without end were taken");
}

#[test]
fn nothing_is_said_without_a_poll() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    line.say(AARQ_1);
    let get = "E6E600C001C100080000010000FF0200";
    assert_eq!(line.ask(0x22, get), []);
    assert_eq!(line.controls(0x31, ""), [0x52]);
}

#[test]
fn silence_ends_the_link() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    line.say(AARQ_1);
    line.wait(Duration::from_secs(179));
    assert!(line.meter.is_associated(line.now));
    // RR keeps it alive.
    assert_eq!(line.controls(0x31, ""), [0x31]);
    line.wait(Duration::from_secs(179));
    assert!(line.meter.is_associated(line.now));
    assert_eq!(
        line.meter.poll_timeout(),
        Some(line.now + Duration::from_secs(1))
    );
    line.now += Duration::from_secs(1);
    assert!(
        !line.meter.is_associated(line.now),
        "told even before the timer runs"
    );
    assert_eq!(line.controls(0x31, ""), [0x1F]);
    assert_eq!(line.say(DISC_1), DM_1);
}

#[test]
fn an_association_outlives_its_connection() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    line.say(AARQ_1);
    line.meter.disconnected(line.now);
    line.wait(Duration::from_mins(1));
    line.meter.connected(line.now);
    assert!(line.meter.is_associated(line.now));
    // Another client finds the meter "locked".
    assert_eq!(line.say("7EA0070321930F017E"), "");
    assert_eq!(line.say("7EA00703215303C77E"), "");
    // The same client gets in with a new SNRM, and out with DISC.
    assert_eq!(line.say(SNRM_1), UA_1);
    assert!(!line.meter.is_associated(line.now));
    assert_eq!(line.say(AARQ_1), AARE_1);
    line.meter.disconnected(line.now);
    line.wait(Duration::from_mins(3));
    line.meter.connected(line.now);
    assert!(!line.meter.is_associated(line.now));
    assert_eq!(line.say("7EA0070321930F017E").len(), UA_1.len());
}

#[test]
fn power_off_forgets_the_association() {
    let mut line = Line::microstar();
    line.say(SNRM_1);
    line.say(AARQ_1);
    line.meter.power_cycle();
    assert!(!line.meter.is_associated(line.now));
    assert_eq!(line.say(DISC_1), DM_1);
}

#[test]
fn the_generic_meter_refuses_aloud() {
    let mut line = Line::generic();
    // Unknown client 99; then client 1 while 16 holds the link.
    line.client = 0xC7;
    assert_eq!(line.controls(0x93, ""), [0x1F]);
    line.client = 0x21;
    assert_eq!(line.controls(0x93, ""), [0x73]);
    line.client = 0x03;
    assert_eq!(line.controls(0x93, ""), [0x1F]);
    line.client = 0x21;
    assert_eq!(line.controls(0x11, ""), [0x11]);
    // DISC is answered by a bare UA.
    assert_eq!(line.ask(0x53, ""), [(0x73, String::new())]);
}

#[test]
fn the_generic_meter_knows_three_address_forms() {
    for server in ["03", "0223", "00020023"] {
        let mut line = Line::generic();
        line.server = bytes(server);
        assert_eq!(line.controls(0x93, ""), [0x73], "{server}");
    }
    for server in ["05", "0203", "00020025", "FF", "02FF"] {
        let mut line = Line::generic();
        line.server = bytes(server);
        assert!(line.controls(0x93, "").is_empty(), "{server}");
    }
}

#[test]
fn what_is_negotiated() {
    let propose = |info: &str, window: &str| {
        format!("8180140502{info}0602{info}0704000000{window}0804000000{window}")
    };
    for (asked, granted) in [
        (String::new(), propose("0080", "01")),
        (propose("07EE", "07"), propose("07EE", "07")),
        (propose("FFFF", "04"), propose("07EE", "04")),
        (propose("0040", "03"), propose("0040", "03")),
    ] {
        let mut line = Line::generic();
        assert_eq!(line.ask(0x93, &asked), [(0x73, granted)]);
    }
    // One-byte values from the Microstar, and no more than 128.
    let mut line = Line::microstar();
    let granted = "818012050180060180070400000001080400000001";
    assert_eq!(
        line.ask(0x93, &propose("07EE", "04")),
        [(0x73, granted.into())]
    );
    // A group that cannot be read is not answered.
    assert_eq!(line.ask(0x93, "8180140502"), []);
}

#[test]
fn answers_wait_for_their_delay() {
    let mut line = Line::new(Profile::microstar(1).delayed(Duration::from_millis(30)));
    assert_eq!(line.say(SNRM_1), "");
    let due = line.meter.poll_timeout().unwrap();
    assert_eq!(due, line.now + Duration::from_millis(30));
    let mut out = Vec::new();
    assert!(!line.meter.poll_transmit(line.now, &mut out));
    assert!(line.meter.poll_transmit(due, &mut out));
    assert_eq!(hex(&out), UA_1);
    // A closed connection takes the answer with it.
    line.say(AARQ_1);
    line.meter.disconnected(line.now);
    assert!(
        !line
            .meter
            .poll_transmit(due + Duration::from_secs(1), &mut out)
    );
}

/// A client that only writes makes the meter hold no more than so much.
#[test]
fn waiting_answers_are_bounded() {
    let mut line = Line::new(
        Profile::microstar(1)
            .delayed(Duration::from_hours(1))
            .inactive_after(Duration::ZERO),
    );
    for _ in 0..20_000 {
        assert_eq!(line.say(SNRM_1), "");
    }
    line.wait(Duration::from_hours(1));
    let mut out = Vec::new();
    assert!(line.meter.poll_transmit(line.now, &mut out));
    assert!(out.len() < 70_000, "{}", out.len());
}
