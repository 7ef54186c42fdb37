"""The server's clock is set back or forward under it, or its time zone is another: what was right stays right."""

import time
from pathlib import Path

import httpx
import pytest
from tests.outages.clocks import Clock
from tests.outages.sites import Site, kept, site
from tests.sources.payloads import payloads
from tests.stores import Stores
from tests.web.house import PASSWORD, Tenant, missed, with_store

_HOUR_MS = 3_600_000


def token_of(served: Site, tenant: Tenant) -> str:
    """Log in; return the token."""
    answer = served.log_in(tenant.agent_id, PASSWORD)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def page_status(tenant: Tenant, token: str) -> int:
    """Ask for a page with this token; return the status."""
    return tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked(token=token)).status_code


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_a_clock_that_steps_back_an_hour_costs_nothing(stores: Stores, store_url: str, tmp_path: Path) -> None:
    """Tokens from before and after stay good, secrets count, resends are duplicates, nothing is rejected."""
    clock = Clock(tmp_path)
    with site(tmp_path, store_url, more=clock.variables) as served:
        tenant = served.house.tenant()
        now = int(time.time() * 1000)
        tokens = [tenant.token, token_of(served, tenant)]
        delivered = [tenant.ingest(missed(now), missed(now - 1))]
        clock.set(-1)
        tokens.append(token_of(served, tenant))
        delivered += [tenant.ingest(missed(now), missed(now + 1)), tenant.ingest({"garbage": 1})]
        clock.set(0)
        delivered += [tenant.ingest({"garbage": 1}), tenant.ingest(missed(now), missed(now + 1))]

        assert [page_status(tenant, token) for token in tokens] == [200] * 3
        assert [answer.status_code for answer in delivered] == [200, 200, 400, 400, 200]
        assert [answer.json()["new"] for answer in delivered] == [2, 1, 0, 0, 0]
        assert served.readiness().status_code == 200
        rejects = with_store(store_url, lambda store: store.rejects(tenant.app_id))
        assert len(rejects) == 1
        assert -_HOUR_MS - 60_000 < rejects[0].received_at.timestamp() * 1000 - now < -_HOUR_MS + 60_000
        assert kept(store_url, tenant.app_id).faults == []


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_a_token_ends_by_the_clock_and_a_wrong_clock_drops_none(stores: Stores, store_url: str, tmp_path: Path) -> None:
    """A month ahead the tokens are refused; once the clock is right again they are good again."""
    clock = Clock(tmp_path)
    with site(tmp_path, store_url, more=clock.variables) as served:
        tenant = served.house.tenant()
        clock.set(24 * 31)
        ahead = page_status(tenant, tenant.token)
        clock.set(0)

        assert (ahead, page_status(tenant, tenant.token)) == (404, 200)


def ids(answer: httpx.Response) -> list[object]:
    """Return what a page shows."""
    assert answer.status_code == 200
    return [answer.json()["count"], *answer.json()["cdr"]]


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_the_servers_own_time_zone_says_nothing(stores: Stores, tmp_path: Path) -> None:
    """Servers at either end of the world, and one where an hour comes twice, keep the same legs of every case."""
    found = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"):
        url = stores.made()
        with site(tmp_path, url, more={"TZ": zone, "RINGBACK_TIMEZONE": "Asia/Almaty"}) as served:
            tenant = served.house.tenant(1111113)
            statuses = [
                tenant.ingest(source=path.parent.name, content=path.read_bytes()).status_code for path in payloads()
            ]
            page = tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked(**{"from": 0, "to": 2**50}))
            found.append((statuses, ids(page), sorted(kept(url, tenant.app_id).listed)))
        stores.drop(url)

    assert found[0] == found[1] == found[2]
    assert len(found[0][2]) > 50
