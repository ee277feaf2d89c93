//! The fields of a meter's form that say how bytes travel, who we are and what we may do. The rule: secrets go in and
//! never come out, and what has no field here (a line's speed, the suite) stays as it was.
use super::{Field, Form};
use crate::dlms::security::{Keys, Secret, Security, Suite};
use crate::meter::Definition;
use crate::meter::definition::{
    Auth, FORMS, NAMINGS, PROTECTIONS, SerialLine, TransportKind, form_name, form_named, key_names,
    naming_name, naming_named, own_title, protection_name, protection_named,
};

const OPEN: &str = "no";
const READ_ONLY: &str = "yes";

pub(super) fn line(d: &Definition) -> Field {
    Field::choice(
        "transport",
        "Transport",
        "left/right: frames over TCP, the wrapper over TCP or UDP, or a serial device",
        TransportKind::NAMES.map(str::to_owned).to_vec(),
        d.transport.name(),
    )
}

pub(super) fn fields(d: &Definition) -> Vec<Field> {
    let kept = |there: bool| if there { "(the saved one)" } else { "" };
    let (protection, form, keys) = match &d.security {
        Some(it) => (it.protection, it.form, key_names(&it.keys)),
        None => (None, crate::dlms::security::Form::default(), String::new()),
    };
    let hint = if d.password.is_some() {
        "empty keeps the saved one"
    } else {
        "never shown again, such as 22222222"
    };
    vec![
        Field::choice(
            "auth",
            "Authentication",
            "left/right: none, lls or HLS with a password, or HLS with keys",
            Auth::ALL.map(|auth| auth.name().to_owned()).to_vec(),
            d.auth.name(),
        ),
        Field::secret("password", "Password", hint).empty(kept(d.password.is_some())),
        Field::choice(
            "security",
            "Security",
            "left/right: in clear, authenticated, encrypted, or both",
            PROTECTIONS.map(str::to_owned).to_vec(),
            protection_name(protection),
        ),
        Field::choice(
            "ciphering",
            "Ciphering",
            "left/right: general-glo, glo-… or, under a key of each association, ded-…",
            FORMS.map(str::to_owned).to_vec(),
            form_name(form),
        ),
        Field::secret(
            "keys",
            "Keys",
            "ek=HEX ak=HEX, never shown again; empty keeps the saved ones",
        )
        .empty(if keys.is_empty() {
            ""
        } else {
            "(the saved ones)"
        }),
        Field::choice(
            "naming",
            "Objects by",
            "left/right: logical names (ln) or, for older meters, short names (sn)",
            NAMINGS.map(str::to_owned).to_vec(),
            naming_name(d.naming),
        ),
        Field::choice(
            "read-only",
            "Read-only",
            "left/right: yes lets nothing that writes go to this meter",
            vec![OPEN.to_owned(), READ_ONLY.to_owned()],
            if d.read_only { READ_ONLY } else { OPEN },
        ),
    ]
}

/// Lays the fields over `d`; what is wrong goes to `wrong`.
pub(super) fn read(form: &Form, d: &mut Definition, wrong: &mut Vec<(&'static str, String)>) {
    match form.field("auth").parse() {
        Ok(auth) => d.auth = auth,
        Err(error) => wrong.push(("auth", error)),
    }
    if !form.field("password").is_empty() {
        d.password = Some(Secret::new(form.field("password").as_bytes()));
    }
    d.naming = naming_named(form.field("naming")).unwrap_or(d.naming);
    d.read_only = form.field("read-only") == READ_ONLY;
    let typed = form.field("keys").trim();
    let keys = match Keys::parse(typed) {
        _ if typed.is_empty() => None,
        Ok(keys) => Some(keys),
        Err(error) => return wrong.push(("keys", error.to_string())),
    };
    let protection = protection_named(form.field("security")).flatten();
    let wanted = protection.is_some() || d.auth.wants_title() || keys.is_some();
    if d.security.is_none() && wanted {
        match own_title() {
            Ok(title) => {
                d.security = Some(Security {
                    suite: Suite::default(),
                    protection: None,
                    form: crate::dlms::security::Form::default(),
                    title,
                    keys: Keys::default(),
                });
            }
            Err(error) => wrong.push(("security", error.to_string())),
        }
    }
    if let Some(security) = &mut d.security {
        security.protection = protection;
        security.form = form_named(form.field("ciphering")).unwrap_or(security.form);
        if let Some(keys) = keys {
            security.keys = keys;
        }
    }
}

/// The transport, and with it where the meter is.
pub(super) fn place(form: &Form, d: &mut Definition) -> Result<(), String> {
    let address = form.field("host").trim();
    let [_, wrapper, datagrams, serial] = TransportKind::NAMES;
    let chosen = form.field("transport");
    if chosen == serial || SerialLine::looks_like_a_device(address) {
        if address.is_empty() {
            return Err("write a serial device, such as /dev/ttyUSB0".to_owned());
        }
        match &mut d.transport {
            TransportKind::Serial(line) => address.clone_into(&mut line.path),
            _ => *d = d.clone().on_serial(address),
        }
        return Ok(());
    }
    d.transport = match chosen {
        it if it == wrapper => TransportKind::WrapperTcp,
        it if it == datagrams => TransportKind::WrapperUdp,
        _ => TransportKind::HdlcTcp,
    };
    (d.host, d.port) = super::meter::endpoint(address)?;
    Ok(())
}
