"""Whoever does not belong: guessed tokens, another's token or secret, SQL everywhere, bombs, and what gets logged."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.attacks.wire import request, send
from tests.outages.sites import Site, site
from tests.stores import SqliteStores, Stores
from tests.web.house import FROM, PASSWORD, Tenant, missed
from tests.web.processes import ringback

from ringback import agents
from ringback.settings import Settings

LISTS = ("/v1/agentOutMissed", "/v1/agentRingBack")
SQL = (
    "' OR '1'='1",
    "'; DROP TABLE listed_call; --",
    '" UNION SELECT password_hash FROM agent --',
    "1) OR (1=1",
    "$1; SELECT pg_sleep(9)",
    "\\'; --",
    "%' OR 1=1 --",
    "\0' OR 1",
)
ESCAPE = "\x1b[2J\x1b]0;owned\x07\r\nevent='started' level='critical'\u2028\x9b31m\u202e"


@pytest.fixture(scope="module")
def form(stores: Stores) -> str:
    """The form of log lines: one on each kind of store."""
    return "text" if isinstance(stores, SqliteStores) else "json"


@pytest.fixture(scope="module")
def served(stores: Stores, form: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server."""
    with site(tmp_path_factory.mktemp("intruders"), stores.made(), "--log-format", form) as served:
        yield served


@pytest.fixture(scope="module")
def victim(served: Site) -> Tenant:
    """An app whose agent 103 has a missed call."""
    tenant = served.house.tenant()
    tenant.ingest(missed(FROM, name="private"))
    return tenant


@pytest.fixture(scope="module")
def intruder(served: Site) -> Tenant:
    """Another app, with a token and a secret of its own."""
    return served.house.tenant()


@pytest.mark.parametrize("path", LISTS)
def test_guessed_tokens_show_nothing(victim: Tenant, path: str) -> None:
    """Five hundred made-up tokens of the app, and those one character off the right one, are all refused alike."""
    made_up = [agents.new_credential(agents.TOKEN_PREFIX, victim.app_id) for _ in range(200)]
    near = [victim.token[:-1] + digit for digit in "0123456789abcdef" if digit != victim.token[-1]]
    answers = {
        (answer.status_code, answer.text)
        for token in made_up + near
        for answer in [victim.house.http.post(path, json=victim.asked(token=token))]
    }

    assert len(answers) == 1
    assert answers.pop()[0] == 404


def test_anothers_token_shows_nothing_of_ones_calls(victim: Tenant, intruder: Tenant) -> None:
    """A live token of another app shows neither the list nor the legs, and renamed to this app nobody's."""
    legs = "/v1/callLegs"
    (call,) = victim.page()["cdr"]
    renamed = intruder.token.replace(str(intruder.app_id), str(victim.app_id))

    assert intruder.page()["count"] == 0
    assert victim.house.http.post(legs, json={"token": victim.token, "id": call["_id"]}).status_code == 200
    for token in (intruder.token, renamed):
        assert victim.house.http.post(legs, json={"token": token, "id": call["_id"]}).status_code == 404
    for path in LISTS:
        assert victim.house.http.post(path, json=victim.asked(token=renamed)).status_code == 404
        assert victim.house.http.post(path, json=intruder.asked()).json()["count"] == 0
        assert victim.house.http.post(path, json=victim.asked()).json()["count"] == 1


def test_anothers_secret_delivers_nothing_to_ones_lists(victim: Tenant, intruder: Tenant) -> None:
    """A delivery goes to the app of its secret, whatever it says; a secret renamed to another app is none."""
    record = missed(FROM + 1, agent=f"103_{victim.app_id}", app=victim.app_id, appid=victim.app_id)
    renamed = intruder.secret.replace(str(intruder.app_id), str(victim.app_id))
    bearer = {"Authorization": f"Bearer {renamed}"}

    intruder.ingest(record)
    assert intruder.ingest(record, headers=bearer).status_code == 401
    assert intruder.ingest(record, headers={"Authorization": f"Bearer {victim.token}"}).status_code == 401
    assert victim.page()["count"] == 1


