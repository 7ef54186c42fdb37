"""Offers of another protocol are passed over, as RFC 9110 section 7.8 lets a server do: requests stay HTTP/1.1.

Java's HttpClient and `curl --http2` offer h2c with their first request to an http address. At an offer httptools stops
to read, and the body would be lost: so such a request is read once more, without it.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_INVALID = "Invalid HTTP request received."


class OfferlessProtocol(HttpToolsProtocol):
    """A connection's requests, as uvicorn reads them, but for offers: whoever extends it asks of each head."""

    _is_offered = False

    def data_received(self, data: bytes) -> None:
        """Read bytes from the client."""
        self._unset_keepalive_if_required()
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                if self._is_offered:
                    data = self._head_without_offer() + data[stop.args[0] :]
                    continue
            except httptools.HttpParserError:
                self.logger.warning(_INVALID)
                self.send_400_response(_INVALID)
            return

    def is_offer(self) -> bool:
        """Whether the head that was just read offers another protocol, and so comes again; CONNECT offers nothing."""
        self._is_offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        return self._is_offered

    def _head_without_offer(self) -> bytes:
        """Return the head of the request once more, and have it read afresh."""
        self._is_offered = False
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        kept = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name.lower() != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        return b"".join((method, b" ", self.url, b" HTTP/", version, b"\r\n", *kept, b"\r\n"))
