//! The security setup (class 64, version 1) as the client that reads it has it, and the last counter taken of each suite.

use super::attributes::{Reader, array, octets};
use crate::cosem::Data;
use crate::dlms::security::{Protection, Suite};

/// Security policy bits (Blue Book, version 1): requests and responses authenticated, encrypted.
const AUTHENTICATED: u8 = 0x04 | 0x20;
const ENCRYPTED: u8 = 0x08 | 0x40;

impl Reader<'_> {
    pub fn security_setup(&self, attribute: i8, out: &mut Vec<u8>) {
        let terms = self.association.security;
        match attribute {
            2 => {
                let required = terms.and_then(|terms| terms.required);
                Data::Enum(required.map_or(0, policy)).encode(out);
            }
            3 => {
                let suite = terms.map_or(Suite::Zero, |terms| terms.suite);
                Data::Enum(suite.number()).encode(out);
            }
            4 => {
                let title = terms.and_then(|terms| terms.client);
                octets(title.as_ref().map_or(&[], |title| &title.0[..]), out);
            }
            5 => octets(&self.profile.system_title().0, out),
            // No certificates.
            _ => array(0, out),
        }
    }

    pub fn invocation_counter(&self, suite: u8, out: &mut Vec<u8>) {
        Data::DoubleLongUnsigned(self.counters.taken(suite)).encode(out);
    }
}

const fn policy(required: Protection) -> u8 {
    let mut bits = 0;
    if required.authenticates() {
        bits |= AUTHENTICATED;
    }
    if required.encrypts() {
        bits |= ENCRYPTED;
    }
    bits
}
