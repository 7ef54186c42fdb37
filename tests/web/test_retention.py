"""Retention: served stores drop what is older than their owner keeps, one process at a time, beside live calls."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, OUT_MISSED
from tests.switches.programs import free_port
from tests.telephony.examples import a_leg
from tests.web.house import DEADLINE_SECONDS, missed, served, with_store
from tests.web.processes import running

from ringback.auditing import lines_of
from ringback.storage.base import Store
from ringback.storage.pacing import Pace
from ringback.storage.records import Range
from ringback.web import retention
from ringback.web.retention import DUTY

DAY = timedelta(days=1)
DAY_MS = 86_400_000
NOW = datetime.now(UTC)
AGES = (0, 1, 9, 11, 400)  # days


def fill(store_url: str, app_id: int) -> None:
    """Give an app one call of each age, each with a trunk, and many of three years ago."""
    legs = [a_leg(f"age {age}", started_at=NOW - age * DAY, trunk="t1") for age in AGES]
    legs += [a_leg(f"old {n}", started_at=NOW - 1000 * DAY + timedelta(minutes=n)) for n in range(1500)]

    async def work(store: Store) -> None:
        await store.take_in(app_id, legs)

    with_store(store_url, work)


def add_app(store_url: str) -> int:
    """Add an app with old calls; return its number."""
    with_store(store_url, lambda store: store.add_app(AN_APP))
    fill(store_url, AN_APP.app_id)
    return AN_APP.app_id


def acts(store_url: str, app_id: int) -> list[str]:
    """Return what was done to an app."""

    async def work(store: Store) -> list[str]:
        return [line.act.value for line in await lines_of(store, app_id)]

    return with_store(store_url, work)


def wait_for_act(store_url: str, act: str) -> None:
    """Wait until the audit of the app says that this was done."""

    async def waited(store: Store) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while act not in {line.act.value for line in await lines_of(store, AN_APP.app_id)}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    with_store(store_url, waited)


def ages(store_url: str, app_id: int) -> list[int]:
    """Return how many days ago the listed calls started, newest first."""

    async def work(store: Store) -> list[int]:
        walk = store.walk(app_id, OUT_MISSED, Range())
        return [round((NOW.timestamp() * 1000 - call.started_ms) / DAY_MS) async for call in walk]

    return with_store(store_url, work)


def test_old_calls_go_by_themselves(store_url: str) -> None:
    """Soon after the start calls older than the setting are gone, in one step of the audit; the store is sound."""
    app_id = add_app(store_url)

    with served(store_url, retention_days=10):
        wait_for_act(store_url, "retention")

    assert ages(store_url, app_id) == [0, 1, 9]
    assert acts(store_url, app_id) == ["app_added", "retention_begun", "retention"]
    assert with_store(store_url, lambda store: store.check()).faults == []


def test_legs_are_condensed_by_themselves(store_url: str) -> None:
    """Legs older than their setting are reduced, calls stay, and whoever asks for their legs gets what is left."""
    app_id = add_app(store_url)

    with served(store_url, retention_leg_days=10):
        wait_for_act(store_url, "legs_condensed")

    async def trunks(store: Store) -> list[str | None]:
        page = await store.page(app_id, OUT_MISSED, Range(limit=5))
        return [(await store.legs(app_id, call.call_id))[0].trunk for call in page.calls]

    assert with_store(store_url, trunks) == ["t1", "t1", "t1", None, None]
    assert len(ages(store_url, app_id)) == 1505
    assert with_store(store_url, lambda store: store.check()).faults == []


def test_whoever_stops_leaves_the_work_to_the_next_at_once(store_url: str) -> None:
    """A server that is stopped has let go of retention: another need not wait until its time is over."""
    add_app(store_url)

    with served(store_url, retention_days=10):
        wait_for_act(store_url, "retention")
        assert not with_store(store_url, lambda store: store.take_duty(DUTY, "another", 60))

    assert with_store(store_url, lambda store: store.take_duty(DUTY, "another", 60))


def test_a_duty_taken_by_a_clock_that_was_ahead_is_free(store: Store) -> None:
    """Who took it while the clock was a month ahead, and was killed, does not keep others from it for that month."""
    a_month_ahead = 30 * DAY.total_seconds()

    taken = [
        run(store.take_duty(DUTY, holder, seconds))
        for holder, seconds in (("killed", a_month_ahead + 90), ("another", 90), ("killed", 90), ("another", 90))
    ]

    assert taken == [True, True, False, True]


class Slowly(Pace):
    """A pace that makes even little work long."""

    rest_seconds = 0.15


def test_work_longer_than_the_duty_keeps_it(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a round takes, no other process gets hold of the duty before it is over."""
    for name, value in {"_DUTY_SECONDS": 0.4, "_RENEW_SECONDS": 0.1, "Pace": Slowly}.items():
        monkeypatch.setattr(retention, name, value)
    app_id = add_app(store_url)

    async def watched(store: Store) -> list[bool]:
        taken: list[bool] = []
        while "retention" not in {line.act.value for line in await lines_of(store, app_id)}:
            taken.append(await store.take_duty(DUTY, "another", 0.4))
            await asyncio.sleep(0.02)
        return taken

    with served(store_url, retention_days=10):
        wait_for_act(store_url, "retention_begun")
        begun = time.monotonic()
        taken = with_store(store_url, watched)
        assert time.monotonic() - begun > 3 * 0.4  # else it was no long work

    assert not any(taken)
    assert ages(store_url, app_id) == [0, 1, 9]


def test_nothing_goes_where_nothing_is_set(store_url: str) -> None:
    """Without the settings all is kept, and no duty is taken."""
    app_id = add_app(store_url)

    with served(store_url) as house:
        tenant = house.tenant()
        assert tenant.ingest(missed(int(NOW.timestamp() * 1000))).json()["new"] == 1

    assert len(ages(store_url, app_id)) == 1505
    assert acts(store_url, app_id) == ["app_added"]


def test_of_several_processes_one_does_it(store_url: str, tmp_path: Path) -> None:
    """Two servers, one of two processes, drop the old calls once: one of them says so in the log and in the audit."""
    app_id = add_app(store_url)
    words = ("serve", "--store", store_url, "--retention-days", "10")

    with (
        running(tmp_path, *words, "--port", "0") as one,
        running(tmp_path, *words, "--port", str(free_port()), "--workers", "2") as other,
    ):
        wait_for_act(store_url, "retention")
        for server in (one, other):
            assert server.url
        assert [server.stop() for server in (one, other)] == [0, 0]

    assert acts(store_url, app_id) == ["app_added", "retention_begun", "retention"]
    assert ages(store_url, app_id) == [0, 1, 9]


@pytest.mark.parametrize("turns", range(8))
def test_whoever_is_stopped_while_work_ends_does_not_go_on(store: Store, turns: int) -> None:
    """At whatever turn of the loop a server is stopped, retention ends: it is not taken for the end of its renewing."""

    async def round_and_wait() -> None:
        async with retention._renewing(store, "somebody"):
            await asyncio.sleep(0)
        await asyncio.sleep(DEADLINE_SECONDS)

    async def stopped() -> bool:
        task = asyncio.create_task(round_and_wait())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=DEADLINE_SECONDS / 10)
        was_stopped = task.cancelled()
        task.cancel()
        return was_stopped

    assert run(stopped())
