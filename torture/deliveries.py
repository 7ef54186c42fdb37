"""Deliveries made from a seed: legs that share calls, tie, come late and go to many lists. Nothing is sent here."""

import io
import json
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from ringback.sources import SOURCES, Context, read
from ringback.telephony.leg import CallLeg

APP = 1111113
EXTENSIONS = ("101", "102", "103", "104", "105", "106")
_FIRST_MS = 1_767_603_600_000
_RANGE_MS = 86_400_000
_CONTEXT = Context(app_id=APP, received_at=datetime(2026, 6, 1, tzinfo=UTC), timezone=None)


class Delivery(NamedTuple):
    """A body as it is sent, and the legs it holds."""

    body: bytes
    legs: tuple[CallLeg, ...]


class Deliveries:
    """Makes deliveries, the same ones for the same seed; each leg is another one."""

    def __init__(self, seed: int | str, sizes: tuple[int, ...] = (1, 1, 1, 3, 20)) -> None:
        self._chance = Random(seed)
        self._sizes = sizes
        self._number = 0

    def next(self) -> Delivery:
        """Return the next delivery."""
        records = [self._record() for _ in range(self._chance.choice(self._sizes))]
        body = json.dumps(records).encode()
        found = list(read(SOURCES["generic"], io.BytesIO(body), _CONTEXT))
        assert all(reading.rejected is None for reading in found), found
        return Delivery(body, tuple(leg for reading in found for leg in reading.legs))

    def _record(self) -> dict[str, object]:
        self._number += 1
        chance = self._chance
        key = self._number if chance.random() < 0.7 else chance.randrange(max(1, self._number - 200), self._number + 1)
        started = _FIRST_MS + chance.randrange(_RANGE_MS) // 1000 * chance.choice((1, 1000))
        record: dict[str, object] = {
            "call_key": f"k{key}",
            "source_record_id": f"r{self._number}",
            "agent": chance.choice(EXTENSIONS),
            "direction": chance.choice(("outbound", "outbound", "outbound", "inbound", "internal")),
            "started_at": started,
            "disposition": chance.choice(("no_answer", "no_answer", "busy", "answered", "failed")),
            "dialled_number": str(chance.randrange(77_000_000_000, 77_000_000_100)),
            "calling_number": str(chance.randrange(77_100_000_000, 77_100_000_100)),
        }
        if record["disposition"] == "answered":
            record |= {"answered_at": started + 5000, "ended_at": started + 65_000, "billable_seconds": 60}
        if chance.random() < 0.2:
            record["name"] = chance.choice(("Asha", "Данияр", "O'Hara", "王"))
        return record
