-- How the broker is spoken to, how much may wait for it, and what it may ask of us. NULL: as the program holds best.
ALTER TABLE broker ADD COLUMN protocol      TEXT NOT NULL DEFAULT '3.1.1';
ALTER TABLE broker ADD COLUMN cert          BLOB;              -- paths of our certificate and its key
ALTER TABLE broker ADD COLUMN key           BLOB;
ALTER TABLE broker ADD COLUMN keep_alive_ms INTEGER NOT NULL DEFAULT 60000;
ALTER TABLE broker ADD COLUMN window        INTEGER NOT NULL DEFAULT 20;
ALTER TABLE broker ADD COLUMN max_rows      INTEGER NOT NULL DEFAULT 2000000;
ALTER TABLE broker ADD COLUMN max_bytes     INTEGER NOT NULL DEFAULT 1073741824;
ALTER TABLE broker ADD COLUMN max_age_ms    INTEGER;
ALTER TABLE broker ADD COLUMN topic         TEXT;              -- templates
ALTER TABLE broker ADD COLUMN payload       TEXT;
ALTER TABLE broker ADD COLUMN status_topic  TEXT;
ALTER TABLE broker ADD COLUMN device_type   TEXT;
ALTER TABLE broker ADD COLUMN allow         TEXT NOT NULL DEFAULT '';  -- methods, with spaces between
UPDATE broker SET protocol = '5' WHERE dialect = 'thingsboard';

-- Counted as rows come and go: asking a queue of a million rows for its length each second would cost more than the queue.
ALTER TABLE broker ADD COLUMN waiting       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE broker ADD COLUMN waiting_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE broker ADD COLUMN dead          INTEGER NOT NULL DEFAULT 0;
-- Ever left out of the queue unsent: oldest first by its limits, or by hand.
ALTER TABLE broker ADD COLUMN dropped       INTEGER NOT NULL DEFAULT 0;

ALTER TABLE outbox ADD COLUMN kind     TEXT    NOT NULL DEFAULT 'telemetry';
ALTER TABLE outbox ADD COLUMN device   TEXT;
ALTER TABLE outbox ADD COLUMN retain   INTEGER NOT NULL DEFAULT 0;
-- Connections that ended while it was under way.
ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;

ALTER TABLE rejected ADD COLUMN meter    INTEGER REFERENCES meter (id) ON DELETE SET NULL;
ALTER TABLE rejected ADD COLUMN kind     TEXT    NOT NULL DEFAULT 'telemetry';
ALTER TABLE rejected ADD COLUMN device   TEXT;
ALTER TABLE rejected ADD COLUMN retain   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rejected ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rejected ADD COLUMN at_ms    INTEGER NOT NULL DEFAULT 0;
UPDATE rejected SET at_ms = created_ms;
CREATE INDEX rejected_of_broker ON rejected (broker, id);
CREATE INDEX rejected_of_meter ON rejected (meter);

UPDATE broker SET
    waiting       = (SELECT count(*) FROM outbox WHERE outbox.broker = broker.id),
    waiting_bytes = (SELECT coalesce(sum(length(CAST(topic AS BLOB)) + length(payload)), 0) FROM outbox WHERE outbox.broker = broker.id),
    dead          = (SELECT count(*) FROM rejected WHERE rejected.broker = broker.id);

CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
    UPDATE broker SET waiting = waiting + 1,
        waiting_bytes = waiting_bytes + length(CAST(new.topic AS BLOB)) + length(new.payload)
    WHERE id = new.broker;
END;
CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
    UPDATE broker SET waiting = waiting - 1,
        waiting_bytes = waiting_bytes - length(CAST(old.topic AS BLOB)) - length(old.payload)
    WHERE id = old.broker;
END;
CREATE TRIGGER rejected_in AFTER INSERT ON rejected BEGIN
    UPDATE broker SET dead = dead + 1 WHERE id = new.broker;
END;
CREATE TRIGGER rejected_out AFTER DELETE ON rejected BEGIN
    UPDATE broker SET dead = dead - 1 WHERE id = old.broker;
END;
