//! HDLC frames, streams of them, and what SNRM and UA negotiate.
use crate::data::octets;
use crate::{config, theirs};
use dlms_cosem_rs as rs;
use obiscope::dlms::hdlc::{Control, Decoder, Frame, Item, Parameters, ServerAddress, frame};
use proptest::prelude::*;
use rs::transport::hdlc;

fn server() -> impl Strategy<Value = (ServerAddress, hdlc::Address)> {
    prop_oneof![
        (0..0x80_u16).prop_map(|upper| {
            (
                ServerAddress::new(upper, None, Some(1)).unwrap(),
                hdlc::Address::Single(upper.to_le_bytes()[0]),
            )
        }),
        (0..0x80_u16, 0..0x80_u16).prop_map(|(upper, lower)| {
            let two = hdlc::Address::Double {
                upper: upper.to_le_bytes()[0],
                lower: lower.to_le_bytes()[0],
            };
            (
                ServerAddress::new(upper, Some(lower), Some(2)).unwrap(),
                two,
            )
        }),
        (0..0x4000_u16, 0..0x4000_u16).prop_map(|(upper, lower)| {
            (
                ServerAddress::new(upper, Some(lower), Some(4)).unwrap(),
                hdlc::Address::Quad { upper, lower },
            )
        }),
    ]
}

