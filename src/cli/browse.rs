//! `obiscope browse`: everything the association shows, with what may be read, written and invoked.

use super::Failure;
use super::exit::ExitKind;
use super::table::Table;
use super::visit::{Door, Place, Trouble, get, visit};
use crate::cosem::class::class;
use crate::cosem::object_list::{ObjectEntry, ObjectList};
use crate::cosem::{AttributeRef, Obis};
use crate::meter::session::Session;
use serde_json::{Value, json};
use std::future::Future;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The current association by logical names, its object list.
pub const OBJECT_LIST: AttributeRef = AttributeRef {
    class: 15,
    obis: Obis::new(0, 0, 40, 0, 0, 255),
    attribute: 2,
};

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let list = visit(&args.place, door, stop, async |session: &mut Session, _| {
        object_list(session).await
    })
    .await?;
    for problem in &list.problems {
        writeln!(err, "obiscope: {problem}")?;
    }
    if args.json {
        let array: Vec<_> = list.objects.iter().map(entry_json).collect();
        writeln!(out, "{}", Value::Array(array))?;
    } else {
        print(&list, out)?;
    }
    Ok(if list.problems.is_empty() {
        ExitKind::Done
    } else {
        ExitKind::Partly
    })
}

/// Asks the meter for it.
pub async fn object_list(session: &mut Session) -> Result<ObjectList, Trouble> {
    let data = get(session, OBJECT_LIST).await?;
    let data = data.map_err(|error| Trouble::refused("the object list", error))?;
    ObjectList::from_data(&data).map_err(|error| Trouble::Refused(error.to_string()))
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

fn print(list: &ObjectList, out: &mut dyn Write) -> io::Result<()> {
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
    writeln!(out, "{count} object(s)")
}
