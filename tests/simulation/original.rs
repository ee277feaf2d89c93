//! The design this project replaces, as a small model of its own: one client, one bridge loop, one supervisor, over the same
//! meters and lines. Written from what is known of it (its framing, waits, retries and restart rules), not from its code.
//!
//! What it does, with its numbers:
//! - A frame ends at the next 7E octet, whatever the length field says, and two flags in a row are a frame of two octets.
//! - Two GETs a register, scaler and value, every time; the invocation id counts 1 to 255 raw; N(R) stands still.
//! - A read that fails is tried once more after 0.3 s. A cycle of which anything came counts as good and is published.
//! - A cycle of which nothing came: the socket is reset (SO_LINGER 0, no DISC), 1.5 s, three attempts with 4 and 6 s before
//!   the second and third, 2 s times the attempt after each failure and 3 s more after a framing error; then the cycle again.
//! - 10 empty cycles in a row or 10 min without success: DISC, close, 2 s, connect. The same every 30 min. After 10 of these
//!   in an hour, 5 min of rest. The pause of 2 s comes after a cycle, not to a grid.
//! - The supervisor looks every 20 s: telemetry older than 45 s, or with the time of the last look, is a problem, and the
//!   process is restarted, which takes 5 s, and is left alone for 10 s more. Its connection ends without DISC.

use crate::world::{Pipe, World};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

const TIMEOUT: Duration = Duration::from_secs(7);
const RETRY: Duration = Duration::from_millis(300);
const BETWEEN: Duration = Duration::from_secs(2);
const REGISTERS: [[u8; 6]; 5] = [
    [1, 1, 32, 7, 0, 255],
    [1, 1, 31, 7, 0, 255],
    [1, 1, 14, 7, 0, 255],
    [1, 1, 1, 7, 0, 255],
    [1, 1, 1, 8, 0, 255],
];
const X25: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// "Invalid HDLC frame boundary", "Incomplete HDLC frame".
    Framing,
    Checksum,
    /// Timed out, closed, refused.
    Socket,
    NotConnected,
    /// An answer that is none to what was asked.
    Other,
}

/// What became of its day.
#[derive(Debug, Default)]
pub struct Day {
    /// When telemetry went out, and how many of the five values were in it.
    pub published: Vec<(Duration, usize)>,
    pub cycles: u64,
    pub empty: u64,
    pub reads_failed: u64,
    pub checksum: u64,
    pub framing: u64,
    pub reconnects: u64,
    pub restarts: u64,
    pub checks: u64,
    pub problems: u64,
}

struct Client {
    world: World,
    host: String,
    socket: Option<Pipe>,
    received: VecDeque<u8>,
    invocation: u8,
    sequence: u8,
}

impl Client {
    fn new(world: &World, host: &str) -> Self {
        Self {
            world: world.clone(),
            host: host.to_owned(),
            socket: None,
            received: VecDeque::new(),
            invocation: 0,
            sequence: 0,
        }
    }

    async fn octet(&mut self, within: Duration) -> Result<u8, Trouble> {
        if let Some(octet) = self.received.pop_front() {
            return Ok(octet);
        }
        let socket = self.socket.as_mut().ok_or(Trouble::NotConnected)?;
        let mut buffer = [0; 2048];
        match timeout(within, socket.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => {
                self.received.extend(&buffer[..read]);
                self.received.pop_front().ok_or(Trouble::Socket)
            }
            _ => Err(Trouble::Socket),
        }
    }

    /// From one 7E to the next.
    async fn frame(&mut self, within: Duration) -> Result<Vec<u8>, Trouble> {
        let mut frame = Vec::new();
        loop {
            let octet = self.octet(within).await?;
            if octet != 0x7E && frame.is_empty() {
                continue;
            }
            frame.push(octet);
            if octet == 0x7E && frame.len() > 1 {
                break;
            }
        }
        if frame.len() < 5 {
            return Err(Trouble::Framing);
        }
        let inner = &frame[1..frame.len() - 1];
        let (body, check) = inner.split_at(inner.len().saturating_sub(2));
        if X25.checksum(body).to_le_bytes() != check {
            return Err(Trouble::Checksum);
        }
        Ok(frame)
    }