/// Every control field both sides have a name for. Theirs writes unnumbered frames with P/F set only.
fn control() -> impl Strategy<Value = (Control, hdlc::Control)> {
    prop_oneof![
        (0..8_u8, 0..8_u8, any::<bool>()).prop_map(|(send, receive, poll)| {
            (
                Control::Information {
                    send,
                    receive,
                    poll,
                },
                hdlc::Control::I {
                    ns: send,
                    nr: receive,
                    pf: poll,
                },
            )
        }),
        (0..8_u8, any::<bool>()).prop_map(|(receive, poll)| (
            Control::ReceiveReady { receive, poll },
            hdlc::Control::Rr {
                nr: receive,
                pf: poll
            }
        )),
        (0..8_u8, any::<bool>()).prop_map(|(receive, poll)| {
            (
                Control::ReceiveNotReady { receive, poll },
                hdlc::Control::Rnr {
                    nr: receive,
                    pf: poll,
                },
            )
        }),
        Just((Control::Snrm { poll: true }, hdlc::Control::Snrm)),
        Just((Control::Disc { poll: true }, hdlc::Control::Disc)),
        Just((Control::Ua { poll: true }, hdlc::Control::Ua)),
        Just((Control::Dm { poll: true }, hdlc::Control::Dm)),
        Just((Control::Frmr { poll: true }, hdlc::Control::Frmr)),
        Just((Control::Ui { poll: true }, hdlc::Control::Ui)),
    ]
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn frames_mean_the_same_both_ways(
        (server, their_server) in server(),
        client in 0..0x80_u8,
        (control, their_control) in control(),
        segmented in any::<bool>(),
        information in octets(60),
    ) {
        let mut address = Vec::new();
        server.encode(&mut address);
        let mut bytes = Vec::new();
        frame::build(&address, &[client << 1 | 1], control, segmented, &information, &mut bytes).unwrap();
        let (read, used) = hdlc::decode_frame(&bytes).unwrap();
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(read.destination, their_server);
        prop_assert_eq!(read.source, hdlc::Address::client(client));
        prop_assert_eq!(read.control, their_control);
        prop_assert_eq!((read.segmented, read.information), (segmented, information.as_slice()));

        let written = theirs(&hdlc::Frame { source: their_server, destination: hdlc::Address::client(client), ..read });
        let mut decoder = Decoder::new();
        decoder.push(&written);
        let Some(Item::Frame { octets, .. }) = decoder.next() else { panic!("no frame in {written:02X?}") };
        let back = Frame::parse(octets).unwrap();
        prop_assert_eq!(back.source(), address.as_slice());
        prop_assert_eq!(back.destination(), &[client << 1 | 1]);
        prop_assert_eq!((back.control(), back.segmented()), (control, segmented));
        prop_assert_eq!(back.information(), information.as_slice());
        prop_assert!(back.fcs_ok() && back.hcs_ok() != Some(false));
    }

    /// A stream with noise between the frames holds the same frames for both.
    #[test]
    fn streams_hold_the_same_frames(
        parts in prop::collection::vec((octets(40), prop::collection::vec(0_u8..0x7E, 0..6)), 1..6),
    ) {
        let mut stream = Vec::new();
        let mut frames = Vec::new();
        for (information, noise) in &parts {
            stream.extend(noise);
            let control = Control::Information { send: 1, receive: 1, poll: true };
            let start = stream.len();
            frame::build(&[0x03], &[0x21], control, false, information, &mut stream).unwrap();
            frames.push(stream[start + 1..stream.len() - 1].to_vec());
        }
        let mut decoder = Decoder::new();
        decoder.push(&stream);
        let mut ours = Vec::new();
        while let Some(item) = decoder.next() {
            if let Item::Frame { octets, .. } = item {
                ours.push(octets.to_vec());
            }
        }
        prop_assert_eq!(&ours, &frames);
        let mut framer = hdlc::Framer::new();
        let mut rest = stream.as_slice();
        let mut read = Vec::new();
        while let Ok(hdlc::Found::Frame { frame, consumed }) = framer.next_frame(rest) {
            read.push(frame.information.to_vec());
            rest = &rest[consumed..];
        }
        let meant: Vec<_> = parts.iter().map(|(information, _)| information.clone()).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn link_parameters_mean_the_same_both_ways(
        max_info_transmit in 32..=2030_u16, max_info_receive in 32..=2030_u16,
        window_transmit in 1..=7_u8, window_receive in 1..=7_u8,
    ) {
        let ours = Parameters { max_info_transmit, max_info_receive, window_transmit, window_receive };
        let meant = hdlc::Parameters {
            max_info_tx: max_info_transmit,
            max_info_rx: max_info_receive,
            window_tx: window_transmit.into(),
            window_rx: window_receive.into(),
        };
        for write in [Parameters::encode, Parameters::encode_short] {
            let mut bytes = Vec::new();
            write(&ours, &mut bytes);
            prop_assert_eq!(hdlc::Parameters::decode(&bytes).unwrap(), meant);
        }
        let mut bytes = Vec::new();
        meant.encode(&mut bytes).unwrap();
        prop_assert_eq!(Parameters::decode(&bytes).unwrap(), ours);
    }

    #[test]
    fn links_negotiate_alike(sizes in any::<[u8; 4]>(), windows in prop::array::uniform4(1..=7_u8)) {
        let [a, b, c, d] = sizes.map(|size| u16::from(size) + 32);
        let [e, f, g, h] = windows;
        let pair = |t, r, wt: u8, wr: u8| (
            Parameters { max_info_transmit: t, max_info_receive: r, window_transmit: wt, window_receive: wr },
            hdlc::Parameters { max_info_tx: t, max_info_rx: r, window_tx: wt.into(), window_rx: wr.into() },
        );
        let ((ours, mine), (peer, its)) = (pair(a, b, e, f), pair(c, d, g, h));
        let (held, meant) = (Parameters::negotiate(&ours, &peer), mine.negotiate(its));
        prop_assert_eq!((held.max_info_transmit, held.max_info_receive), (meant.max_info_tx, meant.max_info_rx));
        prop_assert_eq!((u32::from(held.window_transmit), u32::from(held.window_receive)), (meant.window_tx, meant.window_rx));
    }
}

/// Where the two differ on frames, and who is right.
#[test]
fn known_differences_on_frames() {
    // ISO/IEC 13239 lets one flag close a frame and open the next. Theirs takes the shared flag away
    // with the first frame and finds no second one.
    let shared = [
        0x7E, 0xA0, 0x07, 0x03, 0x03, 0x73, 0x82, 0xF6, 0x7E, 0xA0, 0x07, 0x03, 0x03, 0x1F, 0xE8,
        0x5F, 0x7E,
    ];
    let mut decoder = Decoder::new();
    decoder.push(&shared);
    let mut kinds = Vec::new();
    while let Some(Item::Frame { octets, .. }) = decoder.next() {
        kinds.push(Frame::parse(octets).unwrap().control().name());
    }
    assert_eq!(kinds, ["UA", "DM"]);
    let mut framer = hdlc::Framer::new();
    let Ok(hdlc::Found::Frame { consumed, .. }) = framer.next_frame(&shared) else {
        panic!("no frame")
    };
    assert!(matches!(
        framer.next_frame(&shared[consumed..]),
        Ok(hdlc::Found::Incomplete { .. })
    ));

    // REJ and SREJ (ISO/IEC 13239 control field; not in the DLMS subset) are FRMR to theirs.
    assert_eq!(Control::decode(0x39).name(), "REJ");
    assert_eq!(hdlc::Control::from_u8(0x39), hdlc::Control::Frmr);
    // So is every other control octet that means nothing.
    assert_eq!(Control::decode(0xEF), Control::Unknown(0xEF));
    assert_eq!(hdlc::Control::from_u8(0xEF), hdlc::Control::Frmr);
}
