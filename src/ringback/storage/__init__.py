"""Where apps, agents, legs and call lists are kept: the contract (base), the pure numbering, a store a backend."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ringback.errors import NoStore, UnusableSetting
from ringback.storage.base import Store

_KINDS = "sqlite:///path/ringback.db or postgresql://user@host/database"


async def open_store(url: str, *, make: bool = True, migrate: bool = False, distribute: bool = False) -> Store:
    """Open the store at `sqlite:///path/ringback.db` (four slashes when the path is absolute), at a plain path, or at
    `postgresql://user@host/database`.

    A store that does not exist yet is made (of a PostgreSQL database, its tables), unless `make` is false. One of an
    older schema is refused unless `migrate` brings it up first. `distribute` shards the tables by app with Citus.
    Raises `UnusableSetting` for a URL of no known kind, `NoStore`, `StoreUnusable` for a store that cannot be used as
    it is and `StoreUnavailable` for one that cannot be reached now.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from ringback.storage.postgresql.store import PostgresqlStore

        return await PostgresqlStore.open(url, make=make, migrate=migrate, distribute=distribute)
    if distribute:
        raise UnusableSetting("only a postgresql:// store can be distributed: copy this one to such a store first")
    from ringback.storage.sqlite.store import SqliteStore

    path = _sqlite_path(url)
    if not make and not (path.exists() and path.stat().st_size):  # an empty file would become one
        raise NoStore(f"There is no store {path}")
    return await SqliteStore.open(path, migrate=migrate)


def _sqlite_path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:])
        if parts.netloc or not path:
            raise UnusableSetting(f"the store {url!r} should be {_KINDS}")
        return Path(path)
    if parts.scheme and "://" in url:
        raise UnusableSetting(f"there is no store of the kind {parts.scheme!r}; use {_KINDS}")
    return Path(url)
