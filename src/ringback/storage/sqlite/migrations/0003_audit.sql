-- What was done to the store, by whom; lines are only ever added. App 0 is the store as a whole.
CREATE TABLE audit (
    app_id INTEGER NOT NULL,
    done_ms INTEGER NOT NULL,
    line_key BLOB NOT NULL,
    act TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (app_id, done_ms, line_key)
) STRICT, WITHOUT ROWID;

-- Work that one process at a time does, of all that share the store: who, and until when unless it says so again.
CREATE TABLE duty (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;

INSERT INTO duty (name, holder, until_ms) VALUES ('retention', '', 0);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_is_not_dropped BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is only added to'); END;
