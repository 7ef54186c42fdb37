"""Apps, agents and tokens: who may see whose calls, and what ends a token."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.loop import run
from tests.storage.examples import (
    AN_AGENT,
    AN_APP,
    ANOTHER_APP,
    NOW,
    NOW_MS,
    add_token,
    an_agent,
    texts,
)
from tests.stores import Stores
from tests.telephony.examples import a_leg

from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp
from ringback.storage.base import Store
from ringback.storage.records import Agent, Range
from ringback.telephony.call import ListKind, call_ref

APP, OTHER = AN_APP.app_id, ANOTHER_APP.app_id
DIGEST = b"digest"


@pytest.fixture
def peopled(store: Store) -> Store:
    """A store with an agent who has a live token."""
    run(store.add_agent(AN_AGENT))
    assert add_token(store, AN_AGENT, DIGEST)
    return store


def agent_of(store: Store, digest: bytes = DIGEST, *, app_id: int = APP, now_ms: int = NOW_MS) -> str | None:
    """Return who the token stands for; asking for a page must say the same."""
    agent = run(store.token_agent(app_id, digest, now_ms))
    page = run(store.page_of_token(app_id, digest, now_ms, ListKind.OUT_MISSED, Range()))
    assert (page.extension if page else None) == agent
    return agent


# --- whose calls ---------------------------------------------------------------------------------------------------

agents = st.builds(an_agent, app_id=st.sampled_from((APP, OTHER)), extension=st.sampled_from(("101", "102", "1011")))
digests = st.sampled_from((b"one", b"two", b"three"))


@given(
    tokens=st.dictionaries(st.tuples(st.sampled_from((APP, OTHER)), digests), st.sampled_from(("101", "102", "1011"))),
    calls=st.lists(agents, max_size=30),
)
def test_a_token_shows_the_calls_of_its_agent_alone(
    stores: Stores, tokens: dict[tuple[int, bytes], str], calls: list[Agent]
) -> None:
    """Whatever apps and agents share extensions and digests, a token shows its own agent's calls, all of them."""
    with store_of_two_apps(stores) as store:
        for number, agent in enumerate(calls):
            leg = a_leg(f"k{number}", extension=agent.extension, dialled_number=f"{agent.app_id}00{agent.extension}")
            run(store.take_in(agent.app_id, [leg]))
        for (app_id, digest), extension in tokens.items():
            assert add_token(store, an_agent(app_id=app_id, extension=extension), digest)

        for app_id in (APP, OTHER):
            for digest in (b"one", b"two", b"three"):
                page = run(store.page_of_token(app_id, digest, NOW_MS, ListKind.OUT_MISSED, Range(limit=100)))
                extension = tokens.get((app_id, digest), "")
                assert (page is None) == (not extension)
                own = sum((agent.app_id, agent.extension) == (app_id, extension) for agent in calls)
                numbers = [text["number"] for text in texts(page)] if page else []
                assert numbers == [int(f"{app_id}00{extension}")] * own if page else True


@contextmanager
def store_of_two_apps(stores: Stores) -> Iterator[Store]:
    with stores.opened() as store:
        for app in (AN_APP, ANOTHER_APP):
            run(store.add_app(app))
            for extension in ("101", "102", "1011"):
                run(store.add_agent(an_agent(app_id=app.app_id, extension=extension)))
        yield store


def test_the_same_call_key_in_two_apps_is_two_calls(store: Store) -> None:
    """Call keys are an app's own: legs of one app never merge into another's call, nor show among its legs."""
    run(store.add_app(ANOTHER_APP))
    assert run(store.take_in(APP, [a_leg(call_id="ab" * 12)])).new == 1
    assert run(store.take_in(OTHER, [a_leg(call_id="ab" * 12, name="Other")])).new == 1

    assert [leg.name for leg in run(store.legs(APP, bytes.fromhex("ab" * 12)))] == [None]


def test_the_id_of_another_apps_call_shows_nothing(store: Store) -> None:
    """Knowing the id of a call is no way to its legs for an app that the call is not of."""
    run(store.add_app(ANOTHER_APP))
    run(store.take_in(OTHER, [a_leg()]))

    assert len(run(store.legs(OTHER, call_ref(OTHER, "k1")))) == 1
    assert run(store.legs(APP, call_ref(OTHER, "k1"))) == []


# --- what ends a token ---------------------------------------------------------------------------------------------