    async fn send(&mut self, control: u8, information: &[u8]) -> Result<(), Trouble> {
        let length = if information.is_empty() {
            7
        } else {
            information.len() + 9
        };
        let mut inner = vec![0xA0, u8::try_from(length).unwrap(), 0x03, 0x03, control];
        if !information.is_empty() {
            let check = X25.checksum(&inner).to_le_bytes();
            inner.extend(check);
            inner.extend(information);
        }
        let check = X25.checksum(&inner).to_le_bytes();
        let frame = [&[0x7E], inner.as_slice(), &check, &[0x7E]].concat();
        let socket = self.socket.as_mut().ok_or(Trouble::NotConnected)?;
        socket.write_all(&frame).await.map_err(|_| Trouble::Socket)
    }

    async fn connect(&mut self) -> Result<(), Trouble> {
        if self.socket.is_some() {
            return Ok(());
        }
        let opened = self.world.connect(&self.host, TIMEOUT).await;
        self.socket = Some(opened.map_err(|_| Trouble::Socket)?);
        self.received.clear();
        while self.frame(Duration::from_millis(200)).await.is_ok() {}
        self.send(0x93, &[]).await?;
        let ua = self.frame(TIMEOUT).await?;
        if !matches!(ua.get(5), Some(0x73 | 0x63)) {
            return Err(Trouble::Other);
        }
        self.sequence = 0;
        self.invocation = 0;
        let mut aarq = vec![0xE6, 0xE6, 0x00, 0x60, 0x36];
        aarq.extend([
            0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01,
        ]);
        aarq.extend([0x8A, 0x02, 0x07, 0x80]);
        aarq.extend([0x8B, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x02, 0x01]);
        aarq.extend([0xAC, 0x0A, 0x80, 0x08]);
        aarq.extend(b"22222222");
        aarq.extend([
            0xBE, 0x10, 0x04, 0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F, 0x04, 0x00,
        ]);
        aarq.extend([0x00, 0x7E, 0x1F, 0x04, 0xB0]);
        self.exchange_number(&aarq).await?;
        let answer = self.frame(TIMEOUT).await?;
        let accepted = answer
            .windows(5)
            .any(|part| part == [0xA2, 0x03, 0x02, 0x01, 0x00]);
        if accepted {
            Ok(())
        } else {
            Err(Trouble::Other)
        }
    }

    async fn exchange_number(&mut self, information: &[u8]) -> Result<(), Trouble> {
        let control = 0x10 | self.sequence << 1;
        self.sequence = (self.sequence + 1) & 7;
        self.send(control, information).await
    }

    async fn get(&mut self, register: [u8; 6], attribute: u8) -> Result<(), Trouble> {
        self.invocation = match self.invocation {
            255 => 1,
            before => before + 1,
        };
        let mut get = vec![0xE6, 0xE6, 0x00, 0xC0, 0x01, self.invocation, 0x00, 0x03];
        get.extend(register);
        get.extend([attribute, 0x00]);
        self.exchange_number(&get).await?;
        let answer = self.frame(TIMEOUT).await?;
        let right = [0xE6, 0xE7, 0x00, 0xC4, 0x01, self.invocation, 0x00];
        if answer.windows(right.len()).any(|part| part == right) {
            Ok(())
        } else {
            Err(Trouble::Other)
        }
    }

    async fn register(&mut self, register: [u8; 6]) -> Result<(), Trouble> {
        if self.socket.is_none() {
            return Err(Trouble::NotConnected);
        }
        self.get(register, 3).await?;
        self.get(register, 2).await
    }

    /// With a reset, so that DISC never arrives.
    fn reset(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.abort = true;
        }
        self.socket = None;
    }

    async fn close(&mut self) {
        if self.send(0x53, &[]).await.is_ok() {
            drop(self.frame(Duration::from_secs(2)).await);
        }
        self.socket = None;
    }
}

struct Bridge<'a> {
    client: Client,
    day: &'a RefCell<Day>,
    began: Instant,
    end: Instant,
}

