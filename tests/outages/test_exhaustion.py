"""There are too few connections, or somebody keeps ours waiting: nobody waits beyond the bound."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.outages.roles import add_user, as_user, database_of, end_sessions
from tests.outages.sites import kept, site
from tests.web.house import FROM, missed, wait_for

_PAGE = "/v1/agentOutMissed"
_BOUND_SECONDS = 15.0


@contextmanager
def holding(url: str, statement: str) -> Iterator[None]:
    """Run while another session has run this statement in a transaction that it does not end."""
    connection = run(asyncpg.connect(url))
    run(connection.execute("BEGIN"))
    run(connection.execute(statement))
    try:
        yield
    finally:
        run(connection.close())


def test_a_pool_of_one_kept_waiting_by_a_lock_answers_in_time(server: PostgreSql, store: str, tmp_path: Path) -> None:
    """Deliveries to a list that another holds, and pages without a connection, are 503; no session is left behind."""
    with site(tmp_path, f"{store}?pool_size=1") as served, ThreadPoolExecutor(6) as threads:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        with holding(store, "SELECT FROM call_list FOR UPDATE"):
            began = time.monotonic()
            tasks = [threads.submit(tenant.ingest, missed(FROM + number)) for number in range(1, 4)]
            wait_for(lambda: _waiting(server, store) == 1)
            tasks += [threads.submit(served.house.http.post, _PAGE, json=tenant.asked()) for _ in range(2)]
            answers = [task.result() for task in tasks]
            took = time.monotonic() - began
            wait_for(lambda: _waiting(server, store) == 0)

        assert [answer.status_code for answer in answers] == [503] * 5
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert took < _BOUND_SECONDS
        assert [tenant.ingest(missed(FROM + number)).status_code for number in range(1, 4)] == [200] * 3
        assert tenant.page()["count"] == 4


def test_a_server_that_takes_no_more_connections_is_a_503(server: PostgreSql, store: str, tmp_path: Path) -> None:
    """Where others have taken all its connections requests are told so at once, and go on when there are some again."""
    add_user(server, "clerk", store)
    with site(tmp_path, as_user(store, "clerk", "clerk")) as served:
        tenant = served.house.tenant()
        server.ask("ALTER ROLE clerk CONNECTION LIMIT 0")
        end_sessions(server, "clerk")
        began = time.monotonic()
        answers = [tenant.ingest(missed(FROM)), served.readiness()]
        took = time.monotonic() - began
        server.ask("ALTER ROLE clerk CONNECTION LIMIT -1")

        assert [(answer.status_code, "retry-after" in answer.headers) for answer in answers] == [(503, True)] * 2
        served.wait_until_told("too many connections")
        assert took < 1.0
        assert tenant.ingest(missed(FROM)).status_code == 200
        assert kept(store, tenant.app_id).faults == []


def _waiting(server: PostgreSql, store: str) -> int:
    where = "application_name = 'ringback' AND wait_event_type = 'Lock' AND datname = $1"
    ((count,),) = server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {where}", database_of(store))
    return int(count)
