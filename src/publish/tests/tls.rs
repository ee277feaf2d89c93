//! TLS to the small broker behind a TLS front: the right certificate is accepted, every other refused in words.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rumqttc::tokio_rustls::TlsAcceptor;
use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rumqttc::tokio_rustls::rustls::server::WebPkiClientVerifier;
use rumqttc::tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::{LIMIT, VERSIONS};
use crate::publish::{check_pair, drain};
use crate::simulator::broker::{Behaviour, Broker, start};
use crate::store::{BrokerDefinition, Dialect};

/// What kind of front.
#[derive(Clone, Copy, Default)]
struct Kind {
    expired: bool,
    /// Lets in only who has a certificate of the authority.
    asks: bool,
}

/// An authority and certificates of its for `localhost` and for a client, and one of nobody's, made anew for every test.
fn issue(folder: &Path, kind: Kind) {
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
    if kind.expired {
        server.not_before = rcgen::date_time_ymd(2020, 1, 1);
        server.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let server = server.signed_by(&key, &issuer).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let mut client = CertificateParams::new(vec!["obiscope".to_owned()]).unwrap();
    name(&mut client, "obiscope");
    let stranger = client.clone().self_signed(&client_key).unwrap();
    let client = client.signed_by(&client_key, &issuer).unwrap();
    for (name, pem) in [
        ("client.pem", client.pem()),
        ("stranger.pem", stranger.pem()),
        ("client.key", client_key.serialize_pem()),
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
    front_of(Kind::default()).await
}

async fn front_of(kind: Kind) -> Front {
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plain = start(place, Behaviour::default(), CancellationToken::new())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path(), kind);
    let chain = CertificateDer::pem_file_iter(folder.path().join("server.pem"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if kind.asks {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(ring::default_provider());
        let judge = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(judge.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let config = config.with_single_cert(chain, key).unwrap();
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

#[tokio::test]
async fn one_that_has_expired_is_refused() {
    let front = front_of(Kind {
        expired: true,
        ..Kind::default()
    })
    .await;
    for protocol in VERSIONS {
        let url = format!("mqtts://localhost:{}", front.port);
        let mut broker = front.definition(&url, Some("ca.pem"));
        broker.protocol = protocol;
        let error = drain::test(&broker, LIMIT).await.unwrap_err();
        assert!(error.contains("has expired"), "{error}");
    }
}

#[tokio::test]
async fn our_own_is_shown_accepted_or_refused() {
    let mut front = front_of(Kind {
        asks: true,
        ..Kind::default()
    })
    .await;
    let url = format!("mqtts://localhost:{}", front.port);
    for protocol in VERSIONS {
        let ours = |cert: Option<&str>| {
            let mut broker = front.definition(&url, Some("ca.pem"));
            broker.protocol = protocol;
            broker.cert = cert.map(|name| front.folder.path().join(name));
            broker.key = cert.map(|_| front.folder.path().join("client.key"));
            broker
        };
        let accepted = ours(Some("client.pem"));
        drain::test(&accepted, LIMIT).await.unwrap();
        for (cert, words) in [
            (None, "give --cert and --key"),
            (Some("stranger.pem"), "does not accept our certificate"),
        ] {
            let error = drain::test(&ours(cert), LIMIT).await.unwrap_err();
            assert!(error.contains(words), "{cert:?}: {error}");
        }
    }
    assert!(front.plain.received.try_recv().is_err());
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_refused_before_anything_is_sent() {
    let front = front().await;
    let file = |name: &str| front.folder.path().join(name);
    check_pair(&file("client.pem"), &file("client.key")).unwrap();
    let error = check_pair(&file("client.pem"), &file("server.key")).unwrap_err();
    assert!(error.contains("do not belong together"), "{error}");
    let error = check_pair(&file("client.key"), &file("client.key")).unwrap_err();
    assert!(error.contains("holds no certificate"), "{error}");
    let url = format!("mqtts://localhost:{}", front.port);
    let mut broker = front.definition(&url, Some("ca.pem"));
    broker.cert = Some(file("client.pem"));
    broker.key = Some(file("server.key"));
    let error = drain::test(&broker, LIMIT).await.unwrap_err();
    assert!(error.contains("do not belong together"), "{error}");
    assert_eq!(front.plain.handle.arrived(), 0);
}
