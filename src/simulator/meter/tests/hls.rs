//! Four passes with each mechanism: both proofs, challenges that differ, and nothing served to who fails.

use super::talk::Talk;
use super::*;
use crate::dlms::acse::{Aarq, InitiateRequest, Mechanism};
use crate::dlms::security::hls::{self, HlsMechanism, Proof, Prover};
use crate::dlms::security::{Keys, SystemTitle};
use crate::dlms::xdlms::Conformance;
use crate::simulator::clients::{SECRET, client_keys};

pub(super) const TITLE: SystemTitle = SystemTitle(*b"MMM\0\0\xBC\x61\x4E");
const CHALLENGE: &[u8; 32] = b"a challenge of thirty-two octets";
const GET_CLOCK: &str = "C001C100080000010000FF0200";

fn aarq(mechanism: HlsMechanism) -> Aarq {
    let initiate = InitiateRequest::new(Conformance(0x7E1D), 1024);
    let mut aarq = Aarq::new(Some(Secret::new(*CHALLENGE)), initiate);
    aarq.mechanism = Mechanism::from_arc(mechanism.number());
    aarq.calling_title = Some(TITLE.0.to_vec());
    aarq
}

fn reply(proof: &[u8]) -> Vec<u8> {
    let mut apdu = bytes("C301C1000F0000280000FF010109");
    apdu.push(u8::try_from(proof.len()).unwrap());
    apdu.extend_from_slice(proof);
    apdu
}

#[test]
fn every_mechanism() {
    for (client, mechanism) in [
        (35, HlsMechanism::Md5),
        (36, HlsMechanism::Sha1),
        (37, HlsMechanism::Gmac),
        (38, HlsMechanism::Sha256),
        (39, HlsMechanism::Ecdsa),
    ] {
        let mut talk = Talk::new(Profile::generic(1), client);
        let security = talk
            .meter
            .profile()
            .client(u8::try_from(client).unwrap())
            .unwrap()
            .security
            .clone();
        let suite = security.map(|security| security.suite).unwrap_or_default();
        let keys = Keys::parse(&client_keys(suite)).unwrap();
        let mut request = Vec::new();
        aarq(mechanism).encode(&mut request);
        let aare = talk.associate(&request);
        assert_eq!((aare.result, aare.diagnostic.code()), (0, Some(14)));
        assert_eq!(
            aare.mechanism,
            Some(Mechanism::from_arc(mechanism.number()))
        );
        let challenge = aare.authentication_value.unwrap();
        let meter_title = aare
            .responding_title
            .map(|title| SystemTitle::try_from(&title[..]).unwrap());
        assert_eq!(meter_title.is_some(), mechanism.needs_titles());
        let secret = Secret::new(SECRET.as_bytes());
        let proof = |prover| Proof {
            mechanism,
            prover,
            client_challenge: CHALLENGE,
            meter_challenge: &challenge,
            client_title: Some(TITLE),
            meter_title,
            secret: Some(&secret),
            suite,
            keys: &keys,
        };
        assert_eq!(talk.say(GET_CLOCK), "D80101", "not yet");
        assert!(!talk.meter.is_associated(talk.now));
        let right = hls::answer(&proof(Prover::Client), 5).unwrap();
        let mut wrong = right.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(hex(&talk.ask(&reply(&wrong))), "C701C10300");
        assert_eq!(talk.say(GET_CLOCK), "D80101", "wrong: still nothing");
        let answer = talk.ask(&reply(&right));
        assert_eq!(hex(&answer[..7]), "C701C100010009");
        hls::verify(&proof(Prover::Meter), &answer[8..]).unwrap();
        assert!(talk.meter.is_associated(talk.now));
        assert!(talk.say(GET_CLOCK).starts_with("C401C100090C"));
        // Mechanism name and status of the association.
        let name = format!("C401C1000907608574050802{:02X}", mechanism.number());
        assert_eq!(talk.say("C001C1000F0000280000FF0600"), name);
        assert_eq!(talk.say("C001C1000F0000280000FF0800"), "C401C1001602");
    }
}

#[test]
fn challenges_come_from_the_seed_and_never_twice() {
    let challenges = |seed| {
        let mut talk = Talk::new(Profile::generic(seed), 35);
        let mut request = Vec::new();
        aarq(HlsMechanism::Md5).encode(&mut request);
        [(), ()].map(|()| talk.associate(&request).authentication_value.unwrap())
    };
    let [first, second] = challenges(1);
    assert_ne!(first, second);
    assert_eq!(challenges(1), [first.clone(), second]);
    assert_ne!(challenges(2)[0], first);
}

/// As gurux-dlms sent them.
#[test]
fn recorded_requests_are_let_in() {
    for (client, aarq) in [
        (
            35,
            "603EA1090607608574050801018A0207808B0760857405080203AC1280101EFBAE9DAFAADD8106633B9BC443BA6BBE10040E01000000065F1F0400401E5DFFFF",
        ),
        (
            38,
            "604AA109060760857405080101A60A04084D4D4D0000BC614E8A0207808B0760857405080206AC128010956BCD2423FFCC61339838620AE3CA00BE10040E01000000065F1F0400401E5DFFFF",
        ),
        (
            64,
            "605DA109060760857405080103A60A04084D4D4D0000BC614E8A0207808B0760857405080205AC12801048A72CE99EB1AC2FDBE35CE4A12A946DBE230421211F3000000001D061000A04EC615571C4CA5676A23CB02E0F3B43A1EE9C3B5C56",
        ),
    ] {
        let mut talk = Talk::new(Profile::generic(1), client);
        let answer = talk.associate(&bytes(aarq));
        assert_eq!(
            (answer.result, answer.diagnostic.code()),
            (0, Some(14)),
            "{client}"
        );
    }
}

#[test]
fn who_is_refused() {
    let refused = |client, change: fn(&mut Aarq)| {
        let mut aarq = aarq(HlsMechanism::Gmac);
        change(&mut aarq);
        let mut request = Vec::new();
        aarq.encode(&mut request);
        let answer = Talk::new(Profile::generic(1), client).associate(&request);
        assert_eq!(answer.result, 1);
        answer.diagnostic.code().unwrap()
    };
    assert_eq!(refused(37, |aarq| aarq.calling_title = None), 3);
    assert_eq!(refused(37, |aarq| aarq.mechanism = Mechanism::HlsMd5), 11);
    assert_eq!(
        refused(37, |aarq| aarq.secret = Some(Secret::new("short"))),
        13
    );
    assert_eq!(refused(64, |_| {}), 2, "it must cipher");
}
