//! `obiscope call`: one method of one object. A method may switch a relay: it is named in words and asked for first.

use super::Failure;
use super::exit::ExitKind;
use super::given::Given;
use super::visit::{Door, Place, Purpose, Trouble, ask, visit};
use crate::cosem::class::class;
use crate::cosem::data::printable;
use crate::cosem::decode::secret;
use crate::cosem::value::parse_typed;
use crate::cosem::{Data, ObjectSpec};
use crate::dlms::xdlms::MethodRef;
use crate::meter::session::Session;
use serde_json::{Value, json};
use std::future::Future;
use std::io::Write;

/// What most methods want that want nothing.
const USUAL: &str = "integer:0";

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// CLASS/OBIS/METHOD, for example 70/0-0:96.3.10/1
    pub method: ObjectSpec,
    /// The method's parameter as TYPE:VALUE, hex:ENCODED or null
    /// [usual: integer:0]
    pub data: Option<String>,
    #[command(flatten)]
    pub given: Given,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
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
    let ObjectSpec::Attribute(spec) = args.method else {
        return Err(Failure::usage(
            "say which method to call, as CLASS/OBIS/METHOD: 70/0-0:96.3.10/1",
        ));
    };
    let method = MethodRef {
        class: spec.class,
        obis: spec.obis,
        method: spec.attribute,
    };
    let hidden = secret::method(method.class, method.method);
    let given = args.given.value(args.data.as_deref(), hidden)?;
    let text = given.as_ref().map_or(USUAL, |text| text.as_str());
    let data = parse_typed(text).map_err(|error| Failure::usage(&error))?;
    let name = class(method.class).and_then(|class| class.method(method.method));
    let name = name.unwrap_or("a method without a standard name");
    let question = format!("Call {method} ({name} of {})", method.obis.describe());
    let called = visit(
        Purpose::Write,
        &args.place,
        door,
        stop,
        async |session: &mut Session, meter| {
            let with = if hidden {
                "a secret that is not shown".to_owned()
            } else {
                data.to_text()
            };
            let question = format!("{question} of {}, with {with}?", meter.name);
            if !args.yes && !ask(session, meter, &question).await? {
                return Ok(None);
            }
            session.allow_writing();
            let answer = session.action(method, Some(&data)).await?;
            let answer = answer.map_err(|error| Trouble::refused(method, error))?;
            Ok(Some(answer))
        },
    )
    .await?;
    let Some(answer) = called else {
        writeln!(err, "obiscope: nothing was called")?;
        return Ok(ExitKind::Partly);
    };
    if args.json {
        let object = json!({
            "obis": method.obis.to_string(),
            "class": method.class,
            "method": method.method,
            "name": name,
            "returned": answer.as_ref().map_or(Value::Null, Data::to_json),
        });
        writeln!(out, "{object}")?;
    } else {
        let words = answer.map_or_else(|| "done".to_owned(), |data| printable(&data.to_text()));
        writeln!(out, "{method} {name}: {words}")?;
    }
    Ok(ExitKind::Done)
}