@pytest.mark.parametrize("sql", SQL)
def test_sql_is_text_wherever_it_stands(victim: Tenant, sql: str) -> None:
    """SQL in every parameter of every route is refused or kept as text: nothing fails, waits, appears or goes away."""
    (call,) = victim.page()["cdr"][-1:]
    logins = ({"id": sql, "password": PASSWORD}, {"id": f"103{sql}_{victim.app_id}", "password": sql})
    legs = ({"token": victim.token, "id": sql}, {"token": sql, "id": call["_id"]})
    pages = [victim.asked(**{name: sql}) for name in ("token", "from", "to", "page", "limit")]
    paths = (f"/ingest/{quote(sql, safe='')}", f"/ingest/generic?key={quote(sql)}", f"/{quote(sql)}?{quote(sql)}")
    asked: list[tuple[str, object]] = [(path, page) for page in pages for path in LISTS]
    asked += [("/v1/callLegs", one) for one in legs] + [("/v1/agentLogin", login) for login in logins]
    asked += [(path, []) for path in paths]
    statuses = [victim.house.http.post(path, json=body).status_code for path, body in asked]
    assert set(statuses) <= {400, 401, 404, 429}

    fields = dict.fromkeys(("call_key", "dialled_number", "calling_number", "name", "trunk", "source_record_id"), sql)
    taken = victim.ingest(missed(FROM, agent="900", **fields), missed(FROM, agent=sql)).json()
    assert taken["new"] + taken["duplicate"] + taken["merged"] + taken["rejected"] == 2
    assert [row["name"] for row in victim.page()["cdr"]] == ["private"]


def test_the_store_is_sound_after_all_that(served: Site, victim: Tenant, tmp_path: Path) -> None:
    """After the attacks above the store proves its invariants."""
    assert ringback(tmp_path, "check", "--store", served.house.store).returncode == 0
    assert victim.page()["count"] == 1


def memory_mib(site: Site) -> float:
    """Return the most memory that the server ever had."""
    status = Path(f"/proc/{site.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.one_store
@pytest.mark.long
def test_bombs_and_huge_bodies_cost_bounded_memory(served: Site, victim: Tenant, intruder: Tenant) -> None:
    """Gzip that unpacks to ten times what is taken, and bodies without end, are refused, with and without a secret."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(40):
            file.write(bytes(10_000_000))
    before = memory_mib(served)
    bomb = packed.getvalue()
    assert victim.ingest(content=bomb).status_code == 413
    assert victim.ingest(content=gzip.compress(bomb)).status_code == 400
    assert victim.ingest(content=bomb, headers={}).status_code == 401

    endless = b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + bytes(65536) + b"\r\n") * 200
    for path in ("/v1/agentOutMissed", "/v1/agentLogin", "/ingest/generic"):
        reply = send(served.house.url, f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + endless, seconds=0.3)
        assert set(reply.statuses) <= {413, 401}
    largest = Settings.max_delivery / 2**20
    assert memory_mib(served) - before < 4 * largest


@pytest.mark.one_store
def test_nothing_that_is_sent_forges_a_log_line(served: Site, victim: Tenant, form: str) -> None:
    """Control characters in paths, ids, names and records come to no line of the log as they are, in either form."""
    http = victim.house.http
    said = len(served.server.said)
    http.get("/" + quote(ESCAPE))
    http.post("/v1/agentLogin", json={"id": ESCAPE, "password": ESCAPE})
    victim.ingest(missed(FROM, agent=ESCAPE, direction=ESCAPE, name=ESCAPE))
    http.post("/ingest/" + quote(ESCAPE, safe=""), headers={"Authorization": f"Bearer {victim.secret}"})
    send(served.house.url, b"GET /\x1b[2J HTTP/1.1\r\nX: \x1b\x07\r\n\r\n", seconds=0.2)
    send(served.house.url, b"GET / HTTP/1.1\r\nUpgrade: \xc2\x9b31m\r\nConnection: upgrade\r\n\r\n", seconds=0.2)

    for line in served.server.said[said:]:
        assert line.rstrip("\n").isprintable()
        assert form == "text" or json.loads(line)["event"]
    assert not any("owned" in line for line in served.server.said)


@pytest.mark.one_store
def test_nothing_that_was_sent_drives_the_owners_terminal(served: Site, victim: Tenant, tmp_path: Path) -> None:
    """What a delivery holds is shown by the commands with its control characters made visible."""
    victim.ingest(missed(FROM, agent="104", name=ESCAPE), missed(FROM, direction=ESCAPE, agent=ESCAPE))
    rejects = json.loads(ringback(tmp_path, "rejects", "list", "--store", served.house.store, "--json").stdout)
    number = str(rejects["rejects"][-1]["number"])
    for words in (("list", f"104_{victim.app_id}"), ("rejects", "list"), ("rejects", "show", number)):
        shown = ringback(tmp_path, *words, "--store", served.house.store).stdout.decode()

        assert shown.replace("\n", "").isprintable(), words


@pytest.mark.one_store
def test_a_foreign_page_may_not_read_an_answer(victim: Tenant) -> None:
    """A page of another origin is not told that it may read answers, preflight or not, whatever it calls itself."""
    for origin in ("https://evil.example.org", "null", victim.house.url + ".evil.example.org"):
        for method in ("OPTIONS", "POST"):
            raw = request("/v1/agentOutMissed", victim.asked(), f"Origin: {origin}", method=method)
            reply = send(victim.house.url, raw, seconds=0.2)
            assert b"access-control" not in reply.raw.lower()
