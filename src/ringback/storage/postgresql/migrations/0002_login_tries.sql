-- What is remembered of wrong log-ins: how far ahead of now the tries spent reach, and until when an address is known.
-- Subjects and addresses are digests. A row is over when both times are. Of no app, for a guesser goes from one to the
-- next, and names apps that are not there: in a cluster this table stays on the coordinator, and no worker that is away
-- keeps the agents of others out.
CREATE TABLE login_try (
    subject bytea NOT NULL,
    address bytea NOT NULL,
    spent_ms bigint NOT NULL,
    known_ms bigint NOT NULL,
    PRIMARY KEY (subject, address)
);

CREATE INDEX login_try_by_end ON login_try (greatest(spent_ms, known_ms));
