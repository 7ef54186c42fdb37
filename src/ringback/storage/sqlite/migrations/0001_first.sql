-- Apps, agents and tokens. Times are epoch milliseconds.
CREATE TABLE app (
    app_id INTEGER PRIMARY KEY,
    secret_digest BLOB NOT NULL,
    region TEXT,
    extensions TEXT,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE agent (
    app_id INTEGER NOT NULL REFERENCES app,
    extension TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_disabled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (app_id, extension)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    app_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    extension TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (app_id, digest),
    FOREIGN KEY (app_id, extension) REFERENCES agent
) STRICT, WITHOUT ROWID;

CREATE INDEX token_by_agent ON token (app_id, extension);

-- Legs as reported, never edited. Appended in the order they came; found by their call.
CREATE TABLE leg (
    leg_id INTEGER PRIMARY KEY,
    app_id INTEGER NOT NULL,
    call_ref BLOB NOT NULL,
    digest BLOB NOT NULL,
    given_id BLOB,
    received_ms INTEGER NOT NULL,
    facts TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX leg_by_call ON leg (app_id, call_ref, digest);
CREATE INDEX leg_by_given_id ON leg (app_id, given_id) WHERE given_id IS NOT NULL;

-- Call lists: each call of a list at its dense position, with all that a page shows.
CREATE TABLE call_list (
    list_id INTEGER PRIMARY KEY,
    app_id INTEGER NOT NULL,
    extension TEXT NOT NULL,
    kind INTEGER NOT NULL,
    UNIQUE (app_id, extension, kind)
) STRICT;

CREATE TABLE listed_call (
    list_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    given_id BLOB,
    call_ref BLOB NOT NULL,
    number TEXT NOT NULL,
    shown TEXT NOT NULL,
    disposition TEXT NOT NULL,
    ringing_seconds INTEGER,
    PRIMARY KEY (list_id, position)
) STRICT, WITHOUT ROWID;

-- Equal times follow the key that ends every index here, the position: the order is total.
CREATE INDEX listed_call_by_time ON listed_call (list_id, started_ms);

-- Records that could not be understood, once each.
CREATE TABLE reject (
    reject_id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    timezone TEXT,
    UNIQUE (app_id, digest)
) STRICT;
