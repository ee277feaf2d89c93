//! The address that worked becomes the meter's own. The rule: the definition and what is known to work change together,
//! and what was found of one device is never kept with another.

use crate::meter::Definition;
use crate::meter::known_good::link_json;
use crate::meter::probe::Working;
use crate::store::{MeterNote, Store, StoreError};
use jiff::Timestamp;

/// Why an address was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error(
        "{0} is saved with another place or address than the one that was probed: nothing was kept; probe it again as it is saved now"
    )]
    Elsewhere(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Saves `meter` with the address that worked; where an association stood, its parameters are remembered too. `probed`
/// is the meter as it was asked.
pub async fn keep_working(
    store: &Store,
    mut meter: Definition,
    probed: &Definition,
    working: Working,
    at: Timestamp,
) -> Result<Definition, KeepError> {
    let kept = (meter.client, meter.server) == (working.client, working.server);
    let mut before = meter.clone();
    if kept {
        (before.client, before.server) = (probed.client, probed.server);
    }
    if before.is_elsewhere(probed) {
        return Err(KeepError::Elsewhere(meter.name));
    }
    (meter.client, meter.server) = (working.client, working.server);
    let saved = store.save_meter(meter).await?;
    let link = link_json(&saved, working.settled);
    store
        .note_meter(saved.id, MeterNote::Good { at, link })
        .await?;
    Ok(saved)
}
