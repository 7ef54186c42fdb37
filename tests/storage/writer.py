"""A program of its own that writes what it is told: per line a URL and batches of legs in, their counts out."""

import sys
from asyncio import run

import msgspec

from ringback.storage import open_store
from ringback.storage.records import Intake
from ringback.telephony.leg import CallLeg

APP = 1111113


class Task(msgspec.Struct, array_like=True):
    """The batches to take in, one transaction each, one after the other."""

    url: str
    batches: list[list[CallLeg]]


def main() -> None:
    """Do the tasks until there are no more."""
    for line in sys.stdin.buffer:
        counts = run(_written(msgspec.json.decode(line, type=Task)))
        sys.stdout.buffer.write(msgspec.json.encode(counts) + b"\n")
        sys.stdout.buffer.flush()


async def _written(task: Task) -> list[Intake]:
    store = await open_store(task.url)
    try:
        return [await store.take_in(APP, batch) for batch in task.batches]
    finally:
        await store.close()


if __name__ == "__main__":
    main()
