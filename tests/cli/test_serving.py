"""`serve` as processes: starting, stopping, being killed, being refused; and who else writes meanwhile."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.stores import Stores
from tests.switches.programs import free_port
from tests.web.house import (
    DEADLINE_SECONDS,
    FROM,
    PASSWORD,
    SEED_APP,
    House,
    Tenant,
    client_of,
    missed,
    wait_for,
    with_store,
)
from tests.web.processes import Server, ringback, running

from ringback.masking import without_credentials
from ringback.storage.records import CheckReport

AGENT = f"103_{SEED_APP}"
ALONE = {"Connection": "close"}  # so that the next request is on a connection of its own


class Asking:
    """Makes clients of servers and closes them in the end."""

    def __init__(self, clients: ExitStack, store: str) -> None:
        self._clients, self._store = clients, store

    def __call__(self, server: Server) -> House:
        """Return the store as it is asked through a server."""
        http = client_of(server.url)
        return House(self._store, self._clients.enter_context(http))


@pytest.fixture
def asking(store_url: str) -> Iterator[Asking]:
    """Clients of servers of the test's own store."""
    with ExitStack() as clients:
        yield Asking(clients, store_url)


def sound(store: str) -> CheckReport:
    """Return what a check finds, which must be nothing."""
    report = with_store(store, lambda store: store.check())
    assert report.ok, report.faults
    return report


# --- starting and stopping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_ends_well_and_keeps_everything(
    tmp_path: Path, store_url: str, asking: Asking, by: signal.Signals
) -> None:
    """Asked to stop, the server ends with status 0, and all it acknowledged is in a sound store."""
    with running(tmp_path, "serve", "--store", store_url, "--port", "0") as server:
        tenant = asking(server).tenant(SEED_APP)
        assert tenant.ingest(*(missed(FROM + number) for number in range(100))).json()["new"] == 100
        status = server.stop(by)

    assert status == 0, server.said
    assert not [line for line in server.said if "Traceback" in line]
    assert sound(store_url).calls == 100


def test_a_request_under_way_is_finished_before_the_server_stops(
    tmp_path: Path, store_url: str, asking: Asking
) -> None:
    """A delivery whose body is still coming when the server is told to stop is taken in and answered."""
    with running(tmp_path, "serve", "--store", store_url, "--port", "0") as server:
        tenant = asking(server).tenant(SEED_APP)
        body = json.dumps([missed(FROM)]).encode()
        head = f"POST /ingest/generic?key={tenant.secret} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0)) as connection:
            connection.sendall(head.encode() + body[:10])
            tenant.page()  # answered behind the head above: the server has read it
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not server.takes_connections())
            connection.sendall(body[10:])
            answer = connection.recv(65_536)

        assert b"200 OK" in answer
        assert server.process.wait(DEADLINE_SECONDS) == 0
    assert sound(store_url).calls == 1


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, store_url: str) -> None:
    """A delivery that was answered 200 is there when the server is killed (-9) at once and started again."""
    added = ringback(tmp_path, "app", "add", "7", "--store", store_url, "--json")
    secret = json.loads(added.stdout)["secret"]
    for number in range(3):
        with running(tmp_path, "serve", "--store", store_url, "--port", "0") as server:
            answer = httpx.post(f"{server.url}/ingest/generic?key={secret}", json=missed(FROM + number))
            server.process.kill()

            assert answer.json()["new"] == 1
            assert server.process.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        assert sound(store_url).calls == number + 1


def test_the_server_tells_where_it_listens_and_answers_there(tmp_path: Path) -> None:
    """The address it tells is the one that answers; on a local address it warns of nothing."""
    ringback(tmp_path, "app", "add", "7")
    with running(tmp_path, "serve", "--port", "0") as server:
        assert httpx.get(f"{server.url}/readyz").json()["status"] == "ready"
        assert httpx.get(f"{server.url}/docs").status_code == 200
        server.stop()

    assert server.said[0] == f"Ringback listens on {server.url}; the API is described at {server.url}/docs\n"
    assert not [line for line in server.said if "Warning" in line]
    assert (tmp_path / "data" / "ringback" / "ringback.db").exists()


