"""Copying a store into another, of whatever kind: all but lists, which are made from the legs.

Every step may be done again: what is there already changes nothing. So a copy that was broken off is simply begun
again; lists whose calls are all there, with all their legs, are passed over.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec

from ringback.errors import AlreadyThere, InvalidInput
from ringback.storage.auditing import THE_STORE
from ringback.storage.base import Store
from ringback.storage.placing import entry_of, epoch_ms
from ringback.storage.records import EARLIEST_MS, App, Fault, Intake, Mark, NewReject, Range
from ringback.telephony.call import ListKey, call_ref, merge
from ringback.telephony.condensing import CONDENSED
from ringback.telephony.leg import CallLeg, encode_leg

_CHUNK_LEGS = 5_000  # taken in at a time: what memory and other writers of the store allow
_MOST_MOVED = 1_000  # calls of a list that are looked for in others: memory is bounded, and few have legs in two stores


class Copied(msgspec.Struct, kw_only=True):
    """What a copy has brought over so far; of legs `new`, `merged` and `duplicate` as of every delivery."""

    apps: int = 0
    agents: int = 0
    tokens: int = 0
    contacts: int = 0
    rejects: int = 0
    calls: int = 0
    legs: Intake = msgspec.field(default_factory=Intake)


Heard = Callable[[Copied], None]


async def count_calls(store: Store) -> int:
    """Return how many rows all lists of a store have."""
    apps = [app.app_id for app in await store.apps()]
    return sum([await _count(store, app_id, key) for app_id in apps for key in await store.lists(app_id)])


async def copy_store(source: Store, target: Store, said: Heard = lambda _: None) -> Copied:
    """Bring over what the source has and the target lacks; `said` hears the counts from time to time.

    Apps and agents that the target has are left as they are there. Raises `InvalidInput`, before anything is brought
    over, where an app is of another region there.
    """
    await _check_regions(source, target)
    copied = Copied()
    for app in await source.apps():
        copied.apps += await _copy_app(target, app)
        copied.agents += await _copy_agents(source, target, app.app_id)
        copied.contacts += await _copy_contacts(source, target, app.app_id)
        copied.tokens += await _copy_tokens(source, target, app.app_id)
        for key in await source.lists(app.app_id):
            await _copy_list(source, target, app.app_id, key, copied, said)
        await _copy_marks(source, target, app.app_id)
        copied.rejects += await _copy_rejects(source, target, app.app_id)
        await _copy_audit(source, target, app.app_id)
        said(copied)
    await _copy_audit(source, target, THE_STORE)
    if copied.legs.new >= _CHUNK_LEGS:
        await target.refresh_statistics()
    return copied


async def lacking(source: Store, target: Store) -> list[Fault]:
    """Return what the target lacks of the source's lists: it may have more, if it has taken in calls of its own."""
    faults: list[Fault] = []
    for app in await source.apps():
        for key in await source.lists(app.app_id):
            lacks = await _count_lacking(source, target, app.app_id, key)
            if lacks:
                had = await _count(source, app.app_id, key)
                where = f"{key.kind.word} of {key.extension}_{app.app_id}"
                faults.append(Fault(where=where, what=f"{lacks} of {had} calls are not in the copy"))
    return faults


async def _check_regions(source: Store, target: Store) -> None:
    """Raise `InvalidInput` for an app whose numbers the target reads otherwise.

    Contacts and marks go by numbers as the source shows them; the target's lists would show others.
    """
    there = {app.app_id: app.region for app in await target.apps()}
    for app in await source.apps():
        region = there.get(app.app_id, app.region)
        if region != app.region:
            raise InvalidInput(
                f"app {app.app_id} has the region {app.region or 'none'} in the old store and {region or 'none'} in "
                "the new one: names, and numbers that are done, would be lost. In the new store, "
                f"`ringback app set {app.app_id} --region {app.region or repr('')}` makes it the same; then copy"
            )


async def _copy_app(target: Store, app: App) -> bool:
    try:
        await target.add_app(app, is_noted=False)
    except AlreadyThere:
        return False
    return True


async def _copy_agents(source: Store, target: Store, app_id: int) -> int:
    there = {agent.extension for agent in await target.agents(app_id)}
    lacking_agents = [agent for agent in await source.agents(app_id) if agent.extension not in there]
    for agent in lacking_agents:
        await target.add_agent(agent, is_noted=False)
    return len(lacking_agents)


async def _copy_tokens(source: Store, target: Store, app_id: int) -> int:
    """Bring over the tokens of agents who are the same in both: whoever is logged in stays so."""
    there = {token.digest for token in await target.tokens(app_id)}
    passwords = {agent.extension: agent.password_hash for agent in await source.agents(app_id)}
    copied = 0
    for token in sorted(await source.tokens(app_id), key=lambda token: token.issued_at):
        if token.digest not in there:
            issued, password_hash = (token.issued_at, token.expires_at), passwords[token.extension]
            copied += await target.add_token(app_id, token.extension, token.digest, *issued, password_hash)
    return copied


async def _copy_contacts(source: Store, target: Store, app_id: int) -> int:
    """Bring over the contacts whose numbers the target does not know; before the lists, whose rows show names."""
    copied, after = 0, ""
    while contacts := await source.contacts(app_id, after):
        after = contacts[-1].number
        there = await _numbers(target, app_id, contacts[0].number, after)
        lacking_contacts = [contact for contact in contacts if contact.number not in there]
        if lacking_contacts:
            await target.set_contacts(app_id, lacking_contacts)
        copied += len(lacking_contacts)
    return copied


