"""What lists lack in stores that were made by earlier versions. Bringing them up, and nothing else."""

from typing import TypeAlias, cast

import asyncpg

from ringback.storage.postgresql import connections
from ringback.storage.postgresql.ring_back import read_numbers_again
from ringback.storage.postgresql.showing import show_again

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WITH_RING_BACK = 7  # the schema that first kept numbers to ring back as they are kept now
_LACKS = """
SELECT count(*) > 0 AND count(*) FILTER (WHERE attname = 'shown') = 0 FROM pg_attribute
WHERE attrelid = to_regclass('listed_call') AND attnum > 0 AND NOT attisdropped
"""
_REGIONS = "SELECT app_id, region FROM app ORDER BY app_id"
_BRING_UP = (  # one by one: Citus hands on the text it is sent, and its workers take one statement
    "ALTER TABLE listed_call DROP COLUMN name, DROP COLUMN rate, DROP COLUMN billable_seconds",
    "ALTER TABLE listed_call ADD COLUMN shown text NOT NULL DEFAULT ''",
    "ALTER TABLE listed_call ALTER COLUMN shown DROP DEFAULT",
)


async def are_older(connection: Connection) -> bool:
    """Tell whether the rows of the store's lists, where it has any, lack what pages show."""
    return bool(await connection.fetchval(_LACKS))


async def bring_up_lists(connection: Connection) -> None:
    """Change the lists' columns; what they show is read from the legs again."""
    for statement in _BRING_UP:
        await connection.execute(statement)
    for app_id, region in await connection.fetch(_REGIONS):
        await show_again(cast("connections.Connection", connection), app_id, region)


async def make_ring_back(connection: Connection) -> None:
    """Make the lists of numbers to ring back from the lists of calls."""
    for app_id, region in await connection.fetch(_REGIONS):
        await read_numbers_again(cast("connections.Connection", connection), app_id, region)
