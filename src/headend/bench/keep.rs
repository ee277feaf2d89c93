//! The address that worked becomes the meter's own. The rule: the definition and what is known to work change together.

use crate::meter::Definition;
use crate::meter::known_good::link_json;
use crate::meter::probe::Working;
use crate::store::{MeterNote, Store, StoreError};
use jiff::Timestamp;

/// Saves `meter` with the address that worked; where an association stood, its parameters are remembered too.
pub async fn keep_working(
    store: &Store,
    mut meter: Definition,
    working: Working,
    at: Timestamp,
) -> Result<Definition, StoreError> {
    (meter.client, meter.server) = (working.client, working.server);
    let saved = store.save_meter(meter).await?;
    let link = link_json(&saved, working.settled);
    store
        .note_meter(saved.id, MeterNote::Good { at, link })
        .await?;
    Ok(saved)
}
