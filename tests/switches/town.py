"""A server, a carrier and the proxies between them, which all end together. No assertions here."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.switches.server import Founded, Server
from tests.switches.sip import Carrier, Dialled, Proxy, place_calls


class Town:
    """Where calls are placed: a folder, a server (not started by itself), a carrier, and the proxies added to it."""

    def __init__(self, folder: Path, founded: Founded) -> None:
        self._folder = folder
        self.server = Server(folder, founded)
        self.carrier = Carrier(folder)
        self.proxies: list[Proxy] = []

    def proxy(self, *trunks: int, url: str | None = None, secret: str | None = None) -> Proxy:
        """Start a proxy; without other words to the town's carrier and server, with the right secret."""
        ports = trunks or (self.carrier.port,)
        server = self.server
        self.proxies.append(
            Proxy(self._folder, url or server.url, secret or server.secret, ports, agents=self.carrier.port)
        )
        return self.proxies[-1]

    def place(self, proxy: Proxy, calls: Iterable[Dialled]) -> None:
        """Place calls through the proxy and wait until all have ended."""
        place_calls(self._folder, proxy, calls)

    def stop(self) -> None:
        """End everything."""
        for proxy in self.proxies:
            proxy.stop(signal.SIGKILL)
        self.carrier.stop()
        self.server.stop()


@contextmanager
def town(folder: Path, founded: Founded) -> Iterator[Town]:
    """Open a town and close it."""
    opened = Town(folder, founded)
    try:
        yield opened
    finally:
        opened.stop()
