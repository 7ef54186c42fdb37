"""Many rows going into a table at once, by COPY: half the server's work for a row. For a few, a statement is faster."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from ringback.storage.postgresql.connections import Connection, Overtaken

MANY = 500  # rows; COPY costs a round trip more


async def copy_rows(
    connection: Connection, app_id: int, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Put the rows, which lack only their app, into the table; raises `Overtaken` where another one's key is there."""
    try:
        await connection.copy_records_to_table(
            table, columns=("app_id", *columns), records=((app_id, *row) for row in rows)
        )
    except asyncpg.UniqueViolationError:
        raise Overtaken from None
    except asyncpg.InternalServerError as error:  # a worker's error comes through COPY without its own code
        if "duplicate key" not in str(error):
            raise
        raise Overtaken from None
