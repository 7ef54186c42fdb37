"""What is remembered of wrong log-ins, in PostgreSQL. What follows from it is `logins.py`'s.

The table is of no app and not distributed: see the schema.
"""

from collections.abc import Sequence

from ringback.storage.postgresql.connections import Connection, Connections
from ringback.storage.records import Spending, Tries

_MOST_DROPPED = 500  # at a time: more than a log-in adds

TRIES = "SELECT address, spent_ms, known_ms FROM login_try WHERE subject = $1 AND address = ANY ($2::bytea[])"
SPEND = """
INSERT INTO login_try (subject, address, spent_ms, known_ms) VALUES ($1, $2, $3::bigint + $4::bigint, 0)
ON CONFLICT (subject, address) DO UPDATE SET spent_ms = greatest(login_try.spent_ms, $3::bigint) + $4::bigint
RETURNING spent_ms
"""
DROP_OVER = f"""
DELETE FROM login_try WHERE (subject, address) IN (
    SELECT o.subject, o.address FROM login_try o WHERE greatest(o.spent_ms, o.known_ms) <= $1
    LIMIT {_MOST_DROPPED} FOR UPDATE SKIP LOCKED
)
"""
KNOW = """
INSERT INTO login_try (subject, address, spent_ms, known_ms) VALUES ($1, $2, 0, $3)
ON CONFLICT (subject, address) DO UPDATE SET spent_ms = 0, known_ms = excluded.known_ms
"""
FORGET = "UPDATE login_try SET spent_ms = 0 WHERE subject = $1 AND spent_ms > $2"


async def tries_of(connections: Connections, subject: bytes, addresses: Sequence[bytes]) -> list[Tries]:
    """Return what is remembered of a subject from each of these addresses."""
    found = {row[0]: Tries(row[1], row[2]) for row in await connections.fetch(TRIES, subject, addresses)}
    return [found.get(address, Tries()) for address in addresses]


async def spend(connections: Connections, spendings: Sequence[Spending], now_ms: int) -> list[int]:
    """Drop some of what is over, then add each cost to what its subject has spent.

    In transactions apart, and each takes its rows in one order or leaves them: nobody waits in a circle.
    """
    order = sorted(range(len(spendings)), key=lambda place: (spendings[place].subject, spendings[place].address))

    async def add(connection: Connection) -> list[int]:
        spent = [0] * len(spendings)
        for place in order:
            one = spendings[place]
            spent[place] = await connection.fetchval(SPEND, one.subject, one.address, now_ms, one.cost_ms)
        return spent

    await connections.write(lambda connection: connection.execute(DROP_OVER, now_ms))
    return await connections.write(add)
