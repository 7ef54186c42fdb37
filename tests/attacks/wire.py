"""Bytes sent to a server as they are, and what comes back. No assertions here."""

import json
import re
import socket
import time
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
SECONDS = 10.0


class Reply(NamedTuple):
    """All that came back: the statuses of the answers, all bytes, and whether the server closed the connection."""

    statuses: list[int]
    raw: bytes
    is_closed: bool


def connect(url: str, seconds: float = SECONDS) -> socket.socket:
    """Connect to a server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=seconds)


def send(url: str, *pieces: bytes, seconds: float = 1.0) -> Reply:
    """Send pieces and return what comes back until the server closes, or says nothing more for so long."""
    with connect(url, seconds) as client:
        for piece in pieces:
            with suppress(ConnectionError, TimeoutError):
                client.sendall(piece)
        return received(client)


def received(client: socket.socket) -> Reply:
    """Read until the server closes the connection or says nothing more."""
    raw, is_closed = b"", False
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            piece = client.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            piece = b""
        if not piece:
            is_closed = True
            break
        raw += piece
    return Reply(_statuses(raw), raw, is_closed)


def _statuses(raw: bytes) -> list[int]:
    """Read the answers one after the other by their own lengths; whatever is none of them is status 0."""
    statuses: list[int] = []
    while raw:
        found = _HEAD.match(raw)
        length = re.search(rb"content-length: *(\d+)\r\n", found.group(2).lower()) if found else None
        if found is None or length is None:
            return [*statuses, 0]
        statuses.append(int(found.group(1)))
        raw = raw[found.end() + int(length.group(1)) :]
    return statuses


def request(path: str, asked: object, *headers: str, method: str = "POST") -> bytes:
    """Return a good request as it stands on the wire."""
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    head = "\r\n".join(
        [f"{method} {path} HTTP/1.1", "Host: calls.example.org", *headers, f"Content-Length: {len(body)}"]
    )
    return head.encode("latin-1") + b"\r\n\r\n" + body
