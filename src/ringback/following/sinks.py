"""Where followed rows go. A sink returns only when the rows are on disk there; that of a server is in server.py."""

import io
from collections.abc import Callable
from typing import Protocol

from ringback import calls
from ringback.calls import Delivery
from ringback.sources import Source
from ringback.storage.base import Store
from ringback.storage.records import NewReject


class Sink(Protocol):
    """Takes rows in."""

    name: str

    async def deliver(self, rows: bytes, origin: str) -> Delivery:
        """Return what became of the rows, once that is on disk. Raises `Away` or `StoreUnavailable`: try again."""


class StoreSink:
    """A store on this machine or one it can reach."""

    name = "the store"

    def __init__(
        self,
        store: Store,
        source: Source,
        app_id: int,
        timezone: str | None,
        rejected: Callable[[NewReject], None] = lambda _: None,
    ) -> None:
        self._store, self._source, self._app_id, self._timezone = store, source, app_id, timezone
        self._rejected = rejected

    async def check(self) -> None:
        """Raise `UnknownApp` unless the app is there."""
        await calls.app_named(self._store, self._app_id)

    async def deliver(self, rows: bytes, origin: str) -> Delivery:
        """Take the rows in."""
        context = calls.context_for(await calls.app_named(self._store, self._app_id), self._timezone)
        return await calls.import_lines(
            self._store, self._source, io.BytesIO(rows), context, origin, lambda _: None, self._rejected
        )
