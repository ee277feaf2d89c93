//! Our association with their meter.
use crate::{NOTE, PROFILE, RELAY, framed, frames};
use dlms_cosem_rs as rs;
use obiscope::cosem::{AttributeRef, Data};
use obiscope::dlms::association::{
    ActionError, Association, Carrier, Config, Event, GetError, SetError,
};
use obiscope::dlms::hdlc::link::LinkConfig;
use obiscope::dlms::hdlc::{ClientAddress, Control, Parameters};
use obiscope::dlms::xdlms::{ActionResult, DataAccessResult, MethodRef, Selection};
use rs::axdr::Data as Theirs;
use rs::codec::{Encode, Writer};
use rs::cosem::{AttributeAccess, MethodAccess};
use rs::security::{KeyRing, RustCryptoProvider};
use rs::server::{ObjectStore, Server, ServerConfig, StoreResult};
use rs::xdlms::{ActionResult as TheirResult, DataAccessResult as Refused, SelectiveAccess};
use std::time::{Duration, Instant};

const ROWS: u32 = 60;

/// A note, a profile, and an object whose method 1 swallows and whose method 2 gives back what it is given.
#[derive(Default)]
pub(crate) struct Store {
    note: Vec<u8>,
    swallowed: Vec<u8>,
}

impl ObjectStore for Store {
    fn get_attribute(
        &self,
        class: u16,
        name: rs::Obis,
        attribute: i8,
        access: Option<SelectiveAccess<'_>>,
        w: &mut dyn Writer,
    ) -> StoreResult<()> {
        let bad = |_| Refused::OtherReason;
        match (class, name.as_bytes(), attribute) {
            (1, name, 2) if *name == NOTE.obis.0 => {
                Theirs::OctetString(&self.note).encode(w).map_err(bad)
            }
            (7, _, 2) => {
                let (from, to) = match access {
                    None => (1, ROWS),
                    Some(access) if access.selector == 2 => {
                        let ends = access
                            .parameters
                            .as_structure()
                            .ok_or(Refused::TypeUnmatched)?;
                        let end = |at| {
                            let end = ends.get(at).ok().and_then(|end| end.as_u64());
                            u32::try_from(end.unwrap()).unwrap()
                        };
                        (end(0), end(1))
                    }
                    Some(_) => return Err(Refused::ScopeOfAccessViolated),
                };
                w.write_u8(1).map_err(bad)?;
                w.write_length((to + 1 - from) as usize).map_err(bad)?;
                for row in from..=to {
                    w.write_bytes(&[2, 1]).map_err(bad)?;
                    Theirs::DoubleLongUnsigned(row * 1000)
                        .encode(w)
                        .map_err(bad)?;
                }
                Ok(())
            }
            _ => Err(Refused::ObjectUndefined),
        }
    }

    fn set_attribute(
        &mut self,
        class: u16,
        _: rs::Obis,
        _: i8,
        _: Option<SelectiveAccess<'_>>,
        value: Theirs<'_>,
    ) -> StoreResult<()> {
        match (class, value) {
            (1, Theirs::OctetString(note)) => {
                self.note = note.to_vec();
                Ok(())
            }
            _ => Err(Refused::TypeUnmatched),
        }
    }

    fn invoke_method(
        &mut self,
        _: u16,
        _: rs::Obis,
        method: i8,
        parameters: Option<Theirs<'_>>,
        w: &mut dyn Writer,
    ) -> Result<bool, TheirResult> {
        match (method, parameters) {
            (1, Some(Theirs::OctetString(given))) => {
                self.swallowed = given.to_vec();
                Ok(false)
            }
            (2, Some(given)) => {
                given.encode(w).map_err(|_| TheirResult::OtherReason)?;
                Ok(true)
            }
            (1, None) => Ok(false),
            _ => Err(TheirResult::TypeUnmatched),
        }
    }

    fn attribute_access(&self, class: u16, _: rs::Obis, _: i8) -> AttributeAccess {
        if class == 3 {
            AttributeAccess::READ
        } else {
            AttributeAccess::READ | AttributeAccess::WRITE
        }
    }

