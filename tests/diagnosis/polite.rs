//! What a probe may send, whatever the meter does. The rule: held against every row of the simulator's faults.
use obiscope::dlms::hdlc::{Control, Decoder, Frame, Item};
use obiscope::meter::Definition;
use obiscope::meter::definition::Auth;
use obiscope::meter::probe::Report;
use obiscope::meter::tap::{Chunk, Direction, Note, Tap};
use obiscope::simulator::fault::Fault;

/// calling-authentication-value (IEC 62056-53, AARQ).
const PASSWORD: u8 = 0xAC;

pub fn check(meter: &Definition, fault: Option<Fault>, report: &Report, tap: &Tap) {
    if !meter.transport.is_hdlc() || meter.mode_e {
        return;
    }
    let (records, lost) = tap.since(0);
    assert_eq!(lost, 0, "{fault:?}: the ring is too small for this test");
    let laddered = report.steps.iter().any(|step| step.step == "ladder");
    let mut shown = 0;
    // The last frame sent that opens or ends a link, and whether UA came since the connection began.
    let (mut before, mut opened) = (None, false);
    for record in records {
        match record.what {
            Chunk::Note(Note::Connected) => (before, opened) = (None, false),
            Chunk::Bytes {
                direction: Direction::Sent,
                bytes,
            } => each(&bytes, |frame| {
                let control = frame.control();
                match control {
                    Control::Snrm { .. } | Control::Disc { .. } => before = Some(control),
                    Control::Information { .. } => {
                        assert!(!laddered, "{fault:?}: SNRM and DISC alone on the ladder");
                        let apdu = frame.information().get(3..).unwrap_or_default();
                        let aarq = apdu.first() == Some(&0x60);
                        if aarq && apdu.contains(&PASSWORD) {
                            shown += 1;
                        }
                    }
                    _ => {}
                }
            }),
            Chunk::Bytes { bytes, .. } => each(&bytes, |frame| {
                opened |= frame.fcs_ok() && matches!(frame.control(), Control::Ua { .. });
            }),
            Chunk::Note(Note::Closed) => {
                if opened && !lost_link(report) {
                    let disc = matches!(before, Some(Control::Disc { .. }));
                    assert!(disc, "{fault:?}: what was opened is ended: {report:?}");
                }
            }
            Chunk::Note(Note::Text(_)) => {}
        }
    }
    // HLS sends a challenge there, and the proof once in pass 3, which the guard counts.
    assert!(shown <= 1, "{fault:?}: {shown} times");
    assert!(meter.auth == Auth::None || shown == 1 || !associated(report));
}

/// The other side ended it: there was nobody to say DISC to.
fn lost_link(report: &Report) -> bool {
    report
        .steps
        .iter()
        .any(|step| step.words.contains("closed the connection") || step.words.contains("DM"))
}

fn associated(report: &Report) -> bool {
    report.working.is_some_and(|it| it.association)
}

fn each(bytes: &[u8], mut see: impl FnMut(&Frame<'_>)) {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    while let Some(item) = decoder.next() {
        if let Item::Frame { octets, .. } = item
            && let Ok(frame) = Frame::parse(octets)
        {
            see(&frame);
        }
    }
}
