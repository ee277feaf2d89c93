//! The script, run with stand-ins for the container engine. The rule: nothing here starts a container or opens a port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::folder;

/// One process is started at a time: a stand-in still open for writing in a forked child could not be run ("text file busy").
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A copy of the folder where the script may write, and a folder for stand-ins.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    for name in ["compose.yaml", "thingsboard.sh"] {
        fs::copy(folder().join(name), place.path().join(name)).unwrap();
    }
    let stand_ins = place.path().join("bin");
    fs::create_dir(&stand_ins).unwrap();
    (place, stand_ins)
}

fn run(place: &Path, path: &str, arguments: &[&str]) -> Output {
    Command::new("/bin/sh")
        .arg(place.join("thingsboard.sh"))
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .env("TB_WAIT", "0")
        .output()
        .unwrap()
}

fn stand_in(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_script_is_sound() {
    use std::os::unix::fs::PermissionsExt;
    let _alone = alone();
    let script = folder().join("thingsboard.sh");
    let mode = fs::metadata(&script).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "it can be run");
    let sound = Command::new("/bin/sh").arg("-n").arg(&script).status();
    assert!(sound.unwrap().success());
    // Where shellcheck is installed it has a say.
    if let Ok(said) = Command::new("shellcheck").arg(&script).output() {
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stdout)
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let _alone = alone();
    let (place, bin) = copy();
    let path = bin.to_str().unwrap();
    let told = run(place.path(), path, &["status"]);
    assert_eq!(told.status.code(), Some(2));
    assert!(complaint(&told).contains("no container engine found: install Docker"));

    stand_in(&bin, "docker", "exit 1");
    let told = complaint(&run(place.path(), path, &["status"]));
    assert!(told.contains("not its compose plugin"), "{told}");

    stand_in(&bin, "docker", "test \"$1\" = compose");
    let told = complaint(&run(place.path(), path, &["start"]));
    assert!(told.contains("its daemon does not answer"), "{told}");

    fs::remove_file(bin.join("docker")).unwrap();
    stand_in(&bin, "podman", "exit 1");
    let told = complaint(&run(place.path(), path, &["status"]));
    assert!(told.contains("install podman-compose"), "{told}");

    stand_in(&bin, "podman", "exit 0");
    let told = run(place.path(), path, &["status"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stdout).contains("never started here"));
}

/// What obiscope's own TLS thinks of the certificate under this name.
fn trusted(place: &Path, name: &str) {
    use rumqttc::tokio_rustls::rustls;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    let read = |name: &str| -> Vec<CertificateDer<'static>> {
        let certificates = CertificateDer::pem_file_iter(place.join(name)).unwrap();
        certificates.collect::<Result<_, _>>().unwrap()
    };
    let mut roots = rustls::RootCertStore::empty();
    for root in read("tls/ca.pem") {
        roots.add(root).unwrap();
    }
    let provider = rustls::crypto::ring::default_provider();
    let verifier =
        rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider.into());
    let chain = read("tls/server/server.pem");
    let (server, others) = chain.split_first().unwrap();
    let host = ServerName::try_from(name.to_owned()).unwrap();
    let verdict =
        verifier
            .build()
            .unwrap()
            .verify_server_cert(server, others, &host, &[], UnixTime::now());
    assert!(verdict.is_ok(), "{name}: {verdict:?}");
}

/// Keys and password are ours alone to read, and the chain is sound in openssl's eyes too.
fn only_ours(place: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for name in [
        ".env",
        "tls/ca.pem",
        "tls/authority/ca_key.pem",
        "tls/server/server.pem",
        "tls/server/server_key.pem",
    ] {
        let mode = fs::metadata(place.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = fs::metadata(place.join("tls"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    obiscope::publish::check_ca(&place.join("tls/ca.pem")).unwrap();
    let ours = Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-verify_hostname",
            "meters.example.org",
            "-CAfile",
        ])
        .arg(place.join("tls/ca.pem"))
        .arg(place.join("tls/server/server.pem"))
        .output()
        .unwrap();
    assert!(ours.status.success(), "{}", complaint(&ours));
}

/// A first start with a stand-in for docker and the machine's openssl: keys, password, calls. Then a second one.
#[test]
fn the_first_start_makes_keys_that_only_we_can_read() {
    let _alone = alone();
    if Command::new("openssl").arg("version").output().is_err() {
        return; // Nothing can be made without it, as the script itself says.
    }
    let (place, bin) = copy();
    let calls = place.path().join("calls");
    let log = format!(
        "echo \"$*\" >> '{}'\ncase \"$*\" in *information_schema*) echo 0 ;; esac",
        calls.display()
    );
    stand_in(&bin, "docker", &log);
    let path = format!("{}:/usr/bin:/bin", bin.display());
    // No port of this machine is asked: nothing can listen there.
    fs::write(
        place.path().join(".env"),
        "TB_HTTPS_PORT=0\nTB_MQTTS_PORT=0\n",
    )
    .unwrap();

    let told = run(
        place.path(),
        &path,
        &["start", "meters.example.org", "192.0.2.10"],
    );
    assert_eq!(told.status.code(), Some(2), "{}", complaint(&told));
    assert!(complaint(&told).contains("ThingsBoard does not answer"));
    let settings = fs::read_to_string(place.path().join(".env")).unwrap();
    let password = settings
        .lines()
        .find_map(|line| line.strip_prefix("TB_DB_PASSWORD="))
        .unwrap();
    assert_eq!(password.len(), 48);
    let calls = fs::read_to_string(calls).unwrap();
    assert!(!calls.contains(password), "the password is in no argument");
    let order = [
        "up -d postgres kafka",
        "run --rm --no-deps certificates",
        "INSTALL_TB=true",
        "schema is whole",
        "up -d\n",
    ];
    let mut rest = calls.as_str();
    for call in order {
        rest = rest
            .split_once(call)
            .unwrap_or_else(|| panic!("{call}: {calls}"))
            .1;
    }
    assert!(!String::from_utf8_lossy(&told.stdout).contains(password));

    only_ours(place.path());
    trusted(place.path(), "meters.example.org");
    trusted(place.path(), "192.0.2.10");
    trusted(place.path(), "localhost");

    let before = fs::read(place.path().join("tls/server/server.pem")).unwrap();
    run(place.path(), &path, &["start"]);
    assert_eq!(
        fs::read(place.path().join("tls/server/server.pem")).unwrap(),
        before
    );
    assert_eq!(
        fs::read_to_string(place.path().join(".env")).unwrap(),
        settings
    );

    let told = run(place.path(), &path, &["start", "a b; rm -rf"]);
    assert!(complaint(&told).contains("neither a host name nor an address"));

    assert!(
        run(place.path(), &path, &["reset", "--yes"])
            .status
            .success()
    );
    assert!(!place.path().join("tls").exists() && !place.path().join(".env").exists());
}
