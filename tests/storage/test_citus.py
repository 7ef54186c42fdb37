"""The store sharded by app: every statement goes to one worker, and the contract holds through it.

Runs where RINGBACK_TEST_CITUS is the URL of an empty database with Citus and at least one worker.
"""

import asyncio
import random
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.loop import run
from tests.storage.examples import (
    AN_AGENT,
    AN_APP,
    ANOTHER_APP,
    NOW,
    OUT_MISSED,
    RING_BACK,
    TO_RING_BACK,
    add_token,
    texts,
    walked,
    whole_lists,
)
from tests.storage.naive import NaiveStore, shown
from tests.storage.statements import EVERY_APP, NO_APP, statements
from tests.storage.test_postgresql_schema import OLDEST
from tests.stores import CITUS as URL
from tests.stores import CitusStores
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.postgresql.bulk import MANY
from ringback.storage.postgresql.schema import DISTRIBUTED
from ringback.storage.records import NewReject, Range, Spending, Tries
from ringback.telephony.call import ListKind
from ringback.telephony.disposition import Disposition

STATEMENTS = {name: text for name, text in statements().items() if name.partition(".")[2] not in EVERY_APP | NO_APP}

SHARDED = """
SELECT relname::text, column_to_column_name(logicalrelid, partkey), colocationid
FROM pg_dist_partition JOIN pg_class c ON c.oid = logicalrelid
WHERE relnamespace = current_schema()::regnamespace AND partmethod = 'h'
"""

pytestmark = pytest.mark.skipif(not URL, reason="RINGBACK_TEST_CITUS names no cluster")

_SAMPLES = {"int8": "1", "int4": "1", "int2": "1", "text": "'1'", "bool": "false", "bytea": r"'\x01'"}


def ask(statement: str) -> list[Any]:
    """Ask the coordinator."""

    async def asked() -> list[Any]:
        connection = await asyncpg.connect(URL)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return run(asked())


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The cluster's URL, a fresh store in it."""
    tables = (*reversed(DISTRIBUTED), "duty", "login_try", "ringback_schema")
    clean = f"DROP TABLE IF EXISTS {', '.join(tables)} CASCADE"
    ask(clean)
    run(run(open_store(URL, migrate=True, distribute=True)).close())
    yield URL
    ask(clean)


@pytest.fixture
def store(cluster: str) -> Iterator[Store]:
    """The store, open."""
    store = run(open_store(cluster))
    yield store
    run(store.close())


def plan(statement: str) -> str:
    """Return how the coordinator would run the statement, samples in its parameters' places."""

    async def explained() -> str:
        connection = await asyncpg.connect(URL)
        try:
            types = [kind.name for kind in (await connection.prepare(statement)).get_parameters()]
            values = [_sample(name) for name in types]
            filled = re.sub(r"\$(\d+)", lambda found: values[int(found.group(1)) - 1], statement)
            return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {filled}"))
        finally:
            await connection.close()

    return run(explained())


def _sample(kind: str) -> str:
    """A value of a type, as SQL; arrays are named _text or text[]."""
    name = kind.strip("_").removesuffix("[]")
    return f"{_SAMPLES[name]}::{name}" if name == kind else f"ARRAY[{_SAMPLES[name]}]::{name}[]"


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_goes_to_one_worker(cluster: str, name: str) -> None:
    """The plan has one task: nothing is gathered on the coordinator, no other shard is asked."""
    told = plan(STATEMENTS[name])

    assert re.findall(r"Task Count: (\d+)", told) == ["1"], told
    assert "pull to coordinator" not in told
    assert "Subplan" not in told


def test_distributing_again_is_harmless(cluster: str) -> None:
    """`migrate --distribute` may be run by whoever is not sure."""
    run(run(open_store(cluster, migrate=True, distribute=True)).close())

    assert {(row[0], row[1]) for row in ask(SHARDED)} == {(table, "app_id") for table in DISTRIBUTED}
    assert len({row[2] for row in ask(SHARDED)}) == 1


@pytest.mark.parametrize("was_distributed", [False, True])
def test_the_oldest_stores_are_brought_up(was_distributed: bool) -> None:
    """Made before lists kept what pages show, and distributed then or now: the lists are the same."""
    stores = CitusStores()
    url = stores.new()
    store = run(open_store(url, migrate=True, distribute=was_distributed))
    run(store.add_app(AN_APP))
    run(store.take_in(AN_APP.app_id, [a_leg(), a_leg("k2", name='A "B" \x7fé', rate="1.5")]))
    before = whole_lists(store)
    run(store.close())
    for statement in (*OLDEST, "UPDATE ringback_schema SET version = 1"):
        stores.ask(url, statement)

    run(run(open_store(url, migrate=True, distribute=True)).close())

    store = run(open_store(url))
    assert (whole_lists(store), run(store.check()).faults) == (before, [])
    run(store.close())
    stores.drop(url)


