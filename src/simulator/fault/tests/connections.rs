//! Faults of the connection, on real sockets of the loopback and on pipes in virtual time.

use super::*;
use crate::simulator::server::{Running, pipe, serve, shared};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const SNRM: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x93, 0x8C, 0x11, 0x7E];

fn clock() -> jiff::Timestamp {
    jiff::Timestamp::from_second(NOON).unwrap()
}

fn serving(text: &str) -> Running {
    let profile = Profile::microstar(1).with_fault(fault(text));
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    serve(profile, listen, clock(), None, &CancellationToken::new()).unwrap()
}

#[tokio::test]
async fn refused_reset_closed() {
    let running = serving("refuse");
    let error = TcpStream::connect(running.address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    for (text, reset) in [("rst", true), ("fin", false)] {
        let running = serving(text);
        for _ in 0..3 {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            match stream.read(&mut [0; 16]).await {
                Ok(0) => assert!(!reset, "{text}"),
                Err(error) => {
                    assert!(
                        reset && error.kind() == ErrorKind::ConnectionReset,
                        "{text}"
                    );
                }
                Ok(_) => panic!("{text}: bytes"),
            }
        }
    }
}

#[tokio::test]
async fn the_port_is_held() {
    let running = serving("holds-port=10m");
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(&SNRM).await.unwrap();
    let mut ua = [0; 32];
    first.read_exact(&mut ua).await.unwrap();
    drop(first);
    for _ in 0..3 {
        let mut next = TcpStream::connect(running.address).await.unwrap();
        assert!(matches!(next.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn idle_and_half_open() {
    let meter = shared(
        Profile::microstar(1).with_fault(fault("idle-close=5s")),
        clock(),
    );
    let mut client = pipe(&meter);
    let start = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    client.write_all(&SNRM).await.unwrap();
    let mut ua = [0; 32];
    client.read_exact(&mut ua).await.unwrap();
    assert_eq!(client.read(&mut ua).await.unwrap(), 0);
    assert_eq!(start.elapsed(), Duration::from_secs(8));

    let meter = shared(
        Profile::microstar(1).with_fault(fault("half-open")),
        clock(),
    );
    let mut client = pipe(&meter);
    client.write_all(&SNRM).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_mins(1), client.read(&mut ua)).await;
    assert!(silence.is_err(), "neither bytes nor an end");
}

#[tokio::test(start_paused = true)]
async fn a_push_port_speaks_through_a_pipe() {
    let meter = shared(
        Profile::microstar(1).with_fault(fault("push-port=5s")),
        clock(),
    );
    let mut client = pipe(&meter);
    let start = tokio::time::Instant::now();
    let mut first = [0; 8];
    client.read_exact(&mut first).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(first[..3], [0x7E, 0xA0, first[2]]);
}
