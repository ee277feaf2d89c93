-- What was read of a meter under one key, in one scale and unit; cycles name only its number.
CREATE TABLE series (
    meter     INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    class     INTEGER NOT NULL,
    obis      TEXT    NOT NULL,
    attribute INTEGER NOT NULL,
    scaler    INTEGER,
    unit      INTEGER,
    PRIMARY KEY (meter, number)
) STRICT, WITHOUT ROWID;

-- Step 0: cycles as they were read, all values of one in a row. Steps of seconds: what such a span came to, of all values in
-- a row. Step -60: what went over the wire in a minute. A meter's rows of one step lie side by side, in order of time.
-- No reference to the meter: years of it would go in one transaction; they go after it, few at a time.
CREATE TABLE history (
    meter INTEGER NOT NULL,
    step  INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    again INTEGER NOT NULL,          -- counts rows of the same millisecond
    body  BLOB    NOT NULL,
    PRIMARY KEY (meter, step, at_ms, again)
) STRICT, WITHOUT ROWID;

-- Counted as rows come and go, as with the queue.
CREATE TABLE history_step (
    step       INTEGER PRIMARY KEY,
    rows       INTEGER NOT NULL DEFAULT 0,
    bytes      INTEGER NOT NULL DEFAULT 0,
    horizon_ms INTEGER NOT NULL DEFAULT 0  -- what is older went for want of room
) STRICT;
INSERT INTO history_step (step) VALUES (0), (60), (900), (10800), (86400), (-60);

-- One row.
CREATE TABLE history_keep (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    age_ms         INTEGER NOT NULL,
    minute_age_ms  INTEGER NOT NULL,
    quarter_age_ms INTEGER NOT NULL,
    network_age_ms INTEGER NOT NULL,
    rows           INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    tidied_ms      INTEGER                 -- up to when it was made room for; NULL: never
) STRICT;
INSERT INTO history_keep VALUES
    (1, 400 * 86400000, 730 * 86400000, 3650 * 86400000, 90 * 86400000, 50000000, 2147483648, NULL);
