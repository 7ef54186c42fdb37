"""What a store has acknowledged is there after the process was killed."""

import random
import time

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, whole_lists
from tests.storage.processes import pouring

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.telephony.call import call_ref

APP = AN_APP.app_id


@pytest.mark.parametrize("round_number", range(4))
def test_an_acknowledged_leg_survives_kill_9(store: Store, store_url: str, round_number: int) -> None:
    """Killed at any moment, the store opens without a fault and holds every acknowledged call once."""
    with pouring(store_url, "acknowledged") as process:
        time.sleep(random.uniform(0.0, 0.3))
        process.kill()
        told, _ = process.communicate()
    acknowledged = told[: told.rfind("\n") + 1].split()

    assert run(store.check()).faults == []
    listed = [call.call_id for calls in whole_lists(store).values() for call in calls]
    assert len(listed) == len(set(listed))
    assert {call_ref(APP, key) for key in acknowledged} <= set(listed)
    assert all(len(run(store.legs(APP, call_ref(APP, key)))) == 1 for key in acknowledged)


def test_a_killed_writer_leaves_a_store_that_takes_in_more(store: Store, store_url: str) -> None:
    """After a kill the next process opens the store and goes on where the first was stopped."""
    counts = []
    for _ in range(2):
        with pouring(store_url, "acknowledged"):
            pass
        reopened = run(open_store(store_url))
        counts.append(run(reopened.check()).calls)
        run(reopened.close())

    assert run(store.check()).faults == []
    assert counts[0] > 0
