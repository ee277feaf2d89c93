//! What the association is told, out of a definition. The rule: what a definition does not ask for stays as it always
//! was on the wire; meters are known that dislike one bit too many.

use super::QUIET;
use crate::cosem::Obis;
use crate::dlms::association::{Authentication, Carrier, Config, Naming};
use crate::dlms::hdlc::link::LinkConfig;
use crate::dlms::hdlc::{ClientAddress, Control, Parameters, ServerAddress, frame};
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{Secret, Security};
use crate::dlms::wrapper::WrapperConfig;
use crate::dlms::xdlms::Conformance;
use crate::meter::definition::{Auth, Definition, TransportKind};

/// Everybody's client (IEC 62056-46): what it may read needs no proof.
const PUBLIC: u8 = 16;

pub(super) fn config(meter: &Definition) -> Config {
    let security = security(meter);
    let mut offered = Config::new(carrier(meter, meter.client));
    offered.naming = meter.naming;
    if meter.naming == Naming::ShortName {
        offered.conformance = Conformance::SHORT_NAMES;
    }
    if security.as_ref().is_some_and(|it| it.protection.is_some()) {
        // Meters that cipher are of the generation that knows these; plain meters keep the bits they always saw.
        offered.conformance = offered
            .conformance
            .with(Conformance::GENERAL_PROTECTION)
            .with(Conformance::GENERAL_BLOCK_TRANSFER);
        if meter.naming == Naming::LogicalName {
            offered.conformance = offered.conformance.with(Conformance::ACCESS);
        }
    }
    Config {
        authentication: authentication(meter),
        security,
        ..offered
    }
}

/// Keys and titles that nothing uses are left out.
fn security(meter: &Definition) -> Option<Security> {
    let used = |it: &&Security| it.protection.is_some() || meter.auth.wants_title();
    meter.security.as_ref().filter(used).cloned()
}

fn authentication(meter: &Definition) -> Authentication {
    let secret = || meter.password.clone().unwrap_or_else(|| Secret::new([]));
    let hls = |mechanism| Authentication::Hls {
        mechanism,
        secret: secret(),
    };
    match meter.auth {
        Auth::None => Authentication::None,
        Auth::Lls => Authentication::Lls(secret()),
        Auth::HlsMd5 => hls(HlsMechanism::Md5),
        Auth::HlsSha1 => hls(HlsMechanism::Sha1),
        Auth::HlsGmac => hls(HlsMechanism::Gmac),
        Auth::HlsSha256 => hls(HlsMechanism::Sha256),
        Auth::HlsEcdsa => hls(HlsMechanism::Ecdsa),
    }
}

fn carrier(meter: &Definition, client: ClientAddress) -> Carrier {
    if meter.transport.is_hdlc() {
        return Carrier::Hdlc(LinkConfig {
            client,
            server: meter.server,
            propose: Some(Parameters {
                max_info_transmit: meter.max_info,
                max_info_receive: meter.max_info,
                window_transmit: meter.window,
                window_receive: meter.window,
            }),
            response_timeout: meter.timeout,
            remind_after: meter.timeout_floor,
            inter_octet: meter.inter_octet,
            retries: meter.retries,
            quiet: QUIET,
        });
    }
    let (client, server) = (client.sap().into(), meter.server.upper());
    let usual = if meter.transport == TransportKind::WrapperUdp {
        WrapperConfig {
            retries: meter.retries,
            ..WrapperConfig::udp(client, server)
        }
    } else {
        WrapperConfig::tcp(client, server)
    };
    Carrier::Wrapper(WrapperConfig {
        response_timeout: meter.timeout,
        ..usual
    })
}

/// Where the invocation counter is read before the association proper.
pub(super) struct PublicClient {
    pub object: Obis,
    pub config: Config,
    pub disc: Vec<u8>,
}

impl PublicClient {
    /// `None` where nobody counts, where it is switched off, and for the public client itself.
    pub(super) fn of(meter: &Definition) -> Option<Self> {
        // Without a key nothing is counted.
        security(meter)?.keys.encryption?;
        let object = meter.counter_object?;
        let client = ClientAddress::new(PUBLIC).ok()?;
        if meter.client == client {
            return None;
        }
        let mut carrier = carrier(meter, client);
        if let Carrier::Hdlc(link) = &mut carrier {
            // Where it is not let in the wait must not be long.
            link.retries = 0;
        }
        Some(Self {
            object,
            config: Config::new(carrier),
            disc: disc(meter, client),
        })
    }
}

/// DISC of this client; nothing over the wrapper, which has none.
pub(super) fn disc(meter: &Definition, client: ClientAddress) -> Vec<u8> {
    let mut disc = Vec::new();
    if meter.transport.is_hdlc() {
        let (server, client) = (encoded(meter.server), [client.sap() << 1 | 1]);
        let control = Control::Disc { poll: true };
        // A frame without information always fits.
        let _ = frame::build(&server, &client, control, false, &[], &mut disc);
    }
    disc
}

pub(super) fn encoded(server: ServerAddress) -> Vec<u8> {
    let mut octets = Vec::new();
    server.encode(&mut octets);
    octets
}

/// `LLS, client 1 → 03`; over the wrapper `LLS, client 1 → 1`.
pub(super) fn who(meter: &Definition) -> String {
    let server = if meter.transport.is_hdlc() {
        crate::cosem::hex::spaced(&encoded(meter.server))
    } else {
        meter.server.upper().to_string()
    };
    let ciphered = security(meter).and_then(|it| it.protection);
    let ciphered = ciphered.map_or_else(String::new, |how| format!(", {how}"));
    let (mechanism, client) = (meter.auth.words(), meter.client.sap());
    format!("{mechanism}{ciphered}, client {client} → {server}")
}
