//! Any bytes as a ciphered or signed APDU, under the keys the seeds were sealed with: nothing comes out of what is not
//! proven, and what we seal opens, unless an octet of it is changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::dlms::security::hls::{HlsMechanism, Proof, Prover, verify};
use rooms::dlms::security::{
    Form, Keys, Opening, Protection, Sealing, Secret, Suite, SystemTitle, open, seal, signing, wrap,
};
use rooms::{Script, bounded};
use std::sync::LazyLock;

const TITLE: SystemTitle = SystemTitle(*b"GRX\0\0\0\0\x01");
const CLIENT: SystemTitle = SystemTitle(*b"MMM\0\0\xBC\x61\x4E");

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let text = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF \
                dk=00112233445566778899AABBCCDDEEFF kek=000102030405060708090A0B0C0D0E0F";
    Keys::parse(text).expect("good keys")
});

fn opened(apdu: &[u8], script: &mut Script<'_>) {
    let choice = script.byte();
    let with = Opening {
        suite: Suite::from_number(choice & 3),
        peer_title: match choice & 12 {
            0 => None,
            4 => Some(CLIENT),
            8 => Some(SystemTitle(*b"ABCDEFGH")),
            _ => Some(TITLE),
        },
        lowest_counter: (choice & 16 != 0).then_some(5),
        verify: choice & 32 == 0,
        ..Opening::new(&KEYS)
    };
    match open(apdu, &with) {
        Ok(opened) => {
            assert!(opened.plain.len() <= apdu.len(), "nothing grows by opening");
            assert!(
                with.lowest_counter
                    .is_none_or(|lowest| opened.counter >= lowest)
            );
        }
        Err(error) => assert!(!error.to_string().contains("D0D1D2D3"), "a key is shown"),
    }
}

fn sealed(plain: &[u8], script: &mut Script<'_>) {
    let choice = script.byte();
    let protection = match choice & 3 {
        0 => Protection::Authentication,
        1 => Protection::Encryption,
        _ => Protection::Both,
    };
    let how = Sealing {
        suite: Suite::Zero,
        protection,
        form: match choice >> 2 & 3 {
            0 => Form::Global,
            1 => Form::Dedicated,
            _ => Form::General,
        },
        title: TITLE,
        keys: &KEYS,
        counter: u32::from(script.word()),
    };
    let mut apdu = Vec::new();
    if seal(plain, &how, &mut apdu).is_err() {
        assert!(apdu.is_empty());
        return;
    }
    let with = Opening {
        peer_title: Some(TITLE),
        ..Opening::new(&KEYS)
    };
    let opened = open(&apdu, &with).expect("what we seal opens");
    assert_eq!((&*opened.plain, opened.counter), (plain, how.counter));
    let at = usize::from(script.word()) % apdu.len();
    apdu[at] ^= script.byte().max(1);
    if protection.authenticates()
        && let Ok(changed) = open(&apdu, &with)
    {
        // A changed octet outside what the tag covers may not change what comes out.
        assert!(
            !changed.verified || changed.plain == plain,
            "octet {at} of {apdu:02X?}"
        );
    }
}

fn proofs(got: &[u8], script: &mut Script<'_>) {
    let Some(mechanism) = HlsMechanism::from_number(script.byte() % 8) else {
        return;
    };
    let secret = Secret::new("12345678");
    let (client_challenge, meter_challenge) = (script.piece(), script.piece());
    let proof = Proof {
        mechanism,
        prover: Prover::Meter,
        client_challenge,
        meter_challenge,
        client_title: Some(CLIENT),
        meter_title: Some(TITLE),
        secret: Some(&secret),
        suite: Suite::Zero,
        keys: &KEYS,
    };
    let _ = verify(&proof, got);
}

fuzz_target!(|input: &[u8]| {
    bounded(|| {
        let kind = input.first().map_or(0, |octet| octet % 4);
        // What chooses stands in front, so that a recorded APDU stays in one piece behind it.
        let (choice, apdu) = input
            .get(1..)
            .unwrap_or_default()
            .split_at(input.len().saturating_sub(1).min(8));
        let mut script = Script::new(choice);
        match kind {
            0 => opened(apdu, &mut script),
            1 => sealed(apdu, &mut script),
            2 => proofs(apdu, &mut Script::new(input.get(1..).unwrap_or_default())),
            _ => {
                if let Ok(signed) = signing::read(apdu) {
                    let _ = signed.verify(&KEYS);
                }
                if let Some(kek) = &KEYS.wrapping {
                    let _ = wrap::unwrap(kek, apdu);
                }
                if let Ok(text) = std::str::from_utf8(apdu) {
                    let _ = Keys::parse(text);
                    let _ = text.parse::<SystemTitle>();
                }
            }
        }
    });
});
