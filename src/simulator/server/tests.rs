//! Meters on real sockets (loopback) and in pipes with virtual time.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SNRM: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x93, 0x8C, 0x11, 0x7E];
const DISC: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x53, 0x80, 0xD7, 0x7E];
const DM: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x1F, 0xE8, 0x5F, 0x7E];
const UA_LENGTH: usize = 32;
const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn clock() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_763_640_000).unwrap()
}

async fn linked<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> bool {
    let mut ua = [0; UA_LENGTH];
    stream.write_all(&SNRM).await.is_ok()
        && stream.read_exact(&mut ua).await.is_ok()
        && ua[5] == 0x73
}

async fn ended(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 16];
    matches!(stream.read(&mut rest).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn one_connection_at_a_time() {
    let stop = CancellationToken::new();
    let running = serve(Profile::microstar(1), LOOPBACK, clock(), None, &stop).unwrap();
    let mut first = TcpStream::connect(running.address).await.unwrap();
    assert!(linked(&mut first).await);
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert!(ended(&mut second).await, "the second is closed at once");
    assert!(linked(&mut first).await, "and the first goes on");
    drop(first);
    // The close is seen before the next connection is served.
    for _ in 0..100 {
        let mut next = TcpStream::connect(running.address).await.unwrap();
        if linked(&mut next).await {
            stop.cancel();
            assert!(ended(&mut next).await, "stopped: closed");
            let address = running.address;
            running.finished().await;
            assert!(
                TcpStream::connect(address).await.is_err(),
                "stopped: refused"
            );
            return;
        }
    }
    panic!("never free again");
}

#[tokio::test]
async fn dropping_the_handle_stops_the_meter() {
    let running = serve(
        Profile::microstar(1),
        LOOPBACK,
        clock(),
        None,
        &CancellationToken::new(),
    )
    .unwrap();
    let mut client = TcpStream::connect(running.address).await.unwrap();
    assert!(linked(&mut client).await);
    drop(running);
    assert!(ended(&mut client).await);
}

#[tokio::test]
async fn only_the_loopback() {
    let anywhere = "0.0.0.0:0".parse().unwrap();
    let error = serve(
        Profile::microstar(1),
        anywhere,
        clock(),
        None,
        &CancellationToken::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    let six = "[::1]:0".parse().unwrap();
    if let Ok(running) = serve(
        Profile::microstar(1),
        six,
        clock(),
        None,
        &CancellationToken::new(),
    ) {
        assert!(running.address.is_ipv6());
    }
}

#[tokio::test]
async fn away_and_back_on_the_same_port() {
    let schedule = Schedule {
        on: Duration::from_millis(60),
        off: Duration::from_millis(40),
    };
    let running = serve(
        Profile::microstar(1),
        LOOPBACK,
        clock(),
        Some(schedule),
        &CancellationToken::new(),
    )
    .unwrap();
    let (mut served, mut refused) = (false, false);
    for _ in 0..1000 {
        match TcpStream::connect(running.address).await {
            Err(_) => refused |= served,
            Ok(mut client) => {
                if linked(&mut client).await {
                    if refused {
                        return;
                    }
                    served = true;
                    assert!(ended(&mut client).await, "closed when it goes");
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("never back (refused: {refused})");
}

#[tokio::test(start_paused = true)]
async fn delay_and_inactivity_in_virtual_time() {
    let delay = Duration::from_millis(350);
    let meter = shared(Profile::microstar(1).delayed(delay), clock());
    let mut client = pipe(&meter);
    let start = Instant::now();
    assert!(linked(&mut client).await);
    assert_eq!(start.elapsed().as_millis(), delay.as_millis());
    drop(client);
    tokio::time::sleep(Duration::from_mins(4)).await;
    let mut client = pipe(&meter);
    client.write_all(&DISC).await.unwrap();
    let mut dm = [0; 9];
    client.read_exact(&mut dm).await.unwrap();
    assert_eq!(dm, DM, "the link did not outlive the inactivity time");
}

#[tokio::test(start_paused = true)]
async fn one_pipe_at_a_time() {
    let meter = shared(Profile::microstar(1), clock());
    let mut first = pipe(&meter);
    assert!(linked(&mut first).await);
    let mut second = pipe(&meter);
    assert_eq!(
        second.read(&mut [0; 16]).await.unwrap(),
        0,
        "closed at once"
    );
    assert!(linked(&mut first).await);
    drop(first);
    assert!(
        linked(&mut pipe(&meter)).await,
        "free again as soon as the first is gone"
    );
}

/// Ten thousand of them must fit in one process.
#[tokio::test]
async fn a_meter_that_nobody_reads_is_small() {
    let meter = shared(Profile::generic(1), clock());
    let port = Port::open(LOOPBACK, Transport::HdlcTcp, false).unwrap();
    let task = run(port, Arc::clone(&meter), None, CancellationToken::new());
    let size = size_of_val(&task) + size_of::<SimulatedMeter>();
    assert!(size < 7 * 1024, "{size}");
}

/// A frame in two parts far enough apart is no frame.
#[tokio::test(start_paused = true)]
async fn a_pause_within_a_frame() {
    let meter = shared(Profile::microstar(1), clock());
    let mut client = pipe(&meter);
    client.write_all(&SNRM[..4]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    client.write_all(&SNRM[4..]).await.unwrap();
    client.write_all(&DISC).await.unwrap();
    let mut dm = [0; 9];
    client.read_exact(&mut dm).await.unwrap();
    assert_eq!(dm, DM);
}

#[tokio::test]
async fn over_udp_one_client_at_a_time() {
    const AARQ: &[u8] = b"\x00\x01\x00\x10\x00\x01\x00\x1F\x60\x1D\xA1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01\xBE\x10\x04\x0E\x01\x00\x00\x00\x06\x5F\x1F\x04\x00\x00\x1E\x1D\xFF\xFF";
    let stop = CancellationToken::new();
    let profile = Profile::generic(1).over(Transport::WrapperUdp);
    let running = serve(profile, LOOPBACK, clock(), None, &stop).unwrap();
    let ask = async |socket: &UdpSocket, datagram: &[u8]| {
        socket.send_to(datagram, running.address).await.unwrap();
        let mut answer = vec![0; 2000];
        let wait = Duration::from_millis(100);
        let received = tokio::time::timeout(wait, socket.recv(&mut answer)).await;
        received.map_or(0, |length| length.unwrap())
    };
    let first = UdpSocket::bind(LOOPBACK).await.unwrap();
    let second = UdpSocket::bind(LOOPBACK).await.unwrap();
    // What is cut off is forgotten with its datagram.
    assert_eq!(ask(&first, &AARQ[..20]).await, 0);
    assert_eq!(ask(&first, AARQ).await, 8 + 43);
    assert_eq!(ask(&second, AARQ).await, 0, "the first one's association");
    let release = b"\x00\x01\x00\x10\x00\x01\x00\x05\x62\x03\x80\x01\x00";
    assert_eq!(ask(&first, release).await, 8 + 5);
    assert_eq!(ask(&second, AARQ).await, 8 + 43);
    stop.cancel();
    running.finished().await;
}
