"""The store behind pgbouncer in transaction mode: each transaction may come to another of its few sessions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.load import load
from tests.outages.pooler import PgBouncer
from tests.outages.sites import kept, site
from tests.web.house import FROM, PASSWORD, missed, wait_for, with_store
from tests.web.processes import ringback

from ringback.storage.base import Store
from ringback.storage.postgresql.session import SESSION
from ringback.storage.records import Range
from ringback.telephony.call import ListKey, ListKind, call_ref


@pytest.fixture(scope="module")
def pooler(server: PostgreSql) -> Iterator[PgBouncer]:
    """A pooler with three sessions for each database."""
    with PgBouncer(server) as pooler:
        yield pooler


@pytest.fixture
def pooled(pooler: PgBouncer, store: str) -> str:
    """The URL of the store through the pooler, as it should be."""
    return f"{pooler.url(store)}?pooler=transaction"


def test_two_servers_under_load_share_three_sessions(pooled: str, tmp_path: Path) -> None:
    """Logins, deliveries and pages through both are all 200, and every call is listed once."""
    with site(tmp_path, pooled) as one, site(tmp_path, pooled) as other:
        tenant = one.house.tenant()
        there = tenant._replace(house=other.house)
        with load(tenant) as work, load(there) as same_work:
            work.wait_for_more(30)
            same_work.wait_for_more(30)
            tokens = [served.log_in(tenant.agent_id, PASSWORD) for served in (one, other)]

        assert [login.status_code for login in tokens] == [200] * 2
        assert {asked.status for asked in (*work.answers, *same_work.answers)} == {200}
        assert there._replace(token=tokens[0].json()["token"]).page() == tenant.page()
    found = kept(pooled, tenant.app_id)
    assert found.faults == []
    keys = {*work.acknowledged, *same_work.acknowledged}
    assert sorted(found.listed) == sorted(call_ref(tenant.app_id, key) for key in keys)


def test_lists_are_walked_proven_and_purged_through_a_pooler(pooled: str, store: str, tmp_path: Path) -> None:
    """Processes that check and export one after the other through the same sessions do not meet in them."""
    with site(tmp_path, pooled) as served:
        tenant = served.house.tenant()
        tenant.ingest(*(missed(FROM + number) for number in range(2500)))
    checked = [ringback(tmp_path, "check", "--json", RINGBACK_STORE=pooled) for _ in range(2)]
    exported = ringback(tmp_path, "export", tenant.agent_id, "--format", "csv", RINGBACK_STORE=pooled)

    assert all(b'"ok":true' in check.stdout.replace(b" ", b"") for check in checked), checked
    assert exported.stdout.count(b"\n") == 2501, exported
    assert with_store(pooled, lambda store: store.purge(FROM + 2000)) == 2000
    assert _count(pooled, tenant.app_id) == _count(store, tenant.app_id) == 500


def test_a_database_that_is_restarted_behind_a_pooler_is_waited_for(
    server: PostgreSql, pooled: str, tmp_path: Path
) -> None:
    """Each answer is 200 or 503 with Retry-After, all goes on by itself, and what was acknowledged is there once."""
    with site(tmp_path, pooled) as served:
        tenant = served.house.tenant()
        with load(tenant) as work:
            work.wait_for_more(20)
            server.restart()
            work.wait_for_more(20)

    assert work.wrong(seconds=15) == []
    found = kept(pooled, tenant.app_id)
    assert found.faults == []
    assert sorted(found.listed) == sorted(call_ref(tenant.app_id, key) for key in work.acknowledged)


def test_whoever_forgets_the_parameter_is_told_so(pooler: PgBouncer, store: str, tmp_path: Path) -> None:
    """Without it a server does not start, and says in one line what the URL lacks."""
    said = ringback(tmp_path, "serve", "--port", "0", RINGBACK_STORE=pooler.url(store))

    assert said.returncode == 1
    assert said.stderr.count(b"\n") == 1
    assert b"?pooler=transaction" in said.stderr


def test_a_pooler_that_overlooks_our_settings_is_told_of_too(server: PostgreSql, store: str, tmp_path: Path) -> None:
    """Where its `ignore_startup_parameters` lets us in, requests are 503 at the worst, and the log says why."""
    overlooked = "ignore_startup_parameters = " + ",".join(SESSION)
    with PgBouncer(server, more=overlooked) as pooler, site(tmp_path, pooler.url(store)) as served:
        tenant = served.house.tenant()
        with load(tenant, senders=6, readers=6) as work:
            wait_for(lambda: any(asked.status == 503 for asked in work.answers))
            work.give_up()
        logged = [line for line in served.server.said if "event='store'" in line]

    assert work.wrong(seconds=15) == []
    assert any("?pooler=transaction" in line for line in logged)


def _count(url: str, app_id: int) -> int:
    async def count(store: Store) -> int:
        return (await store.page(app_id, ListKey("103", ListKind.OUT_MISSED), Range())).count

    return with_store(url, count)
