"""GET /metrics: what is counted, by which worker, who may read it, as Prometheus's own parsers understand it."""

import os
import re
import signal
import time
from pathlib import Path

import httpx
import pytest
from tests.attacks.wire import send
from tests.stores import Stores
from tests.switches.programs import free_port
from tests.web.house import FROM, House, Tenant, missed, served, wait_for
from tests.web.processes import running
from tests.web.scrapes import OPENMETRICS, Scrape

from ringback.web.app import new_board
from ringback.web.tallies import BOUNDS_SECONDS

PAGES = "/v1/agentOutMissed"
REQUESTS, SECONDS = "ringback_http_requests_total", "ringback_http_request_seconds"


def test_requests_are_counted_by_route_and_code(tenant: Tenant) -> None:
    """Pages, wrong tokens, log-ins, strangers' deliveries and paths that are none of ours each count once, as that."""
    http = tenant.house.http
    before = Scrape(http)
    tenant.page()
    http.post(PAGES, json=tenant.asked(token="rbt_7_none"))
    http.post("/v1/agentLogin", json={"id": tenant.agent_id, "password": "wrong"})
    http.post("/ingest/asterisk", json={})
    http.get(PAGES)
    http.get("/nowhere")
    http.post("/ingest/nobody", json={})
    after = Scrape(http)

    for route, code, count in (
        (PAGES, "200", 1),
        (PAGES, "404", 1),
        (PAGES, "405", 1),
        ("/v1/agentLogin", "404", 1),
        ("/ingest/asterisk", "401", 1),
        ("other", "404", 1),
        ("other", "401", 1),
        ("/metrics", "200", 1),
    ):
        labels = {"route": route, "code": code}
        assert after.total(REQUESTS, **labels) - before.total(REQUESTS, **labels) == count, labels


def test_the_code_in_the_body_counts_where_http_says_200(tmp_path: Path) -> None:
    """With error_status=body a wrong token is counted as 404."""
    with served(f"sqlite:///{tmp_path}/a.db", error_status="body") as house:
        assert house.http.post(PAGES, json=house.tenant(7).asked(token="none")).status_code == 200

        assert Scrape(house.http).total(REQUESTS, route=PAGES, code="404") == 1
        assert not list(Scrape(house.http).samples("ringback_last_delivery_timestamp_seconds"))  # nothing came yet


def test_requests_that_never_came_in_are_counted_as_what_they_were_told(tmp_path: Path) -> None:
    """Heads and bodies that take too long are 408 and heads without end 431, each once, of whatever route it was."""
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n"
    pages, none = head % PAGES.encode(), head % b"/nowhere"
    with running(tmp_path, "serve", "--port", "0", "--client-timeout", "1") as server:
        for sent in (
            pages,
            pages + b"Content-Length: 9\r\n\r\n",
            pages + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        ):
            assert b"HTTP/1.1 408 " in send(server.url, sent, seconds=20).raw
        assert b"HTTP/1.1 408 " in send(server.url, none, seconds=20).raw
        send(server.url, pages + b"X: " + b"a" * 300_000, seconds=20)  # who sends on may lose the answer
        with httpx.Client(base_url=server.url) as http:
            wait_for(lambda: Scrape(http).total(REQUESTS, route=PAGES) == 4)
            scrape = Scrape(http)

    counted = {(one.labels["route"], one.labels["code"]): one.value for one in scrape.samples(REQUESTS)}
    counted.pop(("/metrics", "200"))
    assert counted == {(PAGES, "408"): 3, (PAGES, "431"): 1, ("other", "408"): 1}


def test_requests_past_the_short_way_are_counted_once(tmp_path: Path) -> None:
    """With pages of other origins allowed and with an access log every request still counts once."""
    for settings in ({"cors_origins": ("https://crm.example",)}, {"access_log": True}):
        with served(f"sqlite:///{tmp_path}/a.db", **settings) as house:
            house.http.post(PAGES, json={})
            house.http.post("/ingest/generic", json={})
            scrape = Scrape(house.http)

            assert scrape.total(REQUESTS, route=PAGES) == 1
            assert scrape.total(REQUESTS, route="/ingest/generic") == 1


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_times_are_a_whole_histogram(tenant: Tenant, accept: str) -> None:
    """Buckets never fall, the last holds all, and it agrees with the count of requests."""
    tenant.page()
    scrape = Scrape(tenant.house.http, accept=accept)
    buckets = [(sample.labels["le"], sample.value) for sample in scrape.samples(f"{SECONDS}_bucket", route=PAGES)]

    assert [float(bound) for bound, _ in buckets] == [*BOUNDS_SECONDS, float("inf")]
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert buckets[-1][1] == scrape.total(f"{SECONDS}_count", route=PAGES) == scrape.total(REQUESTS, route=PAGES) > 0
    assert 0 < scrape.total(f"{SECONDS}_sum", route=PAGES) < 60


def test_legs_are_counted_by_source_and_result(tenant: Tenant) -> None:
    """A new call, the same again, a leg that changes it and a record that nobody understands count as such."""
    http = tenant.house.http
    before = Scrape(http)
    started = time.time()
    tenant.ingest(missed(FROM), missed(FROM + 1))
    tenant.ingest(missed(FROM))
    tenant.ingest(missed(FROM, disposition="answered", source_record_id="other"), {"call_key": "none"})
    after = Scrape(http)

    counts = {
        result: after.total("ringback_legs_total", source="generic", result=result)
        - before.total("ringback_legs_total", source="generic", result=result)
        for result in ("new", "merged", "duplicate", "rejected")
    }
    assert counts == {"new": 2, "merged": 1, "duplicate": 1, "rejected": 1}
    assert abs(after.total("ringback_last_delivery_timestamp_seconds", source="generic") - started) < 30


