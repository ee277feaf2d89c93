//! Simulated meters behind real sockets (loopback only) or in-memory pipes; one client at a time each. The loop
//! moves bytes and waits; everything that is decided is decided in `meter`.

mod datagrams;
#[cfg(test)]
mod tests;

use super::fault::{ConnectionFaults, Ending};
use super::meter::SimulatedMeter;
use super::profile::{Profile, Transport};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A meter that several tasks can hold; only one of them serves it at a time.
pub type SharedMeter = Arc<Mutex<SimulatedMeter>>;

/// A meter that starts at the wall time `clock`, now.
pub fn shared(profile: Profile, clock: jiff::Timestamp) -> SharedMeter {
    let now = Instant::now().into_std();
    Arc::new(Mutex::new(SimulatedMeter::new(profile, now, clock)))
}

/// Serves one meter until `stop`. Dropping the handle stops it too.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    pub name: String,
    /// To look at, from tests.
    pub meter: SharedMeter,
    task: JoinHandle<()>,
    _stop: DropGuard,
}

impl Running {
    /// Returns when the meter is served no more.
    pub async fn finished(self) {
        let Self { task, _stop, .. } = self;
        // A task that panicked is as finished as one that returned.
        let _ = task.await;
    }
}

/// When the meter is not there: used by the demo's third meter and by tests. Off means: connections closed and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub on: Duration,
    pub off: Duration,
}

/// How often the port is asked for again after an off time, while another holds it.
const REBIND: Duration = Duration::from_millis(200);

/// Returns when the port is open. Spawns, so it needs tokio around it.
pub fn serve(
    profile: Profile,
    listen: SocketAddr,
    clock: jiff::Timestamp,
    schedule: Option<Schedule>,
    stop: &CancellationToken,
) -> io::Result<Running> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{listen} is not a loopback address; simulated meters listen on 127.0.0.1 or ::1 only"
            ),
        ));
    }
    let faults = ConnectionFaults::of(&profile.faults);
    let port = Port::open(listen, profile.transport, faults.refuse)?;
    let address = port.address()?;
    let name = profile.name.clone();
    let meter = shared(profile, clock);
    let stop = stop.child_token();
    let task = tokio::spawn(run(port, Arc::clone(&meter), schedule, stop.clone()));
    Ok(Running {
        address,
        name,
        meter,
        task,
        _stop: stop.drop_guard(),
    })
}

/// Where clients find the meter.
enum Port {
    Tcp(TcpListener),
    Udp(UdpSocket),
    /// Taken, so that no one else gets it, and closed.
    Closed(TcpSocket),
}

/// Ours and shut: whoever knocks is refused. What is left of old connections does not keep us from the port.
pub(super) fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Port {
    fn open(address: SocketAddr, transport: Transport, closed: bool) -> io::Result<Self> {
        if transport == Transport::WrapperUdp {
            let socket = std::net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            return UdpSocket::from_std(socket).map(Self::Udp);
        }
        let socket = hold(address)?;
        if closed {
            return Ok(Self::Closed(socket));
        }
        socket.listen(16).map(Self::Tcp)
    }

    fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
            Self::Closed(socket) => socket.local_addr(),
        }
    }

    /// Serves until `stop`.
    async fn serve(&self, meter: &SharedMeter, stop: &CancellationToken) {
        match self {
            Self::Tcp(listener) => listen(listener, meter, stop).await,
            Self::Udp(socket) => datagrams::serve(socket, meter, stop).await,
            Self::Closed(_) => stop.cancelled().await,
        }
    }
}

async fn run(port: Port, meter: SharedMeter, schedule: Option<Schedule>, stop: CancellationToken) {
    let Ok(address) = port.address() else {
        return;
    };
    let mut port = Some(port);
    loop {
        let Some(current) = port.take() else {
            return;
        };
        let Some(Schedule { on, off }) = schedule else {
            current.serve(&meter, &stop).await;
            return;
        };
        let until = Instant::now().checked_add(on);
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(1 << 30));
        if timeout_at(until, current.serve(&meter, &stop))
            .await
            .is_ok()
        {
            return;
        }
        drop(current);
        with(&meter, SimulatedMeter::power_cycle);
        port = come_back(address, off, &meter, &stop).await;
    }
}

/// Waits out the off time, then takes the port again; `None` when stopped.
async fn come_back(
    address: SocketAddr,
    off: Duration,
    meter: &SharedMeter,
    stop: &CancellationToken,
) -> Option<Port> {
    let (transport, faults) = with(meter, |meter| (meter.profile().transport, faults(meter)));
    let mut pause = off;
    loop {
        stop.run_until_cancelled(tokio::time::sleep(pause)).await?;
        match Port::open(address, transport, faults.refuse) {
            Ok(port) => return Some(port),
            Err(_) => pause = REBIND,
        }
    }
}

