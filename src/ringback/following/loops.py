"""The two loops: a file's batches, or a table's, into a sink, with the place kept after each. No commands here."""

from collections.abc import Callable

from ringback.calls import Delivery
from ringback.errors import InvalidInput
from ringback.following.pace import Pace, Stopped
from ringback.following.place import FilePlace, PlaceFile, TablePlace
from ringback.following.sinks import Sink
from ringback.following.table import TableTail
from ringback.following.tail import Tail

Heard = Callable[[Delivery, str], None]  # the counts so far, and where they were reached


async def follow_file(tail: Tail, sink: Sink, places: PlaceFile[FilePlace], pace: Pace, heard: Heard) -> Delivery:
    """Deliver the file's rows until stopped, or until its end; return the counts."""
    total = Delivery()
    try:
        while not pace.is_stopping:
            await _follow_to_the_end(tail, sink, places, pace, heard, total)
            if pace.is_once and tail.is_waiting:
                raise InvalidInput(f"{tail.path} is not there")
            if not await pace.pause():
                break
    except Stopped:
        return total
    finally:
        tail.close()
    return total


async def _follow_to_the_end(
    tail: Tail, sink: Sink, places: PlaceFile[FilePlace], pace: Pace, heard: Heard, total: Delivery
) -> None:
    for batch in tail.poll():
        if batch.data.strip():
            delivery = await pace.keep_trying(sink.name, lambda: sink.deliver(batch.data, batch.origin))  # noqa: B023
            _add(total, delivery)
        places.save(batch.place)
        heard(total, batch.origin)
        if pace.is_stopping:
            return


async def follow_table(
    tail: TableTail, sink: Sink, places: PlaceFile[TablePlace], pace: Pace, heard: Heard
) -> Delivery:
    """Deliver the table's rows until stopped, or until all there are now are delivered; return the counts."""
    total = Delivery()
    try:
        while not pace.is_stopping:
            async for batch in tail.poll(pace):
                _add(total, await pace.keep_trying(sink.name, lambda: sink.deliver(batch.data, batch.origin)))  # noqa: B023
                if batch.place:
                    places.save(batch.place)
                heard(total, batch.origin)
                if pace.is_stopping:
                    break
            if not await pace.pause():
                break
    except Stopped:
        return total
    return total


def _add(total: Delivery, delivery: Delivery) -> None:
    total.read += delivery.read
    total.add(delivery)
