//! `obiscope mqtt`: what waits for a broker, what it refused, and whether it takes anything at all. The rule: what is
//! thrown away is counted first and asked about; nothing is sent twice because two processes send it.

mod shown;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::argument::{self, counted, shell};
pub use super::saved::Error;
use super::saved::confirmed;
use super::table::Table;
use crate::cosem::data::printable;
use crate::headend::{Headend, Options, Scope};
use crate::meter::Clock;
use crate::meter::transport::Lines;
use crate::publish::{BrokerPhase, publish_one, test_message, where_to_look};
use crate::store::{BrokerDefinition, Store};
use shown::{age, dead_json, queue_json, summary, text};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish one test message and wait for its acknowledgement
    ///
    /// It goes past the queue, under a client id of its own. ThingsBoard allows one connection a token: one that is
    /// running may be cut for a moment.
    Test {
        /// A saved broker
        broker: String,
        /// How long all of it may take
        #[arg(long, value_name = "TIME", default_value = "10s", value_parser = argument::time)]
        timeout: Duration,
        /// Print one JSON object: broker, url, topic, connected_ms, acknowledged_ms
        #[arg(long)]
        json: bool,
    },
    /// Show what waits, oldest first
    Queue {
        /// A saved broker; all of them unless given
        broker: Option<String>,
        /// Messages shown of each
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1000))]
        limit: u16,
        /// Print a JSON array, one object a broker
        #[arg(long)]
        json: bool,
    },
    /// Show messages that were given up on and why; try them again or throw them away
    Dead {
        /// A saved broker; all of them unless given
        #[arg(required_if_eq_any = [("retry", "true"), ("empty", "true")])]
        broker: Option<String>,
        /// Put them back into the queue: those of these numbers, or all
        #[arg(long, value_name = "ID", num_args = 0.., conflicts_with = "empty")]
        retry: Option<Vec<i64>>,
        /// Throw them away: those of these numbers, or all
        #[arg(long, value_name = "ID", num_args = 0..)]
        empty: Option<Vec<i64>>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Send now what waits; only where no other obiscope does
    Flush {
        /// A saved broker
        broker: String,
        /// How long it may take
        #[arg(long, value_name = "TIME", default_value = "1m", value_parser = argument::time)]
        timeout: Duration,
    },
    /// Throw away what waits, unsent
    Drop {
        /// A saved broker
        broker: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Of a payload, in a line for people.
const SHORT: usize = 60;
/// Dead letters are never more over all brokers.
const LETTERS: usize = 1_000;
/// Between two looks at what is left while it is sent.
const LOOK: Duration = Duration::from_millis(200);

pub async fn run(command: Command, store: &Store, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Test {
            broker,
            timeout,
            json,
        } => test(store, out, &broker, timeout, json).await,
        Command::Queue {
            broker,
            limit,
            json,
        } => queue(store, out, broker.as_deref(), limit, json).await,
        Command::Dead {
            broker: Some(broker),
            retry: Some(ids),
            ..
        } => {
            let broker = store.broker_named(&broker).await?;
            let moved = store.retry_dead(broker.id, some(ids)).await?;
            let what = counted(moved, "message is", "messages are");
            writeln!(out, "{what} back in the queue for {}", broker.name)?;
            Ok(())
        }
        Command::Dead {
            broker: Some(broker),
            empty: Some(ids),
            yes,
            ..
        } => empty(store, out, &broker, ids, yes).await,
        Command::Dead { broker, json, .. } => dead(store, out, broker.as_deref(), json).await,
        Command::Flush { broker, timeout } => flush(store, out, &broker, timeout).await,
        Command::Drop { broker, yes } => drop_waiting(store, out, &broker, yes).await,
    }
}

/// No numbers: all of them.
fn some(ids: Vec<i64>) -> Option<Vec<i64>> {
    (!ids.is_empty()).then_some(ids)
}

async fn brokers(store: &Store, name: Option<&str>) -> Result<Vec<BrokerDefinition>, Error> {
    Ok(match name {
        Some(name) => vec![store.broker_named(name).await?],
        None => store.brokers().await?,
    })
}

async fn test(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    wait: Duration,
    json: bool,
) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    let message = test_message(&broker, Timestamp::now());
    let done = publish_one(&broker, message, wait)
        .await
        .map_err(Error::Broker)?;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (connected, acknowledged) = (ms(done.connected), ms(done.acknowledged));
    if json {
        let told = json!({
            "broker": name,
            "url": broker.url(),
            "topic": done.topic,
            "connected_ms": connected,
            "acknowledged_ms": acknowledged,
        });
        writeln!(out, "{told}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{}: {} let us in after {connected} ms and acknowledged a message on {} after {acknowledged} ms",
        printable(name),
        broker.url(),
        printable(&done.topic)
    )?;
    let look = where_to_look(&broker, &done.topic);
    writeln!(out, "{}", printable(&look))?;
    Ok(())
}

async fn queue(
    store: &Store,
    out: &mut dyn Write,
    name: Option<&str>,
    limit: u16,
    json: bool,
) -> Result<(), Error> {
    let now = Timestamp::now();
    let mut all = Vec::new();
    for broker in brokers(store, name).await? {
        let depth = store.depth(broker.id).await?;
        let first = store.outbox(broker.id, 0, limit.into()).await?;
        if json {
            all.push(queue_json(&broker, depth, &first));
            continue;
        }
        writeln!(out, "{}", summary(&broker, depth, now))?;
        let mut table = Table::new([true, false, false, true, false]);
        if !first.is_empty() {
            table.add(["  ID", "TOPIC", "AGE", "TRIES", "PAYLOAD"].map(str::to_owned));
        }
        for row in &first {
            table.add([
                format!("  {}", row.id),
                printable(&row.topic),
                age(row.created, now),
                row.attempts.to_string(),
                text(&row.payload, SHORT),
            ]);
        }
        table.print(out)?;
        let more = depth.waiting.saturating_sub(first.len() as u64);
        if more > 0 && !first.is_empty() {
            writeln!(out, "  and {more} more")?;
        }
    }
    finish(out, json, all, name.is_none(), store).await
}

/// The JSON array; words where there is no broker at all.
async fn finish(
    out: &mut dyn Write,
    json: bool,
    all: Vec<Value>,
    every: bool,
    store: &Store,
) -> Result<(), Error> {
    if json {
        writeln!(out, "{}", Value::from(all))?;
    } else if every && store.brokers().await?.is_empty() {
        writeln!(
            out,
            "no brokers yet; for example: obiscope broker add lab --url mqtt://192.168.1.10 --dialect json"
        )?;
    }
    Ok(())
}

async fn dead(
    store: &Store,
    out: &mut dyn Write,
    name: Option<&str>,
    json: bool,
) -> Result<(), Error> {
    let mut all = Vec::new();
    for broker in brokers(store, name).await? {
        let rows = store.dead(broker.id, 0, LETTERS).await?;
        if json {
            all.extend(rows.iter().map(|row| dead_json(&broker, row)));
            continue;
        }
        if rows.is_empty() {
            writeln!(out, "{}: nothing was given up on", printable(&broker.name))?;
            continue;
        }
        let count = counted(rows.len() as u64, "message was", "messages were");
        writeln!(out, "{}: {count} given up on", printable(&broker.name))?;
        let mut table = Table::new([true, false, false, false]);
        table.add(["  ID", "SINCE", "TOPIC", "WHY"].map(str::to_owned));
        for dead in &rows {
            table.add([
                format!("  {}", dead.row.id),
                format!("{:.0}", dead.at),
                printable(&dead.row.topic),
                printable(&dead.reason),
            ]);
        }
        table.print(out)?;
        let name = shell(&broker.name);
        writeln!(
            out,
            "  again: obiscope mqtt dead {name} --retry [ID…]; away: obiscope mqtt dead {name} --empty [ID…]"
        )?;
    }
    finish(out, json, all, name.is_none(), store).await
}

async fn empty(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    ids: Vec<i64>,
    yes: bool,
) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    let held = store.depth(broker.id).await?.dead;
    let many = if ids.is_empty() {
        held
    } else {
        held.min(ids.len() as u64)
    };
    let what = counted(many, "message", "messages");
    let question = format!(
        "Throw away {what} that {} never took? The readings in them stay in this database only.",
        broker.name
    );
    if many > 0 && !yes && !confirmed(&question)? {
        writeln!(out, "nothing was thrown away")?;
        return Ok(());
    }
    let gone = store.empty_dead(broker.id, some(ids)).await?;
    let what = counted(gone, "message was", "messages were");
    writeln!(out, "{}: {what} thrown away", printable(&broker.name))?;
    Ok(())
}

