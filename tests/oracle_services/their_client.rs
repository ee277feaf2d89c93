//! Their client with our simulated meter.
use crate::{NOTE, PROFILE, RELAY, framed, frames};
use dlms_cosem_rs as rs;
use obiscope::cosem::{Data, Obis};
use obiscope::dlms::hdlc::{Control, Parameters};
use obiscope::simulator::meter::SimulatedMeter;
use obiscope::simulator::profile::Profile;
use rs::acse::AuthMechanism;
use rs::axdr::DataBuf;
use rs::client::{BlockCollector, ClientConfig, ClientSession, Response};
use rs::security::{KeyRing, RustCryptoProvider};
use rs::xdlms::{
    AttributeDescriptor, AttributeDescriptorWithSelection, DataAccessResult, GetDataResult,
    MethodDescriptor, SelectiveAccess,
};
use std::time::Instant;

const CLIENT: u8 = 0x03;
const SERVER: u8 = 0x03;

struct Line {
    meter: SimulatedMeter,
    client: ClientSession<RustCryptoProvider, 8192>,
    now: Instant,
    send: u8,
    receive: u8,
}

/// Client 1, by password.
fn line(max_pdu: u16) -> Line {
    let mut profile = Profile::generic(3);
    profile.max_pdu = max_pdu;
    let now = Instant::now();
    let config = ClientConfig {
        mechanism: AuthMechanism::Low,
        password: Some(rs::security::Secret::new(b"12345678").unwrap()),
        max_pdu_size: max_pdu,
        ..ClientConfig::default()
    };
    let mut line = Line {
        meter: SimulatedMeter::new(profile, now, "2025-11-20T12:00:00Z".parse().unwrap()),
        client: ClientSession::new(config, RustCryptoProvider::new(KeyRing::default())),
        now,
        send: 0,
        receive: 0,
    };
    let mut proposal = Vec::new();
    Parameters {
        max_info_transmit: 2030,
        max_info_receive: 2030,
        window_transmit: 1,
        window_receive: 1,
    }
    .encode(&mut proposal);
    line.meter.connected(now);
    let ua = line.frame(Control::Snrm { poll: true }, &proposal);
    assert!(matches!(ua[..], [(Control::Ua { .. }, _)]), "{ua:?}");
    let mut out = vec![0; 4096];
    let length = line.client.associate_request(&mut out).unwrap();
    let aare = naming_low(&line.exchange(&out[..length]));
    let step = line.client.handle_associate_response(&aare).unwrap();
    assert_eq!(step, rs::client::AssociationStep::Established);
    line
}

/// They want the AARE to name the mechanism for low-level security too. The standard asks for it with high-level security
/// only, and neither the field meters nor Gurux name it, so our meter does not; it is put in here.
fn naming_low(aare: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = &[
        0x88, 0x02, 0x07, 0x80, 0x89, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x02, 0x01,
    ];
    let at = aare.iter().position(|octet| *octet == 0xBE).unwrap();
    let mut named = [&aare[..at], NAME, &aare[at..]].concat();
    named[1] += u8::try_from(NAME.len()).unwrap();
    named
}

/// What an answer was, owned.
#[derive(Debug, PartialEq)]
enum Answer {
    Value(DataBuf),
    Done,
    More(u32),
    Refused(DataAccessResult),
}

impl Line {
    fn frame(&mut self, control: Control, information: &[u8]) -> Vec<(Control, Vec<u8>)> {
        let octets = framed(SERVER, CLIENT, control, information);
        self.meter.handle_bytes(self.now, &octets);
        let mut answer = Vec::new();
        self.meter.poll_transmit(self.now, &mut answer);
        frames(&answer)
    }

    fn exchange(&mut self, apdu: &[u8]) -> Vec<u8> {
        let control = Control::Information {
            send: self.send,
            receive: self.receive,
            poll: true,
        };
        self.send = (self.send + 1) % 8;
        let answer = self.frame(control, &[&[0xE6, 0xE6, 0][..], apdu].concat());
        self.receive = (self.receive + 1) % 8;
        let [(Control::Information { .. }, information)] = &answer[..] else {
            panic!("{answer:?}");
        };
        information.strip_prefix(&[0xE6, 0xE7, 0]).unwrap().to_vec()
    }

