-- The outbox of ringback.cfg. Make it once, before the proxy starts:
--   runuser -u kamailio -- sqlite3 /var/lib/kamailio/ringback.db < outbox.sql
-- WAL is set here, and stays set in the file: processes that all set it when they start would lock each other out.
PRAGMA journal_mode = WAL;

-- What Ringback has not taken yet, oldest first. AUTOINCREMENT: a number is never used again.
CREATE TABLE IF NOT EXISTS outbox (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);

-- What Ringback refused for good, with its answer; nobody sends these again by themselves.
CREATE TABLE IF NOT EXISTS dead (
    id TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    status INTEGER NOT NULL,
    refused_at TEXT NOT NULL DEFAULT (datetime('now'))
);
