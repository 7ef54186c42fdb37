"""PostgreSQL's errors, and those of the way there, as the store's: which may pass, and what to do about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror

import asyncpg
from asyncpg.exceptions._base import DataError as WrongParameter

from ringback.errors import StoreUnavailable, StoreUnusable

_DAMAGED = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
)
_OF_POOLER = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
OF_CONNECTING = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_OURS_TO_MEND = (  # what a statement or a value of ours was wrong in: trying again would not help
    asyncpg.SyntaxOrAccessError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    WrongParameter,
)

_NEEDS_PARAMETER = "behind a pooler such as pgbouncer, add ?pooler=transaction to the store's URL"

# What to do about an error that does not say so itself; the first class that it is one of counts.
_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (_OF_POOLER, _NEEDS_PARAMETER),
    (asyncpg.InvalidAuthorizationSpecificationError, "check the user and the password in --store"),
    (asyncpg.InvalidCatalogNameError, "make it (createdb), or name another: --store"),
    (asyncpg.TooManyConnectionsError, "raise its max_connections, or lower pool_size in the store's URL"),
    (asyncpg.ReadOnlySQLTransactionError, "it is a standby, or set to be read only"),
    (asyncpg.DiskFullError, "make room on its disk"),
    (ConnectionRefusedError, "start it, or name another: --store"),
    (gaierror, "check the host in --store"),
)


def our_error(error: Exception, name: str) -> StoreUnavailable | StoreUnusable | None:
    """Return an error of PostgreSQL or of the way there as the store's, or None for one that is not of the kind.

    A table that is missing or not ours to use, and damage, do not pass by themselves; everything else may: away,
    starting, stopping, full, read-only, another password.
    """
    if isinstance(error, _DAMAGED):
        return StoreUnusable(f"The store {name} cannot be used as it is: {_said(error)}")
    if isinstance(error, _OURS_TO_MEND) and not isinstance(error, _OF_POOLER):
        return None
    if isinstance(error, (asyncpg.PostgresError, *OF_CONNECTING)):
        return StoreUnavailable(f"The store {name} cannot be used right now: {_said(error)}")
    return None


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, asyncpg.InternalClientError):  # its own words are about its own state
        return "the connection was lost"
    said = str(error).partition("\n")[0] or type(error).__name__
    if "unsupported startup parameter" in said:
        return f"{said}; {_NEEDS_PARAMETER}"
    advice = next((advice for kind, advice in _ADVICE if isinstance(error, kind)), None)
    return f"{said}; {advice}" if advice else said


@contextmanager
def our_errors(name: str, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Raise PostgreSQL's errors as the store's, but for those `passing`."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        ours = our_error(error, name)
        if ours is None:
            raise
        raise ours from error
