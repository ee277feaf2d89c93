//! One packet down to its TCP or UDP payload. The one rule: what is not IP with TCP or UDP in it is none of ours.

use super::array;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) struct Segment {
    pub source: SocketAddr,
    pub target: SocketAddr,
    /// None: a datagram.
    pub tcp: Option<Tcp>,
    pub payload: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(super) struct Tcp {
    pub number: u32,
    pub opens: bool,
    pub acknowledges: bool,
    /// FIN or RST.
    pub closes: bool,
}

/// IPv6 extension headers stepped over at most.
const MOST_EXTENSIONS: usize = 8;

/// `link` is a LINKTYPE of the tcpdump registry.
pub(super) fn parse(link: u16, data: &[u8]) -> Option<Segment> {
    let ip = match link {
        // NULL and LOOP: an address family of four octets.
        0 | 108 => data.get(4..)?,
        1 => {
            let mut at = 12;
            // VLAN tags.
            while matches!(data.get(at..at + 2)?, [0x81, 0x00] | [0x88, 0xA8]) {
                at += 4;
            }
            typed(data, at, at + 2)?
        }
        12 | 14 | 101 | 228 | 229 => data,
        // Linux cooked, versions 1 and 2.
        113 => typed(data, 14, 16)?,
        276 => typed(data, 0, 20)?,
        _ => return None,
    };
    match ip.first()? >> 4 {
        4 => version_4(ip),
        6 => version_6(ip),
        _ => None,
    }
}

/// What follows at `from`, if the `EtherType` says IP.
fn typed(data: &[u8], at: usize, from: usize) -> Option<&[u8]> {
    let kind = data.get(at..at + 2)?;
    matches!(kind, [0x08, 0x00] | [0x86, 0xDD])
        .then(|| data.get(from..))
        .flatten()
}

fn version_4(ip: &[u8]) -> Option<Segment> {
    let header = usize::from(ip.first()? & 0x0F) * 4;
    let mut total = usize::from(u16::from_be_bytes(array(ip, 2)));
    if total == 0 {
        // Left to the network card.
        total = ip.len();
    }
    let fragment = u16::from_be_bytes(array(ip, 6)) & 0x1FFF;
    if header < 20 || fragment != 0 {
        return None;
    }
    let source = Ipv4Addr::from(array::<4>(ip, 12));
    let target = Ipv4Addr::from(array::<4>(ip, 16));
    let inner = ip.get(header..total.min(ip.len()))?;
    transport(*ip.get(9)?, source.into(), target.into(), inner)
}

fn version_6(ip: &[u8]) -> Option<Segment> {
    let source = Ipv6Addr::from(array::<16>(ip, 8));
    let target = Ipv6Addr::from(array::<16>(ip, 24));
    let length = usize::from(u16::from_be_bytes(array(ip, 4)));
    let end = if length == 0 { ip.len() } else { 40 + length };
    let (mut next, mut at) = (*ip.get(6)?, 40);
    for _ in 0..MOST_EXTENSIONS {
        if !matches!(next, 0 | 43 | 60) {
            break;
        }
        let head = ip.get(at..at + 2)?;
        next = *head.first()?;
        at += (usize::from(*head.get(1)?) + 1) * 8;
    }
    let inner = ip.get(at..end.min(ip.len()))?;
    transport(next, source.into(), target.into(), inner)
}

fn transport(protocol: u8, source: IpAddr, target: IpAddr, bytes: &[u8]) -> Option<Segment> {
    let source = SocketAddr::new(source, u16::from_be_bytes(array(bytes, 0)));
    let target = SocketAddr::new(target, u16::from_be_bytes(array(bytes, 2)));
    let (tcp, header) = match protocol {
        6 => {
            let flags = *bytes.get(13)?;
            let tcp = Tcp {
                number: u32::from_be_bytes(array(bytes, 4)),
                opens: flags & 0x02 != 0,
                acknowledges: flags & 0x10 != 0,
                closes: flags & 0x05 != 0,
            };
            (Some(tcp), usize::from(bytes.get(12)? >> 4) * 4)
        }
        17 => (None, 8),
        _ => return None,
    };
    Some(Segment {
        source,
        target,
        tcp,
        payload: bytes.get(header..)?.to_vec(),
    })
}
