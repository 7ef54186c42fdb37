"""Nothing leaks: no secret and no number in anything that a server at work, and failing, writes, answers or shows."""

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from tests.page.sessions import signed_in
from tests.stores import PostgresqlStores, Stores
from tests.switches.programs import free_port
from tests.web.house import DEADLINE_SECONDS, FROM, PASSWORD, SEED_APP, House, client_of, missed, wait_for
from tests.web.processes import RINGBACK, Server, environment, ringback, running

STORE_PASSWORD = "store-hunter-2"
NUMBER = "919100077042"
WRONG = "rbt_1111113_" + 40 * "5"


def shown(server: Server) -> Iterator[str]:
    """Yield what every user of the machine sees of the server: the arguments of all its processes."""
    for pid in (server.process.pid, *server.workers()):
        yield Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
        assert stat.S_IMODE(Path(f"/proc/{pid}/environ").stat().st_mode) == 0o400


def failing(http: httpx.Client, secret: str, token: str) -> Iterator[httpx.Response]:
    """Have it fail in many ways, each with something that is not to be shown."""
    agent = f"103_{SEED_APP}"
    asked = {"from": FROM, "to": FROM + 1000, "page": 1}
    record = missed(FROM, dialled_number=NUMBER)
    key = f"?key={secret}"
    yield http.post("/v1/agentLogin", json={"id": agent, "password": PASSWORD + "?"})
    yield http.post("/v1/agentLogin", json={"id": agent, "password": [PASSWORD]})
    yield http.post("/v1/agentLogin", content=f'{{"id": "{agent}", "password": "{PASSWORD}"')
    yield http.post("/v1/agentOutMissed", json={"token": WRONG, **asked})
    yield http.post("/v1/agentOutMissed", json={"token": token, **asked, "page": "many"})
    yield http.post("/v1/callLegs", json={"token": token, "id": NUMBER})
    yield http.post(f"/ingest/generic{key}", json={"dialled_number": NUMBER})
    yield http.post(f"/ingest/generic{key}", json=record | {"started_at": f"when {NUMBER} rang"})
    yield http.post(f"/ingest/generic{key}", content=b"\x1f\x8b" + NUMBER.encode())
    yield http.post(f"/ingest/{secret}{key}", json=record)
    yield http.post("/ingest/generic", json=record, headers={"Authorization": f"Bearer {secret}x"})
    yield http.get(f"/{NUMBER}/{token}{key}", headers={"X-Request-ID": token, "Cookie": token})
    yield http.get("/readyz", headers={"X-Request-ID": NUMBER})


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_a_server_writes_or_shows_holds_a_secret_or_a_number(
    tmp_path: Path, stores: Stores, workers: int
) -> None:
    """Logs, metrics, readiness, process lists: whatever fails, with the access log on, none of them tells anything."""
    url = stores.made()
    more = {"RINGBACK_STORE": url}
    words = ("serve", "--access-log", "--workers", str(workers), "--port", str(free_port()))
    with (
        running(tmp_path, *words, more=more) as server,
        client_of(server.url) as http,
    ):
        tenant = House(url, http).tenant(SEED_APP)
        login = http.post("/v1/agentLogin", json={"id": tenant.agent_id, "password": PASSWORD}).json()["token"]
        secrets = [PASSWORD, tenant.secret, tenant.token, login, WRONG, *passwords_of(url)]
        answers = [*failing(http, tenant.secret, login)]
        away = [*failing_away(http, tenant.secret, stores, url)]
        open_to_all = [http.get("/metrics").text, *(answer.text for answer in away), *shown(server)]
        assert server.stop() == 0

    assert {answer.status_code for answer in away} <= {503}
    assert not [answer for answer in answers[:-1] if answer.status_code < 400]
    assert len([line for line in server.said if "event='request'" in line]) > len(answers)
    assert bool([line for line in server.said if "event='store'" in line]) == bool(away)
    for secret in [*secrets, NUMBER]:
        assert not [line for line in [*server.said, *open_to_all] if secret in line], secret
    for secret in secrets:
        assert not [answer for answer in answers if secret in str(answer.headers) or secret in said(answer)], secret
    for where in (urlsplit(url).hostname, urlsplit(url).username, str(tmp_path), "/stores"):
        assert not where or not [answer.text for answer in away if where in answer.text]


COMMANDS = (
    "app list",
    "agent list",
    "audit list",
    "rejects list",
    f"list 103_{SEED_APP} --from 2019-10-01 --to 2019-10-04",
    f"export {SEED_APP} --format jsonl",
    f"token revoke 103_{SEED_APP}",
    "check",
)