async fn drop_waiting(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    yes: bool,
) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    let depth = store.depth(broker.id).await?;
    let shown = printable(&broker.name);
    let Some(oldest) = depth.oldest.filter(|_| depth.waiting > 0) else {
        writeln!(out, "{shown}: nothing waits")?;
        return Ok(());
    };
    let what = counted(depth.waiting, "message", "messages");
    let running = match store.claimed_by() {
        Some(by) => format!(" {by} is sending them: what it has in hand may still arrive."),
        None => String::new(),
    };
    let question = format!(
        "Drop {what} for {name} unsent, the oldest read {} ago ({oldest:.0})? The platform will have a gap there.{running}",
        age(oldest, Timestamp::now())
    );
    if !yes && !confirmed(&question)? {
        writeln!(out, "nothing was dropped")?;
        return Ok(());
    }
    let gone = store.drop_waiting(broker.id).await?;
    let what = counted(gone, "message", "messages");
    writeln!(out, "{shown}: {what} dropped unsent")?;
    Ok(())
}

async fn flush(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    wait: Duration,
) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    let shown = printable(&broker.name);
    if let Some(by) = store.claimed_by() {
        return Err(Error::Broker(format!(
            "{shown}: {by} runs on this database and sends what waits by itself; \
             `obiscope mqtt queue {}` shows how far it is",
            shell(name)
        )));
    }
    let waiting = store.depth(broker.id).await?.waiting;
    if waiting == 0 {
        writeln!(out, "{shown}: nothing waits")?;
        return Ok(());
    }
    let options = Options {
        store: store.clone(),
        connector: Arc::new(Lines),
        clock: Clock::System,
        seed: fastrand::u64(..),
        trace_bytes: 0,
    };
    let scope = Scope {
        only: Some(Vec::new()),
        brokers: Some(vec![broker.name.clone()]),
        flush: Duration::ZERO,
        report_every: None,
    };
    let headend = Headend::start_some(options, scope).await?;
    let ended = drain(&headend, store, broker.id, Instant::now() + wait).await;
    let left = store.depth(broker.id).await;
    headend.shutdown().await;
    let left = left?.waiting;
    let sent = waiting.saturating_sub(left);
    match ended? {
        None => {
            let what = counted(sent, "message was", "messages were");
            writeln!(out, "{shown}: {what} sent, nothing waits any more")?;
            Ok(())
        }
        Some(why) => Err(Error::Broker(format!(
            "{shown}: {sent} of {waiting} were sent, {left} still wait: {why}"
        ))),
    }
}

/// None when nothing waits any more; else what kept it.
async fn drain(
    headend: &Headend,
    store: &Store,
    broker: i64,
    until: Instant,
) -> Result<Option<String>, Error> {
    loop {
        if store.depth(broker).await?.waiting == 0 {
            return Ok(None);
        }
        let views = headend.brokers();
        let status = views.first().map(|view| &view.status);
        let trouble = status.and_then(|status| {
            let (_, what) = status.last_error.as_ref()?;
            (status.phase != BrokerPhase::Connected).then(|| what.clone())
        });
        let refused = status.is_some_and(|status| status.phase == BrokerPhase::Refused);
        let over = Instant::now() >= until;
        if over || refused {
            let slow = "there was no more time; give more with --timeout";
            return Ok(Some(trouble.unwrap_or_else(|| slow.to_owned())));
        }
        let _ = timeout_at(until.min(Instant::now() + LOOK), headend.changed()).await;
        let _ = headend.take_changes();
    }
}
