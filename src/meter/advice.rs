//! What to try next, per layer, in plain words. It names only what the evidence allows; the full diagnosis is another
//! room's work.

use super::attempts::AttemptError;
use super::counters::CounterError;
use super::definition::{Auth, Definition, SerialLine};
use super::session::SessionError;
use super::transport::{HandoverError, Held};
use crate::cosem::hex;
use crate::dlms::acse::Diagnostic;
use crate::dlms::association::Failure;
use crate::dlms::hdlc::ServerAddress;
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::security::SecurityError;
use std::fmt::Write as _;
use std::io;

/// What failed when no stream could be opened.
pub(super) fn connect_words(endpoint: &str, error: &io::Error) -> String {
    if let Some(held) = Held::of(error) {
        return format!("{endpoint} is {held}; a meter serves one client");
    }
    if handover(error).is_some() || SerialLine::looks_like_a_device(endpoint) {
        return format!("{endpoint}: {error}");
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("TCP to {endpoint}: connection refused"),
        io::ErrorKind::TimedOut => format!("TCP to {endpoint}: no answer"),
        _ => format!("TCP to {endpoint}: {error}"),
    }
}

fn handover(error: &io::Error) -> Option<&HandoverError> {
    error.get_ref()?.downcast_ref()
}

pub(super) fn advice(error: &SessionError, meter: &Definition) -> String {
    match error {
        SessionError::Connect { source, .. } => connect(source, meter),
        SessionError::Closed | SessionError::Io(_) => {
            "another client may hold the meter or its converter: close it; if it always ends after the same idle time, \
             poll more often than that"
                .to_owned()
        }
        SessionError::Association(Failure::Link(failure)) => link(failure, meter),
        SessionError::Association(Failure::Refused {
            service_error: Some(error),
            ..
        }) if error.is_deciphering() => undeciphered(meter),
        SessionError::Association(Failure::Refused { diagnostic, .. }) => {
            refused(*diagnostic, meter)
        }
        SessionError::Association(Failure::Exception(it)) if it.is_deciphering() => {
            undeciphered(meter)
        }
        SessionError::Association(Failure::Exception(it)) if it.is_counter() => our_counter(meter),
        SessionError::Association(Failure::Exception(_)) => {
            left_open(meter)
        }
        SessionError::Association(Failure::Protocol(_)) => {
            "look at the last frames in the trace; does the port speak DLMS over HDLC?".to_owned()
        }
        SessionError::Association(Failure::Hls(_)) => {
            "check the HLS secret or keys and the mechanism; it is not tried again by itself, a meter may lock after a few \
             wrong proofs"
                .to_owned()
        }
        SessionError::Association(Failure::Security(error)) => security(error, meter),
        SessionError::LinkErrors(_) => {
            "the link is made anew by itself; if it goes on, check the line: speed and parity, grounding, a second master, an \
             adapter that mixes answers"
                .to_owned()
        }
        SessionError::Counter(CounterError::UsedUp) => {
            "have the meter's keys changed; a new key counts from 0 again".to_owned()
        }
        SessionError::Counter(CounterError::Leap { named, .. }) => format!(
            "ask whoever else has these keys where their counter stands, or look in the meter's papers; if it is right, go on \
             from there: on the command line once --accept-counter {named}, on the screen by confirming"
        ),
        SessionError::Counter(_) => {
            "is the disk full, or does another program use the same keys and system title?".to_owned()
        }
        SessionError::Attempt(AttemptError::Asks { .. }) => format!(
            "check the password of client {} against the meter's papers; a changed one goes without asking, the same one \
             only when you say so (on the command line --try-again)",
            meter.client.sap()
        ),
        SessionError::Attempt(AttemptError::Store(_)) => {
            "is the disk full, or the data folder not writable?".to_owned()
        }
        SessionError::Randomness(_) => "this computer gives no random numbers: ask who runs it".to_owned(),
        SessionError::Misuse(_) => "reconnect; if it comes again, this is a fault of obiscope".to_owned(),
    }
}

