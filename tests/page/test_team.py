"""A supervisor's view: the calls of all agents as one list, how each fares, and that nobody else sees it."""

from collections.abc import Iterator

import httpx
import pytest
from tests.loop import run
from tests.page.days import at, now_ms, some
from tests.page.desk import Desk
from tests.page.sessions import OWN, signed_in
from tests.web.house import Tenant, missed, with_store

RANGE = {"from": at(40), "to": at(0, 23)}


@pytest.fixture
def chief(tenant: Tenant) -> Tenant:
    """An app whose agent 103 supervises 104 and 105, who have called."""
    for extension in ("104", "105"):
        tenant.add_agent(extension)
    tenant.ingest(
        *some(30, agent="104"),
        *some(30, days_ago=2, agent="105", name="Zoë"),
        *(missed(at(1, 9, n), agent="105", call_key=f"r{n}", disposition="answered") for n in range(10)),
        missed(at(3)),
    )
    supervise(tenant, "103")
    return tenant


def supervise(tenant: Tenant, extension: str, *, is_supervisor: bool = True) -> None:
    """Make an agent a supervisor, as the app's owner would."""
    with_store(
        tenant.house.store, lambda store: store.set_supervisor(tenant.app_id, extension, is_supervisor=is_supervisor)
    )


@pytest.fixture
def client(chief: Tenant) -> Iterator[httpx.Client]:
    """A client that the supervisor has signed in with."""
    with signed_in(chief) as client:
        yield client


def test_all_agents_calls_are_one_list(client: httpx.Client) -> None:
    """Pages over all agents tile their calls, newest first, each with its agent."""
    pages = [
        client.get("/page/calls", params={**RANGE, "of": "*", "page": n, "limit": 25}).json() for n in (1, 2, 3, 4)
    ]
    calls = [call for page in pages for call in page["calls"]]

    assert [page["count"] for page in pages] == [61] * 4
    assert [len(page["calls"]) for page in pages] == [25, 25, 11, 0]
    assert [call["started_ms"] for call in calls] == sorted((call["started_ms"] for call in calls), reverse=True)
    assert [call["agent"] for call in calls] == ["104"] * 30 + ["105"] * 30 + ["103"]


def test_the_worst_reached_comes_first(client: httpx.Client) -> None:
    """Agents by the share of their calls that was answered; of equal shares the one with more calls first."""
    agents = client.get("/page/agents", params=RANGE).json()

    assert [(one["extension"], one["missed"], one["answered"], one["reached"]) for one in agents] == [
        ("104", 30, 0, 0.0),
        ("103", 1, 0, 0.0),
        ("105", 30, 10, 0.25),
    ]


def test_one_agents_calls_and_what_is_found_among_all(client: httpx.Client) -> None:
    """A supervisor sees one agent's list and chart, finds among all, takes all away, and reads any call's legs."""
    one = client.get("/page/calls", params={**RANGE, "of": "105"}).json()
    found = client.get("/page/calls", params={**RANGE, "of": "*", "find": "zoë"}).json()
    chart = client.get("/page/chart", params={**RANGE, "of": "105"}).json()
    rows = client.get("/page/calls.csv", params={**RANGE, "of": "*"}).text.splitlines()

    assert (one["count"], found["count"], len(rows)) == (30, 30, 62)
    assert sum(bar["answered"] for bar in chart["bars"]) == 10
    assert len(client.get("/page/legs", params={"id": one["calls"][0]["id"], "of": "105"}).json()) == 1


def test_a_row_shows_the_legs_of_its_agents_call(chief: Tenant, client: httpx.Client) -> None:
    """Of two agents' calls that claim one id, each row shows its own; asked for everybody's, both."""
    chief.ingest(*(missed(at(1), agent=agent, call_key=agent, id="ab" * 12) for agent in ("104", "105")))

    for of, legs in (("104", 1), ("105", 1), ("*", 2)):
        assert len(client.get("/page/legs", params={"id": "ab" * 12, "of": of}).json()) == legs


@pytest.mark.parametrize("path", ["calls", "chart", "calls.csv", "agents", "live", "legs"])
def test_who_is_no_supervisor_sees_nobody_else(chief: Tenant, path: str) -> None:
    """Another agent's calls are refused to who is none, or no longer one."""
    supervise(chief, "103", is_supervisor=False)
    with signed_in(chief) as client:
        for of in ("*", "104"):
            assert client.get(f"/page/{path}", params={**RANGE, "of": of, "id": "0" * 24}).status_code == 403


def test_an_app_ends_at_its_own_agents(chief: Tenant, client: httpx.Client) -> None:
    """Another app's agents of the same extensions are not to be seen."""
    other = chief.house.tenant()
    other.ingest(*some(5, agent="104"))

    assert client.get("/page/calls", params={**RANGE, "of": "104"}).json()["count"] == 30
    assert client.get("/page/calls", params={**RANGE, "of": "*"}).json()["count"] == 61


def test_the_supervisors_page(desk: Desk, chief: Tenant) -> None:
    """From one's own calls to all agents', to one agent's, live; and no such thing for the others."""
    desk.open_as(chief)
    desk.counts(".row", 1)
    desk.press("All agents")
    desk.reads("#title", "61 calls nobody picked up")
    desk.sees("#team")
    assert desk.texts("#team tbody th") == ["Asha · 104", "Asha · 103", "Asha · 105"]
    assert desk.texts(".row .agent") == ["by 104"] * 25
    run(desk.find(".details").first.click())
    desk.reads(".legs >> nth=0", "1 attempt")

    chief.ingest(missed(now_ms(), agent="105", call_key="new"))
    desk.reads("#title", "62 calls nobody picked up")
    desk.press("Asha · 105")
    desk.reads("#title", "31 calls nobody picked up")
    desk.sees("#glance")
    desk.misses("#team")
    desk.press("My calls")
    desk.counts(".row", 1)


def test_other_agents_have_no_such_view(desk: Desk, chief: Tenant) -> None:
    """An agent who is no supervisor sees no way there, and an address that leads there shows its own calls."""
    desk.sign_in(f"104_{chief.app_id}", path="/?of=*")
    desk.counts(".row", 25)

    desk.reads("#title", "30 calls nobody picked up")
    desk.misses("#whose")
    assert httpx.get(f"{chief.house.url}/page/agents?from=0&to=1", headers=OWN).status_code == 401