/// Serves connections until `stop`.
async fn listen(listener: &TcpListener, meter: &SharedMeter, stop: &CancellationToken) {
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else {
            return;
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: others need a moment to give some back.
            tokio::time::sleep(REBIND).await;
            continue;
        };
        tokio::select! {
            () = connection(stream, meter, stop) => {}
            () = turn_away(listener) => {}
        }
        if let Some(hold) = with(meter, |meter| faults(meter)).hold {
            tokio::select! {
                () = tokio::time::sleep(hold) => {}
                () = stop.cancelled() => return,
                () = turn_away(listener) => {}
            }
        }
    }
}

async fn connection(stream: TcpStream, meter: &SharedMeter, stop: &CancellationToken) {
    // Without it an answer in several frames waits for the client's acknowledgement; a failure costs time only.
    let _ = stream.set_nodelay(true);
    if with(meter, |meter| faults(meter)).ending == Some(Ending::Reset) {
        // Without it the closing below is an orderly one.
        let _ = stream.set_zero_linger();
        return;
    }
    // A connection that broke is over like one that was closed.
    let _ = serve_stream(stream, meter, stop).await;
}

/// Closes every further connection at once, for as long as it is awaited.
async fn turn_away(listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((second, _)) => drop(second),
            Err(_) => tokio::time::sleep(REBIND).await,
        }
    }
}

fn with<T>(meter: &SharedMeter, act: impl FnOnce(&mut SimulatedMeter) -> T) -> T {
    act(&mut meter.lock().unwrap_or_else(PoisonError::into_inner))
}

fn faults(meter: &SimulatedMeter) -> ConnectionFaults {
    ConnectionFaults::of(&meter.profile().faults)
}

/// Tells the meter that its byte stream is over, also when the task that served it is dropped.
struct Connected<'a>(&'a SharedMeter);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        with(self.0, |meter| {
            meter.disconnected(Instant::now().into_std());
        });
    }
}

/// Runs one connection over any byte stream until its end, `stop`, or an error of the stream. While another is open this
/// one is closed at once.
pub async fn serve_stream<S>(
    mut stream: S,
    meter: &SharedMeter,
    stop: &CancellationToken,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let taken = with(meter, |meter| {
        let taken = meter.is_connected();
        if !taken {
            meter.connected(Instant::now().into_std());
        }
        taken
    });
    if taken {
        return stream.shutdown().await;
    }
    let _over = Connected(meter);
    let faults = with(meter, |meter| faults(meter));
    if faults.ending.is_some() {
        return stream.shutdown().await;
    }
    let mut incoming = [0; 1024];
    let mut outgoing = Vec::new();
    let mut stopped = pin!(stop.cancelled());
    // When a byte last passed, either way.
    let mut last = Instant::now();
    // Armed for the earliest deadline there was. One that moves away is found out when it passes, which spares the hot
    // path a timer for each frame.
    let mut alarm = pin!(sleep_until(Instant::now()));
    let mut armed = None;
    loop {
        let deadline = with(meter, |meter| {
            let now = Instant::now().into_std();
            meter.poll_transmit(now, &mut outgoing);
            meter.poll_timeout()
        });
        if !outgoing.is_empty() {
            tokio::select! {
                biased;
                written = stream.write_all(&outgoing) => written?,
                // A client that does not read must not hold us.
                () = &mut stopped => break,
            }
            outgoing.clear();
            last = Instant::now();
            continue;
        }
        if let Some(deadline) = deadline
            && armed.is_none_or(|armed| deadline < armed)
        {
            alarm.as_mut().reset(Instant::from_std(deadline));
            armed = Some(deadline);
        }
        tokio::select! {
            biased;
            read = stream.read(&mut incoming) => {
                let bytes = incoming.get(..read?).unwrap_or_default();
                if bytes.is_empty() {
                    break;
                }
                last = Instant::now();
                if faults.half_open {
                    continue;
                }
                with(meter, |meter| meter.handle_bytes(Instant::now().into_std(), bytes));
            }
            () = &mut alarm, if armed.is_some() => {
                armed = None;
                with(meter, |meter| meter.handle_timeout(Instant::now().into_std()));
            }
            () = &mut stopped => break,
            () = idle(last, faults.idle) => break,
        }
    }
    stream.shutdown().await
}

/// Returns when nothing passed for as long as a converter allows; never where it does not mind.
async fn idle(last: Instant, limit: Option<Duration>) {
    match limit.and_then(|limit| last.checked_add(limit)) {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The client's end of an in-memory connection to this meter, served by a task of its own until the client drops it.
pub fn pipe(meter: &SharedMeter) -> DuplexStream {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let meter = Arc::clone(meter);
    tokio::spawn(async move {
        // Ends when the client's end is dropped; there is no one to tell of an error.
        let _ = serve_stream(server, &meter, &CancellationToken::new()).await;
    });
    client
}