def test_a_token_stands_for_its_agent_in_its_app_only(peopled: Store) -> None:
    """The digest of one app's token means nothing in another app, nor does another digest in this one."""
    run(peopled.add_app(ANOTHER_APP))

    assert agent_of(peopled) == "101"
    assert agent_of(peopled, app_id=OTHER) is None
    assert agent_of(peopled, b"another") is None


ENDINGS: dict[str, Callable[[Store], object]] = {
    "disabled": lambda store: run(store.set_disabled(APP, "101", is_disabled=True)),
    "enabled": lambda store: run(store.set_disabled(APP, "101", is_disabled=False)),
    "another password": lambda store: run(store.set_password(APP, "101", "another")),
    "revoked": lambda store: run(store.delete_tokens(APP, "101")),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_token_ends_at_once(peopled: Store, ending: Callable[[Store], object]) -> None:
    """Disabling an agent, a new password and revocation end the agent's tokens before they return, others' not."""
    run(peopled.add_agent(an_agent(extension="102")))
    add_token(peopled, an_agent(extension="102"), b"other")

    ending(peopled)

    assert agent_of(peopled) is None
    assert agent_of(peopled, b"other") == "102"


def test_a_token_lives_until_its_last_millisecond(peopled: Store) -> None:
    """A token works before its expiry and not at it."""
    expires_ms = NOW_MS + 30 * 86_400_000

    assert agent_of(peopled, now_ms=expires_ms - 1) == "101"
    assert agent_of(peopled, now_ms=expires_ms) is None


@pytest.mark.parametrize(
    "agent",
    [
        an_agent(password_hash="stale"),
        an_agent(extension="404"),
        an_agent(app_id=OTHER),
        an_agent(extension="102", is_disabled=True),
    ],
    ids=["the password has changed", "no such agent", "another app", "disabled"],
)
def test_a_token_is_kept_only_for_who_logged_in(peopled: Store, agent: Agent) -> None:
    """Between the check of a password and the token, the password may change and the agent be disabled: no token."""
    run(peopled.add_agent(an_agent(extension="102", is_disabled=True)))

    assert not add_token(peopled, agent, b"late")

    assert agent_of(peopled, b"late", app_id=agent.app_id) is None


def test_expired_tokens_are_dropped_on_the_way(peopled: Store) -> None:
    """A new login drops the agent's expired tokens, so that what can be ended is what lives."""
    add_token(peopled, AN_AGENT, b"expired", days=-1)
    add_token(peopled, AN_AGENT, b"fresh")

    assert run(peopled.delete_tokens(APP, "101")) == 2


COUNTS, COUNTS_NOT = b"\0%d", b"1%d"  # one token in 256 begins with a zero, and has the agent's tokens counted


def log_in_at(store: Store, digest: bytes, issued_at: datetime) -> bool:
    """Have the agent 101 log in at a time."""
    expires_at = NOW + timedelta(days=30)
    return run(store.add_token(APP, "101", digest, issued_at, expires_at, AN_AGENT.password_hash))


def test_an_agent_has_only_so_many_tokens(peopled: Store) -> None:
    """Whoever logs in before each request ends its own oldest tokens, and nobody else's."""
    peopled.most_tokens = 20
    run(peopled.add_agent(an_agent(extension="102")))
    assert add_token(peopled, an_agent(extension="102"), b"other")
    later = [NOW + timedelta(seconds=number) for number in range(50)]

    assert all(log_in_at(peopled, COUNTS_NOT % number, at) for number, at in enumerate(later))
    assert len(run(peopled.tokens(APP))) == 2 + 50
    assert log_in_at(peopled, COUNTS % 50, NOW + timedelta(seconds=50))

    left = {token.digest for token in run(peopled.tokens(APP))}
    assert left == {b"other", COUNTS % 50, *(COUNTS_NOT % number for number in range(31, 50))}


def test_a_token_given_after_the_clock_stepped_back_lives(peopled: Store) -> None:
    """It is kept though as many others as may be seem newer: whoever has just logged in is let in."""
    peopled.most_tokens = 20
    assert all(log_in_at(peopled, COUNTS_NOT % number, NOW) for number in range(30))

    assert log_in_at(peopled, COUNTS % 30, NOW - timedelta(hours=1))
    assert agent_of(peopled, COUNTS % 30) == "101"
    assert len(run(peopled.tokens(APP))) == 20


def test_log_ins_at_once_end_no_more_tokens_than_they_should(peopled: Store) -> None:
    """Thirty that count at the same time leave the newest twenty."""
    peopled.most_tokens = 20
    later = [NOW + timedelta(seconds=number) for number in range(30)]

    async def log_in_together() -> list[bool]:
        tokens = enumerate(later)
        return await asyncio.gather(
            *(
                peopled.add_token(APP, "101", COUNTS % number, at, NOW + timedelta(days=30), AN_AGENT.password_hash)
                for number, at in tokens
            )
        )

    assert all(run(log_in_together()))
    assert len(run(peopled.tokens(APP))) == 20


def test_a_renewed_hash_keeps_tokens(peopled: Store) -> None:
    """The same password hashed anew goes on; a hash of a password changed meanwhile is not put back."""
    run(peopled.renew_hash(APP, "101", "hash", "stronger"))
    run(peopled.renew_hash(APP, "101", "hash", "stale"))

    agent = run(peopled.agent(APP, "101"))
    assert agent == an_agent(password_hash="stronger")
    assert agent_of(peopled) == "101"


# --- apps and agents -----------------------------------------------------------------------------------------------


def test_apps_and_agents_come_back_in_order(store: Store) -> None:
    """Apps are told by number, agents by app and extension, as they were added."""
    run(store.add_app(ANOTHER_APP))
    added = [an_agent(app_id=app, extension=extension) for app in (OTHER, APP) for extension in ("102", "101")]
    for agent in added:
        run(store.add_agent(agent))

    assert run(store.apps()) == [AN_APP, ANOTHER_APP]
    assert run(store.agents(None)) == sorted(added, key=lambda agent: (agent.app_id, agent.extension))
    assert run(store.agents(APP)) == [added[3], added[2]]
    assert run(store.agent(OTHER, "101")) == added[1]


def test_what_is_not_there_is_none(store: Store) -> None:
    """An unknown app and an unknown agent are None, and an unknown app has no agents."""
    assert run(store.app(404)) is None
    assert run(store.agent(APP, "404")) is None
    assert run(store.agents(404)) == []


def test_nothing_is_added_twice(store: Store) -> None:
    """An app and an agent that are there already stay as they are."""
    run(store.add_agent(AN_AGENT))

    with pytest.raises(AlreadyThere, match="1111113"):
        run(store.add_app(AN_APP))
    with pytest.raises(AlreadyThere, match="101_1111113"):
        run(store.add_agent(an_agent(name="Bob")))

    assert run(store.agents(None)) == [AN_AGENT]


def test_a_new_secret_replaces_the_old(store: Store) -> None:
    """After a rotation only the new secret's digest is known."""
    run(store.set_secret(APP, b"new"))

    app = run(store.app(APP))
    assert app is not None
    assert app.secret_digest == b"new"


UNKNOWN: dict[str, Callable[[Store], object]] = {
    "set_password": lambda store: run(store.set_password(APP, "404", "x")),
    "set_disabled": lambda store: run(store.set_disabled(APP, "404", is_disabled=True)),
    "delete_tokens": lambda store: run(store.delete_tokens(APP, "404")),
    "set_secret": lambda store: run(store.set_secret(404, b"x")),
    "add_agent": lambda store: run(store.add_agent(an_agent(app_id=404))),
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_there_cannot_be_changed(store: Store, change: Callable[[Store], object]) -> None:
    """Changing an agent or an app that is not there says which it is."""
    with pytest.raises((UnknownAgent, UnknownApp), match="404"):
        change(store)


def test_times_are_kept_to_the_millisecond(store: Store) -> None:
    """The time an agent was added comes back in UTC, cut to whole milliseconds."""
    run(store.add_agent(an_agent(created_at=NOW + timedelta(microseconds=1999))))

    agent = run(store.agent(APP, "101"))
    assert agent is not None
    assert agent.created_at == NOW + timedelta(milliseconds=1)


def test_one_token_ends_by_itself(peopled: Store) -> None:
    """Signing out ends the token it was done with, and no other; once more it does nothing."""
    assert add_token(peopled, AN_AGENT, b"another")

    for _ in range(2):
        run(peopled.delete_token(APP, DIGEST))
        run(peopled.delete_token(OTHER, b"another"))
        assert agent_of(peopled) is None
        assert agent_of(peopled, b"another") == AN_AGENT.extension
