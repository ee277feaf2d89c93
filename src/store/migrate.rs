//! The schema's versions: numbered SQL files, each applied in one transaction, counted in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;
use super::history;

/// Takes over the rows of the table before it.
const HISTORY: &str = include_str!("../../assets/migrations/0012_history.sql");

/// In order; a file once released is never edited, a new one is added instead.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../assets/migrations/0001_initial.sql"),
    include_str!("../../assets/migrations/0002_lines_and_security.sql"),
    include_str!("../../assets/migrations/0003_object_list.sql"),
    include_str!("../../assets/migrations/0004_naming.sql"),
    include_str!("../../assets/migrations/0005_attempts.sql"),
    include_str!("../../assets/migrations/0006_nominal.sql"),
    include_str!("../../assets/migrations/0007_lock_facts.sql"),
    include_str!("../../assets/migrations/0008_outbox.sql"),
    include_str!("../../assets/migrations/0009_report.sql"),
    include_str!("../../assets/migrations/0010_schedule.sql"),
    include_str!("../../assets/migrations/0011_recovery.sql"),
    HISTORY,
    include_str!("../../assets/migrations/0013_alarms.sql"),
];

/// The schema this program writes.
#[expect(clippy::cast_possible_truncation, reason = "a handful of files")]
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings any older schema up to [`KNOWN`]. A step that fails leaves the version before it whole.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    migrate_to(connection, KNOWN)
}

pub(super) fn migrate_to(connection: &mut Connection, target: u32) -> Result<(), Fault> {
    if version(connection)? >= target {
        return Ok(());
    }
    for (number, sql) in (1_u32..).zip(MIGRATIONS) {
        if number > target {
            break;
        }
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again inside the lock: another program may have come first.
        if version(&step)? >= number {
            continue;
        }
        step.execute_batch(sql)?;
        if *sql == HISTORY {
            history::adopt(&step)?;
        }
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
    }
    Ok(())
}
