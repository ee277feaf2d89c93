//! Learns that the terminal is gone. crossterm's reader never says so and burns a core
//! (crossterm#793), so a thread watches standard input for nothing but its end.

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;

/// Resolves when the terminal hangs up (the SSH connection dropped, its window was closed).
pub fn watch() -> oneshot::Receiver<()> {
    let (gone, told) = oneshot::channel();
    let watcher = std::thread::Builder::new().name("hangup".into());
    // Without the thread (no resources) the signal handler still ends the program on SIGHUP.
    let _ = watcher.spawn(move || {
        let stdin = std::io::stdin();
        // No events are asked for, so poll returns on hangup or error alone.
        let mut descriptors = [PollFd::new(&stdin, PollFlags::empty())];
        loop {
            match poll(&mut descriptors, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
                Ok(_) => break,
            }
        }
        let _ = gone.send(());
    });
    told
}
