//! The services of a session against simulated meters over pipes, in virtual time.

mod counters;
mod general;
mod pauses;
mod short;
mod together;

use super::wire::Masking;
use super::*;
use crate::cosem::Obis;
use crate::dlms::association::{ActionError, SetError};
use crate::dlms::hdlc::{Control, frame};
use crate::dlms::xdlms::{ActionResult, DataAccessResult, MethodRef, Selection};
use crate::meter::fake::World;
use crate::meter::objects::Together;
use crate::simulator::profile::Profile;
use crate::simulator::server::shared;

const NOTE: AttributeRef = reference(1, Obis::new(0, 0, 96, 1, 9, 255));
const VOLTAGE: AttributeRef = reference(3, Obis::new(1, 0, 32, 7, 0, 255));
const PROFILE: AttributeRef = reference(7, Obis::new(1, 0, 99, 1, 0, 255));

const fn reference(class: u16, obis: Obis) -> AttributeRef {
    AttributeRef {
        class,
        obis,
        attribute: 2,
    }
}

async fn open(profile: Profile, password: &str) -> Session {
    open_as(
        profile,
        password,
        crate::dlms::association::Naming::LogicalName,
    )
    .await
}

async fn open_as(
    profile: Profile,
    password: &str,
    naming: crate::dlms::association::Naming,
) -> Session {
    let clock = Clock::From {
        base: "2025-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    };
    let world = World::default();
    let server = profile.address;
    let meter = shared(profile, clock.now());
    world.meter("meter", &meter);
    let mut definition = Definition::microstar("m", "meter", 1);
    definition.server = server;
    definition.naming = naming;
    definition.password = Some(Secret::new(password.as_bytes()));
    let connector = world.connector();
    let tap = Tap::new(1 << 16);
    Session::open(&definition, &*connector, clock, tap, &mut |_, _| {})
        .await
        .unwrap()
}

async fn generic() -> Session {
    open(Profile::generic(3), "12345678").await
}

#[tokio::test(start_paused = true)]
async fn a_list_is_one_request_or_many() {
    let mut session = generic().await;
    assert!(session.grants(Conformance::MULTIPLE_REFERENCES));
    let missing = AttributeRef { class: 4, ..NOTE };
    let list: Vec<_> = [VOLTAGE, NOTE, missing].repeat(15);
    let together = session.get_list(&list).await.unwrap();
    assert_eq!(session.traffic().gets, 2, "32 references, then 13");
    assert_eq!(together.len(), 45);
    let refused = DataAccessResult::OBJECT_CLASS_INCONSISTENT;
    assert_eq!(together[44], Err(GetError::Access(refused)));
    // Where lists fail, one by one brings the same.
    session.objects.set_fails_at(Together::Get);
    let single = session.get_list(&list[..3]).await.unwrap();
    assert_eq!(single[1..], together[1..3]);
    assert_eq!(session.traffic().gets, 5);
    session.release().await;

    let mut session = open(Profile::microstar(3), "22222222").await;
    let serial = reference(1, Obis::new(1, 0, 0, 0, 0, 255));
    let clock = reference(8, Obis::new(0, 0, 1, 0, 0, 255));
    let both = session.get_list(&[serial, clock]).await.unwrap();
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    assert_eq!(session.traffic().gets, 2);
    assert!(
        !session.objects.fails_at(Together::Get),
        "it never claimed to have them"
    );
    assert_eq!(session.get_list(&[]).await.unwrap(), []);
    session.release().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_it_is_allowed() {
    let mut session = generic().await;
    let value = Data::OctetString(b"new".to_vec());
    let relay = MethodRef {
        class: 70,
        obis: Obis::new(0, 0, 96, 3, 10, 255),
        method: 1,
    };
    let sent = session.traffic().bytes_sent;
    let refused = session.set(NOTE, &value).await.unwrap_err();
    assert!(matches!(refused, SessionError::Misuse(_)), "{refused}");
    let refused = session.action(relay, None).await.unwrap_err();
    assert!(matches!(refused, SessionError::Misuse(_)), "{refused}");
    assert_eq!(session.traffic().bytes_sent, sent);

    session.allow_writing();
    assert_eq!(session.set(NOTE, &value).await.unwrap(), Ok(()));
    assert_eq!(session.get(NOTE).await.unwrap(), Ok(value));
    let denied = SetError::Access(DataAccessResult::READ_WRITE_DENIED);
    let written = session.set(VOLTAGE, &Data::LongUnsigned(1)).await.unwrap();
    assert_eq!(written, Err(denied));
    let zero = Data::Integer(0);
    assert_eq!(session.action(relay, Some(&zero)).await.unwrap(), Ok(None));
    let state = reference(70, relay.obis);
    assert_eq!(session.get(state).await.unwrap(), Ok(Data::Boolean(false)));
    let other = MethodRef { method: 3, ..relay };
    let denied = ActionError::Result(ActionResult::READ_WRITE_DENIED);
    let called = session.action(other, Some(&zero)).await.unwrap();
    assert_eq!(called, Err(denied));
    // Long values go in blocks: the meter takes 4096 octets at once.
    let long = Data::OctetString(vec![0x41; 8000]);
    assert_eq!(session.set(NOTE, &long).await.unwrap(), Ok(()));
    assert_eq!(session.get(NOTE).await.unwrap(), Ok(long));
    session.release().await;
}

#[tokio::test(start_paused = true)]
async fn part_of_a_profile() {
    for (profile, password) in [
        (Profile::generic(3), "12345678"),
        (Profile::microstar(3), "22222222"),
    ] {
        let mut session = open(profile, password).await;
        let last = Selection::entries(2881, 0);
        let rows = session.get_with(PROFILE, &last).await.unwrap().unwrap();
        assert_eq!(rows.elements().unwrap().len(), 96);
        session.release().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_only_meter_is_never_written_to() {
    let mut session = generic().await;
    session.read_only = true;
    session.allow_writing();
    let sent = session.traffic().bytes_sent;
    let refused = session.set(NOTE, &Data::Integer(0)).await.unwrap_err();
    assert!(matches!(refused, SessionError::Misuse(_)), "{refused}");
    assert_eq!(session.traffic().bytes_sent, sent);
    session.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_listed_class_is_asked_first_and_not_believed_blindly() {
    use crate::cosem::ObjectSpec;
    use crate::cosem::object_list::ObjectList;
    let relay = Obis::new(0, 0, 96, 3, 10, 255);
    let entry = |class: u16, obis: Obis| {
        Data::Structure(vec![
            Data::LongUnsigned(class),
            Data::Unsigned(0),
            Data::OctetString(obis.0.to_vec()),
            Data::Structure(vec![Data::Array(Vec::new()), Data::Array(Vec::new())]),
        ])
    };
    // The second is no longer true.
    let entries = [(70, relay), (1, VOLTAGE.obis)];
    let list = Data::Array(entries.map(|(class, obis)| entry(class, obis)).to_vec());
    let mut session = generic().await;
    session
        .objects
        .listed(&ObjectList::from_data(&list).unwrap());
    let read = session.read(ObjectSpec::Value(relay), "").await.unwrap();
    assert_eq!(read.attribute.class, 70);
    assert!(read.value.is_ok());
    assert_eq!(session.traffic().gets, 1);
    let read = session.read(ObjectSpec::Value(VOLTAGE.obis), "").await;
    assert_eq!(read.unwrap().attribute.class, 3);
    session.release().await;
}

/// A line that gives back all that is sent before the meter answers, and a tap that recorded it.
#[tokio::test(start_paused = true)]
async fn a_secret_that_is_written_stands_in_no_trace() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let (mut from, mut to) = tokio::io::split(theirs);
    tokio::spawn(async move {
        // Whatever comes goes back as it is.
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    let definition = Definition::microstar("m", "meter", 1);
    let tap = Tap::new(1 << 16);
    let clock = Clock::From {
        base: "2025-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    };
    let mut session = Session::new(&definition, Box::new(ours), clock, tap.clone());
    session.wire.mask = Some(Masking::value());
    let mut apdu =
        b"\xE6\xE6\x00\xC1\x01\xC1\x00\x0F\x00\x00\x28\x00\x00\xFF\x07\x00\x09\x08".to_vec();
    apdu.extend(b"hunter22");
    let control = Control::Information {
        send: 0,
        receive: 0,
        poll: true,
    };
    let mut sent = Vec::new();
    frame::build(&[3], &[3], control, false, &apdu, &mut sent).unwrap();
    session.wire.queue(Instant::now(), &sent);
    let (_, heard) = session.wire.turn(None).await;
    assert!(heard.is_ok());
    assert_eq!(session.wire.heard(), sent, "only the record is masked");
    let (records, _) = tap.since(0);
    let bytes: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.what {
            crate::meter::tap::Chunk::Bytes { bytes, .. } => Some(bytes),
            crate::meter::tap::Chunk::Note(_) => None,
        })
        .collect();
    assert_eq!(bytes.len(), 2, "sent and given back");
    for shown in bytes {
        assert!(
            !shown
                .windows(4)
                .any(|four| b"hunter22".windows(4).any(|s| s == four))
        );
        assert!(shown.windows(8).any(|eight| eight == b"********"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_by_short_names_is_like_any_other() {
    use crate::cosem::object_list::ObjectList;
    use crate::dlms::association::Naming;
    let mut by_name = generic().await;
    let mut session = open_as(Profile::generic(3), "12345678", Naming::ShortName).await;
    assert!(session.is_short() && !by_name.is_short());
    assert_eq!(
        session.get(VOLTAGE).await.unwrap(),
        by_name.get(VOLTAGE).await.unwrap()
    );
    let spec = crate::cosem::ObjectSpec::Value(VOLTAGE.obis);
    let reading = session.read(spec, "u1").await.unwrap();
    assert!(reading.value.is_ok() && reading.scaler_unit.is_some());
    let missing = AttributeRef { class: 4, ..NOTE };
    let together = session.get_list(&[VOLTAGE, NOTE, missing]).await.unwrap();
    let refused = DataAccessResult::OBJECT_CLASS_INCONSISTENT;
    assert_eq!(together[2], Err(GetError::Access(refused)));
    assert!(together[0].is_ok() && together[1].is_ok());
    assert!(session.grants(Conformance::SELECTIVE_ACCESS));
    let part = session
        .get_with(PROFILE, &Selection::entries(1, 3))
        .await
        .unwrap();
    assert_eq!(part.unwrap().elements().unwrap().len(), 3);
    session.allow_writing();
    let note = Data::OctetString(b"by short names".to_vec());
    assert_eq!(session.set(NOTE, &note).await.unwrap(), Ok(()));
    assert_eq!(session.get(NOTE).await.unwrap(), Ok(note));
    let list = session.get(session.object_list_attribute()).await.unwrap();
    let mut list = ObjectList::from_data(&list.unwrap()).unwrap();
    session.add_rights(&mut list).await.unwrap();
    let object = list.find(3, VOLTAGE.obis).unwrap();
    assert_eq!(object.attributes.len(), 3);
    assert!(object.short_name.is_some());
    // Known now: a new association asks no more.
    let objects = session.objects.clone();
    assert!(objects.short_names().is_some());
    session.release().await;
    by_name.release().await;
}
