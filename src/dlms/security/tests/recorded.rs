//! Sessions of others, recorded: every ciphered APDU opens and verifies, seals again to the same octets, and every
//! HLS proof is right.
use super::super::hls::{HlsMechanism, Proof, Prover, answer, verify};
use super::*;
use crate::dlms::acse::{Aare, Aarq, UserInformation};
use crate::dlms::hdlc::{Control, Frame};
use std::path::Path;

/// Whole APDUs in order and who sent them, behind HDLC or the wrapper.
fn apdus(text: &str) -> Vec<(Prover, Vec<u8>)> {
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim_end();
        let (Some(who), Some(octets)) = (line.get(..2), line.get(3..)) else {
            continue;
        };
        let who = if who == "TX" {
            Prover::Client
        } else {
            Prover::Meter
        };
        let octets = hex(octets);
        if octets.starts_with(&[0, 1]) {
            all.push((who, octets[8..].to_vec()));
            continue;
        }
        let Ok(frame) = Frame::parse(&octets[1..octets.len() - 1]) else {
            continue;
        };
        if !matches!(
            frame.control(),
            Control::Information { .. } | Control::Ui { .. }
        ) {
            continue;
        }
        joined.extend_from_slice(frame.information());
        if !frame.segmented() {
            all.push((who, joined[3..].to_vec()));
            joined.clear();
        }
    }
    all
}

#[derive(Default)]
struct Session {
    client: Option<SystemTitle>,
    meter: Option<SystemTitle>,
    client_challenge: Vec<u8>,
    meter_challenge: Vec<u8>,
    mechanism: Option<HlsMechanism>,
    opened: usize,
    proofs: usize,
}

impl Session {
    fn title(&self, who: Prover) -> Option<SystemTitle> {
        match who {
            Prover::Client => self.client,
            Prover::Meter => self.meter,
        }
    }

    /// The plain APDU, proven: opened where it is ciphered.
    fn plain(&mut self, who: Prover, apdu: &[u8], keys: &Keys) -> Vec<u8> {
        if !crate::dlms::xdlms::tag::is_ciphered(apdu[0]) {
            return apdu.to_vec();
        }
        let opening = Opening {
            peer_title: self.title(who),
            ..Opening::new(keys)
        };
        let opened = open(apdu, &opening).unwrap();
        assert!(opened.verified);
        self.opened += 1;
        let again = Sealing {
            suite: opened.control.suite().unwrap(),
            protection: opened.control.protection().unwrap(),
            form: opened.form,
            title: opened.title.unwrap(),
            // general-glo is said by leaving the dedicated key out
            keys: &Keys {
                dedicated: keys
                    .dedicated
                    .clone()
                    .filter(|_| apdu[0] != super::super::form::GENERAL_GLO),
                ..keys.clone()
            },
            counter: opened.counter,
        };
        assert_eq!(sealed(&opened.plain, &again), apdu);
        opened.plain
    }

    fn prove(&mut self, who: Prover, got: &[u8], keys: &Keys) {
        let Some(mechanism) = self.mechanism else {
            return;
        };
        let password = Secret::new("12345678");
        let proof = Proof {
            mechanism,
            prover: who,
            client_challenge: &self.client_challenge,
            meter_challenge: &self.meter_challenge,
            client_title: self.client,
            meter_title: self.meter,
            secret: Some(&password),
            suite: Suite::Zero,
            keys,
        };
        let counter = verify(&proof, got).unwrap();
        assert_eq!(answer(&proof, counter.unwrap_or(0)).unwrap(), got);
        self.proofs += 1;
    }

    fn follow(&mut self, who: Prover, apdu: &[u8], keys: &Keys) {
        match apdu[0] {
            0x60 => {
                let aarq = Aarq::decode(apdu).unwrap();
                self.client = aarq
                    .calling_title
                    .and_then(|title| title.as_slice().try_into().ok());
                self.client_challenge = aarq
                    .secret
                    .map(|secret| secret.expose().to_vec())
                    .unwrap_or_default();
                self.mechanism = HlsMechanism::from_number(aarq.mechanism.arc());
                self.information(who, &aarq.user_information, keys);
            }
            0x61 => {
                let aare = Aare::decode(apdu).unwrap();
                self.meter = aare
                    .responding_title
                    .and_then(|title| title.as_slice().try_into().ok());
                self.meter_challenge = aare.authentication_value.unwrap_or_default();
                self.information(who, &aare.user_information, keys);
            }
            _ => {
                let plain = self.plain(who, apdu, keys);
                match plain.as_slice() {
                    [
                        0xC3,
                        1,
                        _,
                        0,
                        15,
                        0,
                        0,
                        40,
                        0,
                        0,
                        255,
                        1,
                        1,
                        9,
                        length,
                        proof @ ..,
                    ]
                    | [0xC7, 1, _, 0, 1, 0, 9, length, proof @ ..]
                        if usize::from(*length) == proof.len() =>
                    {
                        self.prove(who, proof, keys);
                    }
                    _ => {}
                }
            }
        }
    }

    fn information(&mut self, who: Prover, information: &UserInformation, keys: &Keys) {
        if let UserInformation::Ciphered(apdu) = information {
            let plain = self.plain(who, apdu, keys);
            assert!(matches!(plain[0], 0x01 | 0x08), "{plain:02X?}");
        }
    }
}

/// Session, ciphered APDUs in it, HLS proofs in it.
const HELD: [&str; 16] = [
    "c_hdlc_gxpy_gmac.txt 58 2",
    "c_hdlc_gxpy_gmac_general.txt 12 2",
    "c_hdlc_gxpy_gmac_glo_ded.txt 12 2",
    "c_push_datanotification.txt 2 0",
    "c_wrap_u9n_gmac.txt 26 2",
    "p_hdlc_gxc_gmac.txt 12 2",
    "p_hdlc_gxpy_ciph_ded.txt 48 2",
    "p_hdlc_gxpy_ciph_gended.txt 48 2",
    "p_hdlc_gxpy_ciph_general.txt 48 2",
    "p_hdlc_gxpy_ciph_glo.txt 48 2",
    "p_hdlc_gxpy_hls_gmac.txt 0 2",
    "p_hdlc_gxpy_hls_md5.txt 0 2",
    "p_hdlc_gxpy_hls_sha1.txt 0 2",
    "p_hdlc_gxpy_hls_sha256.txt 0 2",
    "p_wrap_gxpy_ciph_glo.txt 48 2",
    "p_wrap_u9n_gmac.txt 12 2",
];

#[test]
fn every_recorded_session_opens_and_its_proofs_are_right() {
    let keys = Keys {
        dedicated: Some(secret("00112233445566778899AABBCCDDEEFF")),
        ..green_book()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("neg_") && name.contains(".txt"))
        .collect();
    names.sort();
    let mut counted = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let mut session = Session::default();
        for (who, apdu) in apdus(&text) {
            session.follow(who, &apdu, &keys);
        }
        if session.opened + session.proofs > 0 {
            counted.push((name, session.opened, session.proofs));
        }
    }
    let counted: Vec<String> = counted
        .iter()
        .map(|(name, opened, proofs)| format!("{name} {opened} {proofs}"))
        .collect();
    assert_eq!(counted, HELD);
}
