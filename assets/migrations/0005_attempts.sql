-- Every association that showed a secret, counted before it was sent: by where, to which address, as which client, and
-- by a two-octet mark of the secret, which tells another one from the same but not what it is.
CREATE TABLE attempt (
    endpoint   TEXT    NOT NULL,
    server     TEXT    NOT NULL,
    client     INTEGER NOT NULL,
    mark       INTEGER NOT NULL,
    -- Ever counted; of those since the last success: refused, and those of which nothing was noted.
    total      INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    open       INTEGER NOT NULL,
    last_ms    INTEGER NOT NULL,
    PRIMARY KEY (endpoint, server, client, mark)
) STRICT, WITHOUT ROWID;
