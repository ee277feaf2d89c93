//! `obiscope browse`: everything the association shows, with what may be read, written and invoked.

use super::Failure;
use super::exit::ExitKind;
use super::object_list::{Kept, Origin, object_list};
use super::table::Table;
use super::visit::{Door, Place, Purpose, find};
use crate::cosem::class::class;
use crate::cosem::data::printable;
use crate::cosem::object_list::{ObjectEntry, ObjectList};
use crate::meter::clock::rfc3339;
use crate::meter::session::Session;
use serde_json::{Value, json};
use std::future::Future;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Read the list anew where one of a saved meter is kept
    #[arg(long)]
    pub refresh: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let found = find(Purpose::Read, &args.place, door).await?;
    let mut kept = Kept::find(door, &found.meter).await;
    let (list, from) = found
        .visit(door, stop, async |session: &mut Session, _| {
            object_list(session, door, kept.as_mut(), args.refresh).await
        })
        .await?;
    if let Some(problem) = kept.as_ref().and_then(Kept::problem) {
        let problem = printable(problem);
        writeln!(err, "obiscope: the object list is not kept: {problem}")?;
    }
    for problem in &list.problems {
        writeln!(err, "obiscope: {problem}")?;
    }
    if let Origin::Kept(read) = from {
        let read = rfc3339(read);
        writeln!(
            err,
            "the list as it was read on {read}, by the same device and firmware; --refresh asks the meter"
        )?;
    }
    if args.json {
        let array: Vec<_> = list.objects.iter().map(entry_json).collect();
        writeln!(out, "{}", Value::Array(array))?;
    } else {
        print(&list, from, out)?;
    }
    Ok(if list.problems.is_empty() {
        ExitKind::Done
    } else {
        ExitKind::Partly
    })
}

fn entry_json(entry: &ObjectEntry) -> Value {
    let known = class(entry.class);
    let attributes: Vec<_> = entry
        .attributes
        .iter()
        .map(|attribute| {
            let mut object = json!({
                "id": attribute.id,
                "name": known.and_then(|class| class.attribute(attribute.id)),
                "access": attribute.access.to_string(),
            });
            if !attribute.selectors.is_empty() {
                object["selectors"] = attribute
                    .selectors
                    .iter()
                    .filter_map(|s| i64::try_from(*s).ok())
                    .collect();
            }
            object
        })
        .collect();
    let methods: Vec<_> = entry
        .methods
        .iter()
        .map(|method| {
            json!({
                "id": method.id,
                "name": known.and_then(|class| class.method(method.id)),
                "access": method.access.to_string(),
            })
        })
        .collect();
    let mut object = json!({
        "obis": entry.obis.to_string(),
        "class": entry.class,
        "class_name": known.map(|class| class.name),
        "version": entry.version,
        "name": entry.obis.describe(),
        "attributes": attributes,
        "methods": methods,
    });
    if let Some(name) = entry.short_name {
        object["short_name"] = name.into();
    }
    object
}

fn print(list: &ObjectList, from: Origin, out: &mut dyn Write) -> io::Result<()> {
    for entry in &list.objects {
        let known = class(entry.class);
        let kind = known.map_or_else(String::new, |class| format!(" {}", class.name));
        writeln!(
            out,
            "{:<20} {} · class {}{kind}, version {}",
            entry.obis,
            entry.obis.describe(),
            entry.class,
            entry.version
        )?;
        let mut table = Table::new([true, false, false]);
        for attribute in &entry.attributes {
            let name = known.and_then(|class| class.attribute(attribute.id));
            table.add([
                format!("{:>6}", attribute.id),
                name.unwrap_or("").to_owned(),
                attribute.access.to_string(),
            ]);
        }
        for method in &entry.methods {
            let name = known.and_then(|class| class.method(method.id));
            table.add([
                format!("{:>6}", method.id),
                format!("{}()", name.unwrap_or("")),
                method.access.to_string(),
            ]);
        }
        table.print(out)?;
    }
    let count = list.objects.len();
    let from = match from {
        Origin::Meter => "from the meter",
        Origin::Kept(_) => "from the cache",
    };
    writeln!(out, "{count} object(s), {from}")
}
