"""A program of its own that pours calls into a store until it is killed: python pouring.py URL new|into|acknowledged.

`new` adds calls newer and older than the fixed range, and late ones to another list; `into` adds calls inside it;
`acknowledged` adds anything and prints the key of each call once the store has acknowledged it.
"""

import random
import sys
from asyncio import run
from datetime import UTC, datetime, timedelta
from itertools import count

from ringback.storage import open_store
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

APP = 1111113
RANGE_STARTS = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
RANGE_SECONDS = 1000


def main(url: str, how: str) -> None:
    """Pour until killed; say "pouring" after the first calls are in."""
    run(_pour(url, how))


async def _pour(url: str, how: str) -> None:
    store = await open_store(url)
    chance = random.Random(url)
    for number in count():
        batch = [_leg(f"{how}-{number}-{part}", how, chance) for part in range(chance.choice((1, 1, 3, 20)))]
        await store.take_in(APP, batch)
        words = [leg.call_key for leg in batch] if how == "acknowledged" else ["pouring"]
        print(*words, sep="\n", flush=True)  # noqa: T201


def _leg(key: str, how: str, chance: random.Random) -> CallLeg:
    seconds: float = chance.randrange(RANGE_SECONDS)
    extension = chance.choice(("101", "102"))
    if how == "new" and extension == "101":
        seconds = chance.choice((-1, 1)) * (RANGE_SECONDS + seconds) - (0.001 if seconds % 2 else 0)
    return CallLeg(
        source="generic",
        source_record_id=key,
        call_key=key,
        direction=Direction.OUTBOUND,
        started_at=RANGE_STARTS + timedelta(seconds=seconds),
        disposition=Disposition.NO_ANSWER,
        extension=extension,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
