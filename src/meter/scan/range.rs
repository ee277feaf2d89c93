//! Which hosts and ports to ask, as a person writes them. The rule: nothing is expanded into memory; a range of any size is
//! two numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// More than a person means by a site; asked for once more.
pub const MANY_HOSTS: u128 = 65_536;
/// Beyond this a scan would take weeks.
pub const MOST_HOSTS: u128 = 16_777_216;
/// Each host is asked port by port; more is no longer polite.
const MOST_PORTS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error(
        "{0:?} is not a range of addresses; write 10.0.4.0/24, 10.0.4.10-10.0.4.40, 10.0.4.10-40 or one address"
    )]
    Form(String),
    #[error("{text:?}: a prefix is 0 to {most} bits here; for example {text_example}")]
    Prefix {
        text: String,
        most: u8,
        text_example: &'static str,
    },
    #[error("{0:?}: the range ends before it begins; write the lower address first")]
    Backwards(String),
    #[error(
        "{text:?} holds {hosts} hosts, more than {MOST_HOSTS}: that would take weeks; scan part of it"
    )]
    TooMany { text: String, hosts: u128 },
    #[error(
        "{0:?} is not a list of ports; write 3333,4059,4061 or 4059-4061, each 1 to 65535, {MOST_PORTS} at most"
    )]
    Ports(String),
}

/// Hosts next to each other, both ends among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    first: u128,
    last: u128,
    v6: bool,
}

impl Hosts {
    pub fn count(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let v6 = self.v6;
        let all: RangeInclusive<u128> = self.first..=self.last;
        all.map(move |number| address(number, v6))
    }

    /// What is asked about before it is done; `None` for a range of a usual size.
    pub fn many(&self) -> Option<String> {
        (self.count() > MANY_HOSTS).then(|| {
            format!(
                "{} to {} are {} hosts, more than {MANY_HOSTS}: whoever runs that network should know; with --yes it is scanned",
                address(self.first, self.v6),
                address(self.last, self.v6),
                self.count()
            )
        })
    }
}

fn address(number: u128, v6: bool) -> IpAddr {
    if v6 {
        return Ipv6Addr::from_bits(number).into();
    }
    // The numbers of a v4 range fit.
    Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into()
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => it.to_bits().into(),
        IpAddr::V6(it) => it.to_bits(),
    }
}

impl FromStr for Hosts {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let form = || RangeError::Form(text.to_owned());
        let one = |part: &str| part.trim().parse::<IpAddr>().map_err(|_| form());
        let hosts = if let Some((network, bits)) = text.split_once('/') {
            block(text, one(network)?, bits)?
        } else if let Some((first, last)) = text.split_once('-') {
            let first = one(first)?;
            let last = match (first, last.trim().parse::<u8>()) {
                (IpAddr::V4(it), Ok(octet)) => {
                    let [a, b, c, _] = it.octets();
                    Ipv4Addr::new(a, b, c, octet).into()
                }
                _ => one(last)?,
            };
            if first.is_ipv6() != last.is_ipv6() {
                return Err(form());
            }
            Self {
                first: number(first),
                last: number(last),
                v6: first.is_ipv6(),
            }
        } else {
            let only = one(text)?;
            Self {
                first: number(only),
                last: number(only),
                v6: only.is_ipv6(),
            }
        };
        if hosts.last < hosts.first {
            return Err(RangeError::Backwards(text.to_owned()));
        }
        if hosts.count() > MOST_HOSTS {
            return Err(RangeError::TooMany {
                text: text.to_owned(),
                hosts: hosts.count(),
            });
        }
        Ok(hosts)
    }
}

