"""Calls as the server and the commands ask for them: whose legs an id shows. Taking in is tested with the stores."""

from datetime import timedelta

import pytest
from tests.loop import run
from tests.storage.examples import AN_AGENT, AN_APP, NOW, an_agent
from tests.telephony.examples import a_leg

from ringback import calls
from ringback.errors import UnknownCall
from ringback.storage.base import Store
from ringback.telephony.call import call_ref
from ringback.telephony.leg import Direction

APP = AN_APP.app_id
CLAIMED = "ab" * 12
YEARS = timedelta(days=36_500)


@pytest.fixture
def colleagues(store: Store) -> Store:
    """A store where agents 101 and 102 are logged in, each by a token named after the extension."""
    for extension in ("101", "102"):
        agent = an_agent(extension=extension)
        run(store.add_agent(agent))
        token = extension.encode(), NOW, NOW + YEARS
        run(store.add_token(APP, extension, *token, AN_AGENT.password_hash))
    return store


def keys_for(store: Store, extension: str, call_id: str) -> list[str]:
    """Return the call keys of the legs that the agent's token shows."""
    return [leg.call_key for leg in run(calls.legs_for_token(store, APP, extension.encode(), call_id))]


def test_of_calls_that_claim_one_id_each_agent_sees_its_own(colleagues: Store) -> None:
    """Two calls of two agents whose source gave them one id: neither hides nor shows the other; an owner sees both."""
    run(colleagues.take_in(APP, [a_leg("k1", call_id=CLAIMED)]))
    run(colleagues.take_in(APP, [a_leg("k2", seconds=60, extension="102", call_id=CLAIMED)]))

    assert keys_for(colleagues, "101", CLAIMED) == ["k1"]
    assert keys_for(colleagues, "102", CLAIMED) == ["k2"]
    assert [leg.call_key for leg in run(calls.legs_of(colleagues, APP, CLAIMED))] == ["k1", "k2"]


def test_a_given_id_that_is_another_calls_own_shows_neither_to_the_other(colleagues: Store) -> None:
    """An id that one call was given and that is made from another's key belongs to both, and to each agent its own."""
    call_id = call_ref(APP, "k1").hex()
    run(colleagues.take_in(APP, [a_leg("k1", seconds=60), a_leg("k2", extension="102", call_id=call_id)]))

    assert keys_for(colleagues, "101", call_id) == ["k1"]
    assert keys_for(colleagues, "102", call_id) == ["k2"]


def test_an_agent_sees_each_of_its_calls_that_claim_one_id(colleagues: Store) -> None:
    """Two calls of one agent by one id are shown both, in order of start, whoever else claims the id."""
    own = [a_leg(key, seconds=seconds, call_id=CLAIMED) for key, seconds in (("k1", 60), ("k3", 0))]
    run(colleagues.take_in(APP, [*own, a_leg("k2", seconds=30, extension="102", call_id=CLAIMED)]))

    assert keys_for(colleagues, "101", CLAIMED) == ["k3", "k1"]


def test_a_call_shows_all_its_legs_to_each_agent_it_rang_at(colleagues: Store) -> None:
    """What rang at two agents is one call of both."""
    rang = [("101", "r1"), ("102", "r2")]
    legs = [a_leg(extension=one, source_record_id=record, direction=Direction.INBOUND) for one, record in rang]
    run(colleagues.take_in(APP, legs))
    call_id = call_ref(APP, "k1").hex()

    assert keys_for(colleagues, "101", call_id) == keys_for(colleagues, "102", call_id) == ["k1", "k1"]


def test_a_claimed_id_is_no_way_to_another_agents_call(colleagues: Store) -> None:
    """To an agent without a call of this id it is unknown, though two others claim it."""
    run(colleagues.take_in(APP, [a_leg(key, extension="102", call_id=CLAIMED) for key in ("k1", "k2")]))

    with pytest.raises(UnknownCall):
        keys_for(colleagues, "101", CLAIMED)
