"""The embedded store: one SQLite file in WAL mode, read inline, written by one thread that commits in groups."""