def test_what_a_sharded_store_lacks_is_sharded_before_it_is_filled() -> None:
    """Plain `migrate` brings up a store that was sharded before it kept numbers to ring back: many, of several apps."""
    stores = CitusStores()
    url = stores.made()
    store = run(open_store(url))
    apps = (AN_APP, msgspec.structs.replace(ANOTHER_APP, region="KZ"))
    tried = [a_leg(f"k{n}", seconds=n, dialled_number=f"8701{n % (MANY + 1):07}") for n in range(MANY + 20)]
    reached = a_leg("r", seconds=9000, extension="102", dialled_number="87010000000", disposition=Disposition.ANSWERED)
    for app in apps:
        run(store.add_app(app))
        run(store.take_in(app.app_id, [*tried, reached]))
    before = [walked(store, TO_RING_BACK, Range(), app_id=app.app_id) for app in apps]
    assert [len(rows) for rows in before] == [MANY, MANY]
    run(store.close())
    for statement in (f"DROP TABLE called_number, {', '.join(RING_BACK)}", "UPDATE ringback_schema SET version = 5"):
        stores.ask(url, statement)

    run(run(open_store(url, migrate=True)).close())

    assert {row[0] for row in stores.ask(url, SHARDED)} == set(DISTRIBUTED)
    assert len({row[2] for row in stores.ask(url, SHARDED)}) == 1
    store = run(open_store(url))
    assert [walked(store, TO_RING_BACK, Range(), app_id=app.app_id) for app in apps] == before
    assert run(store.check()).faults == []
    run(store.close())
    stores.drop(url)


def test_the_contract_holds(store: Store) -> None:
    """Agents, tokens, deliveries in any order from many at once, changes, pages, rejects, purge, region, proof."""
    some = [
        a_leg(f"k{n // 2}", seconds=n * 7 % 100, extension=str(101 + n % 3), source_record_id=f"r{n}")
        for n in range(300)
    ]
    naive = NaiveStore(AN_APP.app_id)
    naive.take_in(some)

    async def deliver() -> None:
        others = await open_store(URL)
        shuffled = random.Random(5).sample(some, len(some))
        batches = [shuffled[start : start + 7] for start in range(0, len(some), 7)]
        await asyncio.gather(
            *(take.take_in(AN_APP.app_id, batch) for batch in batches for take in (store, others)),
            *(take.take_in(ANOTHER_APP.app_id, batch) for batch in batches for take in (store, others)),
        )
        await others.close()

    for app in (AN_APP, ANOTHER_APP):
        run(store.add_app(app))
    run(store.add_agent(AN_AGENT))
    assert add_token(store, AN_AGENT, b"digest")
    run(deliver())

    for app in (AN_APP, ANOTHER_APP):
        lists = {key: [shown(call) for call in calls] for key, calls in whole_lists(store, app_id=app.app_id).items()}
        if app is AN_APP:
            assert lists == {key: [shown(row) for row in rows] for key, rows in naive.lists().items()}
    page = run(store.page_of_token(AN_APP.app_id, b"digest", 0, ListKind.OUT_MISSED, Range(page=2, limit=7)))
    assert page is not None
    assert (page.count, texts(page)) == naive.texts(OUT_MISSED, Range(page=2, limit=7))

    reject = NewReject(source="generic", origin="o", reason="r", raw=b"x", received_at=NOW)
    run(store.take_in(AN_APP.app_id, [], [reject, reject]))
    kept = run(store.rejects(None))
    assert len(kept) == 1
    assert run(store.settle_reject(kept[0].reject_id, [a_leg("settled", seconds=3.5)])).new == 1
    assert run(store.spend_tries([Spending(b"a", b"", 5), Spending(b"b", b"c", 5)], 100)) == [105, 105]
    run(store.know_address(b"b", b"c", 200))
    assert run(store.tries(b"b", (b"c", b""))) == [Tries(0, 200), Tries()]
    assert run(store.forget_tries(b"a", 100)) == 1
    run(store.change_app(AN_APP.app_id, region="KZ", extensions=None))
    assert run(store.check()).faults == []
    middle = whole_lists(store)[OUT_MISSED][20].started_ms
    assert run(store.purge(middle)) > 0
    assert whole_lists(store)[OUT_MISSED][-1].started_ms >= middle
    assert run(store.check()).faults == []
