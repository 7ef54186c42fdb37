"""The torture in short; and that it would find what it looks for, which is what makes its zeros worth something."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.stores import SqliteStores, Stores
from tests.switches.programs import missing_programs, refuse_without
from tests.web.house import with_store
from torture import fuzzing, kills, powercuts, serving
from torture.deliveries import APP, Deliveries
from torture.findings import Finding
from torture.plot import Line, Panel, svg
from torture.powercuts import Recorded
from torture.requests import Request, answered
from torture.truth import differences, lost

from ringback import agents
from ringback.settings import Settings
from ringback.web.app import Application


def assert_sound(findings: Iterator[Finding], tried: int) -> None:
    """Each part tried so many and found nothing."""
    rows = list(findings)
    assert rows
    for found in rows:
        assert (found.faults, found.tried) == ([], tried)


# --- kills ---------------------------------------------------------------------------------------------------------


def test_servers_killed_under_load_lose_nothing(stores: Stores) -> None:
    """After two kills and resends the store is what the naive model of all deliveries says."""
    found = Finding(part="killed servers", what="short", unit="rounds", seed=1, faults=[])

    kills.kill_rounds(stores, 1, 2, 1, found)

    assert (found.faults, found.tried) == ([], 2)
    assert found.acknowledged > 0


def test_a_leg_that_is_missing_would_be_found(stores: Stores, store_url: str) -> None:
    """Without one of the acknowledged legs both the comparison with the model and the look after a kill tell."""
    made = Deliveries(1)
    deliveries = [made.next() for _ in range(8)]
    legs = [leg for delivery in deliveries for leg in delivery.legs]
    with_store(store_url, lambda store: agents.add_app(store, APP))
    with_store(store_url, lambda store: store.take_in(APP, legs[:-1]))

    assert differences(store_url, legs[:-1]) == lost(store_url, legs[:-1]) == []
    assert any("legs: 1 missing" in fault for fault in differences(store_url, legs))
    assert any("acknowledged and not there" in fault for fault in lost(store_url, legs))


# --- power cuts ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What two servers did, one after the other, while they were sent deliveries."""
    refuse_without(missing_programs("strace"))
    return powercuts.record(tmp_path_factory.mktemp("recorded"), 1, 24, Deliveries(5))


def cut(recorded: Recorded) -> Finding:
    """Cut the power at forty moments."""
    found = Finding(part="power cuts", what="short", unit="cuts", seed=5, faults=[])
    powercuts.open_after_cuts(recorded, 40, Random(5), found)
    return found


def test_a_power_cut_takes_nothing_that_was_acknowledged(recorded: Recorded) -> None:
    """Whatever of the unsynced writes is lost, torn or reordered, the store opens, is sound, and holds what it said."""
    found = cut(recorded)

    assert (found.faults, found.tried) == ([], 40)


def test_a_disk_that_lies_would_be_found(recorded: Recorded) -> None:
    """The same record on a disk that says it has synced and has not shows acknowledged legs missing."""
    steps = [
        step._replace(what="answered", name="") if step.what == "synced" and step.name.endswith("-wal") else step
        for step in recorded.steps
    ]

    assert any(
        "acknowledged in step" in fault for fault in cut(Recorded(steps, recorded.begun, recorded.deliveries)).faults
    )


# --- bad input -----------------------------------------------------------------------------------------------------


def test_mutated_payloads_come_to_readings() -> None:
    """A thousand mutated payloads of all sources are read or rejected; none takes long."""
    tried = fuzzing.try_parsers(1000, 7)

    assert (tried.faults, tried.inputs) == ([], 1000)


def test_mutated_requests_are_answered() -> None:
    """Hundreds of mutated requests to all routes are answered, none with a 5xx, and the store stays sound."""
    tried = fuzzing.try_routes(600, 7)

    assert (tried.faults, tried.inputs) == ([], 600)


def test_broken_http_ends_in_time() -> None:
    """What is no HTTP is answered or hung up on, and the server goes on."""
    assert_sound(serving.garble_http(150, 7, print), 150)


@pytest.mark.parametrize(("method", "path"), [("POST", "/nowhere"), ("PUT", "/v1/agentLogin"), ("GET", "/ingest/")])
def test_a_query_that_is_no_text_is_no_fault(tmp_path: Path, method: str, path: str) -> None:
    """Bytes in the query that are no UTF-8 do not keep a wrong path or method from being told."""

    async def asked() -> int:
        application = Application(Settings(store=SqliteStores(tmp_path).new()))
        async with application.running():
            return (await answered(application, Request(method, path, b"a=\xff", [], [b"{}"])))[0]

    assert asyncio.run(asked()) in (404, 405)


def test_a_plot_holds_every_line() -> None:
    """A plot is one SVG with a line for each that was given."""
    drawn = svg([Panel("Memory", [Line("a", [(0, 1), (60, 2)]), Line("b", [(0, 3), (60, 1)])])], [30.0], "x < y")

    assert drawn.count("<polyline") == 2
    assert "x &lt; y" in drawn
