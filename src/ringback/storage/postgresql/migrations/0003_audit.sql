-- What was done to the store, by whom; lines are only ever added. App 0 is the store as a whole.
CREATE TABLE audit (
    app_id bigint NOT NULL,
    done_ms bigint NOT NULL,
    line_key bytea NOT NULL,
    act text NOT NULL,
    actor text NOT NULL,
    subject text NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (app_id, done_ms, line_key)
);

-- Work that one process at a time does, of all that share the store: who, and until when unless it says so again.
CREATE TABLE duty (
    name text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    until_ms bigint NOT NULL
);

INSERT INTO duty (name, holder, until_ms) VALUES ('retention', '', 0);
