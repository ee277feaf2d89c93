//! Which addresses to try, and in which order, where the given ones bring nothing. The rule: only SNRM and DISC ever go
//! out on it, never a password, and nothing is tried twice.

use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::meter::Definition;

/// One step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    pub client: ClientAddress,
    pub server: ServerAddress,
    /// DISC goes first: it frees a link that somebody left open.
    pub disc_first: bool,
    /// Whose DISC that is and where it goes, where it is not our own.
    pub disc_as: Option<(ClientAddress, ServerAddress)>,
    /// Only after the meter's inactivity time.
    pub wait_first: bool,
    pub why: String,
}

/// Clients most meters know: the public one, the manager or reader, the reader or installer of others.
const CLIENTS: [u8; 3] = [16, 1, 32];

/// First guesses by maker, as found in the field: client, upper, lower, octets.
const MAKERS: [(&str, u8, u16, Option<u16>, u8); 6] = [
    ("Microstar", 1, 1, None, 1),
    ("Hexing", 1, 1, None, 1),
    ("Iskraemeco AM550", 1, 1, Some(17), 2),
    ("Landis+Gyr ZMXi", 16, 1, Some(0), 2),
    ("Elster AS3500", 16, 1, Some(80), 2),
    ("Kamstrup", 19, 16, Some(1), 2),
];

pub fn ladder(meter: &Definition, wait: bool, all_station: bool) -> Vec<Try> {
    let given = (meter.client, meter.server);
    let mut steps = Steps(Vec::new());
    if wait {
        steps.add(
            given,
            false,
            "the same again after the meter's inactivity time".to_owned(),
        );
        if let Some(first) = steps.0.first_mut() {
            first.wait_first = true;
        }
    }
    steps.add(
        given,
        true,
        "DISC first: a link may have been left open".to_owned(),
    );
    for server in other_sizes(meter.server) {
        steps.add(
            (meter.client, server),
            false,
            format!("the same numbers in {}", octets(server)),
        );
    }
    let upper = meter.server.upper();
    for size in [2, 4] {
        if let Ok(server) = ServerAddress::calling(upper, size) {
            let why = format!("CALLING, whichever device hears it, in {}", octets(server));
            steps.add((meter.client, server), true, why);
        }
    }
    for client in CLIENTS {
        if let Ok(client) = ClientAddress::new(client) {
            let why = format!("another client: {client}");
            steps.add((client, meter.server), false, why);
        }
    }
    for (maker, client, upper, lower, size) in MAKERS {
        if let (Ok(client), Ok(server)) = (
            ClientAddress::new(client),
            ServerAddress::new(upper, lower, Some(size)),
        ) {
            steps.add(
                (client, server),
                false,
                format!("first guess for {maker} meters"),
            );
        }
    }
    if all_station {
        for size in [1, 2, 4] {
            if let Ok(server) = ServerAddress::all_station(upper, size) {
                let why = format!("all stations, in {}", octets(server));
                steps.add((meter.client, server), false, why);
            }
        }
    }
    steps.0
}

/// Where the given address answers DM somebody may hold it: DISC as each who may, then ours again.
pub(super) fn holders(meter: &Definition, known: Option<ClientAddress>) -> Vec<Try> {
    let others = CLIENTS
        .into_iter()
        .filter_map(|sap| ClientAddress::new(sap).ok());
    let mut found: Vec<Try> = Vec::new();
    let mut add = |client, server, why| {
        if !found.iter().any(|it| it.disc_as == Some((client, server))) {
            found.push(Try {
                client: meter.client,
                server: meter.server,
                disc_first: true,
                disc_as: Some((client, server)),
                wait_first: false,
                why,
            });
        }
    };
    for client in known.into_iter().chain(others) {
        if client != meter.client {
            let why = format!("DISC as client {client}, which may hold it, then ours again");
            add(client, meter.server, why);
        }
    }
    for size in [2, 4] {
        if let Ok(server) = ServerAddress::calling(meter.server.upper(), size) {
            let why = format!("DISC to CALLING, in {}, then ours again", octets(server));
            add(meter.client, server, why);
        }
    }
    found
}

struct Steps(Vec<Try>);

impl Steps {
    fn add(&mut self, to: (ClientAddress, ServerAddress), disc_first: bool, why: String) {
        let (client, server) = to;
        // SNRM after DISC says as much as SNRM alone.
        let same =
            |it: &Try| (it.client, it.server) == (client, server) && (it.disc_first || !disc_first);
        if !self.0.iter().any(same) {
            self.0.push(Try {
                client,
                server,
                disc_first,
                disc_as: None,
                wait_first: false,
                why,
            });
        }
    }
}

/// The same numbers otherwise on the wire; one octet has no room for a lower part, so there it is left out, and where it
/// comes on it is what most meters take for a lone device.
fn other_sizes(server: ServerAddress) -> Vec<ServerAddress> {
    let upper = server.upper();
    let mut found: Vec<ServerAddress> = Vec::new();
    let forms = match server.lower() {
        Some(lower) => vec![(None, 1), (Some(lower), 2), (Some(lower), 4)],
        None => vec![
            (Some(17), 2),
            (Some(upper), 2),
            (Some(17), 4),
            (Some(upper), 4),
        ],
    };
    for (lower, size) in forms {
        if let Ok(other) = ServerAddress::new(upper, lower, Some(size))
            && other != server
            && !found.contains(&other)
        {
            found.push(other);
        }
    }
    found
}

pub fn octets(server: ServerAddress) -> &'static str {
    match server.size() {
        1 => "one byte",
        2 => "two bytes",
        _ => "four bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(server: &str) -> Definition {
        let mut meter = Definition::microstar("m", "h", 1);
        meter.server = server.parse().unwrap();
        meter
    }

    #[test]
    fn the_cheap_and_likely_comes_first_and_nothing_twice() {
        let steps = ladder(&meter("1/1"), false, false);
        assert!(steps[0].disc_first && steps[0].server == "1/1".parse().unwrap());
        assert_eq!(
            steps[1].server,
            ServerAddress::new(1, None, Some(1)).unwrap()
        );
        assert_eq!(steps[2].server.size(), 4);
        assert!(
            steps
                .iter()
                .all(|it| it.server.is_individual() || it.server.is_calling())
        );
        for (n, step) in steps.iter().enumerate() {
            let same = |it: &&Try| {
                (it.client, it.server, it.disc_first) == (step.client, step.server, step.disc_first)
            };
            assert_eq!(steps.iter().filter(same).count(), 1, "{n}");
        }
        assert!(steps.len() < 20, "polite");
    }

    #[test]
    fn waiting_and_all_stations_only_when_asked_for() {
        let steps = ladder(&meter("1"), true, true);
        assert!(steps[0].wait_first && !steps[1].wait_first);
        assert_eq!(
            steps.iter().filter(|it| it.server.is_all_station()).count(),
            3
        );
        assert!(
            !ladder(&meter("1"), false, false)
                .iter()
                .any(|it| it.wait_first)
        );
    }
}
