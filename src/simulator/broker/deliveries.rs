//! Messages on their way to one subscriber. The rule: with QoS 1 no more are under way than the client takes at a time, and a
//! packet identifier is free again only with its PUBACK (clause 2.2.1).

use super::packet::Publish;
use std::collections::BTreeSet;

pub(super) struct Deliveries {
    under_way: BTreeSet<u16>,
    last: u16,
    most: usize,
}

impl Deliveries {
    pub fn new(most: u16) -> Self {
        Self {
            under_way: BTreeSet::new(),
            last: 0,
            most: usize::from(most.max(1)),
        }
    }

    /// Whether another may go.
    pub fn open(&self) -> bool {
        self.under_way.len() < self.most
    }

    /// Gives it its packet identifier; call it only while `open`.
    pub fn number(&mut self, message: &mut Publish) {
        if message.qos == 0 {
            return;
        }
        // Fewer than 65535 are under way, so one is free.
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.under_way.insert(self.last) {
                break;
            }
        }
        message.packet = self.last;
    }

    pub fn done(&mut self, packet: u16) {
        self.under_way.remove(&packet);
    }
}
