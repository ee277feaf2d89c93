//! `obiscope broker provision` and `broker claim`: a device that makes itself known to ThingsBoard, and one that a customer
//! takes over. The rule: every secret comes in by variable or file, and what the platform gives is saved and never shown.

use super::argument;
use super::saved::{Error, secret};
use crate::cosem::data::printable;
use crate::dlms::security::Secret;
use crate::publish::provision::{Credentials, Wanted, claim, provision};
use crate::store::{BrokerDefinition, Dialect, Store};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long all of it may take.
const WAIT: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub struct ProvisionArgs {
    /// A saved broker with a ThingsBoard dialect
    name: String,
    /// What the device is called in the platform
    #[arg(long, value_name = "DEVICE")]
    device_name: String,
    /// Take the device profile's provision key from this environment variable
    #[arg(long, value_name = "VAR")]
    provision_key_env: Option<String>,
    /// Take the provision key from this file
    #[arg(long, value_name = "FILE")]
    provision_key_file: Option<PathBuf>,
    /// Take the device profile's provision secret from this environment variable
    #[arg(long, value_name = "VAR")]
    provision_secret_env: Option<String>,
    /// Take the provision secret from this file
    #[arg(long, value_name = "FILE")]
    provision_secret_file: Option<PathBuf>,
    /// The device is to be a gateway (dialect thingsboard-gateway)
    #[arg(long)]
    gateway: bool,
}

#[derive(Debug, clap::Args)]
pub struct ClaimArgs {
    /// A saved broker with a ThingsBoard dialect
    name: String,
    /// A device behind the gateway; without, the token's own
    device: Option<String>,
    /// Take the secret that the customer will type from this environment variable
    #[arg(long, value_name = "VAR")]
    secret_env: Option<String>,
    /// Take that secret from this file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// For how long it may be claimed
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = argument::time)]
    duration: Duration,
}

pub(super) async fn run_provision(
    args: ProvisionArgs,
    store: &Store,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut broker = thingsboard(store, &args.name).await?;
    if args.gateway && broker.dialect != Dialect::ThingsBoardGateway {
        return Err(Error::Input(format!(
            "--gateway: broker {} has the dialect {}, which speaks for one device; change it with `obiscope broker edit {} --dialect thingsboard-gateway`",
            printable(&args.name),
            broker.dialect,
            argument::shell(&args.name)
        )));
    }
    if args.device_name.trim().is_empty() || args.device_name.chars().any(char::is_control) {
        return Err(Error::Input(
            "--device-name: write a name of printable characters".to_owned(),
        ));
    }
    let key = needed(
        "provision-key",
        args.provision_key_env.as_deref(),
        args.provision_key_file.as_deref(),
    )?;
    let pass = needed(
        "provision-secret",
        args.provision_secret_env.as_deref(),
        args.provision_secret_file.as_deref(),
    )?;
    let wanted = Wanted {
        device: &args.device_name,
        key: &key,
        secret: &pass,
        gateway: args.gateway,
    };
    let credentials = provision(&broker, &wanted, WAIT)
        .await
        .map_err(Error::Broker)?;
    let what = match credentials {
        Credentials::Token(_) => "its token",
        Credentials::Basic { .. } => "its user and password",
    };
    credentials.apply(&mut broker);
    broker.check()?;
    let saved = store.save_broker(broker).await?;
    writeln!(
        out,
        "device {} is known to {} now; {what} is saved with broker {}",
        printable(&args.device_name),
        saved.url(),
        printable(&saved.name)
    )?;
    Ok(())
}

pub(super) async fn run_claim(
    args: ClaimArgs,
    store: &Store,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let broker = thingsboard(store, &args.name).await?;
    if args.device.is_some() && broker.dialect != Dialect::ThingsBoardGateway {
        return Err(Error::Input(
            "only a gateway speaks for other devices; leave DEVICE out".to_owned(),
        ));
    }
    let pass = needed(
        "secret",
        args.secret_env.as_deref(),
        args.secret_file.as_deref(),
    )?;
    claim(&broker, args.device.as_deref(), &pass, args.duration, WAIT)
        .await
        .map_err(Error::Broker)?;
    let device = args.device.as_deref().unwrap_or("the token's own device");
    writeln!(
        out,
        "{} may be claimed within {} by whoever knows the secret",
        printable(device),
        humantime::format_duration(args.duration)
    )?;
    Ok(())
}

async fn thingsboard(store: &Store, name: &str) -> Result<BrokerDefinition, Error> {
    let broker = store.broker_named(name).await?;
    if broker.dialect.is_thingsboard() {
        return Ok(broker);
    }
    Err(Error::Input(format!(
        "broker {} has the dialect {}; devices are made known to a ThingsBoard only (dialect thingsboard or thingsboard-gateway)",
        printable(name),
        broker.dialect
    )))
}

fn needed(what: &str, variable: Option<&str>, file: Option<&Path>) -> Result<Secret, Error> {
    secret(what, variable, file)?.ok_or_else(|| {
        Error::Input(format!(
            "{what}: say where it is, with --{what}-env VAR or --{what}-file FILE"
        ))
    })
}

#[cfg(test)]
#[path = "provision_tests.rs"]
mod tests;
