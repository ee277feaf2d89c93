-- What was wrong, and what is. No reference to the meter: its alarms are told of after it is gone, by its name.
CREATE TABLE alarm (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    meter       INTEGER,             -- NULL: of no one meter
    name        TEXT    NOT NULL,    -- of the meter, as it was then
    key         TEXT    NOT NULL,    -- of the object; empty: of the meter as a whole
    cause       TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    first_ms    INTEGER NOT NULL,
    last_ms     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    value       TEXT,                -- exact decimal
    ack_by      TEXT,
    ack_note    TEXT,
    ack_ms      INTEGER,
    cleared_ms  INTEGER
) STRICT;
CREATE INDEX alarm_that_stands ON alarm (id) WHERE cleared_ms IS NULL;
CREATE INDEX alarm_cleared ON alarm (cleared_ms) WHERE cleared_ms IS NOT NULL;
-- What an object's values may be, as people write it; NULL: anything.
ALTER TABLE meter_object ADD COLUMN limits TEXT;
-- Intervals without a reading before that is an alarm; 0: never.
ALTER TABLE meter ADD COLUMN overdue INTEGER NOT NULL DEFAULT 5;
