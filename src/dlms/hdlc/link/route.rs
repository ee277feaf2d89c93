//! Who talks to whom: the addresses our frames bear, and which frames are for us.
//! The rule: a device that was called by a common address is held to its own from its first answer on.

use super::super::address::Octets;
use super::super::{ClientAddress, Control, Frame, ServerAddress};

pub(super) struct Route {
    configured: ServerAddress,
    server: Octets,
    client: u8,
    /// False while the device behind a common address has not answered.
    known: bool,
}

impl Route {
    pub(super) fn new(client: ClientAddress, server: ServerAddress) -> Self {
        Self {
            configured: server,
            server: server.octets(),
            client: client.octet(),
            known: server.is_individual(),
        }
    }

    /// Back to the configured address.
    pub(super) fn forget(&mut self) {
        self.server = self.configured.octets();
        self.known = self.configured.is_individual();
    }

    pub(super) fn server(&self) -> &[u8] {
        &self.server
    }

    pub(super) fn client(&self) -> [u8; 1] {
        [self.client]
    }

    /// The address in use.
    pub(super) fn address(&self) -> ServerAddress {
        ServerAddress::decode(&self.server).map_or(self.configured, |(address, _)| address)
    }

    pub(super) fn is_ours(&self, frame: &Frame<'_>) -> bool {
        let all = ClientAddress::ALL_STATION.octet();
        let to_us = match *frame.destination() {
            [octet] if octet == self.client => true,
            [octet] if octet == all => matches!(frame.control(), Control::Ui { .. }),
            _ => false,
        };
        to_us
            && if self.known {
                *frame.source() == *self.server
            } else {
                ServerAddress::decode(frame.source()).is_ok()
            }
    }

    /// The device that answered is the one we talk to.
    pub(super) fn learn(&mut self, frame: &Frame<'_>) {
        if let (false, Ok((address, _))) = (self.known, ServerAddress::decode(frame.source())) {
            self.server = address.octets();
            self.known = true;
        }
    }
}
