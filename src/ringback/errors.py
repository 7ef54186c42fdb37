"""Every error raised on purpose, each with a stable `code` and a docstring that is its message.

No HTTP here: `web/problems.py` says which status each becomes.
"""

from typing import ClassVar


class RingbackError(Exception):
    """Ringback cannot do this."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (type(self).__doc__ or "").strip())


# --- what a caller asked for ---------------------------------------------------------------------------------------


class InvalidInput(RingbackError):
    """A parameter is missing or is not what it should be."""

    code = "invalid_input"


class UnreadableBody(RingbackError):
    """The body cannot be read; send a JSON object or a form."""

    code = "unreadable_body"


class BodyTooLarge(RingbackError):
    """The body is larger than this server takes; send less at a time."""

    code = "body_too_large"


class RefusedLogin(RingbackError):
    """The log-in was refused. `asked` is the agent id that was given, and the address it was given from."""

    asked: tuple[str, str] | None = None


class BadLogin(RefusedLogin):
    """Authentication failed: no such agent, or another password."""

    code = "bad_login"


class TooManyLogins(RefusedLogin):
    """Too many wrong log-ins; try again later."""

    code = "too_many_logins"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many wrong log-ins; try again in {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


class TooBusy(RingbackError):
    """Too many ask for this at once; try again in a moment."""

    code = "too_busy"
    retry_after_seconds = 1


class BadToken(RingbackError):
    """Failed to authenticate token: log in again."""

    code = "bad_token"


class BadSecret(RingbackError):
    """The app's secret is missing or wrong: send it as Bearer or as ?key=."""

    code = "bad_secret"


class NotSignedIn(RingbackError):
    """Nobody is signed in, or the session has ended: sign in again."""

    code = "not_signed_in"


class ForeignRequest(RingbackError):
    """Only the page itself may ask this; the request seems to come from another."""

    code = "foreign_request"


class NotSupervisor(RingbackError):
    """Only a supervisor of the app may see other agents' calls."""

    code = "not_supervisor"


# --- what is or is not there ---------------------------------------------------------------------------------------


class NotThere(RingbackError):
    """There is no such thing here."""

    code = "not_there"


class UnknownApp(NotThere):
    """There is no such app; `ringback app list` shows those there are."""

    code = "unknown_app"


class UnknownAgent(NotThere):
    """There is no such agent; `ringback agent list` shows those there are."""

    code = "unknown_agent"


class UnknownCall(NotThere):
    """There is no call with this id."""

    code = "unknown_call"


class UnknownReject(NotThere):
    """There is no rejected record with this number; `ringback rejects list` shows those there are."""

    code = "unknown_reject"


class UnknownSource(NotThere):
    """There is no such source."""

    code = "unknown_source"


class UnknownContact(NotThere):
    """Nobody is known by this number; `ringback contact list` shows who is."""

    code = "unknown_contact"


class AlreadyThere(RingbackError):
    """This exists already."""

    code = "already_there"


# --- records on their way in ---------------------------------------------------------------------------------------


class UnreadableRecord(RingbackError):
    """The record cannot be understood; it is kept with its reason and can be retried."""

    code = "unreadable_record"


# --- the store -----------------------------------------------------------------------------------------------------


class StoreUnavailable(RingbackError):
    """The store cannot be reached or written right now; try again."""

    code = "store_unavailable"


class StoreUnusable(RingbackError):
    """The store cannot be used as it is."""

    code = "store_unusable"


class NoStore(StoreUnusable):
    """There is no store there."""

    code = "no_store"


class UnusableSetting(RingbackError):
    """A setting is not what it should be."""

    code = "unusable_setting"
