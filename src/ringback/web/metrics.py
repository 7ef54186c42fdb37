"""GET /metrics: what was counted and what the store weighs, as Prometheus reads it. Counting is in tallies.py."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import Receive, Scope, Send

import ringback
from ringback.errors import RingbackError
from ringback.settings import Settings, networks_of
from ringback.storage.base import Store
from ringback.storage.records import Measures
from ringback.web.answers import Answer, header
from ringback.web.clients import client_address, is_in, is_passed_on
from ringback.web.problems import problem_answer
from ringback.web.tallies import BOUNDS_SECONDS, RESULTS, Tallies

_PATIENCE_SECONDS = 3.0  # with a store that is locked; a scrape that takes ten is thrown away
_BOUNDS = (*(str(bound) for bound in BOUNDS_SECONDS), "+Inf")


class Metrics:
    """Answers whoever may read the metrics, as an ASGI class so that the router hands it the bare connection."""

    def __init__(self, store: Store, tallies: Tallies, settings: Settings) -> None:
        self._store, self._tallies = store, tallies
        self._trusted = networks_of("trusted_proxies", settings.trusted_proxies)
        self._allowed = networks_of("metrics_from", settings.metrics_from)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request."""
        await (await self.answer(scope)).send(send)

    async def answer(self, scope: Scope) -> Answer:
        """Return the metrics, or 403."""
        if not self._may_read(scope):
            return problem_answer(403, "/metrics is not for this address; the setting metrics_from says for whom it is")
        measures = await _measured(self._store)
        encode, content_type = choose_encoder(header(scope, b"accept").decode("latin-1"))
        return Answer(200, content_type.encode(), encode(_Told(self._tallies, measures)))

    def _may_read(self, scope: Scope) -> bool:
        """A proxy that nobody told us of makes every client look like itself: what it passes on is refused."""
        if is_passed_on(scope) and not self._trusted:
            return False
        return is_in(client_address(scope, self._trusted), self._allowed)


async def _measured(store: Store) -> Measures | None:
    """Return what the store weighs; None while it does not answer or cannot be written."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.ready()
            return await store.measures()
    except (RingbackError, TimeoutError):
        return None


class _Told(Collector):
    """One scrape."""

    def __init__(self, tallies: Tallies, measures: Measures | None) -> None:
        self._tallies, self._measures = tallies, measures

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        info = GaugeMetricFamily("ringback_build_info", "1, with the server's version", labels=["version"])
        info.add_metric([ringback.__version__], 1)
        yield info
        yield from self._requests()
        yield from self._deliveries()
        yield from _of_store(self._measures)
        yield from _of_processes(self._tallies.processes())

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "ringback_http_requests", "Requests answered, by route and by the answer's code", labels=["route", "code"]
        )
        seconds = HistogramMetricFamily(
            "ringback_http_request_seconds", "Time until an answer was ready, by route", labels=["route"]
        )
        for route, sums in self._tallies.route_sums():
            for status, count in sums.statuses.items():
                if count:
                    requests.add_metric([route, str(status or "other")], count)
            buckets = list(zip(_BOUNDS, map(float, accumulate(sums.buckets)), strict=True))
            if sums.buckets:
                seconds.add_metric([route], buckets, sums.seconds)
        yield requests
        yield seconds

    def _deliveries(self) -> Iterator[Metric]:
        legs = CounterMetricFamily(
            "ringback_legs",
            "Legs taken in, and records rejected, by source",
            labels=["source", "result"],
        )
        last = GaugeMetricFamily(
            "ringback_last_delivery_timestamp_seconds",
            "When a source last delivered",
            labels=["source"],
        )
        for source, sums in self._tallies.source_sums():
            for result in RESULTS:
                legs.add_metric([source, result], sums.results[result])
            if sums.last_seconds is not None:
                last.add_metric([source], sums.last_seconds)
        yield legs
        yield last


def _of_store(measures: Measures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("ringback_store_up", "1 when the store answers and can be written", float(bool(measures)))
    if measures is not None:
        yield GaugeMetricFamily("ringback_store_bytes", "Bytes that the store takes", measures.bytes)
        yield GaugeMetricFamily("ringback_store_lists", "Call lists, counted up to 100,000", measures.lists)
        yield GaugeMetricFamily("ringback_store_rejects", "Rejected records kept, up to 100,000", measures.rejects)


def _of_processes(processes: Iterable[tuple[int, int]]) -> Iterator[Metric]:
    """The library's own process metrics, of every worker and not of the one that happens to answer."""
    families: dict[str, Metric] = {}
    for worker, pid in processes:
        for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {**sample.labels, "worker": str(worker)}, sample.value)
    yield from families.values()
