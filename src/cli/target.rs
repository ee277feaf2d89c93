//! Which meter a command means: a saved one by its name, HOST:PORT, or a serial device, with the link options laid over it.

use super::Failure;
use super::link_options::LinkOptions;
use crate::meter::Definition;
use crate::meter::definition::SerialLine;
use crate::store::{Store, StoreError};

/// The meter, and, of a saved one, which other process may be connected to it. The store is opened only for a saved
/// meter's name.
pub async fn find<E: Into<Failure>>(
    target: &str,
    link: &LinkOptions,
    open_store: impl FnOnce() -> Result<Store, E>,
) -> Result<(Definition, Option<String>), Failure> {
    let serial = link.line.transport.as_deref() == Some("serial") && target.contains('/');
    // In a trace it goes by what was typed: two meters may share a host.
    let (mut meter, owner) = if serial || SerialLine::looks_like_a_device(target) {
        (Definition::new(target, "", 0).on_serial(target), None)
    } else {
        match Definition::parse_endpoint(target) {
            Some((host, port)) => (Definition::new(target, host, port), None),
            None => saved(target, open_store).await?,
        }
    };
    link.apply(&mut meter)
        .map_err(|error| Failure::usage(&error))?;
    // What is polled and under which keys only matters on a broker. So do names.
    let mut checked = meter.clone();
    checked.objects.clear();
    "unnamed".clone_into(&mut checked.name);
    checked.check().map_err(|wrong| {
        let each: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        Failure::usage(&each.join("\n"))
    })?;
    Ok((meter, owner))
}

async fn saved<E: Into<Failure>>(
    name: &str,
    open_store: impl FnOnce() -> Result<Store, E>,
) -> Result<(Definition, Option<String>), Failure> {
    let store = open_store().map_err(Into::into)?;
    let found = store.meter_named(name).await;
    let owner = store.claimed_by();
    store.close().await;
    match found {
        Ok(meter) => Ok((meter, owner)),
        Err(StoreError::NotFound(_)) => Err(Failure::usage(&format!(
            "{name:?} is neither a saved meter (`obiscope meter list` shows those) \
             nor HOST:PORT, for example 10.0.4.7:4059 or [fe80::1]:4059, nor a serial device such as /dev/ttyUSB0"
        ))),
        Err(other) => Err(other.into()),
    }
}
