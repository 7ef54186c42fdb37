"""A person's right to be forgotten: finding every call with a number, and dropping them for good. No HTTP, no SQL."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from ringback.calls import app_named
from ringback.storage.auditing import Act, AuditLine, new_line
from ringback.storage.base import Store
from ringback.storage.records import Contact, Dropped, Mark, Range, Reject
from ringback.telephony.call import ListKey, call_ref, merge
from ringback.telephony.leg import CallLeg
from ringback.telephony.spellings import MIN_DIGITS, Sought

_AT_A_TIME = 500  # calls and rejects dropped in one transaction: bounds memory and what waits for it
_MOST_SPELLINGS = 100  # remembered, to look for in the file

Heard = Callable[[Dropped], None]


class Found(msgspec.Struct, kw_only=True):
    """What would be dropped, and whose lists it stands in."""

    calls: int = 0
    legs: int = 0
    rejects: int = 0
    contacts: int = 0
    extensions: set[str] = msgspec.field(default_factory=set)


class _Item(NamedTuple):
    """A call, a reject or the number of a contact or mark to drop."""

    call_ref: bytes | None = None
    reject_id: int | None = None
    number: str | None = None


async def find(store: Store, app_id: int, sought: Sought) -> Found:
    """Return how much of an app holds the number, changing nothing."""
    found = Found()
    async for key, legs in _calls(store, app_id, sought):
        found.calls += 1
        found.legs += len(legs)
        found.extensions.add(key.extension)
    async for _ in _rejects(store, app_id, sought):
        found.rejects += 1
    async for _ in _contacts(store, app_id, sought):
        found.contacts += 1
    return found


async def seek(store: Store, app_id: int, number: str) -> Sought:
    """Return the number as the app's region reads it; raises `UnknownApp` and `InvalidInput`."""
    return Sought(number, (await app_named(store, app_id)).region)


async def erase(store: Store, app_id: int, sought: Sought, said: Heard) -> tuple[Dropped, set[bytes]]:
    """Drop every call of the app that has the number, with all its legs, every reject that holds it, and its contact.

    It goes in slices, each a transaction that leaves sound lists: broken off, it is simply begun again. Return what was
    dropped, and the spellings that were met. A call that comes while this runs may stay, like one that comes after it.
    """
    work = _Erasing(store, app_id, sought)
    async with aclosing(work.items()) as items:
        group: list[_Item] = []
        async for item in items:
            if len(group) == _AT_A_TIME:
                await work.drop(group, is_last=False)
                said(work.dropped)
                group = []
            group.append(item)
    await work.drop(group, is_last=True)
    said(work.dropped)
    return work.dropped, work.spellings


class _Erasing:
    """What has been dropped so far, and what of it stands in the audit."""

    def __init__(self, store: Store, app_id: int, sought: Sought) -> None:
        self._store, self._app_id, self._sought = store, app_id, sought
        self._is_begun = False
        self.dropped = Dropped()
        self.spellings: set[bytes] = set(sought.patterns)

    async def items(self) -> AsyncGenerator[_Item, None]:
        async for _, legs in _calls(self._store, self._app_id, self._sought):
            for leg in legs:
                self._remember(self._sought.spelt_in_leg(leg))
            yield _Item(call_ref=call_ref(self._app_id, legs[0].call_key))
        async for reject, spelt in _rejects(self._store, self._app_id, self._sought):
            self._remember(spelt)
            yield _Item(reject_id=reject.reject_id)
        async for contact in _contacts(self._store, self._app_id, self._sought):
            self._remember(contact.given)
            yield _Item(number=contact.number)
        async for mark in _marks(self._store, self._app_id, self._sought):
            yield _Item(number=mark.number)

    def _remember(self, spelt: str | None) -> None:
        if spelt and len(spelt) >= MIN_DIGITS and len(self.spellings) < _MOST_SPELLINGS:
            self.spellings.add(spelt.encode())

    async def drop(self, group: list[_Item], *, is_last: bool) -> None:
        refs = [item.call_ref for item in group if item.call_ref is not None]
        reject_ids = [item.reject_id for item in group if item.reject_id is not None]
        numbers = [item.number for item in group if item.number is not None]

        def note(dropped: Dropped) -> AuditLine | None:
            if is_last:
                total = msgspec.structs.replace(self.dropped)
                total.add(dropped)
                return new_line(Act.ERASED, self._app_id, self._sought.masked, **msgspec.structs.asdict(total))
            return None if self._is_begun else new_line(Act.ERASE_BEGUN, self._app_id, self._sought.masked)

        self.dropped.add(await self._store.drop(self._app_id, refs, reject_ids, note, numbers))
        self._is_begun = True


async def _calls(store: Store, app_id: int, sought: Sought) -> AsyncIterator[tuple[ListKey, list[CallLeg]]]:
    """Yield each call that has the number, once: from the first of the lists that it stands in."""
    for key in await store.lists(app_id):
        async with aclosing(store.walk_legs(app_id, key, Range())) as walk:
            async for legs in walk:
                if any(sought.spelt_in_leg(leg) for leg in legs) and merge(b"", legs, None).lists[0] == key:
                    yield key, legs


async def _rejects(store: Store, app_id: int, sought: Sought) -> AsyncIterator[tuple[Reject, str]]:
    after = 0
    while rejects := await store.rejects(app_id, after):
        after = rejects[-1].reject_id
        for reject in rejects:
            told = f"{reject.raw.decode('utf-8', 'replace')}\n{reject.reason}\n{reject.origin}"
            spelt = sought.spelt_in_text(told)
            if spelt:
                yield reject, spelt


async def _contacts(store: Store, app_id: int, sought: Sought) -> AsyncIterator[Contact]:
    after = ""
    while contacts := await store.contacts(app_id, after):
        after = contacts[-1].number
        for contact in contacts:
            if sought.spelt_in_text(f"{contact.number}\n{contact.given}\n{contact.name}"):
                yield contact


async def _marks(store: Store, app_id: int, sought: Sought) -> AsyncIterator[Mark]:
    after: Mark | None = None
    while marks := await store.marks(app_id, after):
        after = marks[-1]
        for mark in marks:
            if sought.spelt_in_text(mark.number):
                yield mark
