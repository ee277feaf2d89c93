//! What is under way on one connection: a window that slides from its oldest unacknowledged message.
//!
//! rumqttc hands out packet ids in order and tells them in order, without saying for what; the FIFO
//! here gives each its rows. Pinned at the oldest, and half as wide as rumqttc's own table, it can
//! never meet an id of its own that is still in use, whatever order the broker acknowledges in.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// One message: the rows it was made of; none for what is not kept in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub rows: Vec<i64>,
    pub topic: String,
    /// Connections that ended over the first of the rows.
    pub attempts: u32,
}

struct Slot {
    load: Load,
    submitted: Instant,
    packet: Option<u16>,
    acknowledged: bool,
}

#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
}

/// The broker named a packet that is not under way, or rumqttc sent one we did not submit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray(pub u16);

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn submit(&mut self, load: Load, now: Instant) {
        self.slots.push_back(Slot {
            load,
            submitted: now,
            packet: None,
            acknowledged: false,
        });
    }

    /// rumqttc wrote the next one, under this id.
    pub(super) fn sent(&mut self, packet: u16) -> Result<(), Stray> {
        let next = self.slots.iter_mut().find(|slot| slot.packet.is_none());
        next.ok_or(Stray(packet))?.packet = Some(packet);
        Ok(())
    }

    /// PUBACK, whatever it says: what it was for, and how long it took.
    pub(super) fn acknowledge(
        &mut self,
        packet: u16,
        now: Instant,
    ) -> Result<(Load, Duration), Stray> {
        let slot = self
            .slots
            .iter_mut()
            .find(|slot| slot.packet == Some(packet) && !slot.acknowledged)
            .ok_or(Stray(packet))?;
        slot.acknowledged = true;
        let load = Load {
            rows: std::mem::take(&mut slot.load.rows),
            topic: std::mem::take(&mut slot.load.topic),
            attempts: slot.load.attempts,
        };
        let done = (load, now.saturating_duration_since(slot.submitted));
        while self.slots.front().is_some_and(|slot| slot.acknowledged) {
            self.slots.pop_front();
        }
        Ok(done)
    }

    /// Since when the oldest waits for its acknowledgement, and its topic.
    pub(super) fn oldest(&self) -> Option<(Instant, &str)> {
        self.slots
            .front()
            .map(|slot| (slot.submitted, slot.load.topic.as_str()))
    }

    /// Something beside the rows is not acknowledged yet.
    pub(super) fn has_aside(&self) -> bool {
        let aside = |slot: &Slot| !slot.acknowledged && slot.load.rows.is_empty();
        self.slots.iter().any(aside)
    }

    /// Rows that went out and were not acknowledged.
    pub(super) fn under_way(&self) -> Vec<i64> {
        let open = self
            .slots
            .iter()
            .filter(|slot| slot.packet.is_some() && !slot.acknowledged);
        open.flat_map(|slot| slot.load.rows.iter().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(row: i64, topic: &str) -> Load {
        Load {
            rows: vec![row],
            topic: topic.into(),
            attempts: 0,
        }
    }

    #[test]
    fn slides_only_from_the_front() {
        let now = Instant::now();
        let mut window = Window::default();
        for row in 0..20 {
            window.submit(load(row, ""), now);
            window.sent(u16::try_from(row).unwrap() + 1).unwrap();
        }
        assert_eq!(window.len(), 20);
        assert_eq!(window.acknowledge(2, now).unwrap().0.rows, [1]);
        assert_eq!(window.len(), 20, "pinned at the oldest");
        assert_eq!(window.acknowledge(2, now), Err(Stray(2)), "twice");
        assert_eq!(window.acknowledge(99, now), Err(Stray(99)));
        assert_eq!(window.acknowledge(1, now).unwrap().0.rows, [0]);
        assert_eq!(window.len(), 18);
        assert_eq!(window.under_way(), (2..20).collect::<Vec<_>>());
    }

    #[test]
    fn ids_go_to_rows_in_order() {
        let now = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.sent(1), Err(Stray(1)));
        window.submit(load(7, "a"), now);
        window.submit(load(8, "b"), now + Duration::from_millis(1));
        assert!(!window.has_aside());
        assert!(window.under_way().is_empty(), "submitted is not sent");
        window.sent(40).unwrap();
        window.sent(1).unwrap();
        assert_eq!(window.oldest(), Some((now, "a")));
        let late = now + Duration::from_millis(9);
        assert_eq!(
            window.acknowledge(40, late),
            Ok((load(7, "a"), Duration::from_millis(9)))
        );
        assert_eq!(
            window.acknowledge(1, late),
            Ok((load(8, "b"), Duration::from_millis(8)))
        );
        assert!(window.is_empty() && window.oldest().is_none());
    }
}
