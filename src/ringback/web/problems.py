"""Every error as an answer: one table from class to status, and the envelope that all of them wear."""

import msgspec
import structlog

from ringback.errors import (
    AlreadyThere,
    BadLogin,
    BadSecret,
    BadToken,
    BodyTooLarge,
    ForeignRequest,
    InvalidInput,
    NotSignedIn,
    NotSupervisor,
    NotThere,
    RefusedLogin,
    RingbackError,
    StoreUnavailable,
    StoreUnusable,
    TooBusy,
    TooManyLogins,
    UnreadableBody,
    UnreadableRecord,
)
from ringback.logs import Seldom
from ringback.telephony.agent_id import find_agent_id
from ringback.web.answers import Answer, Headers, json_answer
from ringback.web.request_ids import id_header
from ringback.web.request_ids import request_id as request_id_of

RETRY_AFTER_SECONDS = 5
_LOG_SECONDS = 1.0
_HELD_UP_SECONDS = 60.0
_AWAY = "The calls cannot be reached or written right now; try again"

log = structlog.get_logger()

_store_said = Seldom(100)
_logins_refused = Seldom(10_000)

# The first class an error is one of counts. 4xx: do not resend. 503: resend later.
STATUS_OF: tuple[tuple[type[RingbackError], int], ...] = (
    (BadToken, 404),  # as the contract has it
    (BadLogin, 404),
    (TooManyLogins, 429),
    (TooBusy, 503),
    (BadSecret, 401),
    (NotSignedIn, 401),
    (ForeignRequest, 403),
    (NotSupervisor, 403),
    (NotThere, 404),
    (InvalidInput, 400),
    (UnreadableBody, 400),
    (UnreadableRecord, 400),
    (AlreadyThere, 409),
    (BodyTooLarge, 413),
    (StoreUnavailable, 503),
    (StoreUnusable, 503),
)


class Problem(msgspec.Struct, kw_only=True):
    """An error as every client understands it: those that read `code`, `error`, `msg` and `message` alike."""

    code: int
    error: bool = True
    msg: str
    message: str


def status_of(error: RingbackError) -> int:
    """Return the HTTP status of an error; 500 for one that no request can be blamed for."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)


def error_answer(error: RingbackError, headers: Headers, *, http_status: int | None = None) -> Answer:
    """Return the answer for an error that a request with these headers met.

    What a store says of itself names hosts, files and users: that is for whoever runs the server, and is logged.
    """
    request_id = request_id_of(headers)
    told = [id_header(request_id)]
    if isinstance(error, StoreUnavailable | StoreUnusable):
        _log_seldom(str(error), request_id)
        return problem_answer(503, _AWAY, http_status=http_status, headers=told)
    if isinstance(error, RefusedLogin) and error.asked is not None:
        _log_refused(error, *error.asked, request_id)
    wait = getattr(error, "retry_after_seconds", RETRY_AFTER_SECONDS)
    return problem_answer(status_of(error), str(error), http_status=http_status, headers=told, retry_after_seconds=wait)


def _log_seldom(said: str, request_id: str) -> None:
    """Log what the store says, the same at most once a second: while it is away every request meets it."""
    if _store_said.is_due(said, _LOG_SECONDS):
        log.warning("store", said=said, request_id=request_id)


def _log_refused(error: RefusedLogin, agent_id: str, client: str, request_id: str) -> None:
    """Log each wrong log-in, and once a minute that an address is held up. What was typed is shown if it is an id."""
    is_held_up = isinstance(error, TooManyLogins)
    if is_held_up and not _logins_refused.is_due(client, _HELD_UP_SECONDS):
        return
    agent = find_agent_id(agent_id)
    whose = {"app": agent.app_id, "extension": agent.extension} if agent else {}
    log.warning("login", refused="too many" if is_held_up else "wrong", client=client, **whose, request_id=request_id)


def fault_answer(path: str, headers: Headers, error: Exception) -> Answer:
    """Log a fault of the server's own and return the answer for it, which tells nothing of the inside."""
    request_id = request_id_of(headers)
    log.error("fault", request_id=request_id, path=path, error=type(error).__name__, exc_info=error)
    return problem_answer(500, "The server failed; the fault is logged", headers=[id_header(request_id)])


def problem_answer(
    status: int,
    text: str,
    *,
    http_status: int | None = None,
    headers: Headers = (),
    retry_after_seconds: int = RETRY_AFTER_SECONDS,
) -> Answer:
    """Return the answer for an error; `http_status` differs from the code only where clients look inside alone."""
    headers = [*headers]
    if status in (429, 503):
        headers.append((b"retry-after", str(retry_after_seconds).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return json_answer(Problem(code=status, msg=text, message=text), status=http_status or status, headers=headers)