/// The whole block, but not a v4 network's own address nor its broadcast (RFC 919; a /31 has neither, RFC 3021).
fn block(text: &str, network: IpAddr, bits: &str) -> Result<Hosts, RangeError> {
    let v6 = network.is_ipv6();
    let (width, example) = if v6 {
        (128, "2001:db8::/120")
    } else {
        (32, "10.0.4.0/24")
    };
    let prefix = bits.trim().parse::<u8>().ok().filter(|it| *it <= width);
    let prefix = prefix.ok_or_else(|| RangeError::Prefix {
        text: text.to_owned(),
        most: width,
        text_example: example,
    })?;
    let free = u32::from(width - prefix);
    let rest = 1_u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
    let (mut first, mut last) = (number(network) & !rest, number(network) | rest);
    if !v6 && free > 1 {
        (first, last) = (first + 1, last - 1);
    }
    Ok(Hosts { first, last, v6 })
}

/// The ports to ask on each host, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub Vec<u16>);

impl FromStr for Ports {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError::Ports(text.to_owned());
        let one = |part: &str| {
            let port = part.trim().parse::<u16>().ok();
            port.filter(|port| *port > 0).ok_or_else(wrong)
        };
        let mut ports = Vec::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (one(first)?, one(last)?),
                None => (one(part)?, one(part)?),
            };
            if last < first || usize::from(last - first) >= MOST_PORTS {
                return Err(wrong());
            }
            for port in first..=last {
                if !ports.contains(&port) {
                    ports.push(port);
                }
            }
        }
        if ports.len() > MOST_PORTS {
            return Err(wrong());
        }
        Ok(Self(ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let hosts: Hosts = text.parse().unwrap();
        hosts.iter().map(|it| it.to_string()).collect()
    }

    #[test]
    fn every_way_to_write_a_range() {
        assert_eq!(hosts("127.0.0.4/30"), ["127.0.0.5", "127.0.0.6"]);
        assert_eq!(hosts("127.0.0.9/31"), ["127.0.0.8", "127.0.0.9"]);
        assert_eq!(hosts("127.0.0.9/32"), ["127.0.0.9"]);
        assert_eq!(hosts("127.0.0.9"), ["127.0.0.9"]);
        assert_eq!(hosts("127.0.0.254-127.0.1.0").len(), 3);
        assert_eq!(hosts("127.0.0.9-10"), ["127.0.0.9", "127.0.0.10"]);
        assert_eq!(hosts("::1"), ["::1"]);
        assert_eq!(hosts("2001:db8::/126").len(), 4);
        assert_eq!(hosts("::1-::3").len(), 3);
    }

    #[test]
    fn a_large_range_costs_nothing_and_is_asked_about() {
        let of = |text: &str| text.parse::<Hosts>();
        assert!(of("127.0.0.0/16").unwrap().many().is_none());
        let many = of("127.0.0.0/15").unwrap();
        assert_eq!(many.count(), 131_070);
        assert!(many.many().unwrap().contains("127.1.255.254"));
        assert!(matches!(of("0.0.0.0/0"), Err(RangeError::TooMany { .. })));
        assert!(matches!(of("::/0"), Err(RangeError::TooMany { .. })));
        assert_eq!(of("10.0.0.0/8").unwrap().iter().take(1).count(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for text in [
            "",
            "meter-7",
            "10.0.4",
            "10.0.4.1-",
            "10.0.4.1-::1",
            "10.0.4.1-300",
        ] {
            let error = text.parse::<Hosts>().unwrap_err().to_string();
            assert!(error.contains("10.0.4.0/24"), "{error}");
        }
        let error = "10.0.4.0/33".parse::<Hosts>().unwrap_err().to_string();
        assert!(error.contains("0 to 32"), "{error}");
        let error = "10.0.4.9-8".parse::<Hosts>().unwrap_err().to_string();
        assert!(error.contains("lower address first"), "{error}");
    }

    #[test]
    fn ports_are_few_and_asked_once() {
        let of = |text: &str| text.parse::<Ports>();
        assert_eq!(
            of("3333,4059-4061,4059").unwrap().0,
            [3333, 4059, 4060, 4061]
        );
        for text in [
            "",
            "0",
            "4059-",
            "65536",
            "5-4",
            "1-1000",
            "1-200,300-500",
            "x",
        ] {
            assert!(
                of(text).unwrap_err().to_string().contains("3333,4059,4061"),
                "{text}"
            );
        }
    }
}
