//! `obiscope identify`: who is there. Each line is asked for by itself; what a meter lacks costs only its line.

use super::Failure;
use super::exit::ExitKind;
use super::object_list::{self, Kept};
use super::table::Table;
use super::visit::{Door, Place, Purpose, Trouble, find, get};
use crate::cosem::data::{printable, printable_bytes};
use crate::cosem::decode::decode;
use crate::cosem::{AttributeRef, Data, DateTime, Obis};
use crate::meter::Definition;
use crate::meter::attempts::{Attempts, Credential, Told};
use crate::meter::drift::{Drift, TIME};
use crate::meter::session::Session;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::future::Future;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const fn data(a: u8, c: u8, d: u8, e: u8) -> AttributeRef {
    AttributeRef {
        class: 1,
        obis: Obis::new(a, 0, c, d, e, 255),
        attribute: 2,
    }
}

const LOGICAL_DEVICE_NAME: AttributeRef = data(0, 42, 0, 0);
const SAP_LIST: AttributeRef = AttributeRef {
    class: 17,
    obis: Obis::new(0, 0, 41, 0, 0, 255),
    attribute: 2,
};

/// What to ask for by its key, and where meters keep it, likeliest first.
const TEXTS: [(&str, &[AttributeRef]); 3] = [
    ("serial", &[data(0, 96, 1, 0), data(1, 0, 0, 0)]),
    ("logical_device_name", &[LOGICAL_DEVICE_NAME]),
    ("firmware", &[data(1, 0, 2, 0), data(0, 0, 2, 0)]),
];

const MAKER: &str = "manufacturer";
/// Letters in front of a logical device name that name its maker (FLAG id).
const FLAG: usize = 3;

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let at = find(Purpose::Read, &args.place, door).await?;
    let kept = Kept::find(door, &at.meter).await;
    let ((found, missing), who) = at
        .visit(door, stop, async |session: &mut Session, _| {
            let who = match kept {
                Some(_) => object_list::identity(session).await?,
                None => None,
            };
            Ok((identity(session).await?, who))
        })
        .await?;
    if let Some((kept, who)) = kept.zip(who)
        && kept.forget_others(door, &who).await
    {
        writeln!(
            err,
            "obiscope: another device or firmware than before; the object list kept of that one is gone"
        )?;
    }
    if let Some(maker) = found.iter().find(|it| it.0 == MAKER) {
        keep_maker(door, &at.meter, &maker.2).await?;
    }
    for line in &missing {
        writeln!(err, "obiscope: {}", printable(line))?;
    }
    if args.json {
        let object: Map<_, _> = found
            .iter()
            .map(|(key, value, _)| ((*key).to_owned(), value.clone()))
            .collect();
        writeln!(out, "{}", Value::Object(object))?;
    } else {
        let mut table = Table::new([false, false]);
        for (key, _, words) in &found {
            table.add([key.replace('_', " "), printable(words)]);
        }
        table.print(out)?;
    }
    Ok(if found.is_empty() {
        ExitKind::Partly
    } else {
        ExitKind::Done
    })
}

/// Before a refused secret goes out again, what is known of this make's lock is shown.
async fn keep_maker(door: &Door<'_>, meter: &Definition, maker: &str) -> Result<(), Failure> {
    let Some(who) = Credential::of(meter) else {
        return Ok(());
    };
    let store = (door.open_store)()?;
    let told = Told {
        at: Timestamp::now(),
        maker: Some(maker.to_owned()),
        facts: Vec::new(),
    };
    store.told(who, told).await;
    store.close().await;
    Ok(())
}

/// Key, for JSON, for people.
pub(super) type Line = (&'static str, Value, String);

/// What it says of itself, and what it does not say and why.
pub(super) async fn identity(session: &mut Session) -> Result<(Vec<Line>, Vec<String>), Trouble> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for (key, places) in TEXTS {
        let mut refused = None;
        for place in places {
            match get(session, *place).await? {
                Ok(data) => {
                    let text = text(&data);
                    if *place == LOGICAL_DEVICE_NAME
                        && let Some(flag) = flag(&data)
                    {
                        found.push((MAKER, json!(flag), flag));
                    }
                    found.push((key, json!(text), text));
                    refused = None;
                    break;
                }
                Err(error) => {
                    refused.get_or_insert(format!("{key}: {place}: {error}"));
                }
            }
        }
        missing.extend(refused);
    }
    match get(session, TIME).await? {
        Ok(data) => match data.as_octets().and_then(|o| o.try_into().ok()) {
            Some(raw) => {
                let drift = Drift::new(DateTime { raw }, Timestamp::now());
                found.push(("clock", drift.to_json(), drift.words()));
            }
            None => missing.push(format!("clock: no date-time but {}", data.to_text())),
        },
        Err(error) => missing.push(format!("clock: {TIME}: {error}")),
    }
    match get(session, SAP_LIST).await? {
        Ok(data) => {
            let decoded = decode(SAP_LIST.class, SAP_LIST.attribute, &data);
            found.push(("saps", decoded.to_json(), decoded.to_text()));
        }
        Err(error) => missing.push(format!("SAP list: {SAP_LIST}: {error}")),
    }
    Ok((found, missing))
}

/// Text where it is printable; otherwise as data is shown.
fn text(data: &Data) -> String {
    match data.as_octets() {
        Some(octets) if octets.iter().all(|b| matches!(b, b' '..=b'~')) => printable_bytes(octets),
        _ => data.to_text(),
    }
}

fn flag(name: &Data) -> Option<String> {
    let letters = name.as_octets()?.get(..FLAG)?;
    let upper = letters.iter().all(u8::is_ascii_uppercase);
    upper.then(|| printable_bytes(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maker_is_three_letters_or_not_known() {
        let name = |text: &str| Data::OctetString(text.as_bytes().to_vec());
        assert_eq!(flag(&name("GRX0000000123456")).as_deref(), Some("GRX"));
        assert_eq!(flag(&name("123")), None);
        assert_eq!(flag(&name("G")), None);
        assert_eq!(flag(&Data::Null), None);
    }
}
