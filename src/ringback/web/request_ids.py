"""The id that ties a request's answer, its log lines and a proxy's together. Made only for requests that are logged."""

import re
import secrets

from ringback.web.answers import Headers

NAME = b"x-request-id"
_SANE = re.compile(rb"(?=.*[A-Za-z])(?!rb[a-z]_)[A-Za-z0-9_.-]{8,64}\Z")  # no telephone number, no credential of ours


def request_id(headers: Headers) -> str:
    """Return the id of a request with these headers: its X-Request-ID if that is a sane one, else a random one."""
    given = next((value for name, value in headers if len(name) == len(NAME) and name.lower() == NAME), b"")
    return given.decode("ascii") if _SANE.match(given) else secrets.token_hex(8)


def id_header(request_id: str) -> tuple[bytes, bytes]:
    """Return the header that tells the client its request's id."""
    return NAME, request_id.encode("ascii")
