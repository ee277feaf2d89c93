//! How one connection is made: who we are, how large a packet may be, whom TLS trusts. Never plain where TLS was asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore};
use rumqttc::{
    AsyncClient, LastWill, MqttOptions, NetworkOptions, QoS, TlsConfiguration, Transport, v5,
};

use super::line::Client;
use crate::dlms::security::Secret;
use crate::store::{BrokerDefinition, Protocol};

/// Both directions. ThingsBoard takes 64 KiB unless told otherwise.
pub(super) const MAX_PACKET: usize = 256 * 1024;
/// TCP, TLS and CONNACK together.
const CONNECT_SECONDS: u64 = 10;
/// What stands on the status topic.
pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

/// A fresh client for one generation; nothing of an earlier one is in it. The error is in words.
pub(super) async fn open(broker: &BrokerDefinition, client_id: &str) -> Result<Client, String> {
    let login = credentials(broker)?;
    let transport = if broker.tls {
        let config = tls(broker).await?;
        Some(Transport::tls_with_config(TlsConfiguration::Rustls(config)))
    } else {
        None
    };
    // Twice the window, so that packet ids never come round to one still in use, and submitting never waits; what is
    // not of the table (answers, subscriptions) has room beside it.
    let inflight = broker.window.saturating_mul(2).saturating_add(SPARE);
    Ok(match broker.protocol {
        Protocol::V311 => three(broker, client_id, login, transport, inflight),
        Protocol::V5 => five(broker, client_id, login, transport, inflight),
    })
}

/// Messages that are not of the table and may be under way beside the window.
pub(super) const SPARE: u16 = 32;

/// rumqttc joins host and port with a colon, so an IPv6 address needs its brackets here.
fn host(broker: &BrokerDefinition) -> String {
    if broker.host.contains(':') {
        format!("[{}]", broker.host)
    } else {
        broker.host.clone()
    }
}

fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECONDS);
    network
}

fn three(
    broker: &BrokerDefinition,
    client_id: &str,
    login: Option<(String, String)>,
    transport: Option<Transport>,
    inflight: u16,
) -> Client {
    let mut options = MqttOptions::new(client_id, host(broker), broker.port);
    options
        .set_clean_session(true)
        .set_keep_alive(broker.keep_alive)
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_inflight(inflight);
    if let Some((user, password)) = login {
        options.set_credentials(user, password);
    }
    if let Some(transport) = transport {
        options.set_transport(transport);
    }
    if let Some(topic) = &broker.status_topic {
        options.set_last_will(LastWill::new(topic, OFFLINE, QoS::AtLeastOnce, true));
    }
    let (client, mut events) = AsyncClient::new(options, inflight.into());
    events.set_network_options(network());
    Client::V311(client, Box::new(events))
}

fn five(
    broker: &BrokerDefinition,
    client_id: &str,
    login: Option<(String, String)>,
    transport: Option<Transport>,
    inflight: u16,
) -> Client {
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::LastWill;
    let mut options = v5::MqttOptions::new(client_id, host(broker), broker.port);
    options
        .set_clean_start(true)
        .set_keep_alive(broker.keep_alive)
        .set_connection_timeout(CONNECT_SECONDS)
        .set_max_packet_size(u32::try_from(MAX_PACKET).ok())
        .set_outgoing_inflight_upper_limit(inflight)
        .set_network_options(network());
    if let Some((user, password)) = login {
        options.set_credentials(user, password);
    }
    if let Some(transport) = transport {
        options.set_transport(transport);
    }
    if let Some(topic) = &broker.status_topic {
        let will = LastWill::new(topic, OFFLINE, QoS::AtLeastOnce, true, None);
        options.set_last_will(will);
    }
    let (client, events) = v5::AsyncClient::new(options, inflight.into());
    Client::V5(client, Box::new(events))
}

fn credentials(broker: &BrokerDefinition) -> Result<Option<(String, String)>, String> {
    let text = |what: &str, secret: &Secret| {
        String::from_utf8(secret.expose().to_vec())
            .map_err(|_| format!("the {what} is not UTF-8 text, which MQTT asks for"))
    };
    if let Some(token) = &broker.token {
        return Ok(Some((text("token", token)?, String::new())));
    }
    let password = match &broker.password {
        Some(password) => text("password", password)?,
        None => String::new(),
    };
    Ok(broker.user.clone().map(|user| (user, password)))
}

async fn tls(broker: &BrokerDefinition) -> Result<Arc<ClientConfig>, String> {
    let ca = broker.ca.clone();
    let ours = broker.cert.clone().zip(broker.key.clone());
    tokio::task::spawn_blocking(move || config(ca.as_deref(), ours))
        .await
        .map_err(|error| format!("certificates could not be read: {error}"))?
}

fn config(
    ca: Option<&Path>,
    ours: Option<(PathBuf, PathBuf)>,
) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca {
        Some(path) => roots_from(path)?,
        None => system_roots()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots);
    let config = match ours {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let (chain, secret) = pair(&cert, &key)?;
            config
                .with_client_auth_cert(chain, secret)
                .map_err(|error| unfit(&cert, &key, &error.to_string()))?
        }
    };
    Ok(Arc::new(config))
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn pair(cert: &Path, key: &Path) -> Result<Pair, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("the certificate {} cannot be read: {error}", cert.display()))?;
    if chain.is_empty() {
        return Err(format!(
            "{} holds no certificate; it must be PEM, with -----BEGIN CERTIFICATE-----",
            cert.display()
        ));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("the key {} cannot be read: {error}", key.display()))?;
    Ok((chain, secret))
}

fn unfit(cert: &Path, key: &Path, detail: &str) -> String {
    format!(
        "the certificate {} and the key {} do not belong together ({detail})",
        cert.display(),
        key.display()
    )
}

/// Whether our certificate and its key can be read and belong together; the error is in words.
pub fn check_pair(cert: &Path, key: &Path) -> Result<(), String> {
    let (chain, secret) = pair(cert, key)?;
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(chain, secret)
        .map(drop)
        .map_err(|error| unfit(cert, key, &error.to_string()))
}

/// Whether this file holds certificates to trust; the error is in words.
pub fn check_ca(path: &Path) -> Result<(), String> {
    roots_from(path).map(drop)
}

fn roots_from(path: &Path) -> Result<RootCertStore, String> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("the CA file {shown} cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(format!(
            "the CA file {shown} holds no certificate; it must be PEM, with -----BEGIN CERTIFICATE-----"
        ));
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        return Err(
            "this machine has no CA certificates (Debian: apt install ca-certificates); \
             name the broker's own with --ca FILE"
                .to_owned(),
        );
    }
    Ok(roots)
}
