"""A client that asks as fast as a server answers, and checks every answer whole. No servers here, no figures."""

import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

CONNECTIONS = 32
_MOST = 1 << 18
_PATIENCE_SECONDS = 10


class Exchange(Protocol):
    """A request as it goes over the wire, and the body of the right answer."""

    @property
    def request(self) -> bytes:
        """The whole request."""

    @property
    def answer(self) -> bytes:
        """The right answer's body."""


class WrongAnswer(Exception):
    """A server's answer is not the right one, or none came; what was measured counts for nothing."""


class Load(NamedTuple):
    """What a run of load came to: answers a second."""

    rate: float


def is_whole(question: Exchange, data: bytes) -> bool:
    """Tell whether this is the whole answer; raises `WrongAnswer` when it is whole and not the right one."""
    head, _, body = data.partition(b"\r\n\r\n")
    if body == question.answer and head.startswith(b"HTTP/1.1 200 "):
        return True
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    if not head.startswith(b"HTTP/1.1 200 ") or (length.isdigit() and len(body) >= int(length)):
        raise WrongAnswer(f"asked {question.request!r}\nright {question.answer!r}\ngot {data!r}")
    return False


def connected(port: int) -> socket.socket:
    """Return a connection to a server on this machine."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The kernel's own patience: Python's costs a call more for each send and each receive.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _PATIENCE_SECONDS, 0))
    return client


# --- as many as can be ---------------------------------------------------------------------------------------------


def full_load(port: int, asking: Iterator[Exchange], seconds: float, connections: int = CONNECTIONS) -> Load:
    """Keep so many connections busy for so long, each with one request on its way; the questions must not run out."""
    clients = [connected(port) for _ in range(connections)]
    began = time.perf_counter()
    answered = _answered(clients, asking, began + seconds)
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return Load(answered / took)


def _answered(clients: Sequence[socket.socket], asking: Iterator[Exchange], until: float) -> int:
    waiting = select.epoll()
    by_number = {client.fileno(): client for client in clients}
    asked: dict[int, Exchange] = {}
    partly: dict[int, bytes] = {}
    for number, client in by_number.items():
        waiting.register(number, select.EPOLLIN)
        asked[number] = next(asking)
        client.sendall(asked[number].request)
    answered = 0
    while (now := time.perf_counter()) < until or (answered == 0 and now < until + _PATIENCE_SECONDS):
        # The client never sleeps: being woken is work of the sender's core, and the slower server would pay more of it.
        for number, _ in waiting.poll(0):
            client, data = by_number[number], partly.pop(number, b"")
            data += _received(client)
            if is_whole(asked[number], data):
                answered += 1
                asked[number] = question = next(asking)
                client.sendall(question.request)
            else:
                partly[number] = data
    waiting.close()
    if answered == 0:
        raise WrongAnswer(f"not one answer came in {_PATIENCE_SECONDS} seconds")
    return answered


def _received(client: socket.socket) -> bytes:
    data = client.recv(_MOST)
    if not data:
        raise WrongAnswer("the server closed the connection")
    return data


# --- one after the other -------------------------------------------------------------------------------------------


class OneByOne:
    """A single connection that asks, waits, and tells how long the answer took."""

    def __init__(self, port: int) -> None:
        self._client = connected(port)

    def ask(self, question: Exchange) -> float:
        """Ask once; return the seconds from sending to having the whole answer."""
        began = time.perf_counter()
        self._client.sendall(question.request)
        data = _received(self._client)
        while not is_whole(question, data):
            data += _received(self._client)
        return time.perf_counter() - began

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
