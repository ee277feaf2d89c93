//! High-level security and ciphering by short names, and the keep-alive there, against the simulated meter.

use super::counters::ciphering;
use super::*;
use crate::dlms::association::Naming;
use crate::dlms::security::{Form, Suite};
use crate::meter::definition::{Auth, TransportKind};
use crate::simulator::clients::{SECRET, client_keys};
use crate::simulator::profile::Transport;
use crate::simulator::server::{SharedMeter, pipe};

fn meter(transport: Transport) -> (SharedMeter, Clock) {
    let clock = Clock::From {
        base: "2025-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    };
    let mut profile = Profile::generic(3);
    profile.transport = transport;
    (shared(profile, clock.now()), clock)
}

/// Every way to prove oneself, with and without ciphering.
fn ways() -> Vec<Definition> {
    let mut all = Vec::new();
    for (client, auth) in [
        (35, Auth::HlsMd5),
        (36, Auth::HlsSha1),
        (37, Auth::HlsGmac),
        (38, Auth::HlsSha256),
        (39, Auth::HlsEcdsa),
        (64, Auth::HlsGmac),
        (68, Auth::Lls),
    ] {
        for form in [Form::Global, Form::Dedicated, Form::General] {
            let mut definition = ciphering(client, form);
            definition.auth = auth;
            definition.naming = Naming::ShortName;
            definition.password = auth
                .wants_password()
                .then(|| Secret::new(SECRET.as_bytes()));
            let security = definition.security.as_mut().unwrap();
            if auth == Auth::HlsEcdsa {
                security.suite = Suite::One;
                security.keys =
                    crate::dlms::security::Keys::parse(&client_keys(Suite::One)).unwrap();
            }
            all.push(definition);
            if client < 64 {
                break;
            }
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn proofs_and_ciphering_by_short_names() {
    for (kind, transport) in [
        (TransportKind::HdlcTcp, Transport::HdlcTcp),
        (TransportKind::WrapperTcp, Transport::WrapperTcp),
    ] {
        for mut definition in ways() {
            let (meter, clock) = meter(transport);
            definition.transport = kind.clone();
            let who = format!("{kind:?} {:?} {}", definition.auth, definition.client.sap());
            let tap = Tap::new(1 << 16);
            let mut session = Session::new(&definition, Box::new(pipe(&meter)), clock, tap);
            let mut rungs = Vec::new();
            let opened = session
                .establish(&mut |rung, state| rungs.push((rung, state)))
                .await;
            opened.unwrap_or_else(|error| panic!("{who}: {error}"));
            let proven = rungs.iter().any(|(rung, state)| {
                *rung == Rung::Hls
                    && matches!(state, RungState::Done { detail, .. } if detail == "verified")
            });
            assert_eq!(proven, definition.auth.is_high_level(), "{who}");
            assert!(session.is_short());
            let value = session.get(VOLTAGE).await.unwrap();
            assert!(value.is_ok(), "{who}: {value:?}");
            session.allow_writing();
            let note = Data::OctetString(who.clone().into_bytes());
            assert_eq!(session.set(NOTE, &note).await.unwrap(), Ok(()), "{who}");
            assert_eq!(session.get(NOTE).await.unwrap(), Ok(note), "{who}");
            session.keep_alive().await.unwrap();
            assert!(session.get(VOLTAGE).await.unwrap().is_ok());
            session.release().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn over_the_wrapper_a_keep_alive_by_short_names_keeps_the_meter() {
    let (meter, clock) = meter(Transport::WrapperTcp);
    let mut definition = Definition::new("m", "meter", 1);
    definition.transport = TransportKind::WrapperTcp;
    definition.naming = Naming::ShortName;
    let tap = Tap::new(1 << 16);
    let mut session = Session::new(&definition, Box::new(pipe(&meter)), clock, tap);
    session.establish(&mut |_, _| {}).await.unwrap();
    for _ in 0..5 {
        // The meter lets go after two minutes.
        tokio::time::sleep(Duration::from_secs(80)).await;
        session.keep_alive().await.unwrap();
    }
    let held = meter
        .lock()
        .unwrap()
        .is_associated(Instant::now().into_std());
    assert!(held);
    assert!(session.get(VOLTAGE).await.unwrap().is_ok());
    session.release().await;
}
