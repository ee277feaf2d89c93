//! What a scan found becomes saved meters. The rule: one that is saved already stays as it is, and all are saved or none.

use super::super::Failure;
use super::Seen;
use crate::cosem::data::printable;
use crate::meter::Definition;
use crate::meter::definition::FieldError;
use crate::meter::scan::public;
use crate::store::Store;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a new meter has, not what a scan waits.
const TIMEOUT: Duration = Duration::from_secs(7);

/// A line for each.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub lines: Vec<String>,
    /// Those that cannot be saved, and why.
    pub left: Vec<String>,
}

pub(super) async fn all(store: &Store, found: &mut [Seen]) -> Result<Added, Failure> {
    let mut taken: BTreeSet<String> = (store.meters().await?.into_iter())
        .map(|meter| meter.name)
        .collect();
    let mut added = Added::default();
    let mut new: Vec<(usize, Definition)> = Vec::new();
    for (index, seen) in found.iter().enumerate() {
        let Some(spoken) = seen.spoken().filter(|_| seen.saved.is_none()) else {
            continue;
        };
        let mut meter = public(seen.at.ip(), seen.at.port(), Some(&spoken), TIMEOUT);
        meter.retries = Definition::new("", "", 0).retries;
        meter.name = name(seen, &mut taken);
        match meter.check() {
            Ok(()) => new.push((index, meter)),
            Err(wrong) => added.left.push(format!(
                "{} is not added: {}",
                meter.endpoint(),
                printable(&in_words(&wrong))
            )),
        }
    }
    let definitions = new.iter().map(|(_, meter)| meter.clone()).collect();
    store.save_meters(definitions).await?;
    for (index, meter) in new {
        if let Some(seen) = found.get_mut(index) {
            seen.saved = Some(meter.name.clone());
        }
        added.lines.push(format!(
            "meter {} added: {}; it reads nothing yet: obiscope browse shows what it has",
            printable(&meter.name),
            meter.endpoint()
        ));
    }
    Ok(added)
}

fn in_words(wrong: &[FieldError]) -> String {
    let each: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    each.join("; ")
}

/// Its serial number where it told one, else its place.
fn name(seen: &Seen, taken: &mut BTreeSet<String>) -> String {
    let serial = seen.who.identity.iter().find(|(key, ..)| *key == "serial");
    let serial = serial.map(|(.., words)| printable(words));
    let fits = |name: &String| {
        let mut meter = Definition::new(name, "h", 1);
        name.clone_into(&mut meter.name);
        !name.trim().is_empty() && meter.check().is_ok()
    };
    let first = serial
        .filter(fits)
        .unwrap_or_else(|| format!("{}-{}", seen.at.ip(), seen.at.port()).replace(':', "."));
    let mut name = first.clone();
    let mut number = 2_u32;
    while !taken.insert(name.clone()) {
        name = format!("{first}-{number}");
        number += 1;
    }
    name
}
