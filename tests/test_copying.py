"""`ringback copy`: any store into any other, whole; broken off and begun again; beside deliveries; verified."""

import asyncio
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.loop import run
from tests.storage.examples import (
    AN_AGENT,
    AN_APP,
    ANOTHER_APP,
    BEGUN_MS,
    NOW,
    NOW_MS,
    OUT_MISSED,
    TO_RING_BACK,
    add_token,
    walked,
    whole_lists,
)
from tests.storage.naive import shown
from tests.stores import BACKENDS, PostgresqlStores, SqliteStores, Stores
from tests.telephony.examples import a_leg, legs
from tests.web.processes import RINGBACK, environment, ringback

from ringback.contacts import contact_of
from ringback.copying import Copied, copy_store, count_calls, lacking
from ringback.errors import InvalidInput
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Intake, Mark, NewReject, Range
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, encode_leg

APP = AN_APP.app_id
PAIRS = list(zip(BACKENDS, reversed(BACKENDS), strict=True))  # each is read from and written to


@pytest.fixture(params=PAIRS, ids=lambda pair: " to ".join(pair))
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two empty stores of different kinds, each of the kinds read from in turn."""
    kinds = [kind(request, name, tmp_path) for name in request.param]
    made = kinds[0].made(), kinds[1].made()
    yield made
    for stores, url in zip(kinds, made, strict=True):
        stores.drop(url)


def kind(request: pytest.FixtureRequest, name: str, folder: Path) -> Stores:
    """Return the maker of stores of this kind."""
    if name == "sqlite":
        return SqliteStores(folder)
    return PostgresqlStores(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def pair(urls: tuple[str, str]) -> Iterator[tuple[Store, Store]]:
    """Both stores, open."""
    opened = run(open_store(urls[0])), run(open_store(urls[1]))
    yield opened
    for store in opened:
        run(store.close())


def fill(store: Store, some: list[CallLeg]) -> None:
    """Give a store two apps, an agent who is logged in and one who is disabled, these legs, and two rejects."""
    for app in (AN_APP, ANOTHER_APP):
        run(store.add_app(app))
        run(store.take_in(app.app_id, some))
    run(store.add_agent(AN_AGENT))
    add_token(store, AN_AGENT, b"token")
    run(store.add_agent(msgspec.structs.replace(AN_AGENT, extension="102", is_disabled=True)))
    rejects = [
        NewReject(source="generic", origin="here", reason="odd", raw=raw, received_at=NOW) for raw in (b"\0\xff", b"{")
    ]
    run(store.take_in(APP, [], rejects))


def told(store: Store) -> list[object]:
    """Return all that users can see of a store."""
    lists = [
        {key: [shown(call) for call in calls] for key, calls in whole_lists(store, app_id=app_id).items()}
        for app_id in (APP, ANOTHER_APP.app_id)
    ]
    call_ids = {call.call_id for calls in whole_lists(store).values() for call in calls}
    kept_legs = [sorted(run(store.legs(APP, call_id)), key=repr) for call_id in sorted(call_ids)]
    rejects = [(reject.app_id, reject.raw, reject.reason) for reject in run(store.rejects(None))]
    return [run(store.apps()), run(store.agents(None)), run(store.tokens(APP)), lists, kept_legs, rejects]


@given(some=st.lists(legs(), max_size=40))
@settings(max_examples=15)
def test_a_copy_tells_what_the_store_tells(tmp_path_factory: pytest.TempPathFactory, some: list[CallLeg]) -> None:
    """Apps, agents, tokens, lists, legs and rejects are the same in a copy, and copying again changes nothing."""
    folder = tmp_path_factory.mktemp("copies")
    source, target = (run(open_store(f"sqlite:///{folder}/{name}.db")) for name in ("from", "to"))
    fill(source, some)

    run(copy_store(source, target))
    once = told(target)
    again = run(copy_store(source, target))

    assert once == told(source) == told(target)
    assert (again.apps, again.agents, again.tokens, again.legs.new, again.legs.merged) == (0, 0, 0, 0, 0)
    assert run(target.check()).faults == []
    run(source.close())
    run(target.close())


def test_a_copy_is_the_same_in_any_kind_of_store(pair: tuple[Store, Store]) -> None:
    """From each kind of store to each: all that users can see, and who is logged in."""
    source, target = pair
    shuffle = random.Random(7)
    some = [a_leg(f"k{n // 2}", seconds=n, extension=str(101 + n % 3), source_record_id=f"r{n}") for n in range(500)]
    fill(source, shuffle.sample(some, len(some)))

    copied = run(copy_store(source, target))

    assert told(target) == told(source)
    assert (copied.apps, copied.agents, copied.tokens, copied.rejects) == (2, 2, 1, 2)
    assert copied.legs.new == 2 * 250
    assert run(target.token_agent(APP, b"token", 0)) == AN_AGENT.extension
    assert run(lacking(source, target)) == []
    assert run(target.check()).faults == []


def test_what_is_done_is_done_in_the_copy(pair: tuple[Store, Store]) -> None:
    """Marks come along: a number that is off the lists is off them in the copy, and undoing that works there."""
    source, target = pair
    mark = Mark(number="77010000001", done_ms=NOW_MS, extension="101")
    run(source.add_app(AN_APP))
    run(source.take_in(AN_APP.app_id, [a_leg(), a_leg("k2", dialled_number="77010000002")]))
    assert run(source.mark_done(AN_APP.app_id, mark, of=None))
    run(copy_store(source, target))
    run(copy_store(source, target))

    assert [call.number for call in walked(target, TO_RING_BACK, Range())] == ["77010000002"]
    assert run(target.marks(AN_APP.app_id)) == [mark]
    assert run(target.undo_done(AN_APP.app_id, mark))
    assert len(walked(target, TO_RING_BACK, Range())) == 2


def test_stores_that_read_an_apps_numbers_otherwise_are_not_copied(pair: tuple[Store, Store]) -> None:
    """Contacts and marks would stand under numbers that no list shows: refused before anything is written."""
    source, target = pair
    run(source.add_app(ANOTHER_APP))
    run(source.add_app(msgspec.structs.replace(AN_APP, region="KZ")))
    run(source.take_in(APP, [a_leg(dialled_number="87010000001")]))
    run(source.set_contacts(APP, [contact_of("87010000001", "Ann", "KZ")]))
    run(target.add_app(AN_APP))

    with pytest.raises(InvalidInput, match=r"app 1111113 .* region KZ .* none in the new one"):
        run(copy_store(source, target))
    assert [app.app_id for app in run(target.apps())] == [APP]
    run(target.change_app(APP, region="KZ", extensions=None))
    run(copy_store(source, target))
    assert [call.name for call in walked(target, OUT_MISSED, Range())] == ["Ann"]


def test_a_copy_beside_deliveries_keeps_both(pair: tuple[Store, Store]) -> None:
    """While the new store takes calls in already, the old one's history comes in between them."""
    source, target = pair
    fill(source, [a_leg(f"old{n}", seconds=2 * n) for n in range(300)])
    run(target.add_app(AN_APP))

    async def both() -> Copied:
        copying = asyncio.create_task(copy_store(source, target))
        await asyncio.gather(*(target.take_in(APP, [a_leg(f"live{n}", seconds=3 * n + 1)]) for n in range(200)))
        return await copying

    run(both())

    keys = {call.call_id for calls in whole_lists(target).values() for call in calls}
    assert len(keys) == 500
    assert run(lacking(source, target)) == []
    assert run(target.check()).faults == []


