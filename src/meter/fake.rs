//! Lines to simulated meters for tests: pipes that can be unplugged and that can go deaf, in virtual time.

use super::definition::Definition;
use super::transport::{ConnectFuture, Connector, SharedConnector, Stream};
use crate::simulator::server::{SharedMeter, pipe};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// Which host answers how. A host it does not know refuses.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    lines: HashMap<String, (SharedMeter, Line)>,
    silent: Vec<String>,
    connects: usize,
}

/// One meter's line.
#[derive(Clone)]
pub struct Line {
    plugged: watch::Sender<bool>,
    deaf_until: Arc<Mutex<Instant>>,
    harm: Arc<Mutex<Harm>>,
}

/// What goes wrong on a line that stands.
#[derive(Clone, Default)]
enum Harm {
    #[default]
    None,
    /// What holds these bytes is lost on the way to the meter.
    Swallow(Vec<Vec<u8>>),
    /// The converter hangs up on them.
    HangUp(Vec<Vec<u8>>),
    /// Every answer comes damaged.
    Garble,
}

fn holds(bytes: &[u8], any: &[Vec<u8>]) -> bool {
    any.iter()
        .any(|part| bytes.windows(part.len()).any(|window| window == part))
}

impl World {
    pub fn meter(&self, host: &str, meter: &SharedMeter) -> Line {
        let line = Line {
            plugged: watch::Sender::new(true),
            deaf_until: Arc::new(Mutex::new(Instant::now())),
            harm: Arc::default(),
        };
        let entry = (Arc::clone(meter), line.clone());
        self.0.lock().unwrap().lines.insert(host.to_owned(), entry);
        line
    }

    /// Connecting to this host takes until the timeout.
    pub fn silent(&self, host: &str) {
        self.0.lock().unwrap().silent.push(host.to_owned());
    }

    pub fn connector(&self) -> SharedConnector {
        Arc::new(self.clone())
    }

    pub fn connects(&self) -> usize {
        self.0.lock().unwrap().connects
    }
}

impl Line {
    pub fn unplug(&self) {
        self.plugged.send_replace(false);
    }

    pub fn plug_in(&self) {
        self.plugged.send_replace(true);
    }

    /// What is said to the meter in this time is lost.
    pub fn deaf_for(&self, time: Duration) {
        *self.deaf_until.lock().unwrap() = Instant::now() + time;
    }

    /// The meter never answers what holds these bytes.
    pub fn swallow(&self, parts: &[&[u8]]) {
        let parts = parts.iter().map(|part| part.to_vec()).collect();
        *self.harm.lock().unwrap() = Harm::Swallow(parts);
    }

    pub fn hang_up_on(&self, part: &[u8]) {
        *self.harm.lock().unwrap() = Harm::HangUp(vec![part.to_vec()]);
    }

    /// From now on no answer comes whole.
    pub fn garble(&self) {
        *self.harm.lock().unwrap() = Harm::Garble;
    }

    pub fn mend(&self) {
        *self.harm.lock().unwrap() = Harm::None;
    }

    async fn carry(self, mut ours: DuplexStream, mut meter: DuplexStream) {
        let mut plugged = self.plugged.subscribe();
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                () = async { drop(plugged.wait_for(|plugged| !plugged).await) } => return,
                read = ours.read(&mut up) => match read {
                    Ok(n) if n > 0 => {
                        let harm = self.harm.lock().unwrap().clone();
                        let deaf = match &harm {
                            Harm::HangUp(parts) if holds(&up[..n], parts) => return,
                            Harm::Swallow(parts) if holds(&up[..n], parts) => true,
                            _ => Instant::now() < *self.deaf_until.lock().unwrap(),
                        };
                        if !deaf && meter.write_all(&up[..n]).await.is_err() {
                            return;
                        }
                    }
                    _ => return,
                },
                read = meter.read(&mut down) => match read {
                    Ok(n) if n > 0 => {
                        if matches!(*self.harm.lock().unwrap(), Harm::Garble) {
                            down[n / 2] ^= 0x55;
                        }
                        if ours.write_all(&down[..n]).await.is_err() {
                            return;
                        }
                    }
                    _ => return,
                },
            }
        }
    }
}

impl Connector for World {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let found = {
                let mut inner = self.0.lock().unwrap();
                inner.connects += 1;
                let silent = inner.silent.contains(&meter.host);
                if silent {
                    None
                } else {
                    Some(inner.lines.get(&meter.host).cloned())
                }
            };
            let Some(found) = found else {
                tokio::time::sleep(meter.timeout).await;
                return Err(io::ErrorKind::TimedOut.into());
            };
            match found {
                Some((meter, line)) if *line.plugged.borrow() => {
                    let (ours, theirs) = tokio::io::duplex(64 * 1024);
                    tokio::spawn(line.clone().carry(theirs, pipe(&meter)));
                    Ok(Box::new(ours) as Box<dyn Stream>)
                }
                _ => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}