    /// One request to its end, blocks collected.
    fn ask(
        &mut self,
        ask: impl FnOnce(&mut ClientSession<RustCryptoProvider, 8192>, &mut [u8]) -> usize,
    ) -> Answer {
        let mut out = vec![0; 8192];
        let mut length = ask(&mut self.client, &mut out);
        let mut room = vec![0; 1 << 18];
        let mut collector = BlockCollector::new(&mut room);
        loop {
            let answer = self.exchange(&out[..length]);
            let mut scratch = vec![0; 8192];
            match self.client.handle_response(&answer, &mut scratch).unwrap() {
                Response::Data(data) => return Answer::Value(DataBuf::from_data(&data).unwrap()),
                Response::DataError(error) => return Answer::Refused(error),
                Response::Ok => return Answer::Done,
                Response::ActionResult { result, value } => {
                    assert!(value.is_none());
                    return Answer::Refused(DataAccessResult::from_u8(result.as_u8()));
                }
                Response::BlockAccepted { number } => return Answer::More(number),
                Response::Block { last, number, data } => {
                    collector.push(number, data).unwrap();
                    if last {
                        let whole = collector.value().unwrap();
                        return Answer::Value(DataBuf::from_data(&whole).unwrap());
                    }
                    length = self
                        .client
                        .get_next_block_request(number, &mut out)
                        .unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn note(&mut self) -> DataBuf {
        match self.ask(|client, out| client.get_request(note(), None, out).unwrap()) {
            Answer::Value(value) => value,
            other => panic!("{other:?}"),
        }
    }
}

fn note() -> AttributeDescriptor {
    AttributeDescriptor::new(NOTE.class, rs::Obis(NOTE.obis.0), NOTE.attribute)
}

fn attribute(class: u16, obis: Obis, attribute: i8) -> AttributeDescriptor {
    AttributeDescriptor::new(class, rs::Obis(obis.0), attribute)
}

#[test]
fn they_write_the_note_and_read_it_back() {
    let mut line = line(1024);
    let text = rs::axdr::Data::OctetString(b"short");
    let done = line.ask(|client, out| client.set_request(note(), None, text, out).unwrap());
    assert_eq!(done, Answer::Done);
    assert_eq!(line.note(), DataBuf::OctetString(b"short".to_vec()));
    let wrong = rs::axdr::Data::Unsigned(1);
    let refused = line.ask(|client, out| client.set_request(note(), None, wrong, out).unwrap());
    assert_eq!(refused, Answer::Refused(DataAccessResult::TypeUnmatched));

    // In blocks there and in blocks back.
    let long = Data::OctetString(vec![0x5A; 3000]).to_bytes();
    let mut sender = line.client.set_transfer(note(), None, &long).unwrap();
    let mut blocks = 0;
    loop {
        blocks += 1;
        match line.ask(|client, out| client.next_block_request(&mut sender, out).unwrap()) {
            Answer::More(number) => assert_eq!(number, blocks),
            Answer::Done => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(sender.is_done() && blocks >= 3, "{blocks}");
    assert_eq!(line.note(), DataBuf::OctetString(vec![0x5A; 3000]));
}

#[test]
fn they_switch_the_relay_whole_and_in_blocks() {
    let mut line = line(1024);
    let state = |line: &mut Line| {
        let state = attribute(70, RELAY, 3);
        line.ask(|client, out| client.get_request(state, None, out).unwrap())
    };
    let success = Answer::Refused(DataAccessResult::Success);
    for (method, after) in [(1, 0), (2, 1)] {
        let method = MethodDescriptor::new(70, rs::Obis(RELAY.0), method);
        let zero = Some(rs::axdr::Data::Integer(0));
        let done = line.ask(|client, out| client.action_request(method, zero, out).unwrap());
        assert_eq!(done, success);
        assert_eq!(state(&mut line), Answer::Value(DataBuf::Enum(after)));
    }
    let method = MethodDescriptor::new(70, rs::Obis(RELAY.0), 1);
    let mut sender = line.client.action_transfer(method, &[0x0F, 0]).unwrap();
    let done = line.ask(|client, out| client.next_block_request(&mut sender, out).unwrap());
    assert_eq!(done, success);
    assert_eq!(state(&mut line), Answer::Value(DataBuf::Enum(0)));
}

#[test]
fn they_read_the_profile_by_entry_and_the_whole_of_it() {
    let mut line = line(1024);
    let buffer = attribute(PROFILE.class, PROFILE.obis, PROFILE.attribute);
    let all = line.ask(|client, out| client.get_request(buffer, None, out).unwrap());
    let Answer::Value(DataBuf::Array(all)) = all else {
        panic!()
    };
    assert_eq!(all.len(), 2976);
    let ends = Data::Structure(vec![
        Data::DoubleLongUnsigned(10),
        Data::DoubleLongUnsigned(12),
        Data::LongUnsigned(1),
        Data::LongUnsigned(0),
    ])
    .to_bytes();
    let parameters = DataBuf::parse(&ends).unwrap();
    let mut scratch = Vec::new();
    rs::codec::Encode::encode(&parameters, &mut scratch).unwrap();
    let access = SelectiveAccess {
        selector: 2,
        parameters: rs::axdr::Data::from_bytes_in(&scratch).unwrap(),
    };
    let some = line.ask(|client, out| client.get_request(buffer, Some(access), out).unwrap());
    assert_eq!(some, Answer::Value(DataBuf::Array(all[9..12].to_vec())));
}

#[test]
fn they_ask_a_list() {
    let mut line = line(1024);
    let items = [
        note(),
        attribute(3, Obis::new(1, 0, 99, 99, 0, 255), 2),
        attribute(3, Obis::new(1, 0, 32, 7, 0, 255), 3),
    ]
    .map(|descriptor| AttributeDescriptorWithSelection {
        descriptor,
        access: None,
    });
    let mut out = vec![0; 1024];
    let length = line.client.get_request_with_list(&items, &mut out).unwrap();
    let answer = line.exchange(&out[..length]);
    let mut scratch = vec![0; 1024];
    let Response::DataList(list) = line.client.handle_response(&answer, &mut scratch).unwrap()
    else {
        panic!()
    };
    let list: Vec<_> = list.iter().map(Result::unwrap).collect();
    assert!(matches!(
        list[0],
        GetDataResult::Data(rs::axdr::Data::OctetString(b"simulated"))
    ));
    assert_eq!(
        list[1],
        GetDataResult::Error(DataAccessResult::ObjectUndefined)
    );
    assert!(matches!(list[2], GetDataResult::Data(_)));
}
