"""Bad input to a real server: requests generated from its own OpenAPI document, and HTTP that is none."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.outages.sites import Site, site
from tests.web.house import FROM, Tenant, missed

from torture.findings import Finding, Say, finding
from torture.kills import stores_of
from torture.mutations import CORPUS, mutated

_TRUTHS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_PATIENCE_SECONDS = 10.0


def generate_requests(kind: str, examples: int, seed: int, say: Say) -> Iterator[Finding]:
    """Have schemathesis make so many requests to each documented operation, with live credentials and without."""
    with stores_of(kind, say) as stores:
        if stores is None:
            return
        with (
            finding("documented routes", f"schemathesis, {kind}", "requests", seed, say) as found,
            tempfile.TemporaryDirectory() as folder,
            site(Path(folder), stores.made()) as served,
        ):
            owner = served.house.tenant()
            owner.ingest(missed(FROM))
            for operation in _operations(served):
                for access in (None, owner):
                    _try_operation(operation, served, access, examples, seed, found)
            _judge(served, found)
        yield found


def garble_http(requests: int, seed: int, say: Say) -> Iterator[Finding]:
    """Send so many requests that are broken as HTTP; each connection ends in time, and the server goes on."""
    with (
        finding("broken HTTP", "a real server, sqlite", "requests", seed, say) as found,
        stores_of("sqlite", say) as stores,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert stores is not None
        chance = Random(seed)
        with site(Path(folder), stores.made()) as served:
            tenant = served.house.tenant()
            before = served.open_files()
            for _ in range(requests):
                _garble(chance, served, tenant, found)
                found.tried += 1
            _judge(served, found)
            if served.open_files() > before + 4:
                found.fault(f"{served.open_files()} files are open, {before} at the beginning")
    yield found


def _operations(served: Site) -> list[Any]:
    @schemathesis.serializer("application/x-ndjson")
    def ndjson(_: schemathesis.SerializationContext, value: Any) -> bytes:
        return str(value).encode(errors="replace")

    document = served.house.http.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    return [schema[path][method] for path, methods in document["paths"].items() for method in methods]


def _try_operation(
    operation: Any, served: Site, owner: Tenant | None, examples: int, seed: int, found: Finding
) -> None:
    if owner is not None and operation.method.upper() == "GET" and "ingest" not in operation.path:
        return
    headers = {"Authorization": f"Bearer {owner.secret}"} if owner else {}

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        if owner is not None and isinstance(case.body, dict) and "token" in case.body:
            case.body["token"] = owner.token
        found.tried += 1
        case.call_and_validate(base_url=served.house.url, checks=_TRUTHS, headers=headers)

    try:
        one()
    except Exception as error:  # noqa: BLE001  (whatever schemathesis found is what we are looking for)
        found.fault(f"{operation.method.upper()} {operation.path}: {error}")


def _garble(chance: Random, served: Site, tenant: Tenant, found: Finding) -> None:
    source = chance.choice(sorted(CORPUS))
    body = chance.choice(CORPUS[source])[:2000]
    head = f"POST /ingest/{source} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.secret}\r\n"
    length = chance.choice((len(body), len(body), 0, len(body) + 50, -1, 10**18))
    framing = chance.choice((f"Content-Length: {length}\r\n", "Transfer-Encoding: chunked\r\n"))
    whole = mutated(chance, (head + framing + "\r\n").encode() + body)
    url = served.house.http.base_url
    try:
        with socket.create_connection((url.host, url.port or 80), timeout=_PATIENCE_SECONDS) as client:
            client.sendall(whole)
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").read()
    except TimeoutError:
        found.fault(f"no end within {_PATIENCE_SECONDS:.0f} s of {whole[:600]!r}")
    except OSError:  # it hung up while we were sending
        return
    else:
        if answer.startswith(b"HTTP/1.1 5"):
            found.fault(f"{answer[:300]!r} to {whole[:600]!r}")


def _judge(served: Site, found: Finding) -> None:
    """The server is still there and well."""
    if served.status("/readyz") != 200:
        found.fault("the server is not ready any more")
    for line in served.server.said:
        if "Traceback" in line or "level='error'" in line:
            found.fault(line)
