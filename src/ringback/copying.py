"""Copying a store into another, of whatever kind: all but lists, which are made from the legs.

Every step may be done again: what is there already changes nothing. So a copy that was broken off is simply begun
again; lists that are whole are passed over.
"""

from collections.abc import Callable

import msgspec

from ringback.errors import AlreadyThere
from ringback.storage.auditing import THE_STORE
from ringback.storage.base import Store
from ringback.storage.placing import epoch_ms
from ringback.storage.records import EARLIEST_MS, App, Fault, Intake, ListedCall, Mark, NewReject, Range
from ringback.telephony.call import ListKey
from ringback.telephony.leg import CallLeg

_CHUNK_LEGS = 5_000  # taken in at a time: what memory and other writers of the store allow


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

    Apps and agents that the target has are left as they are there.
    """
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
            had, has = await _count(source, app.app_id, key), await _count(target, app.app_id, key)
            if has < had:
                where = f"{key.kind.word} of {key.extension}_{app.app_id}"
                faults.append(Fault(where=where, what=f"{had - has} of {had} calls are not in the copy"))
    return faults


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


async def _is_whole(source: Store, target: Store, app_id: int, key: ListKey) -> bool:
    """Tell whether the target's list has as many calls as the source's, from the same first to the same last."""
    count = await _count(source, app_id, key)
    if count != await _count(target, app_id, key):
        return False
    for page in (1, count):
        wanted = Range(page=max(page, 1), limit=1)
        ends = [(await store.page(app_id, key, wanted)).calls for store in (source, target)]
        if _shown(ends[0]) != _shown(ends[1]):
            return False
    return True


def _shown(calls: list[ListedCall]) -> list[ListedCall]:
    return [msgspec.structs.replace(call, position=0) for call in calls]


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


async def _count(store: Store, app_id: int, key: ListKey) -> int:
    return (await store.page(app_id, key, Range(limit=1))).count
