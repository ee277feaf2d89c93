-- What an association shows, as the meter sent it (A-XDR): by client, by server address, and by how objects are named.
-- It holds while the device says it is the same: its logical device name and firmware.
CREATE TABLE object_list (
    meter    INTEGER NOT NULL REFERENCES meter (id) ON DELETE CASCADE,
    client   INTEGER NOT NULL,
    server   TEXT    NOT NULL,
    naming   TEXT    NOT NULL,
    identity TEXT    NOT NULL,
    list     BLOB    NOT NULL,
    read_ms  INTEGER NOT NULL,
    PRIMARY KEY (meter, client, server, naming)
) STRICT;
