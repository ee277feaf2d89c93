//! Asks for a password at the terminal without showing it. Whatever happens, the terminal is as before afterwards.

use crate::dlms::security::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// Longer input is a slip or a paste of something else.
const LONGEST: usize = 1024;

/// Asks at the controlling terminal, so that stdin and stdout may be pipes.
pub fn password(question: &str) -> io::Result<Secret> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let line = {
        // Before the question stands there: who answers at once must not be shown either.
        let _quiet = Quiet::new(&terminal)?;
        write!(&terminal, "{question}: ")?;
        line(&mut &terminal)
    };
    writeln!(terminal)?;
    Ok(Secret::new(line?.as_slice()))
}

/// No echo, and no signals: an interrupt must not leave the terminal mute.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn line(input: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut key = [0];
    while input.read(&mut key)? == 1 {
        match key[0] {
            b'\r' | b'\n' | 0x04 => return Ok(typed),
            0x03 | 0x1C => return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
            0x08 | 0x7F => drop(typed.pop()),
            0x15 => typed.clear(),
            _ if typed.len() == LONGEST => return Err(io::ErrorKind::InvalidInput.into()),
            byte => typed.push(byte),
        }
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_line() {
        let typed = |keys: &[u8]| line(&mut &*keys).map(|l| l.to_vec());
        assert_eq!(typed(b"22222222\rrest").unwrap(), b"22222222");
        assert_eq!(typed(b"ab\x7Fc\n").unwrap(), b"ac");
        assert_eq!(typed(b"wrong\x15right\n").unwrap(), b"right");
        assert_eq!(typed(b"\x7F\x7Fa").unwrap(), b"a");
        assert_eq!(
            typed(b"a\x03").unwrap_err().kind(),
            io::ErrorKind::Interrupted
        );
        let flood = vec![b'x'; LONGEST + 1];
        assert_eq!(
            typed(&flood).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
