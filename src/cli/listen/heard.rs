//! What was heard, by whom it was said: one stream a peer, one reader for all, everything shown as it becomes whole.

use super::network::peer_id;
use super::show::Show;
use super::{MOST_PEERS, NOISE_EVERY};
use crate::dlms::push::{Counts, Event, Note, Reader, Stream};
use crate::meter::tap::{Direction, Tap};
use jiff::Timestamp;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

pub(super) enum Heard {
    Began {
        id: u64,
        from: String,
    },
    Bytes {
        id: u64,
        bytes: Vec<u8>,
    },
    Ended {
        id: u64,
        why: Option<String>,
    },
    Datagram {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Trouble(String),
    /// There will be nothing more.
    Over(String),
}

struct Peer {
    name: String,
    stream: Stream,
    tap: Tap,
    heard: Instant,
    /// Noise not told yet, and when some was told.
    noise: u64,
    told: Option<Instant>,
}

pub(super) struct Ears<'a> {
    reader: Reader,
    pub show: Show<'a>,
    peers: HashMap<u64, Peer>,
    trace: Option<PathBuf>,
    readings: u64,
}

impl<'a> Ears<'a> {
    pub(super) fn new(reader: Reader, show: Show<'a>, trace: Option<PathBuf>) -> Self {
        Self {
            reader,
            show,
            peers: HashMap::new(),
            trace,
            readings: 0,
        }
    }

    /// Notifications taken as readings so far.
    pub(super) fn readings(&self) -> u64 {
        self.readings
    }

    pub(super) fn counts(&self, id: u64) -> Counts {
        self.peers
            .get(&id)
            .map_or_else(Counts::default, |peer| peer.stream.counts())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.peers
            .values()
            .filter_map(|peer| peer.stream.poll_timeout())
            .min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> io::Result<()> {
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.stream.handle_timeout(now);
            }
            self.tell(id, now)?;
        }
        Ok(())
    }

    /// Gives the peer that had to go for a new one.
    pub(super) fn hear(&mut self, now: Instant, heard: Heard) -> io::Result<Option<u64>> {
        match heard {
            Heard::Began { id, from } => {
                let gone = self.make_room()?;
                self.begin(id, &from)?;
                return Ok(gone);
            }
            Heard::Bytes { id, bytes } => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.heard = now;
                    peer.tap
                        .bytes(Timestamp::now(), Direction::Received, &bytes);
                    peer.stream.receive(now, &bytes);
                }
                self.tell(id, now)?;
            }
            Heard::Datagram { from, bytes } => {
                let id = peer_id(from);
                if !self.peers.contains_key(&id) {
                    self.make_room()?;
                    self.begin(id, &from.to_string())?;
                }
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.heard = now;
                    peer.tap
                        .bytes(Timestamp::now(), Direction::Received, &bytes);
                    peer.stream.datagram(now, &bytes);
                }
                self.tell(id, now)?;
            }
            Heard::Ended { id, why } => {
                self.finish(id, now)?;
                if let Some((why, peer)) = why.zip(self.peers.remove(&id)) {
                    self.show
                        .note(&peer.name, &format!("connection lost: {why}"))?;
                }
                self.peers.remove(&id);
            }
            Heard::Trouble(words) | Heard::Over(words) => self.show.say(&words),
        }
        Ok(None)
    }

    /// A new peer, or a line begun anew.
    pub(super) fn begin(&mut self, id: u64, name: &str) -> io::Result<()> {
        let tap = Tap::new(0);
        if let Some(path) = &self.trace {
            tap.record_to(path, name).map_err(|error| {
                io::Error::new(error.kind(), format!("--trace {}: {error}", path.display()))
            })?;
        }
        let peer = Peer {
            name: name.to_owned(),
            stream: Stream::new(),
            tap,
            heard: Instant::now(),
            noise: 0,
            told: None,
        };
        self.peers.insert(id, peer);
        Ok(())
    }

    /// The one silent for longest goes: a stranger that only connects cannot keep meters out.
    fn make_room(&mut self) -> io::Result<Option<u64>> {
        if self.peers.len() < MOST_PEERS {
            return Ok(None);
        }
        let longest = self
            .peers
            .iter()
            .min_by_key(|(_, peer)| peer.heard)
            .map(|(id, _)| *id);
        if let Some(peer) = longest.and_then(|id| self.peers.remove(&id)) {
            let words =
                format!("{MOST_PEERS} at once are the most: the one silent for longest had to go");
            self.show.note(&peer.name, &words)?;
        }
        Ok(longest)
    }

    fn finish(&mut self, id: u64, now: Instant) -> io::Result<()> {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.stream.end(now);
            peer.told = None;
        }
        self.tell(id, now)
    }

    /// Everything that is unfinished is named.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let ids: Vec<_> = self.peers.keys().copied().collect();
        for id in ids {
            self.finish(id, Instant::now())?;
        }
        Ok(())
    }

    fn tell(&mut self, id: u64, now: Instant) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(&id) else {
            return Ok(());
        };
        while let Some(event) = peer.stream.next_event() {
            match event {
                Event::Note(Note::Noise(octets)) => peer.noise = peer.noise.saturating_add(octets),
                Event::Note(note) => self.show.note(&peer.name, &note.to_string())?,
                Event::Apdu(apdu) => {
                    let pushed = self.reader.read(&apdu);
                    if pushed.is_reading() {
                        self.readings = self.readings.saturating_add(1);
                    }
                    self.show.pushed(&peer.name, &apdu, &pushed)?;
                }
            }
        }
        let due = peer
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= NOISE_EVERY);
        if peer.noise > 0 && due {
            let note = Note::Noise(std::mem::take(&mut peer.noise));
            peer.told = Some(now);
            self.show.note(&peer.name, &note.to_string())?;
        }
        Ok(())
    }
}
