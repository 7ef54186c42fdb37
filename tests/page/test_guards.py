"""Guards of the page, past any browser: no session, another page's request, another agent's calls, wrong questions."""

from typing import Any

import httpx
import pytest
from tests.page.days import at, some
from tests.page.sessions import OWN, signed_in
from tests.stores import Stores
from tests.web.house import PASSWORD, Tenant, missed, served

pytestmark = pytest.mark.one_store

PRIVATE = ("/page/calls?from=0&to=1", "/page/legs?id=0", "/page/chart?from=0&to=1", "/page/calls.csv", "/page/live")
COOKIES = (b"", b"ringback=", b"ringback=rbt_1_x", b"ringback=rbt_1_%b" % (b"0" * 40), b"ringback=\xff; x")
ASKED = (("POST", "/page/session"), ("DELETE", "/page/session"), ("GET", PRIVATE[0]))
FOREIGN: dict[str, dict[str, str]] = {
    "no header of the page": {},
    "another site": {**OWN, "Sec-Fetch-Site": "cross-site"},
    "another host of this site": {**OWN, "Sec-Fetch-Site": "same-site"},
    "another origin": {**OWN, "Origin": "https://evil.example"},
    "no origin that is told": {**OWN, "Origin": "null"},
}


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("cookie", COOKIES)
def test_nothing_is_shown_without_a_session(resident: Tenant, path: str, cookie: bytes) -> None:
    """Whatever stands in the cookie, what is no live token gets 401 and nothing else."""
    headers = [(b"X-Ringback-Page", b"1"), (b"Cookie", cookie)]
    answer = httpx.get(f"{resident.house.url}{path}", headers=headers)

    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "error", "msg", "message"}


@pytest.mark.parametrize("path", PRIVATE)
def test_an_apps_secret_opens_no_page(resident: Tenant, path: str) -> None:
    """Neither a secret in the cookie, nor a token that is not in it."""
    for headers in ({"Cookie": f"ringback={resident.secret}"}, {"Authorization": f"Bearer {resident.token}"}):
        assert httpx.get(f"{resident.house.url}{path}", headers={**OWN, **headers}).status_code == 401


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(("method", "path"), ASKED)
def test_what_another_page_may_have_sent_is_refused(
    resident: Tenant, method: str, path: str, headers: dict[str, str]
) -> None:
    """A request that is not surely the page's own does nothing: no session is opened, ended or read."""
    with signed_in(resident) as client:
        del client.headers["X-Ringback-Page"]
        who = {"id": resident.agent_id, "password": PASSWORD}
        answer = client.request(method, path, headers=headers, json=who if method == "POST" else None)
        still = client.get(PRIVATE[0], headers=OWN)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert still.status_code == 200


def test_a_page_of_the_same_origin_may_ask(resident: Tenant) -> None:
    """The page itself sends its origin and is let through."""
    with signed_in(resident) as client:
        own = {"Origin": resident.house.url, "Sec-Fetch-Site": "same-origin"}
        assert client.get(PRIVATE[0], headers=own).status_code == 200


def test_another_agents_calls_are_not_to_be_seen(tenant: Tenant) -> None:
    """Neither in the list, nor by the id of a call, nor in the file, nor in the chart."""
    tenant.add_agent("104")
    tenant.ingest(*some(3, agent="104"))
    with signed_in(tenant) as client:
        asked: dict[str, Any] = {"from": at(40), "to": at(0)}
        assert client.get("/page/calls", params=asked).json()["count"] == 0
        assert client.get("/page/calls.csv", params=asked).text.count("\n") == 1
        assert sum(bar["missed"] for bar in client.get("/page/chart", params=asked).json()["bars"]) == 0


def test_a_calls_legs_are_its_agents_alone(tenant: Tenant) -> None:
    """The id of another agent's call is as unknown as one that is not there."""
    token = tenant.add_agent("104")
    tenant.ingest(missed(at(1), agent="104"))
    call_id = tenant.page(token=token, from_=at(40), to=at(0))["cdr"][0]["_id"]
    with signed_in(tenant) as client:
        assert client.get("/page/legs", params={"id": call_id}).status_code == 404
        assert client.get("/page/legs", params={"id": "0" * 24}).status_code == 404


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "from"),
        ("from=0", "to"),
        ("from=-1&to=1", "from"),
        ("from=0&to=99999999999999999", "to"),
        ("from=0&to=1&page=0", "page"),
        ("from=0&to=1&limit=101", "limit"),
        (f"from=0&to=1&find={'x' * 65}", "find"),
        ("from=%FF&to=1", "query"),
        ("&".join(f"a{n}=1" for n in range(50)), "query"),
    ],
)
def test_a_wrong_question_is_named(resident: Tenant, query: str, named: str) -> None:
    """Each parameter that is not what it should be is told by its name."""
    with signed_in(resident) as client:
        answer = client.get(f"/page/calls?{query}")

    assert answer.status_code == 400
    assert named in answer.json()["msg"]


def test_answers_are_kept_nowhere(resident: Tenant) -> None:
    """No cache keeps what the page was told."""
    with signed_in(resident) as client:
        for path in (PRIVATE[0], "/page/session", "/page/calls.csv?from=0&to=1", "/page/legs?id=0"):
            assert client.get(path).headers["cache-control"] == "no-store", path


def test_guesses_at_the_page_count_as_those_at_the_api(stores: Stores) -> None:
    """One guard stands before both: who has guessed too often at the one is held up at the other."""
    with served(stores.made(), login_tries=2) as house:
        tenant = house.tenant()
        wrong = {"id": tenant.agent_id, "password": "wrong"}
        ways = ("/page/session", "/v1/agentLogin") * 2
        told = [house.http.post(path, json=wrong, headers=OWN).status_code for path in ways]

    assert told == [404, 404, 429, 429]


def test_what_is_no_sign_in_is_named(resident: Tenant) -> None:
    """A body that cannot be read, and one that lacks something, say so."""
    url = f"{resident.house.url}/page/session"
    assert httpx.post(url, content=b"{", headers=OWN).status_code == 400
    told = httpx.post(url, json={"id": resident.agent_id}, headers=OWN).json()["msg"]
    assert told.startswith("password is missing")
