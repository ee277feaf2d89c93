//! `obiscope set`: one attribute, typed by what the meter itself shows. Before and after are printed, nothing is written
//! unasked, and a value that does not fit is refused before anything is sent for it.

use super::Failure;
use super::exit::ExitKind;
use super::given::Given;
use super::visit::{Door, Place, Purpose, Trouble, ask, get, visit};
use crate::cosem::data::printable;
use crate::cosem::decode::{Shape, decode, shape};
use crate::cosem::value;
use crate::cosem::{AttributeRef, Data, ObjectSpec};
use crate::dlms::association::GetError;
use crate::meter::Definition;
use crate::meter::session::Session;
use serde_json::{Value, json};
use std::future::Future;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// CLASS/OBIS/ATTRIBUTE, for example 1/0-0:96.1.9/2
    pub attribute: ObjectSpec,
    /// The new value, typed as the meter shows it: a raw number, text, 0x and hexadecimal, a time, a JSON array, or
    /// TYPE:VALUE
    #[arg(allow_hyphen_values = true)]
    pub value: Option<String>,
    #[command(flatten)]
    pub given: Given,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What was there, what was sent, what is there now.
struct Change {
    before: Option<Data>,
    sent: Data,
    after: Option<Data>,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let ObjectSpec::Attribute(attribute) = args.attribute else {
        return Err(Failure::usage(
            "say which attribute to set, as CLASS/OBIS/ATTRIBUTE: 1/0-0:96.1.9/2",
        ));
    };
    let hidden = *shape(attribute.class, attribute.attribute) == Shape::Hidden;
    let value = args.given.value(args.value.as_deref(), hidden)?;
    let value = value.ok_or_else(|| {
        Failure::usage("say what to write: a VALUE, --value-file FILE or --value-env VAR")
    })?;
    let change = visit(
        Purpose::Write,
        &args.place,
        door,
        stop,
        async |session: &mut Session, meter| {
            change(session, meter, attribute, &value, args.yes).await
        },
    )
    .await?;
    let Some(change) = change else {
        writeln!(err, "obiscope: nothing was written")?;
        return Ok(ExitKind::Partly);
    };
    let shown = |data: &Option<Data>| {
        let text = data.as_ref().map(|data| show(attribute, data));
        text.unwrap_or_else(|| "(not readable)".to_owned())
    };
    if args.json {
        let raw = |data: Option<&Data>| {
            let shown = data.filter(|_| !hidden);
            shown.map_or(Value::Null, Data::to_json)
        };
        let object = json!({
            "obis": attribute.obis.to_string(),
            "class": attribute.class,
            "attribute": attribute.attribute,
            "type": change.sent.type_name(),
            "before": raw(change.before.as_ref()),
            "sent": raw(Some(&change.sent)),
            "after": raw(change.after.as_ref()),
        });
        writeln!(out, "{object}")?;
    } else {
        let (before, after) = (shown(&change.before), shown(&change.after));
        writeln!(out, "{attribute}: {before} → {after}")?;
    }
    // A clock has moved on by the time it is read back; anything else must be what was sent.
    let moved = change.after.as_ref().is_some_and(|a| *a != change.sent);
    if moved && attribute.class != 8 {
        let sent = show(attribute, &change.sent);
        writeln!(
            err,
            "obiscope: the meter took {sent} but shows another value"
        )?;
        return Ok(ExitKind::Partly);
    }
    Ok(ExitKind::Done)
}

/// `None` when the person said no.
async fn change(
    session: &mut Session,
    meter: &Definition,
    attribute: AttributeRef,
    value: &str,
    yes: bool,
) -> Result<Option<Change>, Trouble> {
    let before = match get(session, attribute).await? {
        Ok(data) => Some(data),
        // Write-only attributes exist; their type must then be named.
        Err(GetError::Access(_)) => None,
        Err(error) => return Err(Trouble::refused(attribute, error)),
    };
    let typed = match &before {
        Some(data) => value::parse(value, data, shape(attribute.class, attribute.attribute)),
        None => value::parse_typed(value),
    };
    let sent = typed.map_err(|error| Trouble::Usage(format!("{attribute}: {error}")))?;
    let was = before.as_ref().map(|data| show(attribute, data));
    let question = format!(
        "Set {attribute} ({}) of {}: {} → {}?",
        attribute.obis.describe(),
        meter.name,
        was.as_deref().unwrap_or("(not readable)"),
        show(attribute, &sent)
    );
    if !yes && !ask(session, meter, &question).await? {
        return Ok(None);
    }
    session.allow_writing();
    let written = session.set(attribute, &sent).await?;
    written.map_err(|error| Trouble::refused(format!("{attribute} was not set"), error))?;
    let after = get(session, attribute).await?.ok();
    Ok(Some(Change {
        before,
        sent,
        after,
    }))
}

fn show(attribute: AttributeRef, data: &Data) -> String {
    let decoded = decode(attribute.class, attribute.attribute, data);
    printable(&decoded.to_text())
}
