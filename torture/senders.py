"""Senders that deliver until their server dies, and remember what was acknowledged and what was not."""

import http.client
import time
from collections import deque
from threading import Lock, Thread
from urllib.parse import urlsplit

from torture.deliveries import Deliveries, Delivery

_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


class Senders:
    """Several at once; what one could not get acknowledged is sent again, by any of them, before anything new."""

    def __init__(self, deliveries: Deliveries, secret: str, many: int = 6) -> None:
        self._deliveries, self._secret, self._many = deliveries, secret, many
        self._again: deque[Delivery] = deque()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._is_over = False
        self._brings_new = True
        self._url = ""
        self.acknowledged: list[Delivery] = []
        self.sent = 0
        self.odd: list[str] = []  # answers that are neither 200 nor 503

    def begin(self, url: str, *, new: bool = True) -> None:
        """Begin to send to this server; without `new` only what was not acknowledged yet, until it is."""
        self._url, self._is_over, self._brings_new = url, False, new
        self._threads = [Thread(target=self._send_on) for _ in range(self._many)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop; what is on its way counts as not acknowledged unless its answer comes."""
        self._is_over = True
        self.join()

    def join(self) -> None:
        """Wait until they have stopped by themselves."""
        for thread in self._threads:
            thread.join(2 * _PATIENCE_SECONDS)

    @property
    def waiting(self) -> int:
        """How many deliveries are not acknowledged."""
        return len(self._again)

    def _next(self) -> Delivery | None:
        with self._lock:
            if self._again:
                return self._again.popleft()
            if not self._brings_new or self._is_over:
                return None
            self.sent += 1
            return self._deliveries.next()

    def _send_on(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=_PATIENCE_SECONDS)
        until = time.monotonic() + 3 * _PATIENCE_SECONDS
        while (delivery := self._next()) is not None:
            status = self._status(connection, delivery)
            with self._lock:
                if status == 200:
                    self.acknowledged.append(delivery)
                    continue
                self._again.append(delivery)
            if self._is_over or time.monotonic() > until:
                break
            time.sleep(_PAUSE_SECONDS)
        connection.close()

    def _status(self, connection: http.client.HTTPConnection, delivery: Delivery) -> int:
        try:
            connection.request("POST", "/ingest/generic", delivery.body, {"Authorization": f"Bearer {self._secret}"})
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0
        if answer.status not in (200, 503):
            self.odd.append(f"{answer.status}: {said[:300]!r}")
        return answer.status
