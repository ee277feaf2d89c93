//! What the same bytes cost with nothing behind them: as many connections, the same grid, tokio at both ends.

use super::children::{end_with_parent, number};
use super::{OBJECTS, PERIOD};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

/// HDLC frames of a GET with one attribute and of its answer with a double-long.
const REQUEST: usize = 27;
const ANSWER: usize = 23;

pub fn serve() {
    end_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut bytes = [0; REQUEST];
                while stream.read_exact(&mut bytes).await.is_ok()
                    && stream.write_all(&bytes[..ANSWER]).await.is_ok()
                {}
            });
        }
    });
}

pub fn ping() {
    let mut place = String::new();
    std::io::stdin().read_line(&mut place).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let done = Arc::new(AtomicU64::new(0));
        let meters = number("METERS") as u32;
        let mut streams = Vec::new();
        for _ in 0..meters {
            let stream = TcpStream::connect(place.trim()).await.unwrap();
            stream.set_nodelay(true).unwrap();
            streams.push(stream);
        }
        let begin = Instant::now() + Duration::from_millis(100);
        for (n, stream) in streams.into_iter().enumerate() {
            let at = begin + PERIOD * n as u32 / meters;
            tokio::spawn(pings(stream, at, Arc::clone(&done)));
        }
        let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
        sleep_until(begin + PERIOD).await;
        let (before, exchanges) = (cpu(), done.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_secs(number("SECONDS"))).await;
        println!("cpu_us {}", cpu().saturating_sub(before).as_micros());
        println!("exchanges {}", done.load(Ordering::Relaxed) - exchanges);
    });
}

async fn pings(mut stream: TcpStream, mut at: Instant, done: Arc<AtomicU64>) {
    let mut bytes = [0; REQUEST];
    loop {
        sleep_until(at).await;
        at += PERIOD;
        for _ in 0..OBJECTS {
            stream.write_all(&bytes).await.unwrap();
            stream.read_exact(&mut bytes[..ANSWER]).await.unwrap();
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}