def test_what_a_copy_lacks_is_told(pair: tuple[Store, Store]) -> None:
    """Calls that came into the old store after the copy are missed in the new one, and brought over by another copy."""
    source, target = pair
    fill(source, [a_leg(f"k{n}", seconds=n) for n in range(10)])
    run(copy_store(source, target))
    run(source.take_in(APP, [a_leg("late", seconds=4.5)]))

    assert [fault.what for fault in run(lacking(source, target))] == ["1 of 11 calls are not in the copy"]
    assert run(copy_store(source, target)).legs.new == 1
    assert run(lacking(source, target)) == []


def test_what_reached_the_old_store_late_comes_with_a_second_copy(pair: tuple[Store, Store]) -> None:
    """A late leg of a call in the midst of a list, which stays as long as it was, is told as lacking and brought."""
    source, target = pair
    fill(source, [a_leg(f"k{n}", seconds=n) for n in range(5)])
    run(copy_store(source, target))
    run(source.take_in(APP, [a_leg("k2", seconds=2.5, source_record_id="r2", disposition=Disposition.BUSY)]))

    assert [fault.what for fault in run(lacking(source, target))] == ["1 of 5 calls are not in the copy"]
    assert run(copy_store(source, target)).legs.merged == 1
    assert told(target) == told(source)
    assert run(lacking(source, target)) == []


def test_one_call_gone_and_another_come_is_no_whole_list(pair: tuple[Store, Store]) -> None:
    """As many calls from the same first to the same last, and yet another list: the copy brings what is new in it."""
    source, target = pair
    fill(source, [a_leg(f"k{n}", seconds=n) for n in range(5)])
    run(copy_store(source, target))
    answered = a_leg("k2", seconds=2, source_record_id="r2", disposition=Disposition.ANSWERED)
    run(source.take_in(APP, [answered, a_leg("late", seconds=3.5)]))

    run(copy_store(source, target))

    assert told(target) == told(source)


