//! One obiscope a meter, over all processes of this computer: whoever connects holds the endpoint until its stream is gone. The
//! rule: the hold is the kernel's, so it ends with its process, whichever folder or user it belongs to; meters behind one
//! endpoint share it within a process.
//! Where open files are few, the connections come first, and some go without a hold.
//!
//! On Linux it is a name in the abstract socket namespace (unix(7)): no file, no permission, nothing left behind. Elsewhere
//! nothing is held, and two programs meet at the meter as they would without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Another process has the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("held by another obiscope: {by}")]
pub struct Held {
    /// Which process, and since when it runs, as far as that can be known.
    pub by: String,
}

impl Held {
    /// The reason of an error, where this is it.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// A stream and the hold on its endpoint.
pub(super) struct Owned<S> {
    // First: a name that is free means a stream that is closed.
    stream: S,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "it is held for as long as the stream is open")
    )]
    hold: Option<kernel::Hold>,
}

/// Holds `endpoint` while `opening`, and as long as what it opened lives.
pub(super) async fn owned<S>(
    endpoint: &str,
    opening: impl Future<Output = io::Result<S>>,
) -> io::Result<Owned<S>> {
    let hold = kernel::take(endpoint)?;
    Ok(Owned {
        stream: opening.await?,
        hold,
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for Owned<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Owned<S> {
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

#[cfg(target_os = "linux")]
mod kernel {
    use super::Held;
    use crate::cosem::data::printable;
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    use sha2::{Digest, Sha256};
    use std::collections::BTreeMap;
    use std::io;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
    use std::time::Duration;
    use tokio::time::Instant;

    /// What a meter's several definitions of one process share.
    pub type Hold = Arc<UnixListener>;

    struct Holds {
        held: BTreeMap<Vec<u8>, Weak<UnixListener>>,
        /// When last whoever asked for us was let go.
        swept: Option<Instant>,
    }

    static HOLDS: Mutex<Holds> = Mutex::new(Holds {
        held: BTreeMap::new(),
        swept: None,
    });

    /// Looks at a name that another thread of ours is just letting go of.
    const LOOKS: usize = 20;
    /// How often those who asked are let go, and how many of one place: more do not fit (somaxconn).
    const SWEEP: Duration = Duration::from_mins(1);
    const ASKERS: usize = 128;

    enum Found {
        Ours(Option<Hold>),
        /// Whether it may still be our own, about to close.
        Taken {
            dying: bool,
        },
    }

    /// A name holds 107 octets, an endpoint may have more.
    fn name(endpoint: &str) -> Vec<u8> {
        let place = std::fs::canonicalize(endpoint)
            .ok()
            .filter(|_| endpoint.starts_with('/'))
            .map_or_else(
                || endpoint.to_lowercase(),
                |path| path.display().to_string(),
            );
        let digest = Sha256::digest(place.as_bytes());
        let mut name = b"obiscope/meter/".to_vec();
        name.extend(digest.iter().take(16));
        name
    }

    /// `None` where the system has no such names to give.
    pub fn take(endpoint: &str) -> io::Result<Option<Hold>> {
        let name = name(endpoint);
        let mut closing = false;
        for _ in 0..LOOKS {
            match look(&name)? {
                Found::Ours(hold) => return Ok(hold),
                Found::Taken { dying } => closing |= dying,
            }
            if !closing {
                break;
            }
            std::thread::yield_now();
        }
        // Nobody else waits while the kernel is asked.
        Err(io::Error::other(Held { by: holder(&name) }))
    }

    fn look(name: &[u8]) -> io::Result<Found> {
        let mut holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
        holds.sweep();
        let held = &mut holds.held;
        if let Some(hold) = held.get(name).and_then(Weak::upgrade) {
            return Ok(Found::Ours(Some(hold)));
        }
        let dying = held.contains_key(name);
        // Now and then is enough: each is a few octets.
        if held.len().is_power_of_two() {
            held.retain(|_, hold| hold.strong_count() > 0);
        }
        // A hold costs an open file, and so does the connection that matters more.
        if held.len() as u64 >= room() {
            held.retain(|_, hold| hold.strong_count() > 0);
            if held.len() as u64 >= room() {
                warn(held.len());
                return Ok(Found::Ours(None));
            }
        }
        let address = SocketAddr::from_abstract_name(name)?;
        match UnixListener::bind_addr(&address) {
            Ok(listener) => {
                // Whoever asks is let go without waiting for more.
                listener.set_nonblocking(true)?;
                let ours = Arc::new(listener);
                held.insert(name.to_vec(), Arc::downgrade(&ours));
                Ok(Found::Ours(Some(ours)))
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Found::Taken { dying }),
            // Being alone cannot be proven then; that is no reason not to read a meter.
            Err(_) => Ok(Found::Ours(None)),
        }
    }

    impl Holds {
        /// Each who asked who we are waits in a queue, and a full one would leave the next without an answer.
        fn sweep(&mut self) {
            let now = Instant::now();
            if self.swept.is_some_and(|at| now < at + SWEEP) {
                return;
            }
            self.swept = Some(now);
            for hold in self.held.values().filter_map(Weak::upgrade) {
                for _ in 0..ASKERS {
                    if hold.accept().is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Once: it stays so for as long as there are so many meters.
    fn warn(held: usize) {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            tracing::warn!(
                "{held} meters are held against other programs on this computer, as many as the limit of open files leaves room \
                 for; further ones are read all the same, but a second obiscope is not kept from them: raise the limit (ulimit -n)"
            );
        });
    }

    /// So many holds at most: the greater part of what may be open is for connections.
    fn room() -> u64 {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.map_or(u64::MAX, |limit| limit / 5 * 2)
    }

    fn holder(name: &[u8]) -> String {
        let Some(process) = process(name) else {
            return "a process that does not say".to_owned();
        };
        let folder = format!("/proc/{process}");
        let line = std::fs::read(format!("{folder}/cmdline")).unwrap_or_default();
        let what = command(&line).map_or_else(String::new, |what| format!(" ({what})"));
        let since = std::fs::metadata(folder).and_then(|it| it.modified()).ok();
        let since = since
            .and_then(|at| jiff::Timestamp::try_from(at).ok())
            .map_or_else(String::new, |at| {
                let at = at.to_zoned(jiff::tz::TimeZone::system());
                format!(", since {}", at.strftime("%Y-%m-%d %H:%M:%S"))
            });
        format!("process {process}{what}{since}")
    }

    /// Program and subcommand, without its options.
    fn command(line: &[u8]) -> Option<String> {
        let mut words = line
            .split(|octet| *octet == 0)
            .map(|word| printable(&String::from_utf8_lossy(word)));
        let program = words.next().filter(|word| !word.is_empty())?;
        let program = program.rsplit('/').next().unwrap_or_default().to_owned();
        let mut subcommand = words.next().unwrap_or_default();
        while subcommand.starts_with('-') {
            if subcommand == "--data-dir" {
                words.next();
            }
            subcommand = words.next().unwrap_or_default();
        }
        Some(format!("{program} {subcommand}").trim_end().to_owned())
    }

    /// Of whoever listens there; it need not answer for that (SO_PEERCRED, unix(7)).
    fn process(name: &[u8]) -> Option<i32> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
        let address = SocketAddrUnix::new_abstract_name(name).ok()?;
        rustix::net::connect(&socket, &address).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&socket).ok()?;
        Some(peer.pid.as_raw_nonzero().get())
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io;

    pub enum Hold {}

    pub fn take(_: &str) -> io::Result<Option<Hold>> {
        Ok(None)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_process_shares_an_endpoint_and_lets_go_with_the_last_stream() {
        let place = "owner-test.invalid:3333";
        let (ours, _theirs) = tokio::io::duplex(8);
        let first = owned(place, async { Ok(ours) }).await.unwrap();
        let (ours, _theirs) = tokio::io::duplex(8);
        let second = owned(&place.to_uppercase(), async { Ok(ours) })
            .await
            .unwrap();
        assert!(first.hold.is_some() && second.hold.is_some());
        let again = || std::os::unix::net::UnixListener::bind_addr(&address(place).unwrap());
        assert!(again().is_err());
        drop(first);
        assert!(again().is_err());
        drop(second);
        again().unwrap();
    }

    /// As another process would see it.
    fn address(place: &str) -> io::Result<std::os::unix::net::SocketAddr> {
        use sha2::{Digest, Sha256};
        use std::os::linux::net::SocketAddrExt;
        let mut name = b"obiscope/meter/".to_vec();
        name.extend(&Sha256::digest(place.as_bytes())[..16]);
        std::os::unix::net::SocketAddr::from_abstract_name(name)
    }

    #[tokio::test]
    async fn what_did_not_open_holds_nothing_and_a_holder_is_named() {
        let place = "owner-test.invalid:3334";
        let failed = owned::<tokio::io::DuplexStream>(place, async {
            Err(io::ErrorKind::ConnectionRefused.into())
        });
        assert!(failed.await.is_err());
        let other = std::os::unix::net::UnixListener::bind_addr(&address(place).unwrap()).unwrap();
        let (ours, _theirs) = tokio::io::duplex(8);
        let error = owned(place, async { Ok(ours) }).await.err().unwrap();
        let held = Held::of(&error).unwrap();
        // This test's own process, as the kernel names it.
        assert!(held.by.contains(&std::process::id().to_string()), "{held}");
        assert!(held.by.contains("since 2"), "{held}");
        drop(other);
    }
}
