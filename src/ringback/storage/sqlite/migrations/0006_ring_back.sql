-- Calls by number: the tries that nobody picked up, and the calls in which the number was reached.
CREATE TABLE call_by_number (
    app_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    was_reached INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    call_ref BLOB NOT NULL,
    extension TEXT NOT NULL,
    PRIMARY KEY (app_id, number, was_reached, started_ms, call_ref)
) STRICT, WITHOUT ROWID;

-- Numbers that agents took off their lists by hand: tries until then count no more.
CREATE TABLE ring_back_mark (
    app_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    done_ms INTEGER NOT NULL,
    extension TEXT NOT NULL,
    PRIMARY KEY (app_id, number, done_ms, extension)
) STRICT, WITHOUT ROWID;

-- Numbers to ring back, by agent: each one's last try, a call of the agent's own list. It follows from the tables above.
CREATE TABLE ring_back (
    app_id INTEGER NOT NULL,
    extension TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    call_ref BLOB NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (app_id, extension, started_ms, call_ref)
) STRICT, WITHOUT ROWID;

-- How many of an agent's rows start in each span: `slot` is their start without its last `bits`. With 63 bits it is no
-- span, and `calls` how often the list has changed.
CREATE TABLE ring_back_count (
    app_id INTEGER NOT NULL,
    extension TEXT NOT NULL,
    bits INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (app_id, extension, bits, slot)
) STRICT, WITHOUT ROWID;
