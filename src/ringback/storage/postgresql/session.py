"""A session of ours with PostgreSQL: what it tells the server of itself, and what it need not ask it."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg

# What every statement here relies on: index reads. A server that is paused or cut off in mid-transaction must not keep
# its lists locked for others, nor a statement go on whose asker has gone. (No forced generic plan: Citus routes none.)
SESSION = {
    "application_name": "ringback",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "2s",
}

_ELEMENT = {1000: 16, 1001: 17, 1005: 21, 1007: 23, 1009: 25, 1016: 20}  # the element's type, by that of the array
_NAMES = {1000: "_bool", 1001: "_bytea", 1005: "_int2", 1007: "_int4", 1009: "_text", 1016: "_int8"}


class _Known(NamedTuple):
    """Stands for the statement that asked for types: there was none."""

    name: str = "none"


class Session(asyncpg.Connection):
    """Connects faster to a server with many tables, and goes through poolers."""

    def _get_unique_id(self, prefix: str) -> str:
        """Name statements as no other process does: a pooler hands sessions round, and those names with them."""
        return f"ringback_{prefix}_{uuid4().hex}"

    async def _introspect_types(self, typeoids: Collection[int], timeout: float | None) -> tuple[Any, Any]:  # noqa: ASYNC109
        """Return what the server's catalogue says of types that statements meet for the first time.

        Of the arrays here that is the same on every server (PostgreSQL's catalog/pg_type.dat). The library would ask
        for each on every new connection, by a statement that takes a second where Citus has a few hundred shards.
        """
        if _ELEMENT.keys() >= set(typeoids):
            return [_array(oid) for oid in typeoids], _Known()
        return await super()._introspect_types(typeoids, timeout)  # type: ignore[misc, no-any-return]


def _array(oid: int) -> dict[str, Any]:
    """Return the catalogue's row of an array type, as the library's own statement gives it."""
    return {
        "oid": oid,
        "ns": "pg_catalog",
        "name": _NAMES[oid],
        "kind": b"b",
        "basetype": None,
        "elemtype": _ELEMENT[oid],
        "elemdelim": b",",
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
    }