def test_the_server_says_when_it_began_a_new_store(tmp_path: Path, stores: Stores) -> None:
    """Where the store was mistyped, the start says that there was none; the next start has nothing of it to say."""
    store = stores.new()
    told = []
    for _ in range(2):
        with running(tmp_path, "serve", "--store", store, "--port", "0") as server:
            assert httpx.get(f"{server.url}/readyz").status_code == 200
            server.stop()
        told.append(server.said[0].replace(server.url, "URL"))
    stores.drop(store)

    assert told == [
        f"Ringback listens on URL with a new store, {without_credentials(store)}; the API is described at URL/docs\n",
        "Ringback listens on URL; the API is described at URL/docs\n",
    ]


def test_listening_to_the_network_is_warned_about(tmp_path: Path) -> None:
    """On an address that others reach the server warns that it speaks in the clear."""
    with running(tmp_path, "serve", "--port", "0", "--host", "0.0.0.0") as server:  # noqa: S104
        wait_for(lambda: any("TLS" in line for line in server.said))

        assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_an_ipv6_address_is_told_as_a_url_has_it(tmp_path: Path) -> None:
    """The address told for ::1 stands in brackets and answers as it is."""
    with running(tmp_path, "serve", "--port", "0", "--host", "::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("--port", "70000"), 2, "port should be from 0 to 65535"),
        (("--host", "nowhere.invalid", "--port", "0"), 2, "cannot be listened on"),
        (("--workers", "0"), 2, "workers should be from 1"),
        (("--workers", "2", "--port", "0"), 2, "several workers need a port"),
        (("--timezone", "Mars/Olympus"), 2, "no time zone 'Mars/Olympus'"),
        (("--error-status", "both"), 2, "both"),
        (("--store", "sqlite:////proc/none/x.db", "--port", "0"), 1, "cannot be opened for writing"),
        (("--store", "text.db", "--port", "0"), 1, "is no SQLite database"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(
    tmp_path: Path, words: tuple[str, ...], status: int, part: str
) -> None:
    """What was set wrongly ends with status 2 and an unusable store with 1, on one line of standard error."""
    (tmp_path / "text.db").write_text("This is no database. " * 500)
    ended = ringback(tmp_path, "serve", *words)

    assert (ended.returncode, ended.stdout) == (status, b"")
    assert part in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    """A port that another server has is refused with status 2 and the flag that names another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = ringback(tmp_path, "serve", "--port", str(taken.getsockname()[1]))

    assert ended.returncode == 2
    assert ended.stderr.decode().endswith("Address already in use; name another: --port\n")
    assert ended.stderr.count(b"\n") == 1


def test_a_server_reads_the_environment_and_the_file(tmp_path: Path, store_url: str, asking: Asking) -> None:
    """max_limit from ringback.toml and error_status from the environment are in force."""
    (tmp_path / "ringback.toml").write_text(f'max_limit = 3\nport = 0\nstore = "{store_url}"\n')
    with running(tmp_path, "serve", more={"RINGBACK_ERROR_STATUS": "body"}) as server:
        tenant = asking(server).tenant(SEED_APP)
        answer = tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked(limit=4))

    assert (answer.status_code, answer.json()["code"]) == (200, 400)
    assert "from 1 to 3, not 4" in answer.json()["message"]


def test_log_lines_can_be_json(tmp_path: Path, store_url: str, asking: Asking) -> None:
    """With --log-format json each event is one JSON object, and none tells a token or a secret."""
    words = ("serve", "--port", "0", "--log-format", "json")
    with running(tmp_path, *words, more={"RINGBACK_STORE": store_url}) as server:
        tenant = asking(server).tenant(SEED_APP)
        tenant.ingest(missed(FROM))
        tenant.page()
        server.stop()

    events = [json.loads(line) for line in server.said[1:]]
    assert [event["event"] for event in events] == ["started", "stopped"]
    assert tenant.token not in "".join(server.said)
    assert tenant.secret not in "".join(server.said)


# --- several processes on one store --------------------------------------------------------------------------------


def log_in(tenant: Tenant) -> str:
    """Log in through the server."""
    return str(tenant.house.http.post("/v1/agentLogin", json={"id": AGENT, "password": PASSWORD}).json()["token"])


def is_live(tenant: Tenant, token: str) -> bool:
    """Ask several times, so that every worker is met, each on a connection of its own."""
    asked = tenant.asked(token=token)
    statuses = {tenant.house.http.post("/v1/agentOutMissed", json=asked, headers=ALONE).status_code for _ in range(8)}
    assert len(statuses) == 1
    return statuses == {200}


ENDINGS: tuple[tuple[str, ...], ...] = (
    ("token", "revoke", AGENT),
    ("agent", "disable", AGENT),
    ("agent", "password", AGENT, "--password-stdin"),
)


def test_tokens_end_at_once_for_all_workers(tmp_path: Path, store_url: str, asking: Asking) -> None:
    """What the command line ends is ended for each of two workers before the command returns."""
    words = ("--store", store_url)
    with running(tmp_path, "serve", *words, "--port", str(free_port()), "--workers", "2") as server:
        wait_for(lambda: server.takes_connections())
        tenant = asking(server).tenant(SEED_APP)
        for ending in ENDINGS:
            token = log_in(tenant)
            assert is_live(tenant, token)
            assert ringback(tmp_path, *ending, *words, stdin=f"{PASSWORD}\n".encode()).returncode == 0
            assert not is_live(tenant, token)
            ringback(tmp_path, "agent", "enable", AGENT, *words)
        assert server.stop() == 0


def test_two_workers_take_in_and_serve_one_store(tmp_path: Path, store_url: str, asking: Asking) -> None:
    """Deliveries and pages through two workers lose and repeat nothing, and a stop ends both with status 0."""
    words = ("serve", "--store", store_url, "--port", str(free_port()), "--workers", "2")
    with running(tmp_path, *words) as server:
        wait_for(lambda: server.takes_connections())
        tenant = asking(server).tenant(SEED_APP)
        for number in range(20):
            headers = {"Authorization": f"Bearer {tenant.secret}", **ALONE}
            assert tenant.ingest(missed(FROM + number), headers=headers).json()["new"] == 1
        page = tenant.page(limit=100)
        status = server.stop()

    assert [row["time"] for row in page["cdr"]] == [FROM + number for number in range(19, -1, -1)]
    assert status == 0, server.said
    assert sound(store_url).calls == 20


def test_an_import_meanwhile_is_seen_at_once(tmp_path: Path, store_url: str, asking: Asking) -> None:
    """Calls that the command line takes in while the server runs are on the next page."""
    with running(tmp_path, "serve", "--store", store_url, "--port", "0") as server:
        tenant = asking(server).tenant(SEED_APP)
        words = ("import", "generic", "-", "--app", str(SEED_APP), "--store", store_url, "--json")
        taken = ringback(tmp_path, *words, stdin=json.dumps([missed(FROM), missed(FROM + 1)]).encode())

        assert json.loads(taken.stdout) == {"read": 2, "new": 2, "merged": 0, "duplicate": 0, "rejected": 0}
        assert tenant.page()["count"] == 2


def test_a_store_that_takes_no_writes_is_a_503_until_it_does(
    tmp_path: Path, stores: Stores, store_url: str, asking: Asking
) -> None:
    """While the store cannot be written deliveries get 503 and pages are served; then all is well again."""
    with running(tmp_path, "serve", "--store", store_url, "--port", "0") as server:
        tenant = asking(server).tenant(SEED_APP)
        tenant.ingest(missed(FROM))
        with stores.unwritable(store_url):
            refused = tenant.ingest(missed(FROM + 1))
            meanwhile = tenant.page()["count"]

        assert (refused.status_code, refused.json()["code"]) == (503, 503)
        assert int(refused.headers["retry-after"]) > 0
        assert meanwhile == 1
        assert tenant.ingest(missed(FROM + 1)).json()["new"] == 1
