"""What Prometheus would read at /metrics, through its own parsers. No assertions here."""

from collections.abc import Iterator

import httpx
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Scrape:
    """The samples of one answer."""

    def __init__(self, http: httpx.Client, *, accept: str = "text/plain") -> None:
        self.answer = http.get("/metrics", headers={"Accept": accept})
        self.answer.raise_for_status()
        is_open = self.answer.headers["content-type"].startswith("application/openmetrics-text")
        parse = openmetrics.text_string_to_metric_families if is_open else text_string_to_metric_families
        self.families = list(parse(self.answer.text))

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        """Yield the samples of this name that have these labels."""
        for family in self.families:
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    yield sample

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of this name that have these labels."""
        return sum(sample.value for sample in self.samples(name, **labels))
