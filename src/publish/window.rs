//! What is under way on one connection: a window that slides from its oldest unacknowledged message.
//!
//! rumqttc hands out packet ids in order and tells them in order, without saying for what; the FIFO
//! here gives each its row. Pinned at the oldest, and half as wide as rumqttc's own table, it can
//! never meet an id of its own that is still in use, whatever order the broker acknowledges in.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Messages under way at once. ThingsBoard closes a session that queues more than 100.
pub(super) const WIDTH: usize = 20;

struct Slot {
    row: i64,
    topic: String,
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

    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < WIDTH
    }

    pub(super) fn submit(&mut self, row: i64, topic: String, now: Instant) {
        self.slots.push_back(Slot {
            row,
            topic,
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

    /// PUBACK: the row, and how long it took.
    pub(super) fn acknowledge(
        &mut self,
        packet: u16,
        now: Instant,
    ) -> Result<(i64, Duration), Stray> {
        let slot = self
            .slots
            .iter_mut()
            .find(|slot| slot.packet == Some(packet) && !slot.acknowledged)
            .ok_or(Stray(packet))?;
        slot.acknowledged = true;
        let done = (slot.row, now.saturating_duration_since(slot.submitted));
        while self.slots.front().is_some_and(|slot| slot.acknowledged) {
            self.slots.pop_front();
        }
        Ok(done)
    }

    /// Since when the oldest waits for its acknowledgement, and its topic.
    pub(super) fn oldest(&self) -> Option<(Instant, &str)> {
        self.slots
            .front()
            .map(|slot| (slot.submitted, slot.topic.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_only_from_the_front() {
        let now = Instant::now();
        let mut window = Window::default();
        for row in 0..20 {
            assert!(window.has_room());
            window.submit(row, String::new(), now);
            window.sent(u16::try_from(row).unwrap() + 1).unwrap();
        }
        assert!(!window.has_room());
        assert_eq!(window.acknowledge(2, now).unwrap().0, 1);
        assert!(!window.has_room(), "pinned at the oldest");
        assert_eq!(window.acknowledge(2, now), Err(Stray(2)), "twice");
        assert_eq!(window.acknowledge(99, now), Err(Stray(99)));
        assert_eq!(window.acknowledge(1, now).unwrap().0, 0);
        for _ in 0..2 {
            assert!(window.has_room());
            window.submit(20, String::new(), now);
        }
        assert!(!window.has_room());
    }

    #[test]
    fn ids_go_to_rows_in_order() {
        let now = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.sent(1), Err(Stray(1)));
        window.submit(7, "a".into(), now);
        window.submit(8, "b".into(), now + Duration::from_millis(1));
        window.sent(40).unwrap();
        window.sent(1).unwrap();
        assert_eq!(window.oldest(), Some((now, "a")));
        let late = now + Duration::from_millis(9);
        assert_eq!(
            window.acknowledge(40, late),
            Ok((7, Duration::from_millis(9)))
        );
        assert_eq!(
            window.acknowledge(1, late),
            Ok((8, Duration::from_millis(8)))
        );
        assert!(window.is_empty() && window.oldest().is_none());
    }
}
