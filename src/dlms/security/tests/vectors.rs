//! What NIST, the RFCs and the Green Book print.
use super::super::gcm::Gcm;
use super::super::hls::{HlsMechanism, Proof, Prover, answer, verify};
use super::super::{agreement, curve, wrap};
use super::*;

const VECTORS: &str = include_str!("../../../../tests/data/security/vectors.txt");

fn vector(name: &str) -> Vec<u8> {
    let line = VECTORS
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .expect(name);
    hex(line)
}

#[test]
fn aes_gcm_of_both_lengths() {
    for name in ["gcm128", "gcm256"] {
        let part = |part: &str| vector(&format!("{name}.{part}"));
        let gcm = Gcm::new(&part("key")).unwrap();
        let nonce = part("nonce").try_into().unwrap();
        let mut octets = part("plain");
        let tag = gcm.encrypt(nonce, &part("aad"), &mut octets).unwrap();
        assert_eq!(octets, part("cipher"), "{name}");
        assert_eq!(tag.to_vec(), part("tag"), "{name}");
        let mut unverified = octets.clone();
        gcm.decrypt_unverified(nonce, &mut unverified).unwrap();
        assert_eq!(unverified, part("plain"));
        assert!(gcm.decrypt(nonce, &part("aad"), &mut octets, &tag));
        assert_eq!(octets, part("plain"));
        let mut other = tag;
        other[11] ^= 1;
        assert!(!gcm.decrypt(nonce, &part("aad"), &mut octets, &other));
    }
}

#[test]
fn key_wrap_of_both_lengths() {
    for name in ["wrap128", "wrap256"] {
        let part = |part: &str| vector(&format!("{name}.{part}"));
        let (kek, key) = (Secret::new(part("kek")), Secret::new(part("key")));
        let wrapped = wrap::wrap(&kek, &key).unwrap();
        assert_eq!(wrapped, part("wrapped"));
        assert_eq!(wrap::unwrap(&kek, &wrapped).unwrap(), key);
        let mut bad = wrapped.clone();
        bad[3] ^= 1;
        assert_eq!(wrap::unwrap(&kek, &bad), Err(SecurityError::Unwrap));
        for cut in 0..wrapped.len() {
            assert!(wrap::unwrap(&kek, &wrapped[..cut]).is_err());
        }
    }
}

#[test]
fn signatures_of_both_curves() {
    for (name, suite) in [("ecdsa256", Suite::One), ("ecdsa384", Suite::Two)] {
        let private = Secret::new(vector(&format!("{name}.private")));
        let public = curve::public_of(suite, &private).unwrap();
        if suite == Suite::One {
            assert_eq!(public, vector("ecdsa256.public"));
        }
        let signature = curve::sign(suite, &private, b"sample").unwrap();
        assert_eq!(signature, vector(&format!("{name}.signature")));
        assert_eq!(
            curve::verify(suite, &public, b"sample", &signature),
            Ok(true)
        );
        assert_eq!(
            curve::verify(suite, &public, b"sampled", &signature),
            Ok(false)
        );
        let mut off_curve = public.clone();
        off_curve[5] ^= 1;
        assert!(matches!(
            curve::verify(suite, &off_curve, b"sample", &signature),
            Err(SecurityError::BadKey(_))
        ));
    }
}

#[test]
fn shared_secrets_of_both_curves() {
    for (name, suite) in [("ecdh256", Suite::One), ("ecdh384", Suite::Two)] {
        let private = Secret::new(vector(&format!("{name}.private")));
        let z = curve::agree(suite, &private, &vector(&format!("{name}.public"))).unwrap();
        assert_eq!(z.expose(), vector(&format!("{name}.z")));
    }
}

#[test]
fn the_one_pass_key_of_the_green_book() {
    let ephemeral = Secret::new(vector("onepass.ephemeral"));
    let fixed = Secret::new(vector("onepass.static"));
    assert_eq!(
        curve::public_of(Suite::One, &ephemeral).unwrap(),
        vector("onepass.ephemeral_public")
    );
    let ours = curve::agree(Suite::One, &ephemeral, &vector("onepass.static_public")).unwrap();
    let theirs = curve::agree(Suite::One, &fixed, &vector("onepass.ephemeral_public")).unwrap();
    assert_eq!(ours, theirs);
    assert_eq!(ours.expose(), vector("onepass.z"));
    let other = hex("60857405080300 4D4D4D0000BC614E 4D4D4D0000000001");
    assert_eq!(
        agreement::derive(Suite::One, &ours, &other).expose(),
        vector("onepass.key")
    );
}

#[test]
fn ciphered_apdus_of_the_green_book() {
    let keys = green_book();
    for (name, protection, plain) in [
        ("initiate.both", Protection::Both, "initiate.plain"),
        ("get.authenticated", Protection::Authentication, "get.plain"),
        ("get.encrypted", Protection::Encryption, "get.plain"),
        ("get.both", Protection::Both, "get.plain"),
    ] {
        let plain = vector(plain);
        let apdu = sealed(&plain, &sealing(&keys, protection, Form::Global));
        assert_eq!(apdu, vector(name), "{name}");
        let opened = open(&apdu, &from_client(&keys)).unwrap();
        assert_eq!(opened.plain, plain);
        assert_eq!(opened.verified, protection.authenticates());
        assert_eq!(opened.control.protection(), Some(protection));
        assert_eq!(opened.counter, 0x0123_4567);
        assert_eq!(opened.title, Some(CLIENT));
    }
}

#[test]
fn the_gmac_proofs_of_the_green_book() {
    let keys = green_book();
    let (client, meter) = (
        vector("gmac.client_challenge"),
        vector("gmac.meter_challenge"),
    );
    let proof = |prover| Proof {
        mechanism: HlsMechanism::Gmac,
        prover,
        client_challenge: &client,
        meter_challenge: &meter,
        client_title: Some("4D4D4D0000000001".parse().unwrap()),
        meter_title: Some(CLIENT),
        secret: None,
        suite: Suite::Zero,
        keys: &keys,
    };
    for (prover, counter, name) in [
        (Prover::Client, 1, "gmac.client_proof"),
        (Prover::Meter, 0x0123_4567, "gmac.meter_proof"),
    ] {
        assert_eq!(answer(&proof(prover), counter).unwrap(), vector(name));
        assert_eq!(verify(&proof(prover), &vector(name)), Ok(Some(counter)));
        let mut wrong = vector(name);
        wrong[16] ^= 1;
        assert!(matches!(
            verify(&proof(prover), &wrong),
            Err(SecurityError::WrongProof(_))
        ));
    }
    assert!(matches!(
        verify(&proof(Prover::Client), &vector("gmac.meter_proof")),
        Err(SecurityError::WrongProof(_))
    ));
}