/// A program that was killed said no DISC; ours just now may have mended it.
fn left_open(meter: &Definition) -> String {
    let client = meter.client.sap();
    let wait = if meter.inactivity.is_zero() {
        "the meter's inactivity time".to_owned()
    } else {
        let time = humantime::format_duration(meter.inactivity);
        format!("the meter's inactivity time ({time} set here)")
    };
    format!(
        "an earlier association of client {client} may still be open, as after a program that was killed: the DISC sent just \
         now ends it in most meters, so try once more; else it ends by itself after {wait}"
    )
}

/// What came could not be opened, or ours could not be sealed.
fn security(error: &SecurityError, meter: &Definition) -> String {
    match error {
        SecurityError::CounterTooLow { .. } => {
            "no key is wrong: an old answer came again, or the meter lost its counter; if a new connection does not mend it, \
             have the meter's keys changed"
                .to_owned()
        }
        SecurityError::TagMismatch { .. } | SecurityError::Garbled { .. } => format!(
            "compare the keys of client {} with the meter's (authentication key first); if they agree, the meter seals under \
             another system title than it names",
            meter.client.sap()
        ),
        SecurityError::MissingKey(_)
        | SecurityError::KeyLength { .. }
        | SecurityError::BadKey(_)
        | SecurityError::NoCurve(_)
        | SecurityError::NoHlsSecret => {
            "nothing was tried with the meter: give the key, of the length its suite wants".to_owned()
        }
        SecurityError::CounterExhausted => {
            "have the meter's keys changed; a new key counts from 0 again".to_owned()
        }
        SecurityError::Weak { .. } => {
            "the meter protects less than was asked: ask for less (--security), if that is right for this client".to_owned()
        }
        SecurityError::OtherSuite { .. } | SecurityError::UnknownSuite(_) => {
            "choose the security suite the meter uses".to_owned()
        }
        _ => "check the keys, the system title and the security suite".to_owned(),
    }
}

/// The meter cannot decipher what we send.
fn undeciphered(meter: &Definition) -> String {
    let title = meter
        .security
        .as_ref()
        .map_or_else(String::new, |it| format!(" ({})", it.title.hex()));
    format!(
        "the meter cannot decipher what client {} sends: wrong encryption or authentication key, or it knows this client \
         by another system title{title}; it is not tried again by itself",
        meter.client.sap()
    )
}

/// The meter wants a higher invocation counter than it got, once more after that was mended.
fn our_counter(meter: &Definition) -> String {
    match meter.counter_object {
        Some(object) => format!(
            "no key is wrong: another program may count with the same keys and system title, or {object} is not this \
             client's counter; stop the other, or give this client a system title of its own"
        ),
        None => "no key is wrong: let the counter be read from the meter, or give this client a system title of its own"
            .to_owned(),
    }
}

fn connect(error: &io::Error, meter: &Definition) -> String {
    if Held::of(error).is_some() {
        return "stop it there, or wait until it lets the meter go: on the command line with --when-free 5m"
            .to_owned();
    }
    if let Some(handover) = handover(error) {
        return handover.advice();
    }
    if let Some(line) = meter.transport.serial() {
        return match error.kind() {
            io::ErrorKind::ResourceBusy => "close the other program that holds the line".to_owned(),
            io::ErrorKind::PermissionDenied => format!(
                "may this user open {}? on most systems the group dialout may",
                line.path
            ),
            io::ErrorKind::NotFound => {
                "is the adapter plugged in? its name may have changed: look in /dev/serial/by-id"
                    .to_owned()
            }
            _ => "check the device, its speed and parity".to_owned(),
        };
    }
    let by_name = meter.host.parse::<std::net::IpAddr>().is_err();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "nothing listens on port {}, or a converter that serves one client is taken: check the port (3333, 4059, \
             4001 are usual) and close other tools",
            meter.port
        ),
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => {
            "is the meter or its modem on, is the address right, does a firewall stand between?"
                .to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "the converter hung up at once: another client may hold it".to_owned()
        }
        // The resolver's errors carry neither a kind nor an OS number.
        _ if by_name && error.raw_os_error().is_none() => {
            format!(
                "the name {:?} cannot be found: check its spelling or give an address",
                meter.host
            )
        }
        _ => "check host and port".to_owned(),
    }
}

