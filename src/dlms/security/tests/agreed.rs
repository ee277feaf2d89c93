//! general-ciphering with every way to find the key, general-signing, and the proofs of both sides.
use super::super::hls::{HlsMechanism, Proof, Prover, answer, verify};
use super::super::{curve, signing};
use super::*;

const PLAIN: &[u8] = &[0xC0, 1, 0xC1, 0, 8, 0, 0, 1, 0, 0, 255, 2, 0];

/// Both ends' keys, made from fixed private ones.
fn pair(suite: Suite) -> (Keys, Keys) {
    let length = curve::field_length(suite).unwrap();
    let private = |octet| Secret::new(vec![octet; length]);
    let public = |octet| curve::public_of(suite, &private(octet)).unwrap();
    let shared = Keys {
        encryption: Some(Secret::new(vec![1; suite.key_length()])),
        authentication: Some(Secret::new(vec![2; suite.key_length()])),
        broadcast: Some(Secret::new(vec![3; suite.key_length()])),
        wrapping: Some(Secret::new(vec![4; suite.key_length()])),
        ..Keys::default()
    };
    let client = Keys {
        signing: Some(private(0x11)),
        agreement: Some(private(0x22)),
        peer_signing: Some(public(0x33)),
        peer_agreement: Some(public(0x44)),
        ..shared.clone()
    };
    let meter = Keys {
        signing: Some(private(0x33)),
        agreement: Some(private(0x44)),
        peer_signing: Some(public(0x11)),
        peer_agreement: Some(public(0x22)),
        ..shared
    };
    (client, meter)
}

fn header() -> Header {
    Header {
        transaction_id: hex("0102030405060708"),
        originator: CLIENT.0.to_vec(),
        recipient: METER.0.to_vec(),
        date_time: Vec::new(),
        other_information: b"x".to_vec(),
    }
}

#[test]
fn general_ciphering_finds_its_key() {
    for suite in [Suite::One, Suite::Two] {
        let (ours, theirs) = pair(suite);
        let session = Secret::new(vec![9; suite.key_length()]);
        let ephemeral = Secret::new(vec![0x55; curve::field_length(suite).unwrap()]);
        let cipher = Cipher::new(suite, &ours).unwrap();
        for key in [
            Key::Unsaid,
            Key::Global,
            Key::Broadcast,
            Key::Wrapped(&session),
            Key::Agreed(Agreed::OnePass {
                ephemeral: &ephemeral,
            }),
            Key::Agreed(Agreed::Static),
        ] {
            for protection in [
                Protection::Authentication,
                Protection::Encryption,
                Protection::Both,
            ] {
                let outgoing = Outgoing {
                    protection,
                    form: Form::General,
                    title: CLIENT,
                    counter: 7,
                };
                let mut apdu = Vec::new();
                cipher
                    .seal_general(PLAIN, outgoing, &header(), key, &mut apdu)
                    .unwrap();
                let opened = open(&apdu, &Opening::new(&theirs)).unwrap();
                assert_eq!(opened.plain, PLAIN);
                assert_eq!(opened.header, Some(header()));
                assert_eq!(opened.verified, protection.authenticates());
                if !protection.authenticates() {
                    continue;
                }
                // The header is part of what the tag covers; agreement is slow, so a few octets of it will do.
                let step = if matches!(key, Key::Agreed(_)) { 19 } else { 1 };
                for at in (1..apdu.len()).step_by(step) {
                    let mut bent = apdu.clone();
                    bent[at] ^= 1;
                    let got = open(&bent, &Opening::new(&theirs));
                    assert!(got.is_err(), "{key:?} {protection:?} octet {at}");
                }
            }
        }
    }
}

#[test]
fn an_ephemeral_key_nobody_signed() {
    let (ours, mut theirs) = pair(Suite::One);
    let ephemeral = Secret::new(vec![0x55; 32]);
    let outgoing = Outgoing {
        protection: Protection::Both,
        form: Form::General,
        title: CLIENT,
        counter: 7,
    };
    let key = Key::Agreed(Agreed::OnePass {
        ephemeral: &ephemeral,
    });
    let mut apdu = Vec::new();
    Cipher::new(Suite::One, &ours)
        .unwrap()
        .seal_general(PLAIN, outgoing, &header(), key, &mut apdu)
        .unwrap();
    theirs.peer_signing = theirs.peer_agreement.clone();
    assert_eq!(
        open(&apdu, &Opening::new(&theirs)),
        Err(SecurityError::EphemeralSignature)
    );
    theirs.peer_signing = None;
    assert_eq!(
        open(&apdu, &Opening::new(&theirs)),
        Err(SecurityError::MissingKey("peer's public signing"))
    );
}

