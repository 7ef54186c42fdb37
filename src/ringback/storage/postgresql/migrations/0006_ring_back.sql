-- Calls by number: the tries that nobody picked up, and the calls in which the number was reached.
CREATE TABLE call_by_number (
    app_id bigint NOT NULL,
    number text COLLATE "C" NOT NULL,
    was_reached boolean NOT NULL,
    started_ms bigint NOT NULL,
    call_ref bytea NOT NULL,
    extension text COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, number, was_reached, started_ms, call_ref)
);

-- Numbers that calls or marks are of. Whoever writes what follows from them holds the lock of the number's row here.
CREATE TABLE called_number (
    app_id bigint NOT NULL,
    number text COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, number)
);

-- Numbers that agents took off their lists by hand: tries until then count no more.
CREATE TABLE ring_back_mark (
    app_id bigint NOT NULL,
    number text COLLATE "C" NOT NULL,
    done_ms bigint NOT NULL,
    extension text COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, number, done_ms, extension)
);

-- Numbers to ring back, by agent: each one's last try, a call of the agent's own list. It follows from the tables above.
CREATE TABLE ring_back (
    app_id bigint NOT NULL,
    extension text COLLATE "C" NOT NULL,
    started_ms bigint NOT NULL,
    call_ref bytea NOT NULL,
    tries bigint NOT NULL,
    PRIMARY KEY (app_id, extension, started_ms, call_ref)
);

-- How many of an agent's rows start in each span: `slot` is their start without its last `bits`. With 63 bits it is no
-- span, and `calls` how often the list has changed.
CREATE TABLE ring_back_count (
    app_id bigint NOT NULL,
    extension text COLLATE "C" NOT NULL,
    bits smallint NOT NULL,
    slot bigint NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (app_id, extension, bits, slot)
);
