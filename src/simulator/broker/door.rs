//! The port: open, or shut for a while as of a broker that is down. The rule: while it is shut the port stays ours, so that a
//! restart finds it free, and who connects is refused.

use super::connection;
use super::handle::{Ending, Order};
use super::hub::{Farewell, Hub};
use super::reason;
use crate::simulator::server::hold;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const MAX_CLIENTS: usize = 128;
/// Not accepted yet.
const WAITING: u32 = 128;

enum Door {
    Open(TcpListener),
    /// Bound but not listening: the kernel refuses who knocks.
    Shut(TcpSocket),
    /// The port could not be held or opened again.
    Lost,
}

pub(super) async fn watch(
    listener: TcpListener,
    address: SocketAddr,
    hub: Arc<Hub>,
    mut orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
) {
    let mut door = Door::Open(listener);
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(order) = orders.recv() => match order {
                Order::Down(ending, done) => {
                    let shut = shut(&mut door, address, ending, &hub, &mut clients).await;
                    // Who asked may have gone.
                    drop(done.send(shut));
                }
                Order::Up(done) => drop(done.send(open(&mut door))),
            },
            Some(_) = clients.join_next() => {}
            accepted = accept(&door), if clients.len() < MAX_CLIENTS => match accepted {
                Ok(stream) => {
                    // Known before its task runs, so that nobody is forgotten when all are sent away.
                    let (number, told) = hub.arrive();
                    clients.spawn(connection::serve(stream, Arc::clone(&hub), number, told));
                }
                // Out of file handles, say: do not spin on it.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(door);
    hub.end_all(Farewell::Saying(reason::SERVER_SHUTTING_DOWN));
    while clients.join_next().await.is_some() {}
    hub.close();
}

/// Never ends while the door is shut.
async fn accept(door: &Door) -> io::Result<tokio::net::TcpStream> {
    match door {
        Door::Open(listener) => listener.accept().await.map(|(stream, _)| stream),
        Door::Shut(_) | Door::Lost => std::future::pending().await,
    }
}

async fn shut(
    door: &mut Door,
    address: SocketAddr,
    ending: Ending,
    hub: &Hub,
    clients: &mut JoinSet<()>,
) -> io::Result<()> {
    if matches!(door, Door::Shut(_)) {
        return Ok(());
    }
    // The listener goes first: nobody comes in while the others are sent away.
    *door = Door::Lost;
    hub.end_all(match ending {
        Ending::Graceful => Farewell::Saying(reason::SERVER_SHUTTING_DOWN),
        Ending::Abrupt => Farewell::Abrupt,
    });
    let held = hold(address);
    while clients.join_next().await.is_some() {}
    hub.forget();
    *door = Door::Shut(held?);
    Ok(())
}

fn open(door: &mut Door) -> io::Result<()> {
    match std::mem::replace(door, Door::Lost) {
        Door::Shut(socket) => {
            *door = Door::Open(socket.listen(WAITING)?);
            Ok(())
        }
        Door::Open(listener) => {
            *door = Door::Open(listener);
            Ok(())
        }
        Door::Lost => Err(io::Error::other(
            "the port was lost while the broker was down",
        )),
    }
}
