"""The password of our user in the database is changed while we run."""

from pathlib import Path

from tests.databases.postgresql import PostgreSql
from tests.outages.roles import add_user, as_user, end_sessions
from tests.outages.sites import site
from tests.web.house import FROM, missed


def test_a_password_changed_while_we_run_is_told_and_passes(server: PostgreSql, store: str, tmp_path: Path) -> None:
    """From the moment our sessions end all is 503 and the log alone says why; with the password back all goes on."""
    add_user(server, "teller", store)
    with site(tmp_path, as_user(store, "teller", "teller")) as served:
        tenant = served.house.tenant()
        server.ask("ALTER ROLE teller PASSWORD 'another'")
        end_sessions(server, "teller")
        refused = [tenant.ingest(missed(FROM)), served.log_in(tenant.agent_id, "x"), served.readiness()]
        health = served.status("/healthz")
        for number in range(40):
            assert tenant.ingest(missed(FROM + number)).status_code == 503
        server.ask("ALTER ROLE teller PASSWORD 'teller'")

        assert [(answer.status_code, "retry-after" in answer.headers) for answer in refused] == [(503, True)] * 3
        assert "teller" not in refused[-1].text
        assert health == 200
        assert served.status("/readyz") == 200
        assert tenant.ingest(missed(FROM)).status_code == 200
        logged = [
            line for line in served.server.said if "event='store'" in line and "password authentication failed" in line
        ]
        assert 1 <= len(logged) < 20  # once a second, not once a request
