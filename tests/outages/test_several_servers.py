"""Several servers on one store, one of them of two processes, agree from one request to the next."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.load import load
from tests.outages.sites import Site, kept, site
from tests.web.house import FROM, PASSWORD, Tenant, missed
from tests.web.processes import ringback

from ringback.telephony.call import call_ref

_TIMES = 8  # requests, each by a connection of its own: both processes of a server get some
_ALONE = {"Connection": "close"}


@pytest.fixture(scope="module")
def sites(server: PostgreSql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """Two servers of one store, the second of two processes."""
    store = server.new_database()
    folder = tmp_path_factory.mktemp("sites")
    with site(folder, store) as one, site(folder, store, workers=2) as other:
        yield one, other


@pytest.fixture
def tenants(sites: tuple[Site, Site]) -> tuple[Tenant, Tenant]:
    """One app with agent 103, asked through each server."""
    tenant = sites[0].house.tenant()
    return tenant, tenant._replace(house=sites[1].house)


def pages(tenants: tuple[Tenant, Tenant], token: str) -> set[int]:
    """Ask both servers for a page with this token, through new connections; return the statuses."""
    asked = [tenant._replace(token=token) for tenant in tenants] * _TIMES
    return {one.house.http.post("/v1/agentOutMissed", json=one.asked(), headers=_ALONE).status_code for one in asked}


def logins(sites: tuple[Site, Site], agent_id: str, password: str) -> list[httpx.Response]:
    """Log in at both."""
    return [served.log_in(agent_id, password) for served in sites]


def owner(folder: Path, tenant: Tenant, *words: str, stdin: str = "") -> None:
    """Run a command on the store, as on a third machine."""
    done = ringback(folder, *words, stdin=stdin.encode(), RINGBACK_STORE=tenant.house.store)
    assert done.returncode == 0, done


def test_a_token_counts_everywhere_until_it_is_revoked_anywhere(
    sites: tuple[Site, Site], tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    """A token that one server gave opens pages of both at once; revoked, it is refused by both at once."""
    tokens = [login.json()["token"] for login in logins(sites, tenants[0].agent_id, PASSWORD)]

    assert [pages(tenants, token) for token in tokens] == [{200}] * 2
    owner(tmp_path, tenants[0], "token", "revoke", tenants[0].agent_id)
    assert [pages(tenants, token) for token in tokens] == [{404}] * 2


def test_a_changed_password_counts_everywhere(
    sites: tuple[Site, Site], tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    """The old password and its tokens are refused by both at once, and the new one is taken by both."""
    agent_id = tenants[0].agent_id
    owner(tmp_path, tenants[0], "agent", "password", agent_id, "--password-stdin", stdin="another-one\n")

    assert [answer.status_code for answer in logins(sites, agent_id, PASSWORD)] == [404] * 2
    assert pages(tenants, tenants[0].token) == {404}
    assert [answer.status_code for answer in logins(sites, agent_id, "another-one")] == [200] * 2


def test_a_disabled_agent_is_disabled_everywhere(
    sites: tuple[Site, Site], tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    """Both refuse its tokens and its password at once, and take the password again once it is enabled."""
    agent_id = tenants[0].agent_id
    owner(tmp_path, tenants[0], "agent", "disable", agent_id)

    assert pages(tenants, tenants[0].token) == {404}
    assert [answer.status_code for answer in logins(sites, agent_id, PASSWORD)] == [404] * 2
    owner(tmp_path, tenants[0], "agent", "enable", agent_id)
    assert [answer.status_code for answer in logins(sites, agent_id, PASSWORD)] == [200] * 2


def test_a_delivery_to_one_is_in_the_next_page_of_the_other(tenants: tuple[Tenant, Tenant]) -> None:
    """To and fro, each page shows all deliveries that were acknowledged before, whichever server took them."""
    for number in range(10):
        there, here = tenants[number % 2], tenants[1 - number % 2]

        assert there.ingest(missed(FROM + number)).status_code == 200
        assert here.page()["count"] == number + 1


def test_the_same_calls_delivered_to_both_at_once_are_listed_once(tenants: tuple[Tenant, Tenant]) -> None:
    """Two servers take in the same calls into the same lists at the same time: none is lost, none is there twice."""
    with load(tenants[0]) as work, load(tenants[1]) as same_work:
        work.wait_for_more(40)
        same_work.wait_for_more(40)

    assert {asked.status for asked in (*work.answers, *same_work.answers)} == {200}
    found = kept(tenants[0].house.store, tenants[0].app_id)
    assert found.faults == []
    keys = {*work.acknowledged, *same_work.acknowledged}
    assert sorted(found.listed) == sorted(call_ref(tenants[0].app_id, key) for key in keys)
