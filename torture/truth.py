"""What a store should hold, told by the naive model of the tests, against what it does hold. Nothing is killed here."""

from collections.abc import Iterable

from tests.storage.naive import NaiveStore, shown
from tests.web.house import with_store

from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.telephony.call import call_ref
from ringback.telephony.leg import CallLeg
from torture.deliveries import APP


def differences(url: str, legs: Iterable[CallLeg]) -> list[str]:
    """Return how a store differs from one that holds exactly these legs: lists, legs, and its own check."""
    model = NaiveStore(APP)
    model.legs = set(legs)
    return with_store(url, lambda store: _differences(store, model))


async def _differences(store: Store, model: NaiveStore) -> list[str]:
    faults = [f"check: {fault.where}: {fault.what}" for fault in (await store.check()).faults]
    right = model.lists()
    keys = {*right, *await store.lists(APP)}
    for key in sorted(keys):
        listed = [shown(call) async for call in store.walk(APP, key, Range())]
        wanted = [shown(row) for row in right.get(key, [])]
        if listed != wanted:
            faults.append(f"list {key}: {len(listed)} calls, the model has {len(wanted)}")
    kept = await kept_legs(store, model.legs)
    if len(kept) != len(set(kept)) or set(kept) != model.legs:
        missing, strange = model.legs - set(kept), set(kept) - model.legs
        faults.append(f"legs: {len(missing)} missing, {len(strange)} strange, {len(kept) - len(set(kept))} twice")
    return faults


async def kept_legs(store: Store, legs: Iterable[CallLeg]) -> list[CallLeg]:
    """Return all legs that the store keeps of the calls of these."""
    refs = {call_ref(APP, leg.call_key) for leg in legs}
    return [leg for ref in sorted(refs) for leg in await store.legs(APP, ref)]


def lost(url: str, acknowledged: Iterable[CallLeg]) -> list[str]:
    """Return what is wrong right after a kill: the store's own check, and legs that were acknowledged and are not
    there just once."""

    async def work(store: Store) -> list[str]:
        faults = [f"check: {fault.where}: {fault.what}" for fault in (await store.check()).faults]
        legs = list(acknowledged)
        kept = await kept_legs(store, legs)
        wrong = [leg for leg in legs if kept.count(leg) != 1] if len(kept) < 2000 else list(set(legs) - set(kept))
        return [*faults, *(f"acknowledged and not there once: {leg.call_key}" for leg in wrong)]

    return with_store(url, work)