#[test]
fn general_signing_is_read_and_verified() {
    for suite in [Suite::One, Suite::Two] {
        let (ours, theirs) = pair(suite);
        let mut apdu = Vec::new();
        signing::sign(suite, &ours, &header(), PLAIN, &mut apdu).unwrap();
        let signed = signing::read(&apdu).unwrap();
        assert_eq!(
            (signed.content, signed.suite(), &signed.header),
            (PLAIN, Some(suite), &header())
        );
        assert_eq!(signed.verify(&theirs), Ok(()));
        assert_eq!(signed.verify(&ours), Err(SecurityError::SignatureMismatch));
        assert_eq!(
            signed.verify(&Keys::default()),
            Err(SecurityError::MissingKey("peer's public signing"))
        );
        for cut in 0..apdu.len() {
            assert!(signing::read(&apdu[..cut]).is_err());
        }
        let mut bent = apdu.clone();
        bent[2] ^= 1;
        assert_eq!(
            signing::read(&bent).unwrap().verify(&theirs),
            Err(SecurityError::SignatureMismatch)
        );
    }
}

#[test]
fn every_mechanism_proves_both_sides() {
    let password = Secret::new("a long secret");
    let other = Secret::new("a long secres");
    for (mechanism, suite) in [
        (HlsMechanism::Md5, Suite::One),
        (HlsMechanism::Sha1, Suite::One),
        (HlsMechanism::Gmac, Suite::One),
        (HlsMechanism::Gmac, Suite::Two),
        (HlsMechanism::Sha256, Suite::One),
        (HlsMechanism::Ecdsa, Suite::One),
        (HlsMechanism::Ecdsa, Suite::Two),
    ] {
        let (ours, theirs) = pair(suite);
        for prover in [Prover::Client, Prover::Meter] {
            let (prove, check) = match prover {
                Prover::Client => (&ours, &theirs),
                Prover::Meter => (&theirs, &ours),
            };
            let proof = Proof {
                mechanism,
                prover,
                client_challenge: b"0123456789abcdef",
                meter_challenge: b"fedcba9876543210",
                client_title: Some(CLIENT),
                meter_title: Some(METER),
                secret: Some(&password),
                suite,
                keys: prove,
            };
            let sent = answer(&proof, 5).unwrap();
            let checked = Proof {
                keys: check,
                ..proof
            };
            assert!(verify(&checked, &sent).is_ok(), "{mechanism:?}");
            // Of the other side, of another challenge, cut, bent, under another secret, or sent back to ourselves.
            let swapped = Proof {
                client_challenge: b"fedcba9876543210",
                meter_challenge: b"0123456789abcdef",
                ..checked
            };
            assert!(verify(&swapped, &sent).is_err());
            for cut in 0..sent.len() {
                assert!(verify(&checked, &sent[..cut]).is_err());
            }
            let mut bent = sent.clone();
            *bent.last_mut().unwrap() ^= 1;
            assert!(matches!(
                verify(&checked, &bent),
                Err(SecurityError::WrongProof(_))
            ));
            if mechanism.needs_secret() {
                let wrong = Proof {
                    secret: Some(&other),
                    ..checked
                };
                assert!(verify(&wrong, &sent).is_err());
            }
            let mirrored = Proof {
                meter_challenge: b"0123456789abcdef",
                ..checked
            };
            assert_eq!(verify(&mirrored, &sent), Err(SecurityError::SameChallenge));
            if mechanism.needs_titles() {
                let nameless = Proof {
                    client_title: None,
                    meter_title: None,
                    ..checked
                };
                assert_eq!(verify(&nameless, &sent), Err(SecurityError::NoTitle));
            }
        }
    }
}
