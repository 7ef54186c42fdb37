"""What must hold of a store's rows, one list and one call at a time: used by the check of every store. Pure: no SQL."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
from ringback.storage.records import Fault
from ringback.telephony.call import Call, ListKey, call_ref, merge
from ringback.telephony.leg import CallLeg, decode_leg, leg_digest
from ringback.telephony.spellings import mask

MOST_FAULTS = 1000  # a damaged store may have one in every row; more say nothing new


class KeptLeg(NamedTuple):
    """A leg's row: the digest it is kept under, its facts as JSON, and the id its source gave the call."""

    digest: bytes
    facts: str
    given_id: bytes | None = None

    def leg(self) -> CallLeg | None:
        """The leg, or None when it is not as it was reported: what was changed by hand may hold anything."""
        if leg_digest(self.facts.encode()) != self.digest:
            return None
        try:
            return decode_leg(self.facts)
        except (msgspec.DecodeError, ValueError):
            return None


def list_name(app_id: int, key: ListKey) -> str:
    """Return a list's name as faults tell it: out_missed of 103_1111113."""
    return f"{key.kind.word} of {key.extension}_{app_id}"


def call_name(app_id: int, ref: bytes) -> str:
    """Return a call's name as faults tell it."""
    return f"call {ref.hex()} of app {app_id}"


def order_faults(where: str, before: tuple[int, Entry] | None, position: int, entry: Entry) -> Iterator[Fault]:
    """Tell whether a row does not follow the one before it: dense, and later."""
    if before and position != before[0] + 1:
        yield Fault(where=where, what=f"positions jump from {before[0]} to {position}")
    if before and entry.key <= before[1].key:
        yield Fault(where=where, what=f"the call at position {position} is not later than the one before it")


def backing_fault(key: ListKey, entry: Entry, kept: Iterable[KeptLeg], region: str | None) -> str | None:
    """Return what is wrong with a list's row, given the legs of its call."""
    legs = [leg for row in kept if (leg := row.leg()) is not None]
    if not legs:
        return f"no leg is kept of the call {entry.call_id.hex()}"
    call = merge(entry.call_ref, legs, region)
    if key not in call.lists:
        return f"the legs of the call {entry.call_id.hex()} put it into another list"
    if entry_of(call) != entry:
        return f"the row of the call {entry.call_id.hex()} is not what its legs say"
    return None


def leg_faults(app_id: int, ref: bytes, kept: Iterable[KeptLeg]) -> Iterator[Fault]:
    """Tell which legs of a call are not what they were, or stand under another call than they name."""
    where = call_name(app_id, ref)
    for row in kept:
        leg = row.leg()
        if leg is None:
            yield Fault(where=where, what="a leg is not as it was reported: its facts were changed")
            continue
        if call_ref(app_id, leg.call_key) != ref:
            yield Fault(where=where, what="a leg stands under another call than its call key names")
        if row.given_id != (bytes.fromhex(leg.call_id) if leg.call_id else None):
            yield Fault(where=where, what="a leg is found by another id than it was given")


def call_of(ref: bytes, kept: Iterable[KeptLeg], region: str | None) -> Call | None:
    """Return the call that the kept legs make, or None when none of them can be read."""
    legs = [leg for row in kept if (leg := row.leg()) is not None]
    return merge(ref, legs, region) if legs else None


def missing_row(app_id: int, key: ListKey, ref: bytes) -> Fault:
    """Return the fault of a call that a list should have and has not."""
    return Fault(where=list_name(app_id, key), what=f"the call {ref.hex()} is missing")


def lacking_row(app_id: int, what: str, row: Sequence[object]) -> Fault:
    """Return the fault of what follows from the lists of calls and is not there."""
    return Fault(where=f"app {app_id}", what=f"{what} lack a row: {_told(row)}")


def needless_row(app_id: int, what: str, row: Sequence[object]) -> Fault:
    """Return the fault of what is there and does not follow from the lists of calls."""
    return Fault(where=f"app {app_id}", what=f"{what} have a row that does not follow from calls: {_told(row)}")


def _told(row: Sequence[object]) -> str:
    """A row's first columns, which tell where it is; of somebody's number the last two digits."""
    return ", ".join(mask(value) if isinstance(value, str) else _word(value) for value in row[:4])


def _word(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
