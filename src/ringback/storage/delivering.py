"""A delivery on its way into a store, whichever it is: its legs by call, and how its rejects are told apart. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from ringback.storage.base import NewReject
from ringback.storage.placing import Grouped, epoch_ms


class Delivered(NamedTuple):
    """One delivery: its legs by call, when it came, and what of it could not be understood."""

    grouped: Grouped
    received_ms: int
    rejects: Sequence[NewReject] = ()

    @property
    def weight(self) -> int:
        """About how many records it is, at least one."""
        return 1 + len(self.grouped) + len(self.rejects)


def received_ms() -> int:
    """Return the present moment."""
    return epoch_ms(datetime.now(UTC))


def reject_digest(reject: NewReject) -> bytes:
    """Return 16 bytes that stand for a record among the rejects of its app: the same bytes again are kept once."""
    return blake2b(reject.source.encode() + b"\0" + reject.raw, digest_size=16).digest()