def test_the_store_is_weighed(house: House) -> None:
    """Its bytes, its lists and the rejects that it keeps are told, and that it is up."""
    before = Scrape(house.http)
    house.tenant().ingest(missed(FROM), {"call_key": "none"})
    after = Scrape(house.http)

    assert after.total("ringback_store_up") == 1
    assert after.total("ringback_store_bytes") > 10_000
    assert after.total("ringback_store_lists") - before.total("ringback_store_lists") == 1
    assert after.total("ringback_store_rejects") - before.total("ringback_store_rejects") == 1


def test_a_store_that_is_away_is_told_and_keeps_nothing_else_back(stores: Stores) -> None:
    """While the store takes no writes the answer is 200 with ringback_store_up 0 and all counts."""
    url = stores.made()
    with served(url) as house:
        with stores.unwritable(url):
            scrape = Scrape(house.http)
        assert scrape.total("ringback_store_up") == 0
        assert not list(scrape.samples("ringback_store_bytes"))
        assert list(scrape.samples("ringback_legs_total"))

        assert Scrape(house.http).total("ringback_store_up") == 1
    stores.drop(url)


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"X-Forwarded-For": "127.0.0.1"}, 403),  # a proxy that nobody told us of
        ({}, {"Forwarded": "for=127.0.0.1"}, 403),
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-For": "198.51.100.1"}, 403),
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-For": "127.0.0.1, 198.51.100.1"}, 403),
        ({"trusted_proxies": ("192.0.2.7",)}, {"X-Forwarded-For": "198.51.100.1"}, 403),  # another proxy is trusted
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-For": "unknown"}, 403),  # it tells of nobody
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-For": "unknown, 127.0.0.1"}, 403),
        ({"trusted_proxies": ("127.0.0.1",)}, {"Forwarded": "for=198.51.100.1"}, 403),
        ({"trusted_proxies": ("127.0.0.1",)}, {"Via": "1.1 proxy"}, 403),
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-For": "127.0.0.1"}, 200),  # asked on this machine
        ({"trusted_proxies": ("127.0.0.1",)}, {}, 200),
        ({"trusted_proxies": ("127.0.0.1",), "metrics_from": ("192.0.2.0/24",)}, {"X-Forwarded-For": "192.0.2.1"}, 200),
        ({"metrics_from": ("198.51.100.0/24",)}, {}, 403),
        ({"metrics_from": ()}, {}, 403),
    ],
)  # fmt: skip
def test_metrics_are_for_those_they_are_for(
    tmp_path: Path, settings: dict[str, tuple[str, ...]], headers: dict[str, str], status: int
) -> None:
    """This machine reads them unless set otherwise; what a proxy passes on is judged by whom it is from."""
    with served(f"sqlite:///{tmp_path}/a.db", **settings) as house:
        answer = house.http.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert ("ringback_store_up" in answer.text) == (status == 200)


def test_workers_are_counted_together_and_no_sum_falls_when_one_dies(tmp_path: Path) -> None:
    """Every request to two workers is in whichever answer, also those to a worker that was killed since."""
    port = str(free_port())
    with (
        running(tmp_path, "serve", "--port", port, "--workers", "2") as server,
        httpx.Client(base_url=server.url, headers={"Connection": "close"}) as http,  # each time another worker's
    ):
        wait_for(lambda: len(processes(http)) == 2)
        assert {http.get("/healthz").status_code for _ in range(40)} == {200}
        assert {healthy(http) for _ in range(10)} == {40}

        before = processes(http)
        os.kill(server.workers()[-1], signal.SIGKILL)
        wait_for(lambda: len(processes(http).items() - before.items()) == 1)
        assert {healthy(http) for _ in range(10)} == {40}
        assert processes(http).keys() == before.keys()


def processes(http: httpx.Client) -> dict[str, float]:
    """Return when each worker started."""
    try:
        found = list(Scrape(http).samples("process_start_time_seconds"))
    except httpx.TransportError:  # it was the one that was killed
        return {}
    return {sample.labels["worker"]: sample.value for sample in found}


def healthy(http: httpx.Client) -> float:
    """Return how many requests to /healthz were counted."""
    return Scrape(http).total(REQUESTS, route="/healthz")


def test_every_metric_is_documented(house: House) -> None:
    """Each metric stands in the operator's page, and the page names none that is not there."""
    page = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()
    told = {family.name + ("_total" if family.type == "counter" else "") for family in Scrape(house.http).families}
    documented = set(re.findall(r"`((?:ringback|process)_[a-z_]+)`", page))

    assert told == documented


def test_counting_a_request_costs_little(tmp_path: Path) -> None:
    """A request counts in less than 20 microseconds, however slow this machine is just now; it takes half of one."""
    tally = new_board().taken().routes[PAGES]
    rounds = []
    for _ in range(5):
        started = time.perf_counter_ns()
        for _ in range(2_000):
            tally.count(200, 40_000)
        rounds.append((time.perf_counter_ns() - started) / 2_000)

    assert min(rounds) < 20_000
