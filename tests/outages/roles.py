"""Users of a database who may do less than its owner. No assertions here."""

from urllib.parse import urlsplit, urlunsplit

from tests.databases.postgresql import PostgreSql


def as_user(url: str, name: str, password: str) -> str:
    """Return the URL for this user."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))


def add_user(server: PostgreSql, name: str, url: str = "") -> None:
    """Add a user who is nothing special, whose password is its name; the owner of this database, if one is named."""
    server.ask(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    if url:
        server.ask(f"ALTER DATABASE {database_of(url)} OWNER TO {name}")


def end_sessions(server: PostgreSql, name: str) -> None:
    """End all sessions of a user."""
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", name)


def database_of(url: str) -> str:
    """Return the name of the database."""
    return urlsplit(url).path[1:]
