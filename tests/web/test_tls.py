"""TLS of a running server: who it says it is, how its certificate is renewed, and what it does with a broken one."""

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from structlog.testing import capture_logs
from tests.switches.programs import free_port
from tests.web.house import DEADLINE_SECONDS, wait_for
from tests.web.processes import Server, ringback, running

from ringback.web.tls import Certificate

CA = trustme.CA()


class Files:
    """The certificate and key that a server is told of."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.words = ("--tls-cert", str(self.cert), "--tls-key", str(self.key))

    def issue(self, name: str) -> None:
        """Write a new certificate as a renewal does: beside the old one, then in its place."""
        issued = CA.issue_cert("127.0.0.1", "localhost", organization_name=name)
        for path, body in (
            (self.cert, b"".join(pem.bytes() for pem in issued.cert_chain_pems)),
            (self.key, issued.private_key_pem.bytes()),
        ):
            new = path.with_suffix(".new")
            new.write_bytes(body)
            new.rename(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A good certificate of the organisation First."""
    files = Files(tmp_path)
    files.issue("First")
    return files


def trusting() -> ssl.SSLContext:
    """Return what a client needs to trust our authority."""
    context = ssl.create_default_context()
    CA.configure_trust(context)
    return context


@contextmanager
def connected(server: Server, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
    """Run with a TLS connection to the server, which has shown a certificate that we trust."""
    url = httpx.URL(server.url)
    with (
        socket.create_connection((url.host, url.port or 0), DEADLINE_SECONDS) as bare,
        (context or trusting()).wrap_socket(bare, server_hostname=url.host) as connection,
    ):
        yield connection


def organisation(server: Server) -> str:
    """Return whom the server's certificate names."""
    with connected(server) as connection:
        shown = str(connection.getpeercert())
    return next(name for name in ("First", "Second") if f"('organizationName', '{name}')" in shown)


def alive(connection: ssl.SSLSocket) -> bool:
    """Ask over an open connection."""
    connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("workers", "by"), [(1, "looking"), (2, "SIGHUP")])
def test_a_renewed_certificate_is_taken_and_no_connection_dropped(
    tmp_path: Path, files: Files, workers: int, by: str
) -> None:
    """All workers show the new certificate, and a connection made before goes on; a broken one changes nothing."""
    words = ("--port", str(free_port()), "--workers", str(workers))
    with running(tmp_path, "serve", *words, *files.words) as server, httpx.Client(verify=trusting()) as http:
        wait_for(lambda: sum("started" in line for line in server.said) == workers)
        assert server.url.startswith("https://")
        assert organisation(server) == "First"
        with connected(server) as old:
            assert alive(old)
            before = server.workers()
            files.issue("Second")
            if by == "SIGHUP":
                server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: sum("certificate loaded" in line for line in server.said) >= workers)

            assert {organisation(server) for _ in range(4 * workers)} == {"Second"}
            assert alive(old)
            assert server.workers() == before
        files.cert.write_text("nonsense")
        wait_for(lambda: sum("certificate kept" in line for line in server.said) >= workers)
        assert {organisation(server) for _ in range(4 * workers)} == {"Second"}
        assert http.get(f"{server.url}/readyz").status_code == 200
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 8  # the client that keeps its connection is not waited for
    assert not any("Traceback" in line for line in server.said)


def test_half_of_a_renewed_pair_is_waited_for(files: Files) -> None:
    """A certificate whose key is still to be written is no news: the pair is loaded once it has stood for a look."""
    certificate = Certificate(files.cert, files.key)
    key = files.key.read_bytes()
    files.issue("Second")
    whole = files.key.read_bytes()

    with capture_logs() as said:
        files.key.write_bytes(key)
        certificate.look()
        files.key.write_bytes(whole)
        certificate.look()
        assert said == []
        certificate.look()

    assert [line["event"] for line in said] == ["certificate loaded"]


def test_old_tls_and_plain_http_are_refused(tmp_path: Path, files: Files) -> None:
    """TLS 1.1 gets no connection and plain HTTP no answer; TLS 1.2 and 1.3 do."""
    with running(tmp_path, "serve", "--port", "0", *files.words) as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting()
            context.maximum_version = version
            with connected(server, context) as connection:
                assert alive(connection)
        url = httpx.URL(server.url)
        old = subprocess.run(
            ["openssl", "s_client", "-connect", f"{url.host}:{url.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            input=b"",
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert old.returncode != 0
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url.replace("https", "http") + "/healthz")


def test_listening_to_the_network_with_tls_or_behind_a_proxy_is_not_warned_about(tmp_path: Path, files: Files) -> None:
    """With TLS of its own, or a trusted proxy named, the server has nothing to warn of."""
    for words in (files.words, ("--trusted-proxies", "127.0.0.1")):
        with running(tmp_path, "serve", "--port", "0", "--host", "0.0.0.0", *words) as server:  # noqa: S104
            wait_for(lambda: any("started" in line for line in server.said))
            server.stop()
        assert not [line for line in server.said if "Warning" in line]


def damage(file: Path) -> None:
    """Spoil a few characters of what stands between its first and its last line."""
    text = file.read_text()
    file.write_text(text[:120] + "@@@@" + text[124:])


def encrypted(files: Files) -> None:
    """Encrypt the key as owners do who think of nothing else."""
    plain = files.key.with_suffix(".plain")
    files.key.rename(plain)
    command = f"openssl pkey -in {plain} -out {files.key} -aes256 -passout pass:hunter2"
    subprocess.run(command.split(), check=True, capture_output=True)


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda files: files.cert.unlink(), "cert.pem cannot be read: No such file or directory"),
        (lambda files: files.key.unlink(), "key.pem cannot be read: No such file or directory"),
        (
            lambda files: files.cert.write_text("nonsense"),
            "cert.pem cannot be used: it is no PEM file with a certificate",
        ),
        (lambda files: files.key.write_text(""), "key.pem cannot be used: it is no PEM file with a private key"),
        (lambda files: files.key.write_bytes(files.cert.read_bytes()), "key.pem cannot be used: it is no PEM file"),
        (lambda files: damage(files.cert), "cert.pem cannot be used: the certificate in it is damaged"),
        (lambda files: damage(files.key), "key.pem cannot be used: the private key in it is damaged"),
        (lambda files: files.key.write_bytes(CA.issue_cert("x").private_key_pem.bytes()), "key values mismatch"),
        (encrypted, "tls_key is encrypted"),
    ],
    ids=["no cert", "no key", "nonsense", "empty", "twice", "broken cert", "broken key", "another's key", "encrypted"],
)
def test_a_certificate_that_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, files: Files, spoil: object, part: str
) -> None:
    """A file that is missing, no certificate, not the pair of the other, or encrypted ends with status 2 at once."""
    assert callable(spoil)
    spoil(files)
    ended = ringback(tmp_path, "serve", "--port", "0", *files.words)

    assert ended.returncode == 2
    assert part in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_without_tls_a_hang_up_changes_nothing(tmp_path: Path, workers: int) -> None:
    """SIGHUP to a server without a terminal, and to its workers, leaves all of them at work."""
    words = ("--port", str(free_port()), "--workers", str(workers))
    with running(tmp_path, "serve", *words) as server:
        wait_for(lambda: sum("started" in line for line in server.said) == workers)
        before = server.workers()
        assert len(before) == (workers if workers > 1 else 0)
        for process in (server.process.pid, *before):
            os.kill(process, signal.SIGHUP)
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert server.workers() == before
        assert server.stop() == 0
