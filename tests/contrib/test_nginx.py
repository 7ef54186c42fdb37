"""The nginx example with the real nginx in front of the real server."""

import json
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import trustme
from tests.switches.programs import Program, free_port, missing_programs, refuse_without
from tests.web.house import DEADLINE_SECONDS, FROM, SEED_APP, House, missed, wait_for
from tests.web.processes import Server, running

EXAMPLE = Path(__file__).parents[2] / "contrib" / "nginx" / "ringback.conf"
CA = trustme.CA()


class Site(NamedTuple):
    """A server, and nginx before it."""

    server: Server
    http: httpx.Client
    house: House


def configured(folder: Path, port: int, server_port: int) -> Path:
    """Write the example, its marked names changed, into a whole configuration of an unprivileged nginx."""
    issued = CA.issue_cert("localhost")
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    site = EXAMPLE.read_text()
    for old, new in (
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{server_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server_name calls.example.org;", "server_name localhost;"),
        ("/etc/ssl/calls.example.org/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/ssl/calls.example.org/privkey.pem", f"{folder}/key.pem"),
    ):
        assert site.count(old) == 1, old
        site = site.replace(old, new)
    places = "".join(
        f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # whom the test's own folders are open to
    path = folder / "nginx.conf"
    path.write_text(
        f"{user}daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}\n"
        f"http {{ {places}\n{site} }}"
    )
    folder.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """nginx before a server that trusts it."""
    refuse_without(missing_programs("nginx"))
    folder, place = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("nginx")
    store = f"sqlite:///{folder}/a.db"
    port, server_port = free_port(), free_port()
    words = ("serve", "--store", store, "--port", str(server_port), "--trusted-proxies", "127.0.0.1", "--access-log")
    trusting = ssl.create_default_context()
    CA.configure_trust(trusting)
    with running(folder, *words) as server:
        nginx = Program(["nginx", "-e", "stderr", "-c", configured(place, port, server_port)], place / "log")
        address = f"https://localhost:{port}"
        try:
            with httpx.Client(base_url=address, verify=trusting, timeout=DEADLINE_SECONDS) as http:
                nginx.wait_until(lambda: answers(http))
                yield Site(server, http, House(store, http))
        finally:
            nginx.stop()


def answers(http: httpx.Client) -> bool:
    """Tell whether the server is reached through nginx."""
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def last_request(site: Site, path: str) -> dict[str, str]:
    """Return what the server logged of the last request for this path."""
    line = wait_for(lambda: next((line for line in reversed(site.server.said) if f"path='{path}'" in line), None)) or ""
    return dict(re.findall(r"(\w+)='([^']*)'", line))


def test_log_ins_deliveries_and_pages_go_through(site: Site) -> None:
    """Through TLS and nginx an agent logs in, a switch delivers, and the page shows the call."""
    tenant = site.house.tenant(SEED_APP)
    assert tenant.ingest(missed(FROM)).json()["new"] == 1

    assert tenant.page()["count"] == 1


def test_the_server_learns_who_it_is_and_a_forged_address_is_not_believed(site: Site) -> None:
    """Address and scheme are as nginx saw them, whatever the client wrote, and the request has nginx's id."""
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "gopher", "X-Request-ID": "forged-by-the-client"}
    answer = site.http.get("/nowhere", headers=forged)
    logged = last_request(site, "/nowhere")

    assert (logged["client"], logged["scheme"]) == ("127.0.0.1", "https")
    assert answer.headers["x-request-id"] == logged["request_id"] != "forged-by-the-client"


def test_large_deliveries_pass_and_larger_ones_are_refused_in_our_words(site: Site) -> None:
    """Six megabytes of calls are taken in; over 32, or over 64 kilobytes for the API, is a 413 that clients read."""
    tenant = site.house.tenant()
    calls = b"".join(json.dumps(missed(FROM + n, name="n" * 200)).encode() + b"\n" for n in range(20_000))
    assert len(calls) > 6_000_000
    assert tenant.ingest(content=calls).json()["new"] == 20_000

    for answer in (tenant.ingest(content=b" " * 33_600_000), site.http.post("/v1/agentLogin", content=b" " * 100_000)):
        assert answer.status_code == 413
        assert (answer.json()["code"], answer.json()["error"]) == (413, True)


def test_errors_of_the_server_pass_as_they_are(site: Site) -> None:
    """A 404, a 401 and a 400 of the server are not replaced."""
    assert site.http.post("/v1/agentOutMissed", json={}).json()["msg"].startswith("token is missing")
    assert site.http.post("/ingest/generic", json={}).headers["www-authenticate"] == "Bearer"


def test_the_metrics_are_not_passed_on(site: Site) -> None:
    """nginx refuses /metrics; so would the server, for a client elsewhere."""
    assert site.http.get("/metrics").status_code == 403


def test_a_server_that_is_away_is_a_503_that_says_when_to_come_again(site: Site) -> None:
    """With the server stopped everything is 503 with Retry-After, in the envelope that clients read."""
    assert site.server.stop() == 0
    answer = site.http.post("/v1/agentOutMissed", json={})

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, 503, "5")
    assert answer.headers["content-type"] == "application/json"