def test_nothing_that_is_left_behind_holds_a_secret(tmp_path: Path, stores: Stores) -> None:
    """Neither the store and a backup of it, nor any other file or file's name, nor what the commands print."""
    url = stores.made()
    with (
        running(tmp_path, "serve", "--port", "0", more={"RINGBACK_STORE": url}) as server,
        client_of(server.url) as http,
    ):
        tenant = House(url, http).tenant(SEED_APP)
        tenant.ingest(missed(FROM), {"garbage": True})
        answers = [*failing(http, tenant.secret, tenant.token)]
        with signed_in(tenant) as client:
            (session,) = client.cookies.values()
        login = http.post("/v1/agentLogin", json={"id": tenant.agent_id, "password": PASSWORD}).json()["token"]
        issued = ringback(tmp_path, "token", "issue", tenant.agent_id, "--json", RINGBACK_STORE=url).stdout
        new = b"another-" + PASSWORD.encode()
        changed = ringback(
            tmp_path, "agent", "password", tenant.agent_id, "--password-stdin", stdin=new, RINGBACK_STORE=url
        )
        rotated = ringback(tmp_path, "app", "rotate", str(SEED_APP), "--json", RINGBACK_STORE=url).stdout
        while_running = [*contents(tmp_path, url)]
    ended = [ringback(tmp_path, *command.split(), RINGBACK_STORE=url) for command in COMMANDS]
    ended += [changed, ringback(tmp_path, "backup", "backup.db", RINGBACK_STORE=url)]

    secrets = [PASSWORD, tenant.secret, tenant.token, session, login]
    secrets += [json.loads(issued)["token"], json.loads(rotated)["secret"]]
    assert len(answers) > 10
    assert [one.returncode for one in ended] == [0] * len(ended)
    written = [*while_running, *contents(tmp_path, url), *(one.stdout + one.stderr for one in ended)]
    assert any(b"agent_added" in text or b"secret_rotated" in text for text in written)
    assert any(text.startswith(b"SQLite format 3") for text in written)
    for secret in secrets:
        assert not [text[:80] for text in written if secret.encode() in text], secret


def contents(folder: Path, url: str) -> Iterator[bytes]:
    """Yield the names and bytes of all files that a server and commands have written, the store's among them."""
    folders = {folder, Path(urlsplit(url).path).parent} if url.startswith("sqlite") else {folder}
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        yield str(path).encode()
        if path.is_file():
            yield path.read_bytes()


def passwords_of(url: str) -> list[str]:
    """Return the password of a store's URL, as it is and as it is written there."""
    written = urlsplit(url).password
    return [written, unquote(written)] if written else []


def failing_away(http: httpx.Client, secret: str, stores: Stores, url: str) -> Iterator[httpx.Response]:
    """Have it fail because the store takes no writes; a file's lock is waited for too long to be tried here."""
    if isinstance(stores, PostgresqlStores):
        with stores.unwritable(url):
            record = missed(FROM + 1, dialled_number=NUMBER)
            yield http.post("/ingest/generic", json=record, headers={"Authorization": f"Bearer {secret}"})
            yield http.get("/readyz")


def said(answer: httpx.Response) -> str:
    """Return an answer's text, but for a path that it repeats to the one who asked for it."""
    return answer.text.replace(answer.request.url.path[:200], "")


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("check",)])
def test_a_store_that_cannot_be_opened_is_told_without_its_password(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Whether nobody listens, the kind is unknown or the URL is broken, no error shows the password of --store."""
    for url in (
        f"postgresql://ring:{STORE_PASSWORD}@127.0.0.1:{free_port()}/calls",
        f"postgresql://127.0.0.1:{free_port()}/calls?user=ring&password={STORE_PASSWORD}",
        f"mysql://ring:{STORE_PASSWORD}@127.0.0.1/calls",
        f"sqlite://ring:{STORE_PASSWORD}@host/calls.db",
        f"postgresql://ring:{STORE_PASSWORD}@127.0.0.1:port/calls",
    ):
        ended = ringback(tmp_path, *command, RINGBACK_STORE=url)

        assert ended.returncode in (1, 2)
        assert STORE_PASSWORD.encode() not in ended.stderr + ended.stdout, url
        assert b"Traceback" not in ended.stderr, ended.stderr
        assert not [path for path in tmp_path.rglob("*") if STORE_PASSWORD in str(path)]


def test_a_password_among_the_arguments_is_warned_about(tmp_path: Path, stores: Stores) -> None:
    """A store's URL with a password is fine in the environment; as an argument the server warns of it."""
    url = stores.made()
    with running(tmp_path, "serve", "--port", "0", "--store", url) as server:
        wait_for(lambda: any("event='started'" in line for line in server.said))
        server.stop()

    warned = [line for line in server.said if "RINGBACK_STORE" in line]
    assert len(warned) == bool(urlsplit(url).password)


def test_what_the_embedded_store_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """With the most generous umask the folder made for it has mode 0700, and all files in it 0600."""
    environ = environment(tmp_path, PYTHONUNBUFFERED="1")
    command = ["bash", "-c", 'umask 0; exec "$0" "$@"']
    subprocess.run([*command, RINGBACK, "app", "add", "7"], env=environ, cwd=tmp_path, check=True, capture_output=True)
    server = subprocess.Popen(
        [*command, RINGBACK, "serve", "--port", "0"], env=environ, cwd=tmp_path, stderr=subprocess.PIPE
    )
    folder = tmp_path / "data" / "ringback"
    files = [folder / f"ringback.db{end}" for end in ("", "-wal", "-shm")]
    try:  # the log comes and goes while the server looks whether the store can be used
        modes = wait_for(lambda: _modes(files))
        others = set(folder.iterdir()) - set(files)
    finally:
        server.terminate()
        server.communicate(timeout=DEADLINE_SECONDS)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert others == set()
    assert modes == [0o600] * 3


def _modes(files: list[Path]) -> list[int]:
    """Return the modes of these files; none unless all are there."""
    try:
        return [stat.S_IMODE(file.stat().st_mode) for file in files]
    except FileNotFoundError:
        return []