    fn method_access(&self, class: u16, _: rs::Obis, _: i8) -> MethodAccess {
        if class == 70 {
            MethodAccess::ACCESS
        } else {
            MethodAccess::empty()
        }
    }
}

const CLIENT: u8 = 0x21;
const SERVER: u8 = 0x03;

/// Their meter behind a link that loses nothing.
struct Line {
    client: Association,
    server: Server<Store, RustCryptoProvider, 8192>,
    now: Instant,
    send: u8,
    receive: u8,
    /// Requests that came.
    requests: Vec<Vec<u8>>,
}

fn line(max_pdu: u16) -> Line {
    let mut link = LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap());
    link.quiet = Duration::ZERO;
    link.propose = Some(Parameters {
        max_info_transmit: 2030,
        max_info_receive: 2030,
        window_transmit: 1,
        window_receive: 1,
    });
    let config = Config {
        max_pdu,
        max_answer: 1 << 16,
        read_only: false,
        ..Config::new(Carrier::Hdlc(link))
    };
    let server = ServerConfig {
        max_pdu_size: max_pdu,
        ..ServerConfig::default()
    };
    let mut ready = Line {
        client: Association::new(config),
        server: Server::new(
            server,
            Store::default(),
            RustCryptoProvider::new(KeyRing::default()),
        ),
        now: Instant::now(),
        send: 0,
        receive: 0,
        requests: Vec::new(),
    };
    ready.client.connect(ready.now).unwrap();
    ready.until(|event| matches!(event, Event::Ready { .. }));
    ready
}

