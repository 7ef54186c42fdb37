"""What was counted and what the store weighs, as Prometheus reads it."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import ringback
from ringback.storage.records import Measures
from ringback.web.tallies import BOUNDS_SECONDS, RESULTS, Tallies

_BOUNDS = (*(str(bound) for bound in BOUNDS_SECONDS), "+Inf")


def exposed(tallies: Tallies, measures: Measures | None, accepted: bytes) -> tuple[bytes, bytes]:
    """Return all metrics and their media type, in the format that a client's Accept header asks for."""
    encode, content_type = choose_encoder(accepted.decode("latin-1"))
    return encode(_Told(tallies, measures)), content_type.encode()


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
