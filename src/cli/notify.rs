//! What a service manager is told (sd_notify's protocol): ready, stopping, how it goes. Without one, nothing is done.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;

/// `READY=1`, `STOPPING=1`, `STATUS=…`; several by line.
pub(super) fn tell(state: &str) {
    if let Some(place) = std::env::var_os("NOTIFY_SOCKET") {
        // A manager that does not listen must not keep anyone from working.
        let _ = send(&place, state.as_bytes());
    }
}

fn send(place: &OsStr, state: &[u8]) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = place.as_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        socket.send_to_addr(state, &address)?;
        return Ok(());
    }
    socket.send_to(state, place)?;
    Ok(())
}
