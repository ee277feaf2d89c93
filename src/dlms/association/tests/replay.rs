//! Sessions of another client with other people's meters: fed the meter's frames, ours sends the same octets.
use super::*;

/// Plays a recorded session up to the end of its object list; the list that came out.
fn replay(session: &str, mut config: Config, client: u8) -> Vec<Data> {
    link(&mut config).client = ClientAddress::new(client).unwrap();
    config.conformance = Conformance(0x40_1E5D);
    config.max_answer = 1 << 16;
    let mut association = Association::new(config);
    let mut now = Instant::now();
    association.connect(now).unwrap();
    now += QUIET;
    association.handle_timeout(now);
    let mut got = None;
    for line in session.lines() {
        let (direction, octets) = line.split_once(' ').unwrap();
        let octets = hex(octets);
        if direction == "RX" {
            association.handle_bytes(now, &octets);
        } else {
            let mut sent = Vec::new();
            while let Some(chunk) = association.poll_transmit() {
                sent.extend_from_slice(chunk);
            }
            assert_eq!(sent, octets, "{line}");
        }
        while let Some(event) = association.poll_event() {
            match event {
                Event::Ready { .. } => {
                    let list = AttributeRef {
                        class: 15,
                        obis: Obis::new(0, 0, 40, 0, 0, 255),
                        attribute: 2,
                    };
                    association.get(now, list).unwrap();
                }
                Event::Got(result) => got = Some(result.unwrap()),
                Event::Step(_) | Event::LinkUp(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(association.poll_transmit(), None);
    assert_eq!(association.state(), State::Ready);
    match got {
        Some(Data::Array(objects)) => objects,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_gurux_c_server_in_nine_blocks() {
    let session = include_str!("../../../../tests/data/association/none_52_objects.txt");
    let objects = replay(session, config(Authentication::None), 16);
    assert_eq!(objects.len(), 52);
}

#[test]
fn the_gurux_python_server_with_a_password() {
    let session = include_str!("../../../../tests/data/association/lls_13_objects.txt");
    let lls = config(Authentication::Lls(Secret::new("12345678")));
    assert_eq!(replay(session, lls, 17).len(), 13);
}

#[test]
fn a_bigger_window_proposed_and_not_granted() {
    let session = include_str!("../../../../tests/data/association/lls_window_3_proposed.txt");
    let mut lls = config(Authentication::Lls(Secret::new("Gurux")));
    link(&mut lls).propose = Some(Parameters {
        max_info_transmit: 512,
        max_info_receive: 512,
        window_transmit: 3,
        window_receive: 3,
    });
    assert_eq!(replay(session, lls, 17).len(), 52);
}