async def _copy_marks(source: Store, target: Store, app_id: int) -> None:
    """Bring over which numbers are done; behind the lists, which hold the tries that are covered by it."""
    after: Mark | None = None
    while marks := await source.marks(app_id, after):
        await target.put_marks(app_id, marks)
        after = marks[-1]


async def _numbers(store: Store, app_id: int, first: str, last: str) -> set[str]:
    """Return the numbers of the contacts from one to another, both included."""
    found: set[str] = set()
    after = first[:-1]  # sorts before it
    while contacts := await store.contacts(app_id, after):
        found.update(contact.number for contact in contacts)
        after = contacts[-1].number
        if after >= last:
            break
    return found


async def _copy_list(source: Store, target: Store, app_id: int, key: ListKey, copied: Copied, said: Heard) -> None:
    """Newest calls first: each chunk goes to the old end of the list, where nothing has to move for it."""
    if await _is_whole(source, target, app_id, key):
        copied.calls += await _count(source, app_id, key)
        said(copied)
        return
    chunk: list[CallLeg] = []
    async for legs in source.walk_legs(app_id, key, Range()):
        chunk.extend(legs)
        copied.calls += 1
        if len(chunk) >= _CHUNK_LEGS:
            copied.legs.add(await target.take_in(app_id, chunk))
            said(copied)
            chunk = []
    if chunk:
        copied.legs.add(await target.take_in(app_id, chunk))
        said(copied)


async def _copy_rejects(source: Store, target: Store, app_id: int) -> int:
    copied, after = 0, 0
    while rejects := await source.rejects(app_id, after):
        records = [
            NewReject(**{field: getattr(reject, field) for field in NewReject.__struct_fields__}) for reject in rejects
        ]
        copied += (await target.take_in(app_id, [], records)).rejected
        after = rejects[-1].reject_id
    return copied


async def _copy_audit(source: Store, target: Store, app_id: int) -> None:
    after = (EARLIEST_MS, b"")
    while lines := await source.audit(app_id, after):
        await target.note(lines)
        after = epoch_ms(lines[-1].done_at), lines[-1].line_key


# --- what is there already -----------------------------------------------------------------------------------------


async def _is_whole(source: Store, target: Store, app_id: int, key: ListKey) -> bool:
    """Tell whether the target has every leg of every call of the source's list."""
    if not await _count(target, app_id, key):
        return False  # nearly always of a copy that has just begun: nothing to compare
    return not await _count_lacking(source, target, app_id, key, most=1)


async def _count_lacking(source: Store, target: Store, app_id: int, key: ListKey, most: int | None = None) -> int:
    """Return how many calls of the source's list have legs that the target lacks; count no further than to `most`.

    Calls that are not in the target's list are looked for by their id once nothing is walked any more: a target may
    have no second connection to be asked by.
    """
    count, moved = 0, list[list[CallLeg]]()
    async with aclosing(_astray(source, target, app_id, key)) as astray:
        async for legs in astray:
            if len(moved) < _MOST_MOVED:
                moved.append(legs)
                continue
            count += 1
            if count == most:
                return count
    for legs in moved:
        count += await _is_absent(target, app_id, legs)
        if count == most:
            break
    return count


async def _is_absent(target: Store, app_id: int, legs: list[CallLeg]) -> bool:
    """Tell whether no list of the target has the call with all of its legs."""
    call_key = legs[0].call_key
    kept = await target.legs(app_id, call_ref(app_id, call_key))
    return not _holds([leg for leg in kept if leg.call_key == call_key], legs)


async def _astray(source: Store, target: Store, app_id: int, key: ListKey) -> AsyncGenerator[list[CallLeg], None]:
    """Yield the calls of the source's list that the target's has not, or not all legs of; both are read side by side.

    The target may have such a call in another list, where further legs have put it.
    """
    ours, theirs = (store.walk_legs(app_id, key, Range()) for store in (source, target))
    async with aclosing(ours), aclosing(theirs):
        there = await anext(theirs, None)
        async for legs in ours:
            if not legs:
                continue  # a row without legs is a fault of the source's, and nothing to bring over
            while there is not None and not _holds(there, legs) and _is_before(app_id, there, legs):
                there = await anext(theirs, None)
            if there is None or not _holds(there, legs):
                yield legs


def _holds(there: list[CallLeg], legs: list[CallLeg]) -> bool:
    """Tell whether these are legs of the same call, and all of them there."""
    if not there or there[0].call_key != legs[0].call_key:
        return False
    if CONDENSED in (there[0].source, legs[0].source):  # whose legs cannot be told apart any more, nor be added to
        return True
    return {*map(encode_leg, legs)} <= {*map(encode_leg, there)}


def _is_before(app_id: int, there: list[CallLeg], legs: list[CallLeg]) -> bool:
    """Tell whether a call stands before another in lists, which are walked from the newest to the oldest."""
    return not there or _place(app_id, there) > _place(app_id, legs)


def _place(app_id: int, legs: list[CallLeg]) -> tuple[int, bytes, bytes]:
    return entry_of(merge(call_ref(app_id, legs[0].call_key), legs, None)).key


async def _count(store: Store, app_id: int, key: ListKey) -> int:
    return (await store.page(app_id, key, Range(limit=1))).count
