"""Deliveries going into a PostgreSQL store: legs kept, calls placed, lists renumbered, rejects kept. No merging here.

Nothing is locked before it is written. A call is read, and its new legs are put at the ordinals behind those read: of
two writers that add to one call at once the second meets the first's ordinal, and begins again. Then lists are locked,
in order, so writers of different lists never wait for each other, and none waits in a circle.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ringback.errors import StoreUnusable, UnknownApp
from ringback.storage.by_number import numbered
from ringback.storage.delivering import Delivered, reject_digest
from ringback.storage.placing import PlacedLeg, Placing, epoch_ms, place
from ringback.storage.positions import MissingEntry
from ringback.storage.postgresql import ring_back
from ringback.storage.postgresql.bulk import MANY, copy_rows
from ringback.storage.postgresql.connections import Connection, Connections, Overtaken, write_seconds
from ringback.storage.postgresql.lists import SHARE_APP, ListsMissing, make_lists, write_changes
from ringback.storage.records import Intake, NewReject

Also = Callable[[Connection], Awaitable[None]]

_INLINE_WEIGHT = 200  # records merged on the loop; more would keep requests waiting for too long
_MISSING_TRIES = 3  # a row may have been purged meanwhile; one that is missing time and again was lost

# Call by call, so that the key finds each: planned while the table is empty, an array of calls is looked for by reading
# all legs of the app, and that plan stays until the table is analysed.
KNOWN = """
SELECT a.region, known.call_ref, known.ordinal, known.digest, known.facts
FROM app a LEFT JOIN (
    SELECT found.* FROM unnest($2::bytea[]) AS k (call_ref), LATERAL (
        SELECT l.call_ref, l.ordinal, l.digest, l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = k.call_ref
        OFFSET 0
    ) found
) known ON true
WHERE a.app_id = $1
"""

# A known call's last leg, locked: whoever drops calls waits for this, or has dropped it and is seen to have.
HOLD = """
SELECT l.call_ref FROM leg l
WHERE l.app_id = $1 AND (l.call_ref, l.ordinal) IN (SELECT * FROM unnest($2::bytea[], $3::integer[]))
ORDER BY l.call_ref
FOR UPDATE
"""

_LEG = ("call_ref", "ordinal", "digest", "given_id", "received_ms", "facts")
KEEP = f"""
INSERT INTO leg (app_id, {", ".join(_LEG)})
SELECT a.app_id, k.*
FROM app a, unnest($2::bytea[], $3::integer[], $4::bytea[], $5::bytea[], $6::bigint[], $7::text[]) AS k
WHERE a.app_id = $1
ON CONFLICT (app_id, call_ref, ordinal) DO NOTHING
"""

REJECT = """
INSERT INTO reject (app_id, digest, source, origin, reason, raw, received_ms, timezone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (app_id, digest) DO NOTHING
"""


class Known(NamedTuple):
    """What is kept of some calls: the app's region, the facts of each leg by its digest, and the last ordinals."""

    region: str | None
    facts: Mapping[bytes, Mapping[bytes, str]]
    last: Mapping[bytes, int]


async def take_in(
    connections: Connections, app_id: int, deliveries: Sequence[Delivered], also: Also | None = None
) -> list[Intake]:
    """Take the deliveries in as one after the other, each list renumbered once; return each one's counts.

    What is `also` to be done is done in the same transaction, before.
    """

    async def work(connection: Connection) -> list[Intake]:
        if also is not None:
            await also(connection)
        return await _write(connection, app_id, deliveries)

    missing = 0
    while True:
        try:
            return await connections.write(work, seconds=write_seconds(sum(one.weight for one in deliveries)))
        except ListsMissing as lists:
            await connections.write(partial(make_lists, app_id, lists.keys))
        except MissingEntry:
            missing += 1
            if missing == _MISSING_TRIES:
                raise StoreUnusable(
                    "A call list lacks a call that its legs tell of; `ringback check` shows the damage"
                ) from None


async def _write(connection: Connection, app_id: int, deliveries: Sequence[Delivered]) -> list[Intake]:
    known = await _known(connection, app_id, deliveries)
    placing = await _placed(deliveries, known)
    await _keep_legs(connection, app_id, known.last, placing.legs, deliveries[0].received_ms)
    if placing.legs and not placing.changes:
        await _share_region(connection, app_id, known.region)
    await write_changes(connection, app_id, known.region, placing.changes)
    await ring_back.write(connection, app_id, numbered(placing.changes))
    await _keep_rejects(connection, app_id, [reject for delivery in deliveries for reject in delivery.rejects])
    for delivery, intake in zip(deliveries, placing.intakes, strict=True):
        intake.rejected = len(delivery.rejects)
    return placing.intakes


async def _known(connection: Connection, app_id: int, deliveries: Sequence[Delivered]) -> Known:
    refs = sorted({ref for delivery in deliveries for ref in delivery.grouped})
    rows = await connection.fetch(KNOWN, app_id, refs)
    if not rows:
        raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
    facts: dict[bytes, dict[bytes, str]] = {}
    last: dict[bytes, int] = {}
    for _, ref, ordinal, digest, text in rows:
        if ref is not None:
            facts.setdefault(ref, {})[digest] = text
            last[ref] = max(ordinal, last.get(ref, 0))
    return Known(rows[0][0], facts, last)


async def _placed(deliveries: Sequence[Delivered], known: Known) -> Placing:
    grouped = [delivery.grouped for delivery in deliveries]
    if sum(delivery.weight for delivery in deliveries) > _INLINE_WEIGHT:
        return await asyncio.to_thread(place, grouped, known.facts, known.region)
    return place(grouped, known.facts, known.region)


async def _keep_legs(
    connection: Connection, app_id: int, last: Mapping[bytes, int], legs: Sequence[PlacedLeg], came_ms: int
) -> None:
    if not legs:
        return
    added_to = sorted({leg.call_ref for leg in legs} & last.keys())
    if added_to:
        held = await connection.fetch(HOLD, app_id, added_to, [last[ref] for ref in added_to])
        if len(held) < len(added_to):
            raise Overtaken
    rows = _leg_rows(last, sorted(legs, key=lambda leg: leg.call_ref), came_ms)
    if len(rows) >= MANY:
        await copy_rows(connection, app_id, "leg", _LEG, rows)
        return
    kept = await connection.execute(KEEP, app_id, *zip(*rows, strict=True))
    if _count(kept) < len(rows):
        raise Overtaken


async def _share_region(connection: Connection, app_id: int, region: str | None) -> None:
    """Keep the app's region until the end; raises `Overtaken` where it has changed since it was read.

    Legs that change no list hold none, and by another region they may change one.
    """
    if [row[0] for row in await connection.fetch(SHARE_APP, app_id)] != [region]:
        raise Overtaken


def _leg_rows(last: Mapping[bytes, int], legs: Sequence[PlacedLeg], came_ms: int) -> list[tuple[Any, ...]]:
    """The rows by call, each leg at its ordinal: every writer puts them in this order."""
    rows: list[tuple[Any, ...]] = []
    ordinals = dict(last)
    for leg in legs:
        ordinal = ordinals[leg.call_ref] = ordinals.get(leg.call_ref, -1) + 1
        given_id = bytes.fromhex(leg.leg.call_id) if leg.leg.call_id else None
        rows.append((leg.call_ref, ordinal, leg.digest, given_id, came_ms, leg.facts.decode()))
    return rows


async def _keep_rejects(connection: Connection, app_id: int, rejects: Sequence[NewReject]) -> None:
    if rejects:
        await connection.executemany(REJECT, [(app_id, *_reject_row(reject)) for reject in rejects])


def _reject_row(reject: NewReject) -> tuple[Any, ...]:
    received = epoch_ms(reject.received_at)
    texts = (_storable(reject.source), _storable(reject.origin), _storable(reject.reason))
    return reject_digest(reject), *texts, reject.raw, received, reject.timezone


def _storable(text: str) -> str:
    """The text without what PostgreSQL's texts cannot hold; the record itself is kept as bytes."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _count(status: str) -> int:
    """How many rows a statement wrote, by what the server says of it: INSERT 0 5."""
    return int(status.rpartition(" ")[2])
