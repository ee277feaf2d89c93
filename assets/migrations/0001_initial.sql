-- Times are integer milliseconds since 1970-01-01 UTC, durations integer milliseconds.
-- The bytes 4F 42 49 53 spell "OBIS": they mark the file as ours.
PRAGMA application_id = 1329744211;

CREATE TABLE broker (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT    NOT NULL UNIQUE,
    host      TEXT    NOT NULL,
    port      INTEGER NOT NULL,
    tls       INTEGER NOT NULL,
    ca        BLOB,              -- path of a CA file, as the platform spells it
    dialect   TEXT    NOT NULL,
    user      TEXT,
    password  BLOB,
    token     BLOB,
    client_id TEXT    NOT NULL,
    rejected  INTEGER NOT NULL DEFAULT 0  -- messages given up on, ever
) STRICT;

CREATE TABLE meter (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    host          TEXT    NOT NULL,
    port          INTEGER NOT NULL,
    transport     TEXT    NOT NULL,
    client        INTEGER NOT NULL,
    server_upper  INTEGER NOT NULL,
    server_lower  INTEGER,
    server_size   INTEGER NOT NULL,
    auth          TEXT    NOT NULL,
    password      BLOB,
    timeout_ms    INTEGER NOT NULL,
    retries       INTEGER NOT NULL,
    poll_ms       INTEGER NOT NULL,
    inactivity_ms INTEGER NOT NULL,
    max_info      INTEGER NOT NULL,
    window        INTEGER NOT NULL,
    publish       INTEGER REFERENCES broker (id),
    device        TEXT,
    enabled       INTEGER NOT NULL,
    seen_ms       INTEGER,
    error_ms      INTEGER,
    error         TEXT,
    good_ms       INTEGER,
    good_link     TEXT               -- link parameters that worked, JSON
) STRICT;

CREATE TABLE meter_object (
    meter    INTEGER NOT NULL REFERENCES meter (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    spec     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    PRIMARY KEY (meter, position)
) STRICT, WITHOUT ROWID;

-- Bounded: the oldest rows go when there are more than the program keeps.
CREATE TABLE reading (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    meter     INTEGER NOT NULL REFERENCES meter (id) ON DELETE CASCADE,
    key       TEXT    NOT NULL,
    class     INTEGER NOT NULL,
    obis      TEXT    NOT NULL,
    attribute INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL,
    value     TEXT,                  -- exact decimal or text
    raw       TEXT,                  -- as the meter sent it, JSON
    unit      INTEGER,
    error     TEXT
) STRICT;
CREATE INDEX reading_of_key ON reading (meter, key, id);

-- AUTOINCREMENT: an id must never come back while a cursor or an acknowledgement refers to it.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    broker     INTEGER NOT NULL REFERENCES broker (id) ON DELETE CASCADE,
    meter      INTEGER REFERENCES meter (id) ON DELETE SET NULL,
    topic      TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_of_broker ON outbox (broker, id);
CREATE INDEX outbox_of_meter ON outbox (meter);

-- Messages that can never be sent, kept for a person to look at; bounded.
CREATE TABLE rejected (
    id         INTEGER PRIMARY KEY,
    broker     INTEGER NOT NULL REFERENCES broker (id) ON DELETE CASCADE,
    topic      TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    created_ms INTEGER NOT NULL,
    reason     TEXT    NOT NULL
) STRICT;

-- By device name, so that a meter that was removed and added again goes on counting.
CREATE TABLE sequence (
    broker INTEGER NOT NULL REFERENCES broker (id) ON DELETE CASCADE,
    device TEXT    NOT NULL,
    next   INTEGER NOT NULL,
    PRIMARY KEY (broker, device)
) STRICT, WITHOUT ROWID;
