//! TLS to the small broker behind a TLS front: the right certificate is accepted, every other refused in words.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rumqttc::tokio_rustls::TlsAcceptor;
use rumqttc::tokio_rustls::rustls::ServerConfig;
use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::LIMIT;
use crate::publish::drain;
use crate::simulator::broker::{Behaviour, Broker, start};
use crate::store::{BrokerDefinition, Dialect};

/// An authority and a certificate of its for `localhost`, made anew for every test.
fn issue(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    let name = |params: &mut CertificateParams, name: &str| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
    };
    name(&mut authority, "an authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    name(&mut server, "localhost");
    let server = server.signed_by(&key, &issuer).unwrap();
    for (name, pem) in [
        ("ca.pem", ca.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), pem).unwrap();
    }
}

struct Front {
    /// Holds `ca.pem`, `server.pem` and `server.key`.
    folder: TempDir,
    port: u16,
    plain: Broker,
    task: AbortHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn front() -> Front {
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plain = start(place, Behaviour::default(), CancellationToken::new())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let chain = CertificateDer::pem_file_iter(folder.path().join("server.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(place).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = plain.address;
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else {
                    return;
                };
                let mut inside = TcpStream::connect(behind).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut outside, &mut inside).await);
            });
        }
    })
    .abort_handle();
    Front {
        folder,
        port,
        plain,
        task,
    }
}

impl Front {
    fn definition(&self, url: &str, ca: Option<&str>) -> BrokerDefinition {
        let mut broker = BrokerDefinition::new("tls", url, Dialect::Json).unwrap();
        broker.ca = ca.map(|name| self.folder.path().join(name));
        broker
    }
}

#[tokio::test]
async fn the_right_certificate_is_accepted() {
    let front = front().await;
    let broker = front.definition(&format!("mqtts://localhost:{}", front.port), Some("ca.pem"));
    drain::test(&broker, LIMIT).await.unwrap();
}

#[tokio::test]
async fn every_other_is_refused_in_words_and_nothing_goes_out_in_the_clear() {
    let mut front = front().await;
    let tls = |host: &str, port: u16| format!("mqtts://{host}:{port}");
    let plain = front.plain.address.port();
    for (url, ca, words) in [
        // The server's own certificate is no authority.
        (
            tls("localhost", front.port),
            Some("server.pem"),
            "not signed by the CA in --ca",
        ),
        (
            tls("127.0.0.1", front.port),
            Some("ca.pem"),
            "made out to another name than 127.0.0.1",
        ),
        (
            tls("localhost", front.port),
            Some("missing.pem"),
            "missing.pem",
        ),
        (
            tls("localhost", front.port),
            Some("server.key"),
            "holds no certificate",
        ),
    ] {
        let error = drain::test(&front.definition(&url, ca), LIMIT)
            .await
            .unwrap_err();
        assert!(error.contains(words), "{url}: {error}");
    }
    // A plain broker hangs up on a TLS greeting; we do not try again without TLS.
    let error = drain::test(
        &front.definition(&tls("localhost", plain), Some("ca.pem")),
        LIMIT,
    )
    .await
    .unwrap_err();
    assert!(error.contains("TLS"), "{error}");
    // And plain to a TLS port says what to try.
    let url = format!("mqtt://localhost:{}", front.port);
    let error = drain::test(&front.definition(&url, None), LIMIT)
        .await
        .unwrap_err();
    assert!(
        error.contains("TLS") || error.contains("not MQTT"),
        "{error}"
    );
    assert!(front.plain.received.try_recv().is_err());
}
