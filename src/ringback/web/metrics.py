"""GET /metrics: who may read them, and what the store weighs. Counting is in tallies.py, the form in exposition.py."""

import asyncio

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings, networks_of
from ringback.storage.base import Store
from ringback.storage.records import Measures
from ringback.web.answers import Answer, header
from ringback.web.clients import client_address, is_hidden, is_in
from ringback.web.problems import problem_answer
from ringback.web.tallies import Tallies

_PATIENCE_SECONDS = 3.0  # with a store that is locked; a scrape that takes ten is thrown away


class Metrics:
    """Answers whoever may read the metrics, as an ASGI class so that the router hands it the bare connection."""

    def __init__(self, store: Store, tallies: Tallies, settings: Settings) -> None:
        self._store, self._tallies = store, tallies
        self._trusted = networks_of("trusted_proxies", settings.trusted_proxies)
        self._allowed = networks_of("metrics_from", settings.metrics_from)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request."""
        await (await self.answer(scope)).send(send)

    async def answer(self, scope: Scope) -> Answer:
        """Return the metrics, or 403."""
        if not self._may_read(scope):
            return problem_answer(403, "/metrics is not for this address; the setting metrics_from says for whom it is")
        from ringback.web.exposition import exposed  # its library takes a tenth of a start

        body, content_type = exposed(self._tallies, await _measured(self._store), header(scope, b"accept"))
        return Answer(200, content_type, body)

    def _may_read(self, scope: Scope) -> bool:
        """A proxy that nobody told us of makes every client look like itself: what it passes on is refused."""
        if is_hidden(scope, self._trusted):
            return False
        return is_in(client_address(scope, self._trusted), self._allowed)


async def _measured(store: Store) -> Measures | None:
    """Return what the store weighs; None while it does not answer or cannot be written."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.ready()
            return await store.measures()
    except (RingbackError, TimeoutError):
        return None
