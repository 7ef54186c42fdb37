"""Somebody ends our sessions while the database goes on: `pg_terminate_backend`, a fail-over, a firewall."""

from tests.databases.postgresql import PostgreSql
from tests.outages.load import load
from tests.outages.sites import Site, kept
from tests.web.house import FROM, missed, wait_for

from ringback.telephony.call import call_ref

_OURS = "FROM pg_stat_activity WHERE application_name = 'ringback'"


def end_sessions(server: PostgreSql) -> int:
    """End all sessions of ours; return how many there were."""
    return len(server.ask(f"SELECT pg_terminate_backend(pid) {_OURS}"))


def test_sessions_killed_while_idle_cost_nobody_an_answer(server: PostgreSql, served: Site) -> None:
    """The next reads and deliveries are answered with 200 as if nothing had happened."""
    tenant = served.house.tenant()
    for number in range(3):
        with load(tenant, senders=4):
            pass
        ended = end_sessions(server)
        wait_for(lambda: server.ask(f"SELECT count(*) {_OURS}") == [(0,)])

        assert ended > 0
        assert tenant.ingest(missed(FROM + number)).status_code == 200
        assert tenant.page()["count"] > number
        assert served.readiness().status_code == 200


def test_sessions_killed_in_the_midst_of_work_cost_a_503_at_the_most(server: PostgreSql, served: Site) -> None:
    """Killed time and again under load, each answer is 200 or 503 with Retry-After, and every call is there."""
    tenant = served.house.tenant()
    with load(tenant) as work:
        for _ in range(8):
            work.wait_for_more(10)
            end_sessions(server)

    assert work.wrong(seconds=5.0) == []
    assert {asked.status for asked in work.of("/healthz")} == {200}
    assert not any("Traceback" in line for line in served.server.said)
    found = kept(served.house.store, tenant.app_id)
    assert found.faults == []
    assert sorted(found.listed) == sorted(call_ref(tenant.app_id, key) for key in work.acknowledged)
