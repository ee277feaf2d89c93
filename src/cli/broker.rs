//! `obiscope broker`: where readings go. Secrets go in by variable or file and never come out again.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::argument::{self, counted};
pub use super::saved::Error;
use super::saved::{confirmed, secret};
use super::table::Table;
use crate::cosem::data::printable;
use crate::publish::{check_ca, drain};
use crate::store::{BrokerDefinition, Dialect, Store};

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
        /// Forget user, password and token before taking new ones
        #[arg(long)]
        no_login: bool,
        /// Trust the system's certificates again
        #[arg(long, conflicts_with = "ca")]
        no_ca: bool,
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
const DIALECT_HELP: &str =
    "json (meters/DEVICE/telemetry) or thingsboard (v1/devices/me/telemetry)";

/// A broker's address as typed; it may hold a password, so nothing prints it.
#[derive(Clone)]
pub struct Url(String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(…)")
    }
}

impl std::str::FromStr for Url {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Url {
    /// Arguments stand in the process list and in the shell's history: no place for a password.
    fn without_password(&self) -> Result<&str, Error> {
        let login = self.0.rsplit_once('@').map_or("", |(login, _)| login);
        let login = login.split_once("://").map_or(login, |(_, login)| login);
        if login.contains(':') {
            return Err(Error::Input(
                "url: a password does not belong into an argument, which every user of this machine can read; \
                 write mqtt://HOST[:PORT] --user NAME --password-env VAR"
                    .to_owned(),
            ));
        }
        Ok(&self.0)
    }
}

#[derive(Debug, Default, Args)]
pub struct Login {
    /// User name for the broker
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Take the password from this environment variable
    #[arg(long, value_name = "VAR")]
    password_env: Option<String>,
    /// Take the password from this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take an access token (sent as user name) from this environment variable
    #[arg(long, value_name = "VAR")]
    token_env: Option<String>,
    /// Take an access token from this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Login {
    fn apply(self, broker: &mut BrokerDefinition) -> Result<(), Error> {
        let password = secret(
            "password",
            self.password_env.as_deref(),
            self.password_file.as_deref(),
        )?;
        let token = secret(
            "token",
            self.token_env.as_deref(),
            self.token_file.as_deref(),
        )?;
        broker.user = self.user.or(broker.user.take());
        broker.password = password.or(broker.password.take());
        broker.token = token.or(broker.token.take());
        if let Some(ca) = self.ca {
            // The program may be started from another folder next time.
            let ca = std::path::absolute(&ca).unwrap_or(ca);
            if broker.tls {
                check_ca(&ca).map_err(|problem| Error::Input(format!("ca: {problem}")))?;
            }
            broker.ca = Some(ca);
        }
        Ok(())
    }
}

impl Command {
    /// Whether it leaves anything changed.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::Add { .. } | Self::Edit { .. } | Self::Remove { .. }
        )
    }
}

