//! The security room against published vectors, recorded sessions, another implementation, and what is wrong.
mod agreed;
mod oracle;
mod properties;
mod recorded;
mod refusals;
mod vectors;
use super::*;

/// Hex digits into octets.
fn hex(text: &str) -> Vec<u8> {
    keys::hex_octets(text).expect(text).to_vec()
}

fn secret(text: &str) -> Secret {
    Secret::new(hex(text))
}

const CLIENT: SystemTitle = SystemTitle([0x4D, 0x4D, 0x4D, 0, 0, 0xBC, 0x61, 0x4E]);
const METER: SystemTitle = SystemTitle(*b"GRX\0\0\0\0\x01");

/// The keys of the Green Book's examples.
fn green_book() -> Keys {
    Keys::parse("ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF").unwrap()
}

fn sealing(keys: &Keys, protection: Protection, form: Form) -> Sealing<'_> {
    Sealing {
        suite: Suite::Zero,
        protection,
        form,
        title: CLIENT,
        keys,
        counter: 0x0123_4567,
    }
}

fn sealed(plain: &[u8], how: &Sealing<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    seal(plain, how, &mut out).unwrap();
    out
}

fn from_client(keys: &Keys) -> Opening<'_> {
    Opening {
        peer_title: Some(CLIENT),
        ..Opening::new(keys)
    }
}