impl Line {
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..10_000 {
            while let Some(event) = self.client.poll_event() {
                if wanted(&event) {
                    return event;
                }
                assert!(
                    matches!(event, Event::Step(_) | Event::LinkUp(_)),
                    "{event:?}"
                );
            }
            let mut sent = Vec::new();
            while let Some(octets) = self.client.poll_transmit() {
                sent.extend_from_slice(octets);
            }
            if sent.is_empty() {
                self.now = self.client.poll_timeout().unwrap();
                self.client.handle_timeout(self.now);
            }
            for (control, information) in frames(&sent) {
                self.answer(control, &information);
            }
        }
        panic!("no end");
    }

    fn answer(&mut self, control: Control, information: &[u8]) {
        let answer = match control {
            Control::Snrm { .. } => framed(CLIENT, SERVER, Control::Ua { poll: true }, information),
            Control::Information { send, .. } => {
                assert_eq!(send, self.receive);
                self.receive = (self.receive + 1) % 8;
                let apdu = information.strip_prefix(&[0xE6, 0xE6, 0]).unwrap();
                self.requests.push(apdu.to_vec());
                let mut out = vec![0; 4096];
                let length = self.server.handle(apdu, &mut out).unwrap();
                let reply = [&[0xE6, 0xE7, 0][..], &out[..length]].concat();
                let control = Control::Information {
                    send: self.send,
                    receive: self.receive,
                    poll: true,
                };
                self.send = (self.send + 1) % 8;
                framed(CLIENT, SERVER, control, &reply)
            }
            other => panic!("{other:?}"),
        };
        self.client.handle_bytes(self.now, &answer);
    }

    fn get(&mut self, attribute: AttributeRef) -> Result<Data, GetError> {
        self.client.get(self.now, attribute).unwrap();
        self.got()
    }

    fn got(&mut self) -> Result<Data, GetError> {
        match self.until(|event| matches!(event, Event::Got(_))) {
            Event::Got(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn set(&mut self, attribute: AttributeRef, value: &Data) -> Result<(), SetError> {
        self.client.set(self.now, attribute, value).unwrap();
        match self.until(|event| matches!(event, Event::Set(_))) {
            Event::Set(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn call(&mut self, method: i8, with: Option<&Data>) -> Result<Option<Data>, ActionError> {
        let method = MethodRef {
            class: 70,
            obis: RELAY,
            method,
        };
        self.client.action(self.now, method, with).unwrap();
        match self.until(|event| matches!(event, Event::Acted(_))) {
            Event::Acted(result) => result,
            other => panic!("{other:?}"),
        }
    }
}

fn octets(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 256).unwrap())
        .collect()
}

#[test]
fn what_we_set_is_what_they_hold() {
    for (max_pdu, blocks) in [(1024, false), (128, true)] {
        let mut line = line(max_pdu);
        for length in [0, 1, 90, 112, 113, 114, 500] {
            let note = octets(length);
            let value = Data::OctetString(note.clone());
            assert_eq!(line.set(NOTE, &value), Ok(()), "{max_pdu} {length}");
            assert_eq!(line.server.store().note, note);
            assert_eq!(line.get(NOTE), Ok(value));
        }
        assert_eq!(
            line.requests
                .iter()
                .any(|apdu| apdu.starts_with(&[0xC1, 2])),
            blocks
        );
        assert!(
            line.requests
                .iter()
                .all(|apdu| apdu.len() <= usize::from(max_pdu))
        );
        let denied = Err(SetError::Access(DataAccessResult::READ_WRITE_DENIED));
        let other = AttributeRef { class: 3, ..NOTE };
        assert_eq!(line.set(other, &Data::Null), denied);
        let unmatched = Err(SetError::Access(DataAccessResult::TYPE_UNMATCHED));
        assert_eq!(line.set(NOTE, &Data::Null), unmatched);
    }
}

#[test]
fn their_methods_run_and_give_back() {
    for max_pdu in [1024, 128] {
        let mut line = line(max_pdu);
        assert_eq!(line.call(1, None), Ok(None));
        for length in [0, 90, 112, 113, 114, 115, 700] {
            let given = Data::OctetString(octets(length));
            assert_eq!(line.call(1, Some(&given)), Ok(None), "{max_pdu} {length}");
            assert_eq!(line.server.store().swallowed, octets(length));
            assert_eq!(
                line.call(2, Some(&given)),
                Ok(Some(given)),
                "{max_pdu} {length}"
            );
        }
        let unmatched = Err(ActionError::Result(ActionResult::TYPE_UNMATCHED));
        assert_eq!(line.call(9, None), unmatched);
        let both_ways = line
            .requests
            .iter()
            .any(|apdu| apdu.starts_with(&[0xC3, 2]))
            && line
                .requests
                .iter()
                .any(|apdu| apdu.starts_with(&[0xC3, 6]));
        assert_eq!(both_ways, max_pdu == 128);
    }
}

#[test]
fn their_profile_in_part_and_in_blocks() {
    let mut line = line(128);
    let row = |row: u32| Data::Structure(vec![Data::DoubleLongUnsigned(row * 1000)]);
    let rows = |from: u32, to: u32| Ok(Data::Array((from..=to).map(row).collect()));
    assert_eq!(line.get(PROFILE), rows(1, ROWS));
    for (from, to) in [(1, 1), (7, 9), (1, 50)] {
        let selection = Selection::entries(from, to);
        line.client.get_with(line.now, PROFILE, &selection).unwrap();
        assert_eq!(line.got(), rows(from, to));
    }
    let by_range = Selection::Other {
        selector: 1,
        parameters: Data::Null,
    };
    line.client.get_with(line.now, PROFILE, &by_range).unwrap();
    let scope = GetError::Access(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED);
    assert_eq!(line.got(), Err(scope));
}

#[test]
fn their_lists_whole_and_in_blocks() {
    for max_pdu in [1024, 64] {
        let mut line = line(max_pdu);
        let value = Data::OctetString(octets(80));
        line.set(NOTE, &value).unwrap();
        let missing = AttributeRef { class: 4, ..NOTE };
        let list = [NOTE, missing, NOTE];
        line.client.get_list(line.now, &list).unwrap();
        let refused = Err(GetError::Access(DataAccessResult::OBJECT_UNDEFINED));
        let all = vec![Ok(value.clone()), refused, Ok(value)];
        match line.until(|event| matches!(event, Event::GotList(_))) {
            Event::GotList(Ok(results)) => assert_eq!(results, all),
            other => panic!("{other:?}"),
        }
    }
}
