//! Transport and security of a meter as columns. The rule: what one column says is believed only together with those it
//! belongs to; a half-filled row is an error in words.

use rusqlite::Row;

use super::error::Fault;
use crate::dlms::security::{Keys, Secret, Security};
use crate::meter::Definition;
use crate::meter::definition::{
    SerialLine, TransportKind, form_name, form_named, key_text, protection_name, protection_named,
};

pub(super) fn transport(row: &Row<'_>) -> Result<TransportKind, Fault> {
    let name: String = row.get("transport")?;
    let [hdlc, wrapper, datagrams, serial] = TransportKind::NAMES;
    Ok(match name.as_str() {
        it if it == hdlc => TransportKind::HdlcTcp,
        it if it == wrapper => TransportKind::WrapperTcp,
        it if it == datagrams => TransportKind::WrapperUdp,
        it if it == serial => TransportKind::Serial(SerialLine {
            path: row.get("line_path")?,
            baud: row.get("line_baud")?,
            data_bits: row.get("line_data_bits")?,
            parity: row
                .get::<_, String>("line_parity")?
                .parse()
                .map_err(Fault::Row)?,
            stop_bits: row.get("line_stop_bits")?,
        }),
        other => return Err(Fault::Row(format!("unknown transport {other:?}"))),
    })
}

pub(super) fn security(row: &Row<'_>) -> Result<Option<Security>, Fault> {
    let Some(title) = row.get::<_, Option<String>>("system_title")? else {
        return Ok(None);
    };
    let strange = |what: &str| Fault::Row(format!("unknown {what}"));
    let suite: u8 = row.get("suite")?;
    let protection: String = row.get("protection")?;
    let form: String = row.get("ciphering")?;
    let keys = Secret::new(row.get::<_, Vec<u8>>("keys")?);
    // What is wrong with keys is told by their names alone.
    let keys = match std::str::from_utf8(keys.expose()) {
        Ok("") => Keys::default(),
        Ok(text) => Keys::parse(text).map_err(|error| Fault::Row(error.to_string()))?,
        Err(_) => return Err(strange("keys")),
    };
    Ok(Some(Security {
        suite: crate::dlms::security::Suite::from_number(suite).ok_or_else(|| strange("suite"))?,
        protection: protection_named(&protection).ok_or_else(|| strange("protection"))?,
        form: form_named(&form).ok_or_else(|| strange("ciphering"))?,
        title: title
            .parse()
            .map_err(|error| Fault::Row(format!("system title: {error}")))?,
        keys,
    }))
}

/// What is written to the columns of migration 0002.
pub(super) struct Columns<'a> {
    pub line: Option<&'a SerialLine>,
    pub parity: Option<&'static str>,
    pub suite: Option<u8>,
    pub protection: Option<&'static str>,
    pub ciphering: Option<&'static str>,
    pub title: Option<String>,
    pub keys: Option<Secret>,
    pub counter_object: Option<String>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(meter: &'a Definition) -> Self {
        let line = meter.transport.serial();
        let security = meter.security.as_ref();
        Self {
            line,
            parity: line.map(|line| line.parity.name()),
            suite: security.map(|it| it.suite.number()),
            protection: security.map(|it| protection_name(it.protection)),
            ciphering: security.map(|it| form_name(it.form)),
            title: security.map(|it| it.title.hex()),
            keys: security.map(|it| key_text(&it.keys)),
            counter_object: meter.counter_object.map(|it| it.to_string()),
        }
    }
}
