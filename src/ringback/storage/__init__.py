"""Where apps, agents, legs and call lists are kept: the contract (base), the pure numbering, a store a backend."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ringback.errors import UnusableSetting
from ringback.storage.base import Store


async def open_store(url: str, *, migrate: bool = False) -> Store:
    """Open the store at `sqlite:///path/ringback.db` (four slashes when the path is absolute), or at a plain path.

    A store that does not exist yet is made. One of an older schema is refused unless `migrate` brings it up first.
    Raises `UnusableSetting` for a URL of no known kind, `StoreUnusable` for a store that cannot be used as it is and
    `StoreUnavailable` for one that cannot be reached now.
    """
    from ringback.storage.sqlite.store import SqliteStore

    return await SqliteStore.open(_sqlite_path(url), migrate=migrate)


def _sqlite_path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:])
        if parts.netloc or not path:
            raise UnusableSetting(f"the store {url!r} should be sqlite:///path/ringback.db")
        return Path(path)
    if parts.scheme and "://" in url:
        raise UnusableSetting(f"there is no store of the kind {parts.scheme!r}; use sqlite:///path/ringback.db")
    return Path(url)
