//! A byte stream or datagrams that carry wrapper PDUs (IEC 62056-47): the wPorts name client and logical device, there is
//! no link to set up. The rule: who is not meant, or not known, hears nothing.

use super::application::Application;
use super::outbox::Outbox;
use crate::dlms::wrapper::{Decoder, Header, Item, build};
use crate::dlms::xdlms::ExceptionResponse;
use crate::simulator::profile::{Profile, Transport};
use std::time::Instant;

/// exception-response: service not allowed, PDU too long.
const TOO_LONG: ExceptionResponse = ExceptionResponse {
    state: 1,
    service: 4,
    counter: None,
};

#[derive(Debug, Default)]
pub(super) struct WrapperLine {
    decoder: Decoder,
    /// The client that spoke last, and when.
    client: Option<(u8, Instant)>,
    outbox: Outbox,
    answer: Vec<u8>,
    unfinished: Option<Instant>,
}

impl WrapperLine {
    /// The byte stream is over, and with it the association.
    pub fn forget_stream(&mut self) {
        *self = Self::default();
    }

    pub fn drop_link(&mut self) {
        self.client = None;
    }

    pub fn handle_bytes(
        &mut self,
        now: Instant,
        bytes: &[u8],
        profile: &Profile,
        app: &mut Application,
    ) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.push(bytes);
        while let Some(item) = decoder.next() {
            if let Item::Pdu { header, apdu, .. } = item {
                self.pdu(now, header, apdu, profile, app);
            }
        }
        if profile.transport == Transport::WrapperUdp {
            // What one datagram left unfinished the next one does not go on with.
            decoder.clear();
        }
        self.unfinished = if decoder.pending().is_empty() {
            None
        } else {
            now.checked_add(profile.inter_octet)
        };
        self.decoder = decoder;
    }

    fn pdu(
        &mut self,
        now: Instant,
        header: Header,
        apdu: &[u8],
        profile: &Profile,
        app: &mut Application,
    ) {
        let client = u8::try_from(header.source)
            .ok()
            .and_then(|sap| profile.client(sap));
        let Some(client) = client.filter(|_| header.destination == profile.address.upper()) else {
            return;
        };
        // Another client's association is not this one's.
        if self.client.is_some_and(|(sap, _)| sap != client.sap) {
            app.reset();
        }
        self.client = Some((client.sap, now));
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        if apdu.len() > usize::from(profile.max_pdu) {
            TOO_LONG.encode(&mut answer);
        } else {
            app.request(now, client, profile, apdu, &mut answer);
        }
        while !answer.is_empty() {
            let (server, client) = (header.destination, header.source);
            self.outbox.add((now, profile.delay), |out| {
                build(server, client, &answer, out).is_ok()
            });
            answer.clear();
            app.stream(&mut answer);
        }
        self.answer = answer;
    }

    pub fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.outbox.transmit(now, out)
    }

    /// When something is to be sent or given up.
    pub fn timeout(&self) -> Option<Instant> {
        [self.outbox.due(), self.unfinished]
            .into_iter()
            .flatten()
            .min()
    }

    /// The end of the association if nothing more is heard.
    pub fn deadline(&self, profile: &Profile) -> Option<Instant> {
        let (_, heard) = self.client?;
        if profile.inactivity.is_zero() {
            return None;
        }
        heard.checked_add(profile.inactivity)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.unfinished.is_some_and(|until| until <= now) {
            self.decoder.clear();
            self.unfinished = None;
        }
    }
}
