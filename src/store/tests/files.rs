//! The file itself: what is committed survives, what fails changes nothing, and each cause has its name.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::store::{migrate, open};

#[tokio::test]
async fn only_the_owner_may_read_it() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    store
        .commit_poll(poll(meter.id, 1, 1), Some(numbered(lab.id)))
        .await
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(folder.path().parent().unwrap()), 0o700);
    let files: Vec<_> = fs::read_dir(folder.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() >= 2, "database and log: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o644)).unwrap();
    drop(folder.open());
    assert_eq!(mode(&folder.path()), 0o600);
}

/// What a kill leaves behind is what lies on disk at that moment.
#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    for time in 0..50 {
        store
            .commit_poll(poll(meter.id, time, 1), Some(numbered(lab.id)))
            .await
            .unwrap();
    }
    let image = Folder::new();
    let to = image.path();
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    for end in ["", "-wal"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        fs::copy(name(&folder.path()), name(&to)).unwrap();
    }
    let found = Store::open(&to).unwrap();
    assert_eq!(found.depth(lab.id).await.unwrap().waiting, 50);
    assert_eq!(found.meters().await.unwrap(), [meter]);
    // And without `close`, by letting go of it.
    drop(found);
    drop(store);
    let again = Store::open(&to).unwrap();
    assert_eq!(again.depth(lab.id).await.unwrap().waiting, 50);
}

/// Every schema ever released, filled, must become today's without losing a row.
#[test]
fn every_old_schema_becomes_the_new_one() {
    let schema = |connection: &Connection| -> Vec<String> {
        connection
            .prepare("SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let fresh = open::in_memory().unwrap();
    for old in 0..=migrate::KNOWN {
        let folder = Folder::new();
        fs::create_dir_all(folder.path().parent().unwrap()).unwrap();
        let mut connection = Connection::open(folder.path()).unwrap();
        migrate::migrate_to(&mut connection, old).unwrap();
        assert_eq!(migrate::version(&connection).unwrap(), old);
        if old > 0 {
            connection
                .execute_batch(
                    "INSERT INTO broker (name, host, port, tls, dialect, client_id)
                     VALUES ('lab', 'h', 1883, 0, 'json', 'c');",
                )
                .unwrap();
        }
        drop(connection);
        let connection = open::file(&folder.path()).unwrap();
        assert_eq!(migrate::version(&connection).unwrap(), migrate::KNOWN);
        assert_eq!(schema(&connection), schema(&fresh), "from schema {old}");
        let kept: u32 = connection
            .query_row("SELECT count(*) FROM broker", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, old.min(1));
    }
}

/// The file's bytes, and what lies beside it, before and after a refused opening.
fn refused(path: &Path) -> StoreError {
    let look = || {
        let mut beside: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        beside.sort();
        (fs::read(path).unwrap(), beside)
    };
    let before = look();
    let began = Instant::now();
    let error = Store::open(path).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(look(), before, "{error}");
    error
}

fn file_with(bytes: &[u8]) -> (TempDir, PathBuf) {
    let root = TempDir::new().unwrap();
    let path = root.path().join("obiscope.db");
    fs::write(&path, bytes).unwrap();
    (root, path)
}

#[test]
fn what_is_not_ours_is_left_untouched() {
    for bytes in [&b"hello"[..], &[b'x'; 5000], b"SQLite format 3\0"] {
        let (_root, path) = file_with(bytes);
        let error = refused(&path);
        assert!(
            matches!(
                error,
                StoreError::Corrupt { .. } | StoreError::NotOurs { .. }
            ),
            "{error}"
        );
    }
    for wal in [false, true] {
        let (_root, path) = file_with(b"");
        let other = Connection::open(&path).unwrap();
        if wal {
            other
                .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
                .unwrap();
        }
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
        // Still open there: a log lies beside it that opening would touch.
        assert!(matches!(refused(&path), StoreError::NotOurs { .. }));
        let mark: u32 = other
            .query_row("PRAGMA application_id", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mark, 0);
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let other = Connection::open(folder.path()).unwrap();
    other
        .pragma_update(None, "user_version", migrate::KNOWN + 1)
        .unwrap();
    // Seen while only the log knows of it …
    let error = Store::open(&folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, known, .. }
        if found == migrate::KNOWN + 1 && known == migrate::KNOWN));
    drop(other);
    // … and when the file itself says so.
    assert!(matches!(refused(&folder.path()), StoreError::Newer { .. }));
}

#[tokio::test]
async fn damage_is_named() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    for time in 0..300 {
        store
            .commit_poll(poll(meter.id, time, 1), Some(numbered(lab.id)))
            .await
            .unwrap();
    }
    store.close().await;
    let mut bytes = fs::read(folder.path()).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0xA5);
    fs::write(folder.path(), bytes).unwrap();
    assert!(matches!(
        refused(&folder.path()),
        StoreError::Corrupt { .. }
    ));
}

