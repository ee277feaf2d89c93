//! `obiscope broker`: where readings go. Secrets go in by variable or file and never come out again.

mod settings;
mod show;
mod url;

use std::io::Write;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use self::settings::{Login, Settings, Without, check, set_dialect, usual_status_topic};
use self::show::{list, show};
use self::url::Url;
use super::argument::{self, counted};
use super::provision;
pub use super::saved::Error;
use super::saved::confirmed;
use crate::publish::drain;
use crate::store::{BrokerDefinition, Store};

/// Where readings go.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Save a broker
    Add {
        /// What meters will call it, such as lab
        name: String,
        #[arg(long, help = URL_HELP)]
        url: Url,
        #[arg(long, help = DIALECT_HELP)]
        dialect: String,
        /// Print what was saved as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        login: Login,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Show all brokers
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one broker and what waits for it
    Show {
        /// A saved broker
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Change what is given, keep the rest
    Edit {
        /// A saved broker
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[arg(long, help = URL_HELP)]
        url: Option<Url>,
        #[arg(long, help = DIALECT_HELP)]
        dialect: Option<String>,
        #[command(flatten)]
        login: Login,
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(flatten)]
        without: Without,
        /// Print what was saved as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a broker that no meter publishes to
    Remove {
        /// A saved broker
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a device known to ThingsBoard and save the token it gets
    Provision(provision::ProvisionArgs),
    /// Let a customer claim a device in ThingsBoard
    ///
    /// ThingsBoard allows one connection a token: a bridge that is running may be cut for a moment.
    Claim(provision::ClaimArgs),
    /// Connect, wait for CONNACK, disconnect; publishes nothing
    ///
    /// It has a client id of its own. ThingsBoard allows one connection a token: one that is running
    /// may be cut for a moment.
    Test {
        /// A saved broker
        name: String,
        /// How long all of it may take
        #[arg(long, value_name = "TIME", default_value = "10s", value_parser = argument::time)]
        timeout: Duration,
        /// Print one JSON object: broker, url, milliseconds
        #[arg(long)]
        json: bool,
    },
}

const URL_HELP: &str = "mqtt[s]://HOST[:PORT]; ports 1883 and, with TLS, 8883 unless given";
const DIALECT_HELP: &str = "json (meters/DEVICE/telemetry), thingsboard (a device's token), thingsboard-gateway (one token for \
     all meters), homeassistant (sensors it finds by itself) or template (--topic and --payload)";

/// Until the url is taken in.
const NOWHERE: &str = "mqtt://localhost";

impl Command {
    /// Whether it leaves anything changed.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::Add { .. } | Self::Edit { .. } | Self::Remove { .. } | Self::Provision(_)
        )
    }
}

#[expect(clippy::too_many_lines, reason = "one arm a command")]
pub async fn run(
    command: Command,
    store: &Store,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Error> {
    match command {
        Command::Add {
            name,
            url,
            dialect,
            json,
            login,
            settings,
        } => {
            let mut broker = BrokerDefinition::new(name, NOWHERE, dialect.parse()?)?;
            url.apply(&mut broker)?;
            login.apply(&mut broker)?;
            settings.apply(&mut broker)?;
            usual_status_topic(&mut broker);
            check(&broker)?;
            let saved = store.save_broker(broker).await?;
            if let Some(hint) = url.hint(&saved) {
                writeln!(err, "obiscope: {hint}")?;
            }
            if json {
                return show(store, out, &saved.name, true).await;
            }
            writeln!(out, "broker {} added: {}", saved.name, saved.url())?;
            if saved.dialect.is_thingsboard() && saved.token.is_none() && saved.user.is_none() {
                writeln!(
                    out,
                    "ThingsBoard tells devices apart by their token; give it with `obiscope broker edit {} --token-env VAR`",
                    argument::shell(&saved.name)
                )?;
            }
        }
        Command::List { json } => list(store, out, json).await?,
        Command::Show { name, json } => show(store, out, &name, json).await?,
        Command::Edit {
            name,
            rename,
            url,
            dialect,
            login,
            settings,
            without,
            json,
        } => {
            let mut broker = store.broker_named(&name).await?;
            let before = broker.clone();
            without.apply(&mut broker);
            if let Some(rename) = rename {
                broker.name = rename;
            }
            if let Some(url) = &url {
                url.apply(&mut broker)?;
            }
            if let Some(dialect) = dialect {
                set_dialect(&mut broker, dialect.parse()?);
                usual_status_topic(&mut broker);
            }
            login.apply(&mut broker)?;
            settings.apply(&mut broker)?;
            check(&broker)?;
            let changed = broker != before;
            let saved = store.save_broker(broker).await?;
            if let Some(hint) = url.and_then(|url| url.hint(&saved)) {
                writeln!(err, "obiscope: {hint}")?;
            }
            if json {
                return show(store, out, &saved.name, true).await;
            }
            if changed {
                writeln!(out, "broker {} changed: {}", saved.name, saved.url())?;
            } else {
                writeln!(
                    out,
                    "broker {} is as it was; nothing else was given, for example --dialect json",
                    saved.name
                )?;
            }
        }
        Command::Provision(args) => provision::run_provision(args, store, out).await?,
        Command::Claim(args) => provision::run_claim(args, store, out).await?,
        Command::Remove { name, yes } => remove(store, out, &name, yes).await?,
        Command::Test {
            name,
            timeout,
            json,
        } => {
            let broker = store.broker_named(&name).await?;
            let took = drain::test(&broker, timeout).await.map_err(Error::Broker)?;
            let (url, ms) = (
                broker.url(),
                u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            );
            if json {
                writeln!(out, "{}", json!({"broker": name, "url": url, "ms": ms}))?;
            } else {
                writeln!(out, "{name}: {url} accepted us after {ms} ms")?;
            }
        }
    }
    Ok(())
}

async fn remove(store: &Store, out: &mut dyn Write, name: &str, yes: bool) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    let waiting = store.depth(broker.id).await?.waiting;
    let cost = match waiting {
        0 => String::new(),
        waiting => format!(
            " {} not delivered and will be lost.",
            counted(waiting, "message was", "messages were")
        ),
    };
    if !yes && !confirmed(&format!("Remove broker {name}?{cost}"))? {
        writeln!(out, "nothing was removed")?;
        return Ok(());
    }
    store.delete_broker(name).await?;
    let stop = if cost.is_empty() { "" } else { "." };
    writeln!(out, "broker {name} removed{stop}{cost}")?;
    Ok(())
}

#[cfg(test)]
mod tests;
