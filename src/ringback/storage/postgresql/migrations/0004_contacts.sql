-- Who is behind a number: `number` as lists show it, `given` as it was told, `shown` the name as JSON, as pages show it.
CREATE TABLE contact (
    app_id bigint NOT NULL,
    number text COLLATE "C" NOT NULL,
    given text NOT NULL,
    name text NOT NULL,
    shown text NOT NULL,
    PRIMARY KEY (app_id, number)
);
