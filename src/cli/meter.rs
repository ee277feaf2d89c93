//! `obiscope meter`: saved meters. Passwords and keys go in by variable or file and never come out again.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::argument::{self, counted};
use super::link_options::LinkOptions;
pub use super::saved::Error;
use super::saved::confirmed;
use super::{meter_file, meter_show};
use crate::cosem::ObjectSpec;
use crate::meter::definition::{self, SerialLine, TransportKind};
use crate::meter::{Definition, PolledObject};
use crate::store::Store;

/// Saved meters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Save a meter
    Add {
        /// What commands will call it, such as feeder-7
        name: String,
        /// Where it listens, or the serial device it hangs on
        #[arg(long, value_name = "HOST:PORT|DEVICE")]
        host: String,
        /// Begin with the settings known for this make: microstar
        #[arg(long, value_name = "MAKE")]
        preset: Option<String>,
        /// Print what was saved as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show all meters
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one meter, its settings and what was last seen of it
    Show {
        /// A saved meter
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Change what is given, keep the rest
    Edit {
        /// A saved meter
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Where it listens, or the serial device it hangs on
        #[arg(long, value_name = "HOST:PORT|DEVICE")]
        host: Option<String>,
        /// Publish nowhere
        #[arg(long, conflicts_with = "publish")]
        no_publish: bool,
        /// On the broker go by the meter's name again
        #[arg(long, conflicts_with = "device")]
        no_device: bool,
        /// Whether it starts with the program
        #[arg(long, value_name = "true|false")]
        enabled: Option<bool>,
        /// Print what was saved as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Remove a meter and its stored readings
    Remove {
        /// A saved meter
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add or replace meters from a TOML file as `export` writes it, all or none
    Import {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Write all meters as TOML, without passwords and keys
    Export {
        /// Standard output unless given
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(mut_arg("trace", |it| it.hide(true)))]
pub struct Settings {
    /// How often an unanswered frame is sent again, 0 to 10
    #[arg(long, value_name = "N", value_parser = |text: &str| argument::whole::<u8>(text, 0, 10))]
    retries: Option<u8>,
    /// Time from one poll to the next, such as 5s
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    poll: Option<Duration>,
    /// Do not ask a slow meter again sooner than this, however quickly it answers otherwise; the timeout itself for never
    /// before it
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    timeout_floor: Option<Duration>,
    /// Whether serial number and firmware are read once an association, to notice that another meter stands there
    #[arg(long, value_name = "true|false")]
    identify: Option<bool>,
    /// What to read, such as 1-1:32.7.0 or 3/1-1:32.7.0/2=voltage, and how often where not with every poll, such as
    /// 1-1:1.8.0@15m; may be repeated
    #[arg(long = "object", value_name = "OBJECT[=KEY][@EVERY]")]
    objects: Vec<String>,
    /// Volts between phase and neutral that values are judged by, such as 120; none to judge by nothing
    #[arg(long, value_name = "VOLTS|none", value_parser = nominal)]
    nominal_voltage: Option<Nominal>,
    /// Hertz that values are judged by, such as 60; none to judge by nothing
    #[arg(long, value_name = "HERTZ|none", value_parser = nominal)]
    nominal_frequency: Option<Nominal>,
    /// When the broker is told: every, change, change:0.5, change:2%, 10m or change:0.5,10m; for one key or for all; may be
    /// repeated
    #[arg(long = "report", value_name = "[KEY=]WHEN")]
    reports: Vec<String>,
    /// What a value may be before that is an alarm: high:253, low:207, hysteresis:2 (so far back inside until it is well
    /// again), delay:10s (for so long before), rate:50/1m (so far up or down within that time); or none; for one key or for
    /// all; may be repeated
    #[arg(
        long = "limit",
        value_name = "[KEY=]LIMITS",
        allow_hyphen_values = true
    )]
    limits: Vec<String>,
    /// Intervals without a reading before that is an alarm, at least a minute; 0 for never
    #[arg(long, value_name = "N", value_parser = |text: &str| argument::whole::<u16>(text, 0, 10_000))]
    overdue: Option<u16>,
    /// When the meter is tried again, paused, or one object rested: backoff, backoff-max, breaker, breaker-window,
    /// breaker-pause, link-errors, failed-cycles, silence, preventive, object, object-hangs, object-rest, object-rest-max,
    /// such as breaker=10 or preventive=30m; or default for all as usual; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    recovery: Vec<String>,
    /// Where readings go: a saved broker
    #[arg(long, value_name = "BROKER")]
    publish: Option<String>,
    /// The meter's name on the broker, when not its own
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Whether nothing that writes may go to this meter
    #[arg(long, value_name = "true|false")]
    read_only: Option<bool>,
    // Last: its heading holds for everything after it.
    #[command(flatten)]
    link: LinkOptions,
}

/// A nominal value, or that there is none.
#[derive(Clone, Copy, Debug)]
struct Nominal(Option<f64>);

fn nominal(text: &str) -> Result<Nominal, String> {
    definition::nominal(text).map(Nominal)
}

impl Settings {
    fn apply(self, meter: &mut Definition) -> Result<(), Error> {
        if self.link.trace.is_some() {
            return Err(Error::Input(
                "--trace goes with a command that talks to the meter, such as obiscope read"
                    .to_owned(),
            ));
        }
        self.link
            .apply(meter)
            .map_err(|error| Error::Input(error.to_string()))?;
        meter.retries = self.retries.unwrap_or(meter.retries);
        meter.timeout_floor = self.timeout_floor.unwrap_or(meter.timeout_floor);
        meter.identify = self.identify.unwrap_or(meter.identify);
        meter.read_only = self.read_only.unwrap_or(meter.read_only);
        if let Some(poll) = self.poll {
            meter.poll = poll;
        }
        if !self.objects.is_empty() {
            let objects = self.objects.iter().map(|text| polled_object(text));
            meter.set_objects(objects.collect::<Result<_, _>>()?);
        }
        for text in &self.reports {
            set_report(&mut meter.objects, text)?;
        }
        for text in &self.limits {
            set_limits(&mut meter.objects, text)?;
        }
        meter.overdue = self.overdue.unwrap_or(meter.overdue);
        set_recovery(meter, &self.recovery)?;
        if let Some(Nominal(voltage)) = self.nominal_voltage {
            meter.nominal.voltage = voltage;
        }
        if let Some(Nominal(frequency)) = self.nominal_frequency {
            meter.nominal.frequency = frequency;
        }
        meter.publish = self.publish.or(meter.publish.take());
        meter.device = self.device.or(meter.device.take());
        Ok(())
    }
}

/// `OBJECT[=KEY][@EVERY]`; without a key the one its code goes by.
pub(super) fn polled_object(text: &str) -> Result<PolledObject, Error> {
    let (text, every) = PolledObject::split_every(text)
        .map_err(|error| Error::Input(format!("object: {error}")))?;
    let (spec, key) = match text.split_once('=') {
        Some((spec, key)) => (spec, Some(key.trim())),
        None => (text, None),
    };
    let spec: ObjectSpec = spec
        .trim()
        .parse()
        .map_err(|error| Error::Input(format!("object: {error}")))?;
    let key = key.map_or_else(|| usual_key(spec), str::to_owned);
    Ok(PolledObject {
        every,
        ..PolledObject::new(spec, key)
    })
}

/// `[KEY=]WHEN`; without a key for every object.
pub(super) fn set_report(objects: &mut [PolledObject], text: &str) -> Result<(), Error> {
    set_each("report", objects, text, |object, report| {
        object.report = report;
    })
}

/// `[KEY=]LIMITS`; without a key for every object.
pub(super) fn set_limits(objects: &mut [PolledObject], text: &str) -> Result<(), Error> {
    set_each("limit", objects, text, |object, limits| {
        object.limits = limits;
    })
}

/// Of the objects that are read under `KEY`, or of all.
fn set_each<T: FromStr<Err = String> + Copy>(
    field: &str,
    objects: &mut [PolledObject],
    text: &str,
    set: impl Fn(&mut PolledObject, T),
) -> Result<(), Error> {
    let (key, what) = match text.rsplit_once('=') {
        Some((key, what)) => (Some(key.trim()), what),
        None => (None, text),
    };
    let value = what
        .trim()
        .parse()
        .map_err(|error| Error::Input(format!("{field}: {error}")))?;
    let mut any = false;
    for object in &mut *objects {
        if key.is_none_or(|key| key == object.key) {
            set(object, value);
            any = true;
        }
    }
    match key {
        Some(key) if !any => {
            let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
            Err(Error::Input(format!(
                "{field}: nothing is read under the key {key:?}; there are {}",
                keys.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

/// `KEY=VALUE` each, over what is set.
pub(super) fn set_recovery(meter: &mut Definition, texts: &[String]) -> Result<(), Error> {
    for text in texts {
        let set = meter.recovery.set(text);
        set.map_err(|error| Error::Input(format!("recovery: {error}")))?;
    }
    Ok(())
}

fn usual_key(spec: ObjectSpec) -> String {
    match spec {
        ObjectSpec::Value(obis) => obis.key(),
        ObjectSpec::Attribute(it) if it.attribute == 2 => it.obis.key(),
        ObjectSpec::Attribute(it) => format!("{}_attribute_{}", it.obis.key(), it.attribute),
    }
}

pub(super) fn begin(name: &str, place: &str, preset: Option<&str>) -> Result<Definition, Error> {
    let meter = match preset {
        None => Definition::new(name, "", 0),
        Some("microstar") => Definition::microstar(name, "", 0),
        Some(other) => {
            return Err(Error::Input(format!(
                "preset: {other:?} is not known; there is microstar"
            )));
        }
    };
    moved(meter, place)
}

/// To HOST:PORT, or to a serial device; a line that is serial already keeps its settings.
fn moved(mut meter: Definition, place: &str) -> Result<Definition, Error> {
    if !SerialLine::looks_like_a_device(place) {
        (meter.host, meter.port) = endpoint(place)?;
        if meter.transport.serial().is_some() {
            meter.transport = TransportKind::HdlcTcp;
        }
        return Ok(meter);
    }
    if let TransportKind::Serial(line) = &mut meter.transport {
        place.clone_into(&mut line.path);
        return Ok(meter);
    }
    Ok(meter.on_serial(place))
}

fn endpoint(text: &str) -> Result<(String, u16), Error> {
    Definition::parse_endpoint(text).ok_or_else(|| {
        Error::Input(format!(
            "host: {text:?} is not HOST:PORT, nor a serial device; for example 192.168.1.127:3333, [fe80::1]:4059 or /dev/ttyUSB0"
        ))
    })
}

impl Command {
    /// Whether it leaves anything changed.
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Self::List { .. } | Self::Show { .. } | Self::Export { .. }
        )
    }
}

pub async fn run(command: Command, store: &Store, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Add {
            name,
            host,
            preset,
            json,
            settings,
        } => {
            let mut meter = begin(&name, &host, preset.as_deref())?;
            settings.apply(&mut meter)?;
            meter.check()?;
            let saved = store.save_meter(meter).await?;
            if json {
                return meter_show::show(store, out, &saved.name, true).await;
            }
            writeln!(out, "meter {} added: {}", saved.name, saved.endpoint())?;
            if saved.objects.is_empty() {
                writeln!(
                    out,
                    "it reads nothing yet; for example: obiscope meter edit {} --object 1-0:32.7.0",
                    argument::shell(&saved.name)
                )?;
            }
        }
        Command::List { json } => meter_show::list(store, out, json).await?,
        Command::Show { name, json } => meter_show::show(store, out, &name, json).await?,
        Command::Edit {
            name,
            rename,
            host,
            settings,
            no_publish,
            no_device,
            enabled,
            json,
        } => {
            let mut meter = store.meter_named(&name).await?;
            let before = meter.clone();
            if let Some(host) = host {
                meter = moved(meter, &host)?;
            }
            if no_publish {
                meter.publish = None;
            }
            if no_device {
                meter.device = None;
            }
            meter.name = rename.unwrap_or(meter.name);
            meter.enabled = enabled.unwrap_or(meter.enabled);
            settings.apply(&mut meter)?;
            meter.check()?;
            let changed = meter != before;
            let saved = store.save_meter(meter).await?;
            if json {
                return meter_show::show(store, out, &saved.name, true).await;
            }
            if changed {
                writeln!(out, "meter {} changed: {}", saved.name, saved.endpoint())?;
            } else {
                writeln!(
                    out,
                    "meter {} is as it was; nothing else was given, for example --poll 10s",
                    saved.name
                )?;
            }
        }
        Command::Remove { name, yes } => remove(store, out, &name, yes).await?,
        Command::Import { file } => import(store, out, &file).await?,
        Command::Export { file } => {
            let text = meter_file::write(&store.meters().await?)?;
            match file {
                Some(file) => std::fs::write(&file, text).map_err(|error| {
                    Error::Input(format!("{} cannot be written: {error}", file.display()))
                })?,
                None => write!(out, "{text}")?,
            }
        }
    }
    Ok(())
}

/// Some ten thousand meters; what is longer is another file, or one without an end.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

async fn import(store: &Store, out: &mut dyn Write, file: &Path) -> Result<(), Error> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(LONGEST_FILE)
            .read_to_string(&mut text)
            .map(|_| text)
    } else {
        let mut text = String::new();
        File::open(file)
            .and_then(|from| from.take(LONGEST_FILE).read_to_string(&mut text))
            .map(|_| text)
    };
    let shown = file.display();
    let text = text.map_err(|error| Error::Input(format!("{shown} cannot be read: {error}")))?;
    let before = store.meters().await?;
    let meters = meter_file::read(&text, &before)
        .map_err(|error| Error::Input(format!("{shown}: {error}")))?;
    let replaced = meters.iter().filter(|meter| meter.id.0 != 0).count();
    let saved = store.save_meters(meters).await?;
    let added = saved.len() - replaced;
    let meters = counted(added as u64, "meter", "meters");
    writeln!(out, "{meters} added, {replaced} replaced")?;
    Ok(())
}

async fn remove(store: &Store, out: &mut dyn Write, name: &str, yes: bool) -> Result<(), Error> {
    let meter = store.meter_named(name).await?;
    let question = format!("Remove meter {name} and its stored readings?");
    if !yes && !confirmed(&question)? {
        writeln!(out, "nothing was removed")?;
        return Ok(());
    }
    let unsent = store.unsent_of(meter.id).await?;
    store.delete_meter(meter.id).await?;
    writeln!(out, "meter {name} removed")?;
    if unsent > 0 {
        writeln!(
            out,
            "{} and will be published",
            counted(
                unsent,
                "message of it still waits",
                "messages of it still wait"
            )
        )?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
