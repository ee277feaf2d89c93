//! A serial line of this computer: an optical head, RS-485, RS-232. The rule: one program holds it at a time.

use super::handover::Switch;
use crate::meter::definition::{Parity, SerialLine};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::termios::ioctl_tiocexcl;
use serial2_tokio::{CharSize, FlowControl, Parity as LineParity, SerialPort, Settings, StopBits};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Port {
    line: SerialPort,
    /// 7E1 that the driver cannot do itself: the parity bit goes as the eighth, which is the same on the line.
    parity_by_hand: bool,
    /// Holds the lock as long as the port is open.
    _held: File,
}

/// Opened as the definition says.
pub(super) fn open(line: &SerialLine) -> io::Result<Port> {
    let held = hold(&line.path)?;
    let port = SerialPort::open(&line.path, |settings: Settings| set(settings, line))?;
    begin(port, held, false)
}

/// Opened at 300 7E1, for the hand-over of mode E.
pub(super) fn open_for_hand_over(line: &SerialLine) -> io::Result<Port> {
    let slow = SerialLine {
        baud: 300,
        data_bits: 7,
        parity: Parity::Even,
        stop_bits: 1,
        path: line.path.clone(),
    };
    let held = hold(&line.path)?;
    if let Ok(port) = SerialPort::open(&line.path, |settings: Settings| set(settings, &slow)) {
        return begin(port, held, false);
    }
    // Many USB heads know eight bits only.
    let eight = SerialLine {
        data_bits: 8,
        parity: Parity::None,
        ..slow
    };
    let port = SerialPort::open(&line.path, |settings: Settings| set(settings, &eight))?;
    begin(port, held, true)
}

fn begin(line: SerialPort, held: File, parity_by_hand: bool) -> io::Result<Port> {
    // Optical heads are fed from these two.
    let _ = line.set_dtr(true);
    let _ = line.set_rts(true);
    ioctl_tiocexcl(&held)?;
    line.discard_buffers()?;
    Ok(Port {
        line,
        parity_by_hand,
        _held: held,
    })
}

/// The kernel's own exclusive mode does not hold root back; the lock does, among programs that ask.
fn hold(path: &str) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let held = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    match flock(&held, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(held),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::ErrorKind::ResourceBusy.into()),
        Err(error) => Err(error.into()),
    }
}

fn set(mut settings: Settings, line: &SerialLine) -> io::Result<Settings> {
    settings.set_raw();
    settings.set_baud_rate(line.baud)?;
    settings.set_char_size(match line.data_bits {
        7 => CharSize::Bits7,
        _ => CharSize::Bits8,
    });
    settings.set_parity(match line.parity {
        Parity::None => LineParity::None,
        Parity::Even => LineParity::Even,
        Parity::Odd => LineParity::Odd,
    });
    settings.set_stop_bits(match line.stop_bits {
        2 => StopBits::Two,
        _ => StopBits::One,
    });
    settings.set_flow_control(FlowControl::None);
    Ok(settings)
}

impl Switch for Port {
    fn switch(&mut self, baud: u32) -> io::Result<()> {
        let line = SerialLine {
            baud,
            ..SerialLine::new("")
        };
        let settings = set(self.line.get_configuration()?, &line)?;
        self.line.set_configuration(&settings)?;
        self.parity_by_hand = false;
        Ok(())
    }
}

impl AsyncRead for Port {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.line).poll_read(cx, buf))?;
        if self.parity_by_hand {
            for octet in &mut buf.filled_mut()[before..] {
                *octet &= 0x7F;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Port {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.parity_by_hand {
            let even: Vec<u8> = bytes
                .iter()
                .map(|b| b & 0x7F | u8::from(b.count_ones() & 1 == 1) << 7)
                .collect();
            return Pin::new(&mut self.line).poll_write(cx, &even);
        }
        Pin::new(&mut self.line).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::handover_tests::pty;
    use super::*;
    use std::io::{Read, Write};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_go_both_ways_and_one_program_holds_the_line() {
        let (mut head, path) = pty();
        let line = SerialLine {
            // No number of the standard list.
            baud: 12_345,
            ..SerialLine::new(&path)
        };
        let mut port = open(&line).unwrap();
        port.write_all(&[0x7E, 0x00, 0xFF, 0x11, 0x0A])
            .await
            .unwrap();
        let mut got = [0; 5];
        head.read_exact(&mut got).unwrap();
        assert_eq!(got, [0x7E, 0x00, 0xFF, 0x11, 0x0A]);
        head.write_all(&[0x03, 0x13, 0x0D, 0x80]).unwrap();
        let mut got = [0; 4];
        port.read_exact(&mut got).await.unwrap();
        assert_eq!(got, [0x03, 0x13, 0x0D, 0x80]);
        assert_eq!(
            port.line
                .get_configuration()
                .unwrap()
                .get_baud_rate()
                .unwrap(),
            12_345
        );

        let busy = open(&line).err().unwrap();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        drop(port);
        open(&line).unwrap();
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let gone = open(&SerialLine::new("/dev/no-such-line")).err().unwrap();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
}
