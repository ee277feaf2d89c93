//! How one connection is made: who we are, how large a packet may be, whom TLS trusts. Never plain where TLS was asked for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::tokio_rustls::rustls::pki_types::CertificateDer;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore};
use rumqttc::{AsyncClient, EventLoop, MqttOptions, NetworkOptions, TlsConfiguration, Transport};

use super::window::WIDTH;
use crate::dlms::security::Secret;
use crate::store::BrokerDefinition;

/// Both directions. ThingsBoard takes 64 KiB unless told otherwise.
pub(super) const MAX_PACKET: usize = 256 * 1024;
/// TCP, TLS and CONNACK together.
const CONNECT_SECONDS: u64 = 10;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A fresh client for one generation; nothing of an earlier one is in it. The error is in words.
pub(super) async fn open(
    broker: &BrokerDefinition,
    client_id: &str,
) -> Result<(AsyncClient, EventLoop), String> {
    // rumqttc joins host and port with a colon, so an IPv6 address needs its brackets here.
    let host = if broker.host.contains(':') {
        format!("[{}]", broker.host)
    } else {
        broker.host.clone()
    };
    let mut options = MqttOptions::new(client_id, host, broker.port);
    let inflight = u16::try_from(2 * WIDTH).unwrap_or(u16::MAX);
    options
        .set_clean_session(true)
        .set_keep_alive(KEEP_ALIVE)
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_inflight(inflight);
    if let Some((user, password)) = credentials(broker)? {
        options.set_credentials(user, password);
    }
    if broker.tls {
        let tls = tls(broker.ca.as_deref()).await?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    // Wider than the window, so that submitting never waits.
    let (client, mut events) = AsyncClient::new(options, 2 * WIDTH);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECONDS);
    events.set_network_options(network);
    Ok((client, events))
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

async fn tls(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let ca = ca.map(Path::to_owned);
    let roots = tokio::task::spawn_blocking(move || match ca {
        Some(path) => roots_from(&path),
        None => system_roots(),
    })
    .await
    .map_err(|error| format!("certificates could not be read: {error}"))??;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
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
