//! dlms-cosem-rs, another implementation, seals and opens the same octets.
use super::*;
use dlms_cosem_rs::security as other;
use dlms_cosem_rs::security::{
    Key as OtherKey, KeyRing, KeyUsage, Protector, RustCryptoProvider, SecurityPolicy,
};

const DEDICATED: &str = "00112233445566778899AABBCCDDEEFF";

fn protector(policy: SecurityPolicy, keys: &Keys) -> Protector<RustCryptoProvider> {
    let mut ring = KeyRing::default();
    let mut put = |usage, key: &Option<Secret>| {
        if let Some(key) = key {
            ring.set(usage, OtherKey::from_slice(key.expose()).unwrap());
        }
    };
    put(KeyUsage::GlobalUnicastEncryption, &keys.encryption);
    put(KeyUsage::Authentication, &keys.authentication);
    put(KeyUsage::Dedicated, &keys.dedicated);
    Protector::new(RustCryptoProvider::new(ring), policy)
}

#[test]
fn each_opens_what_the_other_sealed() {
    let keys = Keys {
        dedicated: Some(secret(DEDICATED)),
        ..green_book()
    };
    let authentication = hex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");
    for protection in [
        Protection::Authentication,
        Protection::Encryption,
        Protection::Both,
    ] {
        for form in [Form::Global, Form::Dedicated, Form::General] {
            let policy = SecurityPolicy {
                suite: other::SecuritySuite::Suite0,
                authenticated: protection.authenticates(),
                encrypted: protection.encrypts(),
                key_set: other::KeySet::GlobalUnicast,
            }
            .with_dedicated(form != Form::Global);
            let protector = protector(policy, &keys);
            let title = other::SystemTitle(CLIENT.0);
            for length in [1, 2, 15, 16, 17, 100, 1000] {
                let plain = [vec![0xC4], vec![0x5A; length - 1]].concat();
                let apdu = sealed(&plain, &sealing(&keys, protection, form));
                let mut out = vec![0; length + 12];
                let theirs = protector
                    .protect(&title, 0x0123_4567, &authentication, &plain, &mut out)
                    .unwrap()
                    .to_vec();
                assert!(apdu.ends_with(&theirs), "{protection:?} {form:?} {length}");
                let mut payload = apdu[apdu.len() - theirs.len()..].to_vec();
                let control = dlms_cosem_rs::xdlms::SecurityControl(
                    SecurityControl::new(Suite::Zero, protection).0,
                );
                let opened = protector
                    .unprotect(control, &title, 0x0123_4567, &authentication, &mut payload)
                    .unwrap();
                assert_eq!(opened, plain);
            }
        }
    }
}
