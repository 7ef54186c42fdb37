"""A delivery on its way into a store, whichever it is: its legs by call, and how its rejects are told apart."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from ringback.storage.placing import Grouped, epoch_ms, group_legs
from ringback.storage.records import NewReject
from ringback.telephony.leg import CallLeg

_FEW_LEGS = 200  # grouped faster than a thread is woken; more would keep requests waiting


class Delivered(NamedTuple):
    """One delivery: its legs by call, when it came, and what of it could not be understood."""

    grouped: Grouped
    received_ms: int
    rejects: Sequence[NewReject] = ()

    @property
    def weight(self) -> int:
        """About how many records it is, at least one."""
        return 1 + len(self.grouped) + len(self.rejects)


async def delivered(app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Delivered:
    """Return what came just now, ready to be written."""
    if len(legs) <= _FEW_LEGS:
        return Delivered(group_legs(app_id, legs), received_ms(), rejects)
    return Delivered(await asyncio.to_thread(group_legs, app_id, legs), received_ms(), rejects)


def received_ms() -> int:
    """Return the present moment."""
    return epoch_ms(datetime.now(UTC))


def reject_digest(reject: NewReject) -> bytes:
    """Return 16 bytes that stand for a record among the rejects of its app: the same bytes again are kept once."""
    return blake2b(reject.source.encode() + b"\0" + reject.raw, digest_size=16).digest()
