//! The object list of a saved meter, kept between visits. It is believed while the device calls itself the same (logical
//! device name and firmware); a store that does not answer costs time, never the visit.

use super::visit::{Door, Trouble, get};
use crate::cosem::object_list::ObjectList;
use crate::cosem::{AttributeRef, Data, Obis};
use crate::meter::Definition;
use crate::meter::MeterId;
use crate::meter::definition::naming_name;
use crate::meter::session::{Session, SessionError};
use crate::store::{KeptList, ListKey};
use jiff::Timestamp;

const LOGICAL_DEVICE_NAME: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 42, 0, 0, 255),
    attribute: 2,
};
const FIRMWARE: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(1, 0, 0, 2, 0, 255),
    attribute: 2,
};

/// Where a list came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Meter,
    /// Kept since.
    Kept(Timestamp),
}

pub struct Kept {
    key: ListKey,
    list: Option<KeptList>,
    problem: Option<String>,
}

impl Kept {
    /// What is kept for this meter; `None` where it is not a saved one.
    pub async fn find(door: &Door<'_>, meter: &Definition) -> Option<Self> {
        if meter.id == MeterId(0) {
            return None;
        }
        let key = ListKey {
            meter: meter.id,
            client: u16::from(meter.client.sap()),
            server: meter.server.to_string(),
            naming: naming_name(meter.naming).to_owned(),
        };
        let (list, problem) = match (door.open_store)() {
            Ok(store) => {
                let found = store.object_list(key.clone()).await;
                store.close().await;
                match found {
                    Ok(list) => (list, None),
                    Err(error) => (None, Some(error.to_string())),
                }
            }
            Err(failure) => (None, Some(failure.words)),
        };
        Some(Self { key, list, problem })
    }

    /// What was wrong with the store, to be told and no more.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// As it is kept, without asking whether it still holds.
    pub fn as_it_is(&self) -> Option<ObjectList> {
        let data = Data::decode_all(&self.list.as_ref()?.list).ok()?;
        ObjectList::from_data(&data).ok()
    }

    /// Kept under this identity.
    fn of(&self, identity: Option<&str>) -> Option<(Data, Timestamp)> {
        let list = self.list.as_ref()?;
        if Some(list.identity.as_str()) != identity {
            return None;
        }
        Some((Data::decode_all(&list.list).ok()?, list.read))
    }

    /// The device says it is `identity`: what was kept of another one goes. Whether there was anything.
    pub async fn forget_others(&self, door: &Door<'_>, identity: &str) -> bool {
        let Ok(store) = (door.open_store)() else {
            return false;
        };
        let gone = store.forget_object_lists(self.key.meter, identity).await;
        store.close().await;
        gone.is_ok_and(|gone| gone > 0)
    }

    async fn keep(&mut self, door: &Door<'_>, list: KeptList) {
        let kept = match (door.open_store)() {
            Ok(store) => {
                let gone = store.forget_object_lists(self.key.meter, &list.identity);
                let gone = gone.await.map(drop);
                let kept = store.keep_object_list(self.key.clone(), list).await;
                store.close().await;
                gone.and(kept).map_err(|error| error.to_string())
            }
            Err(failure) => Err(failure.words),
        };
        self.problem = kept.err();
    }
}

/// Who the device says it is; `None` where it says nothing by which a change would be seen.
pub async fn identity(session: &mut Session) -> Result<Option<String>, SessionError> {
    let mut words = Vec::new();
    for place in [LOGICAL_DEVICE_NAME, FIRMWARE] {
        let answer = get(session, place).await?;
        words.push(answer.ok().map(|data| data.to_text()));
    }
    if words.iter().all(Option::is_none) {
        return Ok(None);
    }
    let words: Vec<_> = words.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Some(words.join(" / ")))
}

/// The list: as it is kept, where it still holds and nobody wants it anew; else from the meter, and kept.
pub async fn object_list(
    session: &mut Session,
    door: &Door<'_>,
    mut kept: Option<&mut Kept>,
    anew: bool,
) -> Result<(ObjectList, Origin), Trouble> {
    let who = match kept {
        Some(_) => identity(session).await?,
        None => None,
    };
    if let Some((data, read)) = kept.as_ref().and_then(|kept| kept.of(who.as_deref()))
        && !anew
        && let Ok(mut list) = ObjectList::from_data(&data)
    {
        session.add_rights(&mut list).await?;
        return Ok((list, Origin::Kept(read)));
    }
    let data = get(session, session.object_list_attribute()).await?;
    let data = data.map_err(|error| Trouble::refused("the object list", error))?;
    let mut all =
        ObjectList::from_data(&data).map_err(|error| Trouble::Refused(error.to_string()))?;
    session.add_rights(&mut all).await?;
    if let Some(kept) = &mut kept {
        let octets = data.to_bytes();
        let list = KeptList {
            // A device without a name is known by its list alone, which only the next reading of it can compare.
            identity: who.unwrap_or_else(|| format!("list {:08x}", checksum(&octets))),
            list: octets,
            read: Timestamp::now(),
        };
        kept.keep(door, list).await;
    }
    Ok((all, Origin::Meter))
}

/// CRC-32, to tell one list from another.
fn checksum(octets: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(octets)
}