def test_whole_lists_are_passed_over_where_the_copy_has_more(pair: tuple[Store, Store]) -> None:
    """Calls, and legs of old calls, that the new store took in itself are no reason to bring anything over again."""
    source, target = pair
    fill(source, [a_leg(f"k{n}", seconds=n) for n in range(5)])
    run(copy_store(source, target))
    own = [a_leg(f"own{n}", seconds=n - 0.5) for n in range(7)]
    more = a_leg("k3", seconds=3.5, source_record_id="r2", disposition=Disposition.ANSWERED)
    run(target.take_in(APP, [*own, more]))  # k3 stands in another list now

    again = run(copy_store(source, target))

    assert (again.calls, again.legs) == (2 * 5, Intake())
    assert run(lacking(source, target)) == []


def test_calls_condensed_in_either_store_are_not_lacking(pair: tuple[Store, Store]) -> None:
    """What one store keeps only in brief is the same call: it is passed over, and no fault."""
    source, target = pair
    fill(source, [a_leg(f"k{n}", seconds=n, trunk="t") for n in range(4)])
    run(copy_store(source, target))
    run(source.condense(BEGUN_MS + 1500))
    run(target.condense(BEGUN_MS + 2500))

    assert run(copy_store(source, target)).legs == Intake()
    assert run(lacking(source, target)) == []


@given(old=st.lists(legs(), max_size=20), new=st.lists(legs(), max_size=20))
@settings(max_examples=15)
def test_nothing_is_lacking_only_if_every_leg_is_there(
    tmp_path_factory: pytest.TempPathFactory, old: list[CallLeg], new: list[CallLeg]
) -> None:
    """Whatever both stores took in: the copy is sound as soon as it has all that the old store has, and no sooner."""
    folder = tmp_path_factory.mktemp("copies")
    source, target = (run(open_store(f"sqlite:///{folder}/{name}.db")) for name in ("from", "to"))
    for store, some in ((source, old), (target, new)):
        run(store.add_app(AN_APP))
        run(store.take_in(APP, some))

    assert (run(lacking(source, target)) == []) == ({*map(encode_leg, old)} <= {*map(encode_leg, new)})
    run(copy_store(source, target))
    assert run(lacking(source, target)) == []
    assert run(target.take_in(APP, old)).duplicate == len(old)
    run(source.close())
    run(target.close())


def test_a_copy_broken_off_goes_on(urls: tuple[str, str], tmp_path: Path) -> None:
    """The command killed in the midst and begun again brings over the rest; both stores prove sound."""
    source = run(open_store(urls[0]))
    run(source.add_app(AN_APP))
    for extension in ("101", "102", "103"):
        run(source.take_in(APP, [a_leg(f"{extension}-{n}", seconds=n, extension=extension) for n in range(2500)]))
    run(source.close())

    command = [RINGBACK, "copy", *urls]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE) as broken_off:
        target = run(_with_first_calls(urls[1]))
        broken_off.kill()
    assert broken_off.wait() != 0
    begun = sum(len(calls) for calls in whole_lists(target).values())
    run(target.close())

    ended = ringback(tmp_path, "copy", *urls, "--json")

    facts = msgspec.json.decode(ended.stdout)
    assert (ended.returncode, facts["ok"], facts["faults"]) == (0, True, []), ended.stderr
    assert (facts["calls"], facts["legs"]["new"]) == (7_500, 7_500 - begun)
    assert 0 < begun < 7_500


async def _with_first_calls(url: str) -> Store:
    """Return the store once the first calls have come into it."""
    store = await open_store(url)
    while not await count_calls(store):  # noqa: ASYNC110  (it is another process that makes it so)
        await asyncio.sleep(0.005)
    return store


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A mistyped FROM is refused on one line, and no empty store is made of it; nor is a store copied into itself."""
    mistyped = ringback(tmp_path, "copy", "sqlite:///nowhere.db", "sqlite:///new.db")
    itself = ringback(tmp_path, "copy", "sqlite:///new.db", "sqlite:///new.db")

    assert (mistyped.returncode, mistyped.stderr) == (1, b"ringback: There is no store nowhere.db\n")
    assert itself.returncode == 2
    assert b"into itself" in itself.stderr
    assert list(tmp_path.glob("*.db")) == []


def test_an_empty_database_is_no_store_to_copy(stores: Stores, tmp_path: Path) -> None:
    """The same of a database without our tables."""
    mistyped = ringback(tmp_path, "copy", stores.new(), "sqlite:///new.db")

    assert mistyped.returncode == 1
    assert b"There is no store" in mistyped.stderr


def test_people_are_told_in_words(tmp_path: Path) -> None:
    """Without --json the command says in one sentence what it brought over."""
    store = run(open_store(f"sqlite:///{tmp_path}/old.db"))
    fill(store, [a_leg(f"k{n}", seconds=n) for n in range(3)])
    run(store.close())

    said = ringback(tmp_path, "copy", "sqlite:///old.db", "sqlite:///new.db")

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(b"2 apps, 2 agents, 1 tokens brought over; 6 calls read: 6 new")
    assert b"Both stores are sound." in said.stdout
