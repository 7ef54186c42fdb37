"""The database goes away under load and comes back: nothing acknowledged is lost, and nobody restarts us."""

import time

import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.load import load
from tests.outages.sites import Site, kept
from tests.web.house import wait_for

from ringback.telephony.call import call_ref

BOUND_SECONDS = 15.0
BACK_SECONDS = 3.0  # a second or two, on a machine that is busy


@pytest.mark.parametrize("end", ["stop", "stop_at_once", "kill"])
def test_a_database_that_is_restarted_under_load_costs_nothing_that_was_acknowledged(
    server: PostgreSql, served: Site, end: str
) -> None:
    """Each answer is 200 or 503 with Retry-After, and each acknowledged call is there once, after every kind of end."""
    tenant = served.house.tenant()
    with load(tenant) as work:
        work.wait_for_more(50)
        getattr(server, end)()
        away = time.monotonic()
        time.sleep(0.7)
        began = time.monotonic()
        server.start()
        back = time.monotonic()
        wait_for(lambda: work.of("/readyz")[-1].status == 200)
        time.sleep(0.5)

    assert work.wrong(seconds=BOUND_SECONDS) == []
    for path in ("/ingest/generic", "/v1/agentOutMissed", "/readyz"):
        assert {asked.status for asked in work.of(path) if away + 0.1 < asked.at < began} == {503}
        assert work.succeeded_after(began, path) < back - began + BACK_SECONDS
    assert {asked.status for asked in work.of("/healthz")} == {200}
    assert served.readiness().status_code == 200
    assert not any("Traceback" in line for line in served.server.said)
    found = kept(served.house.store, tenant.app_id)
    assert found.faults == []
    assert sorted(found.listed) == sorted(call_ref(tenant.app_id, key) for key in work.acknowledged)
