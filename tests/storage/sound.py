"""A sound store, to be damaged by hand, and what `check` finds in it then; what makes a list sound."""

from tests.loop import run
from tests.storage.examples import AN_AGENT, AN_APP, add_token
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.records import CheckReport, ListedCall
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import Direction


def make_sound(url: str) -> None:
    """Put in forty calls of an agent with a token, one with given id, one to ring back, and two of others."""
    app_id = AN_APP.app_id
    store = run(open_store(url))
    run(store.add_app(AN_APP))
    run(store.add_agent(AN_AGENT))
    add_token(store, AN_AGENT, b"digest")
    run(store.take_in(app_id, [a_leg(f"k{number}", seconds=number) for number in range(40)]))
    run(store.take_in(app_id, [a_leg("given", seconds=50, call_id="ab" * 12, disposition=Disposition.ANSWERED)]))
    run(store.take_in(app_id, [a_leg("again", seconds=60, dialled_number="77010000002")]))
    run(store.take_in(app_id, [a_leg("in", direction=Direction.INBOUND), a_leg("none", extension=None)]))
    assert run(store.check()).faults == []
    run(store.close())


def add_many(url: str) -> None:
    """Put in 1,200 calls more."""
    store = run(open_store(url))
    run(store.take_in(AN_APP.app_id, [a_leg(f"more{number}", seconds=number) for number in range(1200)]))
    run(store.close())


def checked(url: str) -> CheckReport:
    """Open the store and check it."""
    store = run(open_store(url))
    try:
        return run(store.check())
    finally:
        run(store.close())


def assert_dense(calls: list[ListedCall]) -> None:
    """Newest first, positions fall by one from call to call."""
    positions = [call.position for call in calls]
    assert positions == list(range(positions[0], positions[0] - len(calls), -1))
