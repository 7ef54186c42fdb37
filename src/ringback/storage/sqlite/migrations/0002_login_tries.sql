-- What is remembered of wrong log-ins: how far ahead of now the tries spent reach, and until when an address is known.
-- Subjects and addresses are digests. A row is over when both times are.
CREATE TABLE login_try (
    subject BLOB NOT NULL,
    address BLOB NOT NULL,
    spent_ms INTEGER NOT NULL,
    known_ms INTEGER NOT NULL,
    PRIMARY KEY (subject, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX login_try_by_end ON login_try (max(spent_ms, known_ms));
