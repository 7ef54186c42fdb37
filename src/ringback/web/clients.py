"""Who a request is from when proxies stand in between. Asked only where it matters: log-ins, logs, metrics.

A proxy appends the address it was called from to X-Forwarded-For; whoever calls first may have written anything to the
left of that. So the list is read from the right, past the proxies that are trusted, and no further.
"""

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from typing import TypeAlias

from starlette.types import Scope

from ringback.settings import Network

_PROXYS_HEADERS = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(scope: Scope, trusted: Collection[Network]) -> str:
    """Return the address of the client, empty where there is none (a Unix socket).

    That is the right-most address that is no trusted proxy's. Where a trusted proxy passed on what is no address
    (`unknown`), it is the proxy's own; where all are proxies, the left-most.
    """
    address = _address_of(_peer(scope))
    if address is None:
        return _peer(scope)
    if trusted and is_in(address, trusted):
        for text in reversed(_values(scope, b"x-forwarded-for")):
            forwarded = _address_of(text)
            if forwarded is None:
                break
            address = forwarded
            if not is_in(address, trusted):
                break
    return str(address)


def client_scheme(scope: Scope, trusted: Collection[Network]) -> str:
    """Return http or https, as the client spoke it: X-Forwarded-Proto is believed of a trusted proxy alone."""
    address = _address_of(_peer(scope))
    if trusted and address is not None and is_in(address, trusted):
        told = _values(scope, b"x-forwarded-proto")
        if told and told[-1] in ("http", "https"):
            return told[-1]
    return str(scope.get("scheme", "http"))


def is_hidden(scope: Scope, trusted: Collection[Network]) -> bool:
    """Tell whether a proxy stands before a client whose address no trusted one has told: the peer's says nothing."""
    if not any(name in _PROXYS_HEADERS for name, _ in scope["headers"]):
        return False
    if not is_in(_peer(scope), trusted):
        return True
    for text in reversed(_values(scope, b"x-forwarded-for")):
        if not is_in(text, trusted):
            return _address_of(text) is None
    return not _values(scope, b"x-forwarded-for")


def is_in(address: _Address | str, networks: Collection[Network]) -> bool:
    """Tell whether an address is in one of the networks; what is no address is in none."""
    known = _address_of(address) if isinstance(address, str) else address
    return known is not None and any(known in network for network in networks)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _values(scope: Scope, wanted: bytes) -> list[str]:
    """The values of a header that may be repeated and may list several, in order (RFC 9110 section 5.3)."""
    lines = (value.decode("latin-1") for name, value in scope["headers"] if name == wanted)
    return [text.strip() for line in lines for text in line.split(",")]


@lru_cache(maxsize=1024)
def _address_of(text: str) -> _Address | None:
    """Read `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`; IPv4 in IPv6's clothes is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
