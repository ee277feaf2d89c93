//! A meter that grants general block transfer and uses it for every long answer, with ciphering, over HDLC and the wrapper:
//! what comes is what comes without. In virtual time.

use super::counters::ciphering;
use super::*;
use crate::dlms::security::Form;
use crate::meter::definition::TransportKind;
use crate::meter::tap::{Chunk, Direction};
use crate::simulator::profile::Transport;
use crate::simulator::server::pipe;

#[tokio::test(start_paused = true)]
async fn long_answers_in_general_blocks() {
    let mut expected = generic().await;
    let list = reference(15, Obis::new(0, 0, 40, 0, 0, 255));
    let rows = Selection::entries(1, 200);
    let (objects, part) = (
        expected.get(list).await.unwrap().unwrap(),
        expected.get_with(PROFILE, &rows).await.unwrap().unwrap(),
    );
    expected.release().await;
    for (kind, transport) in [
        (TransportKind::HdlcTcp, Transport::HdlcTcp),
        (TransportKind::WrapperTcp, Transport::WrapperTcp),
    ] {
        for form in [Form::Global, Form::General] {
            let mut profile = Profile::generic(3).with_general_blocks();
            profile.transport = transport;
            profile.max_pdu = 512;
            let clock = Clock::From {
                base: "2025-11-20T12:00:00Z".parse().unwrap(),
                at: Instant::now(),
            };
            let meter = shared(profile, clock.now());
            let mut definition = ciphering(64, form);
            definition.transport = kind.clone();
            let tap = Tap::new(1 << 20);
            let line = Box::new(pipe(&meter));
            let mut session = Session::new(&definition, line, clock, tap.clone());
            session.establish(&mut |_, _| {}).await.unwrap();
            assert!(session.grants(Conformance::GENERAL_BLOCK_TRANSFER));
            let got = session.get(list).await.unwrap().unwrap();
            assert_eq!(
                got.elements().unwrap().len(),
                objects.elements().unwrap().len()
            );
            let got = session.get_with(PROFILE, &rows).await.unwrap().unwrap();
            assert_eq!(got, part, "{kind:?} {form:?}");
            // The meter is as ready as before.
            assert!(session.get(VOLTAGE).await.unwrap().is_ok());
            session.allow_writing();
            let long = Data::OctetString(vec![0x41; 3000]);
            assert_eq!(session.set(NOTE, &long).await.unwrap(), Ok(()));
            assert_eq!(session.get(NOTE).await.unwrap(), Ok(long));
            session.keep_alive().await.unwrap();
            session.release().await;
            let (records, _) = tap.since(0);
            let blocks = records.iter().filter(|record| match &record.what {
                Chunk::Bytes {
                    direction: Direction::Received,
                    bytes,
                } => bytes
                    .windows(2)
                    .any(|it| it[0] == 0xE0 && it[1] & 0x3F != 0),
                _ => false,
            });
            assert!(blocks.count() > 5, "they did come in general blocks");
        }
    }
}
