//! Where the saved meters are, so that none is found as new. The rule: a host by name is looked up once, and no name keeps a
//! scan from beginning for long.

use crate::meter::Definition;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// For all names together.
const PATIENCE: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 32;

/// Places with the name of their meter, and hosts whose addresses nobody told.
#[derive(Debug, Default)]
pub(super) struct Saved {
    places: BTreeMap<SocketAddr, String>,
    pub unknown: Vec<String>,
}

impl Saved {
    pub async fn of(meters: &[Definition]) -> Self {
        let mut saved = Self::default();
        let mut named: BTreeMap<&str, Vec<(u16, &str)>> = BTreeMap::new();
        let on_network = |meter: &&Definition| meter.transport.serial().is_none();
        for meter in meters.iter().filter(on_network) {
            match meter.host.parse::<IpAddr>() {
                Ok(ip) => saved.enter(ip, meter.port, &meter.name),
                Err(_) => (named.entry(&meter.host).or_default()).push((meter.port, &meter.name)),
            }
        }
        let until = Instant::now() + PATIENCE;
        let mut hosts = named.keys().map(|host| (*host).to_owned());
        let mut looking = JoinSet::new();
        loop {
            while looking.len() < AT_ONCE {
                let Some(host) = hosts.next() else { break };
                looking.spawn(async move {
                    let look = async {
                        let found = lookup_host((host.as_str(), 0)).await.ok()?;
                        Some(found.map(|it| it.ip()).collect::<Vec<_>>())
                    };
                    let found = timeout_at(until, look).await.ok().flatten();
                    (host, found.unwrap_or_default())
                });
            }
            let Some(done) = looking.join_next().await else {
                break;
            };
            let Ok((host, found)) = done else { continue };
            for (port, name) in named.get(host.as_str()).into_iter().flatten() {
                for ip in &found {
                    saved.enter(*ip, *port, name);
                }
            }
            if found.is_empty() {
                saved.unknown.push(host);
            }
        }
        saved.unknown.sort();
        saved
    }

    fn enter(&mut self, ip: IpAddr, port: u16, name: &str) {
        let place = SocketAddr::new(ip, port);
        self.places.entry(place).or_insert_with(|| name.to_owned());
    }

    pub fn at(&self, place: SocketAddr) -> Option<&str> {
        self.places.get(&place).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_saved_host_is_known_by_each_of_its_addresses() {
        let meters = [
            Definition::new("by-name", "localhost", 3333),
            Definition::new("by-number", "::1", 4059),
            Definition::new("lost", "no-such-host.invalid", 4059),
        ];
        let saved = Saved::of(&meters).await;
        let at = |place: &str| saved.at(place.parse().unwrap());
        assert_eq!(at("127.0.0.1:3333"), Some("by-name"));
        assert_eq!(at("[::1]:4059"), Some("by-number"));
        assert_eq!(at("127.0.0.1:4059"), None);
        assert_eq!(saved.unknown, ["no-such-host.invalid"]);
    }
}
