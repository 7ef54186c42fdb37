-- Who is behind a number: `number` as lists show it, `given` as it was told, `shown` the name as JSON, as pages show it.
CREATE TABLE contact (
    app_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    given TEXT NOT NULL,
    name TEXT NOT NULL,
    shown TEXT NOT NULL,
    PRIMARY KEY (app_id, number)
) STRICT, WITHOUT ROWID;
