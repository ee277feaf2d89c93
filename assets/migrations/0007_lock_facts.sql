-- What a meter told of its own locks, and who made it: shown before a refused secret goes out once more.
CREATE TABLE lock_fact (
    endpoint   TEXT    NOT NULL,
    server     TEXT    NOT NULL,
    -- Three letters of the maker (FLAG), where the logical device name gave them.
    maker      TEXT,
    -- One a line; empty where only the maker is known.
    facts      TEXT    NOT NULL,
    at_ms      INTEGER NOT NULL,
    PRIMARY KEY (endpoint, server)
) STRICT, WITHOUT ROWID;
