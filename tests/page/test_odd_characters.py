"""Control characters in what the page asks: on every store they are refused by name, and never a fault."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from tests.page.sessions import signed_in
from tests.web.house import Tenant, with_store

ODD = ("\0", "7701\x000000001", "7701\n", "\x1f1", "7\x7f", "7\x9f")
POSTED: dict[str, dict[str, object]] = {
    "/page/done": {"number": "77010000001", "seen_ms": 1},
    "/page/undo": {"number": "77010000001", "done_ms": 1},
    "/page/contact": {"number": "77010000001", "name": ""},
}


@pytest.fixture
def client(tenant: Tenant) -> Iterator[httpx.Client]:
    """A supervisor who has signed in: it may ask for more than others."""
    with_store(tenant.house.store, lambda store: store.set_supervisor(tenant.app_id, "103", is_supervisor=True))
    with signed_in(tenant) as client:
        yield client


@pytest.mark.parametrize("path", POSTED)
def test_no_number_holds_a_control_character(client: httpx.Client, path: str) -> None:
    """Number after number is a 400 that says what is wrong with it."""
    for odd in ODD:
        answer = client.post(path, content=json.dumps(POSTED[path] | {"number": odd}))

        assert answer.status_code == 400, odd
    assert answer.json()["msg"].startswith("number should be")


def test_no_agent_and_no_name_holds_one(client: httpx.Client) -> None:
    """Whose list a number is to leave, and who is behind it."""
    done = client.post("/page/done", json=POSTED["/page/done"] | {"of": "\0"})
    named = client.post("/page/contact", json=POSTED["/page/contact"] | {"name": "Z\0e"})

    assert (done.status_code, named.status_code) == (400, 400)


@pytest.mark.parametrize("path", ["calls", "chart", "calls.csv", "legs"])
@pytest.mark.parametrize("name", ["find", "of"])
def test_no_query_holds_one(client: httpx.Client, path: str, name: str) -> None:
    """What is to be found, and whose calls: named with what it should be."""
    for odd in ("\0", "7\x001", "\x7f"):
        answer = client.get(f"/page/{path}?from=0&to=1&id={'0' * 24}&{name}={quote(odd)}")

        assert answer.status_code == 400
        assert answer.json()["msg"] == f"{name} should hold no control characters"


def test_any_other_character_may_be_looked_for(client: httpx.Client) -> None:
    """Letters of all scripts, signs and spaces are none."""
    for text in ("Zoë 😀", "*97", "+7 (701) 000-00-01", "Асель", "a\N{NO-BREAK SPACE}b"):
        assert client.get("/page/calls", params={"from": 0, "to": 1, "find": text}).status_code == 200
        assert client.post("/page/undo", json={"number": text, "done_ms": 1}).json() == {"undone": False}
