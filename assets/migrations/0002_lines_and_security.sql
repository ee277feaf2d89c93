-- A serial device and how it is set; NULL where frames travel over a network.
ALTER TABLE meter ADD COLUMN line_path      TEXT;
ALTER TABLE meter ADD COLUMN line_baud      INTEGER;
ALTER TABLE meter ADD COLUMN line_data_bits INTEGER;
ALTER TABLE meter ADD COLUMN line_parity    TEXT;
ALTER TABLE meter ADD COLUMN line_stop_bits INTEGER;
ALTER TABLE meter ADD COLUMN mode_e         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN turn_round_ms  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meter ADD COLUMN inter_octet_ms INTEGER NOT NULL DEFAULT 0;

-- All five are NULL for a meter without keys; protection alone is NULL where the keys only serve the proof.
ALTER TABLE meter ADD COLUMN suite          INTEGER;
ALTER TABLE meter ADD COLUMN protection     TEXT;
ALTER TABLE meter ADD COLUMN ciphering      TEXT;
ALTER TABLE meter ADD COLUMN system_title   TEXT;
ALTER TABLE meter ADD COLUMN keys           BLOB;

ALTER TABLE meter ADD COLUMN counter_object TEXT DEFAULT '0-0:43.1.0.255';
ALTER TABLE meter ADD COLUMN read_only      INTEGER NOT NULL DEFAULT 0;

-- The first invocation counter that was never set aside, by our system title and a short digest of the encryption key.
CREATE TABLE invocation_counter (
    title BLOB    NOT NULL,
    key   BLOB    NOT NULL,
    next  INTEGER NOT NULL,
    PRIMARY KEY (title, key)
) STRICT, WITHOUT ROWID;
