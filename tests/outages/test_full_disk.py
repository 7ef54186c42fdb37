"""The database's disk is full: what needs room is sent away, what needs none goes on, and it passes with the cause."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.disks import deliver_a_lot, filled, small_disk
from tests.outages.sites import Site, kept, site
from tests.web.house import FROM, Tenant, missed, wait_for

_MEGABYTES = 150


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk with room for a database and little else."""
    with small_disk(_MEGABYTES) as disk:
        yield disk


@pytest.fixture
def database(disk: Path) -> Iterator[PostgreSql]:
    """A PostgreSQL on that disk."""
    with PostgreSql(place=disk, settings={"min_wal_size": "32MB", "max_wal_size": "48MB"}) as database:
        yield database


def test_a_full_disk_refuses_deliveries_and_shows_pages(disk: Path, database: PostgreSql, tmp_path: Path) -> None:
    """Deliveries and /readyz are 503, pages 200; with room again all is 200, and nothing refused was kept by half."""
    with site(tmp_path, database.new_database()) as served:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        with filled(disk):
            refused = [deliver_a_lot(tenant, FROM + 1), deliver_a_lot(tenant, FROM + 2), served.readiness()]
            count = tenant.page()["count"]
        recovered = [served.readiness(), deliver_a_lot(tenant, FROM + 1), deliver_a_lot(tenant, FROM + 2)]

        assert [(answer.status_code, "retry-after" in answer.headers) for answer in refused] == [(503, True)] * 3
        served.wait_until_told("make room")
        assert count == 1
        assert [answer.status_code for answer in recovered] == [200] * 3
        assert_sound(served, tenant, 3)


def test_a_database_that_falls_over_for_want_of_room_is_waited_for(
    disk: Path, database: PostgreSql, tmp_path: Path
) -> None:
    """PostgreSQL ends where its own log has no room; once that is up again all goes on, with what was acknowledged."""
    with site(tmp_path, database.new_database()) as served:
        tenant = served.house.tenant()
        assert tenant.ingest(*(missed(FROM + number) for number in range(100))).status_code == 200
        with filled(disk):
            fill_log(database)
            refused = [tenant.ingest(missed(FROM - 1)), served.readiness()]
        database.stop_at_once()  # ended, or still falling: then it may not hear that it should stop fast
        database.start()
        served.wait_until_ready()

        assert [(answer.status_code, "retry-after" in answer.headers) for answer in refused] == [(503, True)] * 2
        assert tenant.page()["count"] == 100
        assert_sound(served, tenant, 100)


def fill_log(database: PostgreSql) -> None:
    """Write into the database's log until it cannot go on."""
    with suppress(asyncpg.PostgresError, OSError):
        for _ in range(100):
            database.ask("SELECT pg_logical_emit_message(true, 'ballast', repeat('x', 1000000))")
    wait_for(lambda: "PANIC" in database.log())


def assert_sound(served: Site, tenant: Tenant, count: int) -> None:
    """The store holds so many calls, and nothing in it is wrong."""
    found = kept(served.house.store, tenant.app_id)
    assert found.faults == []
    assert len(found.listed) == count
