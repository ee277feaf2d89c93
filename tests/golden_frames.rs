//! Our codecs and our link against bytes that others wrote: every recorded frame decodes, is built again octet for octet,
//! and every recorded conversation is replayed by our link with the same frames in the same order.

#[cfg(test)]
mod golden {
    use obiscope::dlms::hdlc::{
        ClientAddress, Control, Decoder, Frame, Item, LLC_COMMAND, Parameters, ServerAddress,
        frame::build,
        link::{Link, LinkConfig, LinkEvent, LinkState},
    };
    use obiscope::dlms::wrapper;
    use serde_json::Value;
    use std::path::Path;
    use std::time::{Duration, Instant};

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn data(name: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[derive(Debug)]
    struct Line {
        sent: bool,
        case: String,
        bytes: Vec<u8>,
    }

    fn traces() -> Vec<(String, Vec<Line>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
        let mut traces: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
            .map(|path| {
                let mut case = String::new();
                let mut lines = Vec::new();
                for line in std::fs::read_to_string(&path).unwrap().lines() {
                    if let Some(note) = line.strip_prefix("# case: ") {
                        note.clone_into(&mut case);
                    }
                    let octets = line.split('#').next().unwrap();
                    if let Some((direction @ ("TX" | "RX"), octets)) = octets.split_once(' ') {
                        lines.push(Line {
                            sent: direction == "TX",
                            case: case.clone(),
                            bytes: hex(octets),
                        });
                    }
                }
                (
                    path.file_stem().unwrap().to_string_lossy().into_owned(),
                    lines,
                )
            })
            .collect();
        traces.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(traces.len() >= 31);
        traces
    }

    fn hdlc_traces() -> impl Iterator<Item = (String, Vec<Line>)> {
        traces()
            .into_iter()
            .filter(|(name, _)| !name.contains("_wrap_"))
            .map(|(name, mut lines)| {
                // Mode E sign-on and the wrapper half of the push are no HDLC.
                lines.retain(|line| line.bytes.contains(&0x7E));
                (name, lines)
            })
    }

    /// Frames and junk, as octets.
    fn decode(bytes: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut decoder = Decoder::new();
        let (mut frames, mut junk) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(chunk) {
            decoder.push(piece);
            while let Some(item) = decoder.next() {
                match item {
                    Item::Frame { octets, .. } => frames.push(octets.to_vec()),
                    Item::Junk { octets, .. } => junk.extend_from_slice(octets),
                }
            }
        }
        assert_eq!(decoder.pending(), b"");
        (frames, junk)
    }

    fn rebuilt(frame: &Frame<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        build(
            frame.destination(),
            frame.source(),
            frame.control(),
            frame.segmented(),
            frame.information(),
            &mut out,
        )
        .unwrap();
        out[1..out.len() - 1].to_vec()
    }

    #[test]
    fn every_known_frame_has_the_fields_it_is_said_to_have() {
        let frames = data("frames.json");
        for known in frames.as_array().unwrap() {
            let bytes = hex(known["hex"].as_str().unwrap());
            let (frames, junk) = decode(&bytes, 1);
            assert_eq!((frames.len(), junk.len()), (1, 0), "{known}");
            let frame = Frame::parse(&frames[0]).unwrap();
            let field = |name: &str| hex(known[name].as_str().unwrap());
            assert_eq!(frame.destination(), field("dst"), "{known}");
            assert_eq!(frame.source(), field("src"), "{known}");
            assert_eq!(
                frame.control(),
                Control::decode(field("control")[0]),
                "{known}"
            );
            assert_eq!(frame.information(), field("info"), "{known}");
            assert_eq!(Some(frame.fcs_ok()), known["fcs_ok"].as_bool(), "{known}");
            assert_eq!(frame.hcs_ok(), known["hcs_ok"].as_bool(), "{known}");
            assert_eq!(rebuilt(&frame), frames[0], "{known}");
            if known["kind"] == "UA" {
                Parameters::decode(frame.information()).unwrap();
            }
        }
        assert_eq!(frames.as_array().unwrap().len(), 16);
    }

    #[test]
    fn derived_and_negative_frames() {
        let extra = data("frames_extra.json");
        let mut seen = 0;
        for known in extra["derived"]
            .as_array()
            .unwrap()
            .iter()
            .chain(extra["negative"].as_array().unwrap())
        {
            let bytes = hex(known["hex"].as_str().unwrap());
            for chunk in [1, 5, bytes.len()] {
                let (frames, _) = decode(&bytes, chunk);
                assert_eq!(frames.len(), 1, "{known}");
                let frame = Frame::parse(&frames[0]).unwrap();
                assert_eq!(Some(frame.fcs_ok()), known["fcs_ok"].as_bool(), "{known}");
                let kind = known["kind"].as_str().unwrap();
                let name = frame.control().name();
                assert!(name == "I" || name == kind, "{known}");
            }
            seen += 1;
        }
        assert_eq!(seen, 27);
        // Headers whose body the source left out.
        for known in extra["fragments"].as_array().unwrap() {
            let (header, hcs) = (
                hex(known["header"].as_str().unwrap()),
                hex(known["hcs"].as_str().unwrap()),
            );
            assert!(
                obiscope::dlms::hdlc::fcs::ends_right(&[header, hcs].concat()),
                "{known}"
            );
        }
    }

    #[test]
    fn every_recorded_frame_is_cut_out_and_built_again() {
        let (mut all, mut flag_inside, mut flag_last) = (0, 0, 0);
        let mut wrong = Vec::new();
        for (name, lines) in hdlc_traces() {
            for line in &lines {
                let (frames, junk) = decode(&line.bytes, line.bytes.len());
                let noise = if line.case.starts_with("noise") && line.sent {
                    3
                } else {
                    0
                };
                assert_eq!(junk.len(), noise, "{name} {line:02X?}");
                let count = if line.sent
                    && (line.case.starts_with("two flags") || line.case.starts_with("shared"))
                {
                    2
                } else {
                    1
                };
                assert_eq!(frames.len(), count, "{name} {line:02X?}");
                for octets in frames {
                    let frame = Frame::parse(&octets).unwrap();
                    all += 1;
                    flag_inside += usize::from(octets.contains(&0x7E));
                    flag_last += usize::from(octets.ends_with(&[0x7E]));
                    if frame.fcs_ok() && frame.hcs_ok() != Some(false) {
                        assert_eq!(rebuilt(&frame), octets, "{name}");
                    } else {
                        wrong.push(format!("{name}: {}", line.case));
                    }
                }
            }
        }
        assert_eq!(
            wrong,
            [
                "neg_py_meter: SNRM with bad FCS",
                "neg_py_meter: AARQ with bad HCS",
                "neg_py_meter: AARQ with bad FCS, then good one (retransmission)",
            ]
        );
        assert_eq!((all, flag_inside, flag_last), (1659, 126, 5));
    }

    #[test]
    fn whole_recordings_in_any_pieces() {
        for (name, lines) in hdlc_traces() {
            let single: Vec<Vec<u8>> = lines
                .iter()
                .flat_map(|line| decode(&line.bytes, line.bytes.len()).0)
                .collect();
            let stream: Vec<u8> = lines.iter().flat_map(|line| line.bytes.clone()).collect();
            for chunk in [1, 3, 64, 1000] {
                assert_eq!(
                    decode(&stream, chunk).0,
                    single,
                    "{name} in pieces of {chunk}"
                );
            }
        }
    }

    #[test]
    fn wrapper_recordings() {
        let mut count = 0;
        for (name, lines) in traces()
            .into_iter()
            .filter(|(name, _)| name.contains("_wrap_"))
        {
            let mut decoder = wrapper::Decoder::new();
            for line in lines {
                decoder.push(&line.bytes);
                let Some(wrapper::Item::Pdu { header, apdu, .. }) = decoder.next() else {
                    panic!("{name}: no PDU in {line:02X?}");
                };
                let mut again = Vec::new();
                wrapper::build(header.source, header.destination, apdu, &mut again).unwrap();
                assert_eq!(again, line.bytes, "{name}");
                count += 1;
            }
            assert_eq!(decoder.pending(), b"");
        }
        assert!(count > 50);
    }

    /// The addresses and proposal of a recorded SNRM.
    fn config(snrm: &Frame<'_>) -> LinkConfig {
        let (server, _) = ServerAddress::decode(snrm.destination()).unwrap();
        let client = ClientAddress::from_octet(snrm.source()[0]).unwrap();
        let propose = (!snrm.information().is_empty())
            .then(|| Parameters::decode(snrm.information()).unwrap());
        LinkConfig {
            propose,
            quiet: Duration::ZERO,
            ..LinkConfig::new(client, server)
        }
    }

    /// The APDU of the I frames from here on.
    fn apdu(lines: &[&(bool, Vec<u8>)]) -> Vec<u8> {
        let mut apdu = Vec::new();
        for (_, octets) in lines.iter().filter(|(sent, _)| *sent) {
            let frame = Frame::parse(octets).unwrap();
            if !matches!(frame.control(), Control::Information { .. }) {
                continue;
            }
            apdu.extend_from_slice(frame.information());
            if !frame.segmented() {
                break;
            }
        }
        apdu.strip_prefix(&LLC_COMMAND).unwrap().to_vec()
    }

    #[test]
    fn our_link_holds_the_recorded_conversations() {
        let now = Instant::now();
        let (mut compared, mut answers) = (0, 0);
        for (name, lines) in
            hdlc_traces().filter(|(name, _)| !name.starts_with("neg_") && !name.contains("push"))
        {
            let lines: Vec<(bool, Vec<u8>)> = lines
                .iter()
                .flat_map(|line| {
                    decode(&line.bytes, line.bytes.len())
                        .0
                        .into_iter()
                        .map(|octets| (line.sent, octets))
                })
                .collect();
            let lines: Vec<&(bool, Vec<u8>)> = lines.iter().collect();
            let mut link: Option<Link> = None;
            let mut ours: std::collections::VecDeque<Vec<u8>> = std::collections::VecDeque::new();
            for (place, (sent, octets)) in lines.iter().enumerate() {
                let frame = Frame::parse(octets).unwrap();
                let at = || format!("{name}, frame {place}: {} {octets:02X?}", frame.control());
                if !sent {
                    let link = link.as_mut().unwrap();
                    link.handle_bytes(now, &[&[0x7E], &octets[..], &[0x7E]].concat());
                    while let Some(event) = link.poll_event() {
                        match event {
                            LinkEvent::Apdu => answers += 1,
                            LinkEvent::Connected(_) | LinkEvent::Disconnected => {}
                            other => panic!("{other:?} at {}", at()),
                        }
                    }
                    while let Some(bytes) = link.poll_transmit() {
                        ours.extend(decode(bytes, bytes.len()).0);
                    }
                    continue;
                }
                if ours.is_empty() {
                    match frame.control() {
                        Control::Snrm { .. } => {
                            let mut fresh = Link::new(config(&frame));
                            fresh.connect(now).unwrap();
                            link = Some(fresh);
                        }
                        Control::Disc { .. } => link.as_mut().unwrap().disconnect(now),
                        Control::Information { .. } => {
                            link.as_mut()
                                .unwrap()
                                .send(now, &apdu(&lines[place..]))
                                .unwrap_or_else(|e| panic!("{e} at {}", at()));
                        }
                        _ => panic!("we have nothing to say at {}", at()),
                    }
                    let bytes = link.as_mut().unwrap().poll_transmit().unwrap();
                    ours.extend(decode(bytes, bytes.len()).0);
                }
                let ours = ours.pop_front().unwrap();
                let said = Frame::parse(&ours).unwrap();
                if matches!(frame.control(), Control::Snrm { .. })
                    && said.information() != frame.information()
                {
                    // The same values in another number of octets.
                    assert_eq!(
                        Parameters::decode(said.information()),
                        Parameters::decode(frame.information())
                    );
                } else {
                    assert_eq!(ours, *octets, "{}", at());
                }
                compared += 1;
            }
            assert!(ours.is_empty(), "{name}: we say more: {ours:02X?}");
            assert!(
                matches!(
                    link.unwrap().state(),
                    LinkState::Disconnected | LinkState::Connected
                ),
                "{name}"
            );
        }
        assert_eq!((compared, answers), (724, 326));
    }
}