fn link(failure: &LinkFailure, meter: &Definition) -> String {
    match failure {
        LinkFailure::NoAnswer { what, .. } if what.contains("SNRM") => no_answer_to_snrm(meter),
        LinkFailure::NoAnswer { .. } => {
            "the link was up, then silence: a slow meter wants a longer timeout; a meter that dropped the link for \
             inactivity wants more frequent polls"
                .to_owned()
        }
        LinkFailure::Dm { what } if what.contains("SNRM") => {
            "the meter does not want a link now: another client may hold it; wait its inactivity time, or try another \
             client address"
                .to_owned()
        }
        LinkFailure::Dm { .. } => format!(
            "the meter had dropped the link, often for inactivity ({} set here): is its own time shorter?",
            humantime::format_duration(meter.inactivity)
        ),
        LinkFailure::Frmr(_) => {
            "reconnect; if it comes again, lower max-info to 128 and the window to 1".to_owned()
        }
        LinkFailure::Protocol(_) => {
            "look at the last frames in the trace; does the port speak DLMS over HDLC?".to_owned()
        }
    }
}

/// A meter that does not know an address is silent by design, so the address is the first suspect, in its form too.
fn no_answer_to_snrm(meter: &Definition) -> String {
    let asked = encoded(meter.server);
    let mut text = format!(
        "asked server address {} ({}), client {}; a meter is silent to an address that is not its own",
        hex::spaced(&asked),
        bytes(asked.len()),
        meter.client.sap()
    );
    let (upper, lower) = (meter.server.upper(), meter.server.lower());
    let mut others: Vec<String> = Vec::new();
    for size in [1, 2, 4] {
        let lower = if size == 1 { None } else { lower };
        if let Ok(other) = ServerAddress::new(upper, lower, Some(size)) {
            let form = encoded(other);
            if form != asked {
                others.push(format!("{} ({})", hex::spaced(&form), bytes(form.len())));
            }
        }
    }
    if !others.is_empty() {
        let _ = write!(
            text,
            ": try the same in another form, {}",
            others.join(" or ")
        );
    }
    text.push_str("; else check client address, baud rate and wiring behind the converter");
    text
}

fn encoded(address: ServerAddress) -> Vec<u8> {
    let mut out = Vec::new();
    address.encode(&mut out);
    out
}

fn bytes(n: usize) -> String {
    format!("{n} byte{}", if n == 1 { "" } else { "s" })
}

/// acse-service-user diagnostics by number (Green Book, table of the AARE).
fn refused(diagnostic: Diagnostic, meter: &Definition) -> String {
    let sap = meter.client.sap();
    match diagnostic {
        Diagnostic::User(13) => format!(
            "the password is not that of client {sap}: check both before going on, meters lock after a few wrong tries"
        ),
        Diagnostic::User(14) => match meter.auth {
            Auth::None => format!(
                "client {sap} needs a password: choose LLS, or client 16 for the public objects"
            ),
            other => format!("client {sap} wants more than {}", other.words()),
        },
        Diagnostic::User(11 | 12) => {
            format!(
                "the meter wants another authentication for client {sap}: none for 16, LLS for most others"
            )
        }
        Diagnostic::User(2) => {
            "the meter wants another application context (short names or ciphering)".to_owned()
        }
        Diagnostic::User(3..=10) => "the meter wants a system title, as for ciphering".to_owned(),
        Diagnostic::User(1) | Diagnostic::Missing => format!(
            "no reason given: client {sap} may be unknown to it, an earlier association still open, or the meter locked; \
             wait its inactivity time, then try client 16"
        ),
        Diagnostic::User(_) | Diagnostic::Provider(_) => "look at the AARE in the trace".to_owned(),
    }
}
