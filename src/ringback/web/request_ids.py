"""The id that ties a request's answer, its log lines and a proxy's together. Made only for those that are logged."""

import re
import secrets

import structlog
from starlette.types import Scope

from ringback.web.answers import header

_KEPT = "ringback.request_id"
_SANE = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.-]{8,64}\Z", re.ASCII)  # with a letter: no telephone number
_CREDENTIAL = re.compile(r"rb[a-z]_")


def request_id(scope: Scope) -> str:
    """Return the request's id: the X-Request-ID it came with if that is a sane one, else a random one.

    From now on every log line of this request carries it.
    """
    known: str | None = scope.get(_KEPT)
    if known is not None:
        return known
    given = header(scope, b"x-request-id").decode("latin-1")
    made = given if _SANE.match(given) and not _CREDENTIAL.match(given) else secrets.token_hex(8)
    scope[_KEPT] = made
    structlog.contextvars.bind_contextvars(request_id=made)
    return made


def id_header(scope: Scope) -> tuple[bytes, bytes]:
    """Return the header that tells the client its request's id."""
    return b"x-request-id", request_id(scope).encode("ascii")