pub async fn run(command: Command, store: &Store, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Add {
            name,
            url,
            dialect,
            json,
            login,
        } => {
            let mut broker =
                BrokerDefinition::new(name, url.without_password()?, dialect.parse()?)?;
            login.apply(&mut broker)?;
            broker.check()?;
            let saved = store.save_broker(broker).await?;
            if json {
                return show(store, out, &saved.name, true).await;
            }
            writeln!(out, "broker {} added: {}", saved.name, saved.url())?;
            if saved.dialect == Dialect::ThingsBoard
                && saved.token.is_none()
                && saved.user.is_none()
            {
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
            no_login,
            no_ca,
            json,
        } => {
            let mut broker = store.broker_named(&name).await?;
            let before = broker.clone();
            if no_login {
                broker.user = None;
                broker.password = None;
                broker.token = None;
            }
            if no_ca {
                broker.ca = None;
            }
            if let Some(rename) = rename {
                broker.name = rename;
            }
            if let Some(url) = url {
                broker.set_url(url.without_password()?)?;
            }
            if let Some(dialect) = dialect {
                broker.dialect = dialect.parse()?;
            }
            login.apply(&mut broker)?;
            broker.check()?;
            let changed = broker != before;
            let saved = store.save_broker(broker).await?;
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

async fn list(store: &Store, out: &mut dyn Write, json: bool) -> Result<(), Error> {
    let brokers = store.brokers().await?;
    if json {
        let mut shown = Vec::new();
        for broker in &brokers {
            shown.push(as_json(store, broker).await?);
        }
        writeln!(out, "{}", Value::from(shown))?;
        return Ok(());
    }
    if brokers.is_empty() {
        writeln!(
            out,
            "no brokers yet; for example: obiscope broker add lab --url mqtt://192.168.1.10 --dialect json"
        )?;
        return Ok(());
    }
    let mut table = Table::new([false, false, false, false, true]);
    table.add(["NAME", "URL", "DIALECT", "LOGIN", "WAITING"].map(str::to_owned));
    for broker in &brokers {
        table.add([
            printable(&broker.name),
            printable(&broker.url()),
            broker.dialect.to_string(),
            login_of(broker),
            store.depth(broker.id).await?.waiting.to_string(),
        ]);
    }
    table.print(out)?;
    Ok(())
}

fn login_of(broker: &BrokerDefinition) -> String {
    match (&broker.token, &broker.user, &broker.password) {
        (Some(_), _, _) => "token".to_owned(),
        (None, Some(user), Some(_)) => format!("{} with password", printable(user)),
        (None, Some(user), None) => printable(user),
        (None, None, _) => "none".to_owned(),
    }
}

async fn meters_of(store: &Store, broker: &BrokerDefinition) -> Result<Vec<String>, Error> {
    let meters = store.meters().await?.into_iter();
    Ok(meters
        .filter(|meter| meter.publish.as_deref() == Some(&broker.name))
        .map(|meter| meter.name)
        .collect())
}

async fn as_json(store: &Store, broker: &BrokerDefinition) -> Result<Value, Error> {
    let depth = store.depth(broker.id).await?;
    let set = |set: bool| if set { Value::from("set") } else { Value::Null };
    Ok(json!({
        "name": broker.name,
        "url": broker.url(),
        "dialect": broker.dialect.name(),
        "user": broker.user,
        "password": set(broker.password.is_some()),
        "token": set(broker.token.is_some()),
        "ca": broker.ca,
        "client_id": broker.client_id,
        "meters": meters_of(store, broker).await?,
        "waiting": depth.waiting,
        "oldest": depth.oldest.map(|at| at.to_string()),
        "rejected": store.rejected(broker.id).await?,
    }))
}

async fn show(store: &Store, out: &mut dyn Write, name: &str, json: bool) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    if json {
        writeln!(out, "{}", as_json(store, &broker).await?)?;
        return Ok(());
    }
    let depth = store.depth(broker.id).await?;
    let waiting = match depth.oldest {
        Some(oldest) => format!("{}, the oldest since {oldest}", depth.waiting),
        None => "nothing".to_owned(),
    };
    let mut rows = vec![
        ("url", broker.url()),
        ("dialect", broker.dialect.to_string()),
        ("login", login_of(&broker)),
        ("client id", broker.client_id.clone()),
    ];
    if let Some(ca) = &broker.ca {
        rows.push(("ca", ca.display().to_string()));
    }
    rows.push(("meters", meters_of(store, &broker).await?.join(", ")));
    rows.push(("waiting", waiting));
    rows.push(("rejected", store.rejected(broker.id).await?.to_string()));
    writeln!(out, "{}", printable(&broker.name))?;
    let mut table = Table::new([false; 2]);
    for (label, text) in rows {
        table.add([format!("  {label}"), printable(&text)]);
    }
    table.print(out)?;
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
#[path = "broker_tests.rs"]
mod tests;