impl Bridge<'_> {
    async fn attempts(&mut self, again: bool) -> bool {
        self.day.borrow_mut().reconnects += u64::from(again);
        for attempt in 1..=3_u32 {
            match attempt {
                1 if again => sleep(Duration::from_millis(1_500)).await,
                1 => {}
                _ => sleep(Duration::from_secs(2) * attempt).await,
            }
            self.client.reset();
            match self.client.connect().await {
                Ok(()) => return true,
                Err(trouble) => {
                    self.count(trouble);
                    let framing = if trouble == Trouble::Framing { 3 } else { 0 };
                    sleep(Duration::from_secs(u64::from(2 * attempt + framing))).await;
                }
            }
        }
        self.client.reset();
        false
    }

    fn count(&mut self, trouble: Trouble) {
        let mut day = self.day.borrow_mut();
        day.checksum += u64::from(trouble == Trouble::Checksum);
        day.framing += u64::from(trouble == Trouble::Framing);
    }

    async fn poll(&mut self) -> usize {
        // What it calls itself again for is bounded by the end of the day.
        loop {
            let mut read = 0;
            for register in REGISTERS {
                for attempt in 1..=2 {
                    match self.client.register(register).await {
                        Ok(()) => {
                            read += 1;
                            break;
                        }
                        Err(trouble) => {
                            self.count(trouble);
                            self.day.borrow_mut().reads_failed += 1;
                            if attempt == 1 {
                                sleep(RETRY).await;
                            }
                        }
                    }
                }
            }
            if read > 0 || Instant::now() >= self.end || !self.attempts(true).await {
                return read;
            }
        }
    }

    /// Until the end of the day, or of the future: a process that is killed says nothing.
    async fn run(&mut self) {
        let mut pause = Duration::from_secs(5);
        while !self.attempts(false).await {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_mins(1));
            if Instant::now() >= self.end {
                return;
            }
        }
        let mut connected = Instant::now();
        let mut success = Instant::now();
        let mut empty = 0;
        let mut restarts: Vec<Instant> = Vec::new();
        while Instant::now() < self.end {
            let read = self.poll().await;
            self.day.borrow_mut().cycles += 1;
            if read > 0 {
                (success, empty) = (Instant::now(), 0);
                let at = self.began.elapsed();
                self.day.borrow_mut().published.push((at, read));
            } else {
                self.day.borrow_mut().empty += 1;
                empty += 1;
            }
            let watchdog = empty >= 10 || success.elapsed() > Duration::from_mins(10);
            if watchdog || connected.elapsed() > Duration::from_mins(30) {
                restarts.retain(|at| at.elapsed() < Duration::from_hours(1));
                if restarts.len() >= 10 {
                    sleep(Duration::from_mins(5)).await;
                    restarts.clear();
                }
                restarts.push(Instant::now());
                self.client.close().await;
                sleep(Duration::from_secs(2)).await;
                self.attempts(true).await;
                (connected, empty) = (Instant::now(), 0);
            }
            sleep(BETWEEN).await;
        }
    }
}

/// A day of the bridge alone, or with the supervisor that restarts it.
pub async fn day(world: &World, host: &str, lasts: Duration, supervised: bool) -> Day {
    let day = RefCell::new(Day::default());
    let began = Instant::now();
    let end = began + lasts;
    let mut looked = None;
    let mut alone = Duration::ZERO;
    while Instant::now() < end {
        let mut bridge = Bridge {
            client: Client::new(world, host),
            day: &day,
            began,
            end,
        };
        let mut life = Box::pin(bridge.run());
        let mut look = Instant::now() + alone + Duration::from_secs(20);
        while Instant::now() < end {
            if timeout_at(look.min(end), &mut life).await.is_ok() || !supervised {
                look += Duration::from_secs(20);
                continue;
            }
            look += Duration::from_secs(20);
            let mut day = day.borrow_mut();
            day.checks += 1;
            let newest = day.published.last().map(|(at, _)| *at);
            let stale = newest
                .is_none_or(|at| began.elapsed().saturating_sub(at) > Duration::from_secs(45));
            if stale || newest == looked {
                day.problems += 1;
                day.restarts += 1;
                looked = newest;
                break;
            }
            looked = newest;
        }
        // Killed: nothing is said to the meter.
        drop(life);
        sleep(Duration::from_secs(5)).await;
        alone = Duration::from_secs(10);
    }
    day.into_inner()
}
