//! Mode E against small meters: over pipes in virtual time, over TCP as recorded, over a pair of pseudo-terminals.

use super::handover::{Switch, hand_over};
use super::{Connector, HandoverError, Lines};
use crate::meter::clock::Clock;
use crate::meter::definition::{Definition, SerialLine, TransportKind};
use crate::meter::tap::{Chunk, Direction, Tap};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};

/// The end of a head, and the path of the line it sits on.
pub(super) fn pty() -> (File, String) {
    let head = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&head).unwrap();
    unlockpt(&head).unwrap();
    let path = ptsname(&head, Vec::new()).unwrap();
    (File::from(head), path.into_string().unwrap())
}

struct Pipe {
    stream: DuplexStream,
    baud: u32,
}

impl Switch for Pipe {
    fn switch(&mut self, baud: u32) -> io::Result<()> {
        self.baud = baud;
        Ok(())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a meter that answers the sign-on and the request with these comes to: the speed, or the error; and the trace.
async fn with(
    ident: &'static [u8],
    answer: &'static [u8],
) -> (io::Result<u32>, Vec<(char, Vec<u8>)>) {
    let (ours, mut meter) = duplex(256);
    let task = tokio::spawn(async move {
        let mut heard = [0; 64];
        while let Ok(n) = meter.read(&mut heard).await {
            let said = match heard[..n] {
                [] => break,
                [0x06, ..] => answer,
                _ => ident,
            };
            meter.write_all(said).await.unwrap();
        }
    });
    let clock = Clock::From {
        base: jiff::Timestamp::UNIX_EPOCH,
        at: tokio::time::Instant::now(),
    };
    let tap = Tap::new(4096);
    let mut pipe = Pipe {
        stream: ours,
        baud: 300,
    };
    let result = hand_over(&mut pipe, 9600, clock, &tap).await;
    task.abort();
    (result.map(|()| pipe.baud), said(&tap))
}

fn said(tap: &Tap) -> Vec<(char, Vec<u8>)> {
    let (records, _) = tap.since(0);
    let bytes = records.into_iter().filter_map(|record| match record.what {
        Chunk::Bytes {
            direction: Direction::Sent,
            bytes,
        } => Some(('t', bytes.clone())),
        Chunk::Bytes {
            direction: Direction::Received,
            bytes,
        } => Some(('r', bytes.clone())),
        Chunk::Note(_) => None,
    });
    bytes.collect()
}

fn error(result: io::Result<u32>) -> HandoverError {
    let error = result.unwrap_err();
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<HandoverError>());
    inner.unwrap_or_else(|| panic!("{error}")).clone()
}

#[tokio::test(start_paused = true)]
async fn the_speed_is_the_meters_or_ours() {
    let (baud, trace) = with(b"/GRX512345678\r\n", b"\x06252\r\n").await;
    assert_eq!(baud.unwrap(), 9600);
    let expected = [
        ('t', b"/?!\r\n".to_vec()),
        ('r', b"/GRX512345678\r\n".to_vec()),
        ('t', b"\x06252\r\n".to_vec()),
        ('r', b"\x06252\r\n".to_vec()),
    ];
    assert_eq!(trace, expected);
    let (baud, trace) = with(b"/LGZ6\\2ZMD\r\n", b"").await;
    assert_eq!(baud.unwrap(), 9600, "it offers 19200, we stay below");
    assert_eq!(trace[2].1, b"\x06252\r\n");
    let (baud, _) = with(b"/?!\r\n\x00/LGZ4ZMD\r\n", b"\x06242\r\n").await;
    assert_eq!(baud.unwrap(), 4800, "after its echo");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_is_told_by_name() {
    let (result, trace) = with(b"", b"").await;
    assert_eq!(error(result), HandoverError::NoIdent { heard: 0 });
    assert_eq!(trace.len(), 2, "asked twice");
    let (result, _) = with(b"\x7E\xA0\x07\r\n", b"").await;
    assert_eq!(error(result), HandoverError::NoIdent { heard: 6 });
    let (result, _) = with(&[b'x'; 200], b"").await;
    assert!(matches!(error(result), HandoverError::NoIdent { .. }));
    let (result, _) = with(b"/ABCB\x1bold\r\n", b"").await;
    let words = error(result).to_string();
    assert!(
        words.contains("ABCB") && words.contains("mode B"),
        "{words}"
    );
    assert!(!words.contains('\x1b'));
    let (result, _) = with(b"/ABC5old\r\n", b"\x021.8.0(0001)\r\n!\r\n\x03x").await;
    let only_c = error(result);
    let words = format!("{only_c} {}", only_c.advice());
    for part in ["mode C", "baud letter 5", "data list", "--mode-e"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

/// The session of tests/data, meter's side: each request brings the answer that was recorded.
#[tokio::test]
async fn as_recorded_over_tcp() {
    let recorded = include_str!("../../../tests/data/mode_e.txt");
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.split_whitespace().nth(1).unwrap();
        (0..digits.len() / 2)
            .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let lines: Vec<(bool, Vec<u8>)> = (recorded.lines())
        .filter(|l| l.starts_with("TX") || l.starts_with("RX"))
        .map(|l| (l.starts_with("TX"), hex(l)))
        .collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut meter = Definition::new("m", "127.0.0.1", listener.local_addr().unwrap().port());
    meter.mode_e = true;
    let play = lines.clone();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for (from_client, bytes) in play {
            if from_client {
                let mut got = vec![0; bytes.len()];
                stream.read_exact(&mut got).await.unwrap();
                assert_eq!(got, bytes);
            } else {
                stream.write_all(&bytes).await.unwrap();
            }
        }
    });
    let tap = Tap::new(4096);
    let mut stream = Lines.open(&meter, Clock::System, &tap).await.unwrap();
    let all = said(&tap);
    assert_eq!(all.len(), 4);
    for ((direction, bytes), (from_client, expected)) in all.iter().zip(&lines) {
        assert_eq!((*direction == 't', bytes), (*from_client, expected));
    }
    // Then HDLC, over the same stream.
    for (from_client, bytes) in &lines[4..] {
        if *from_client {
            stream.write_all(bytes).await.unwrap();
        } else {
            let mut got = vec![0; bytes.len()];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, bytes);
        }
    }
    task.await.unwrap();
}

/// A pseudo-terminal has no parity of its own, as many USB heads: the parity bits then are ours.
#[tokio::test]
async fn over_a_line_that_knows_eight_bits_only() {
    let (mut head, path) = pty();
    let mut meter = Definition::new("m", "", 0);
    meter.mode_e = true;
    meter.transport = TransportKind::Serial(SerialLine::new(path));
    let even = |bytes: &[u8]| -> Vec<u8> {
        let bit = |b: u8| if b.count_ones() % 2 == 1 { 0x80 } else { 0 };
        bytes.iter().map(|&b| b | bit(b)).collect()
    };
    let thread = std::thread::spawn(move || {
        let mut got = [0; 5];
        head.read_exact(&mut got).unwrap();
        assert_eq!(got.to_vec(), even(b"/?!\r\n"));
        head.write_all(&even(b"/LGZ5\\2ZMD\r\n")).unwrap();
        let mut got = [0; 6];
        head.read_exact(&mut got).unwrap();
        assert_eq!(got.to_vec(), even(b"\x06252\r\n"));
        head.write_all(&even(b"\x06252\r\n")).unwrap();
        let mut got = [0; 4];
        head.read_exact(&mut got).unwrap();
        // Eight bits and no parity from here on.
        assert_eq!(got, [0x7E, 0xA0, 0xFF, 0x01]);
        head
    });
    let tap = Tap::new(4096);
    let mut stream = Lines.open(&meter, Clock::System, &tap).await.unwrap();
    assert_eq!(said(&tap)[1], ('r', b"/LGZ5\\2ZMD\r\n".to_vec()));
    stream.write_all(&[0x7E, 0xA0, 0xFF, 0x01]).await.unwrap();
    drop(thread.join().unwrap());
}
