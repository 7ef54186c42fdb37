-- Every key begins with the app, and rows of an app refer to rows of that app only: the tables can be sharded by app.
-- Times are epoch milliseconds. What is ordered is ordered by bytes, as everywhere else.

CREATE TABLE app (
    app_id bigint PRIMARY KEY,
    secret_digest bytea NOT NULL,
    region text,
    extensions text,
    created_ms bigint NOT NULL
);

CREATE TABLE agent (
    app_id bigint NOT NULL REFERENCES app,
    extension text COLLATE "C" NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    is_disabled boolean NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (app_id, extension)
);

CREATE TABLE token (
    app_id bigint NOT NULL,
    digest bytea NOT NULL,
    extension text COLLATE "C" NOT NULL,
    issued_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    PRIMARY KEY (app_id, digest),
    FOREIGN KEY (app_id, extension) REFERENCES agent
);

CREATE INDEX token_by_agent ON token (extension, app_id);  -- never better than the key for finding a digest

-- Legs as reported, never edited; `ordinal` counts the legs of a call in the order they came, from 0. Two writers that
-- add to one call at once meet at the same ordinal: the key lets one of them through, and the other reads again.
CREATE TABLE leg (
    app_id bigint NOT NULL,
    call_ref bytea NOT NULL,
    ordinal integer NOT NULL,
    digest bytea NOT NULL,
    given_id bytea,
    received_ms bigint NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (app_id, call_ref, ordinal)
);

CREATE INDEX leg_by_given_id ON leg (app_id, given_id) WHERE given_id IS NOT NULL;

-- Call lists: each call of a list at its dense position, with all that a page shows. Whoever renumbers a list holds the
-- lock of its row here.
CREATE TABLE call_list (
    app_id bigint NOT NULL REFERENCES app,
    extension text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    PRIMARY KEY (app_id, extension, kind)
);

CREATE TABLE listed_call (
    app_id bigint NOT NULL,
    extension text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    position bigint NOT NULL,
    started_ms bigint NOT NULL,
    given_id bytea,
    call_ref bytea NOT NULL,
    number text NOT NULL,
    shown text NOT NULL,
    disposition text NOT NULL,
    ringing_seconds bigint,
    PRIMARY KEY (app_id, extension, kind, position)
);

CREATE INDEX listed_call_by_time ON listed_call (app_id, extension, kind, started_ms, position);

-- Records that could not be understood, once each.
CREATE TABLE reject (
    app_id bigint NOT NULL,
    reject_id bigserial NOT NULL,
    digest bytea NOT NULL,
    source text NOT NULL,
    origin text NOT NULL,
    reason text NOT NULL,
    raw bytea NOT NULL,
    received_ms bigint NOT NULL,
    timezone text,
    PRIMARY KEY (app_id, reject_id),
    UNIQUE (app_id, digest)
);