#[test]
fn a_lock_is_waited_for_and_then_named() {
    let folder = Folder::new();
    drop(folder.open());
    let other = Connection::open(folder.path()).unwrap();
    other
        .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
        .unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    let error = Store::open(&folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_lock_during_work_is_named_and_passes() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store
        .commit_poll(poll(meter.id, 1, 1), Some(numbered(lab.id)))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    // Reading goes on meanwhile.
    assert_eq!(store.depth(lab.id).await.unwrap().waiting, 0);
    other.execute_batch("COMMIT").unwrap();
    store
        .commit_poll(poll(meter.id, 1, 1), Some(numbered(lab.id)))
        .await
        .unwrap();
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(payloads(&rows), ["1"], "the failed one was not counted");
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    store.limit_pages(1).await.unwrap();
    let large: Render = Arc::new(|_| {
        [100, 100_000]
            .map(|size| Message::new(Kind::Telemetry, "t", vec![b'x'; size]))
            .into()
    });
    let error = store
        .commit_poll(poll(meter.id, 1, 1), Some((lab.id, large)))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(store.depth(lab.id).await.unwrap().waiting, 0);
    assert!(
        store
            .readings(meter.id, "voltage_l1", 9)
            .await
            .unwrap()
            .is_empty()
    );
    store.limit_pages(1_000_000).await.unwrap();
    store
        .commit_poll(poll(meter.id, 2, 1), Some(numbered(lab.id)))
        .await
        .unwrap();
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(payloads(&rows), ["1"]);
}

#[tokio::test]
async fn read_only_is_named() {
    let folder = Folder::new();
    let (store, meter, _) = folder.open_with_meter().await;
    store
        .worker
        .run(|connection| Ok(connection.pragma_update(None, "query_only", true)?))
        .await
        .unwrap();
    let error = store.delete_meter(meter.id).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    store.close().await;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o400)).unwrap();
    // The superuser writes all the same.
    match Store::open(&folder.path()) {
        Err(error) => assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}"),
        Ok(_) => assert!(rustix::process::geteuid().is_root()),
    }
}

#[test]
fn a_folder_or_an_impossible_place_is_named() {
    let root = TempDir::new().unwrap();
    let error = Store::open(root.path()).unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
    let file = root.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Store::open(&file.join("below/obiscope.db")).unwrap_err();
    assert!(error.to_string().contains("a file stands where"), "{error}");
    // An empty file is as good as none.
    drop(Store::open(&file).unwrap());
}

#[tokio::test]
async fn two_programs_may_share_it() {
    let folder = Folder::new();
    let (one, meter, lab) = folder.open_with_meter().await;
    let two = folder.open();
    for time in 0..20 {
        one.commit_poll(poll(meter.id, time, 1), Some(numbered(lab.id)))
            .await
            .unwrap();
        two.commit_poll(poll(meter.id, time, 1), Some(numbered(lab.id)))
            .await
            .unwrap();
    }
    let expected: Vec<_> = (1..=40).map(|seq| seq.to_string()).collect();
    assert_eq!(
        payloads(&two.outbox(lab.id, 0, 99).await.unwrap()),
        expected
    );
}

/// The lock belongs to the open file and not to the process, so one process can play two.
#[tokio::test]
async fn one_head_end_at_a_time() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    one.claim().unwrap();
    one.claim().unwrap();
    assert_eq!(one.claimed_by(), None);
    let who = format!("process {}", std::process::id());
    assert_eq!(two.claimed_by(), Some(who.clone()));
    let error = two.claim().unwrap_err();
    assert!(
        matches!(&error, StoreError::Claimed { by, .. } if *by == who),
        "{error}"
    );
    assert!(!error.is_request());
    assert!(two.meters().await.unwrap().is_empty());
    one.close().await;
    assert_eq!(two.claimed_by(), None);
    two.claim().unwrap();
    let lock = fs::metadata(folder.path().with_extension("lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    // In memory there is nobody to share with.
    Store::in_memory().unwrap().claim().unwrap();
}

#[test]
fn an_older_schema_stays_while_a_head_end_runs_on_it() {
    let folder = Folder::new();
    let path = folder.path();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = Connection::open(&path).unwrap();
    migrate::migrate_to(&mut connection, migrate::KNOWN - 1).unwrap();
    let running = claim::take(&path).unwrap();
    let error = open::file(&path).unwrap_err();
    let who = format!("process {}", std::process::id());
    assert!(
        matches!(&error, StoreError::InUseByOlder { by, .. } if *by == who),
        "{error}"
    );
    assert_eq!(migrate::version(&connection).unwrap(), migrate::KNOWN - 1);
    drop((running, connection));
    let opened = open::file(&path).unwrap();
    assert_eq!(migrate::version(&opened).unwrap(), migrate::KNOWN);
    // One of our own schema may run beside.
    let _running = claim::take(&path).unwrap();
    drop(open::file(&path).unwrap());
}

/// As the first version of the program left it.
#[tokio::test]
async fn a_meter_of_the_first_schema_is_read_as_it_was() {
    let folder = Folder::new();
    let path = folder.path();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = Connection::open(&path).unwrap();
    migrate::migrate_to(&mut connection, 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO meter (name, host, port, transport, client, server_upper, server_size, auth, password,
                 timeout_ms, retries, poll_ms, inactivity_ms, max_info, window, enabled)
             VALUES ('old', 'h', 4059, 'hdlc-tcp', 1, 1, 1, 'lls', x'3232', 7000, 2, 5000, 180000, 128, 1, 1)",
        )
        .unwrap();
    drop(connection);
    let old = folder.open().meter_named("old").await.unwrap();
    let mut expected = crate::meter::Definition::microstar("old", "h", 4059);
    expected.id = old.id;
    expected.objects.clear();
    expected.password = Some(crate::dlms::security::Secret::new("22"));
    assert_eq!(old, expected);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}
