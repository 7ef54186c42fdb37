"""`follow asterisk --server`: a real server that takes the rows, that is away, and that refuses them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from tests.following.owner import Owner
from tests.following.rows import APP, ZONE, Log, lines, number_of
from tests.switches.programs import free_port
from tests.web.processes import running

FOLLOW = ("asterisk", "Master.csv", "--every", "0.05")


def test_rows_go_to_a_server_that_is_away_and_comes_back(any_owner: Owner, log: Log) -> None:
    """Rows written before the server is up, while it runs and while it is down are there once in the end."""
    port = free_port()
    serve = ("serve", "--store", any_owner.commands.store, "--port", str(port), "--timezone", ZONE)
    log.write(lines(0))
    words = (*FOLLOW, "--server", f"http://127.0.0.1:{port}")
    with any_owner.following(*words, RINGBACK_SECRET=any_owner.secret) as process:
        process.wait_until_said("is away, trying again until it is back")
        with running(any_owner.folder, *serve) as server:
            log.write(lines(1))
            any_owner.wait_for_calls(2)
            assert server.url
        log.write(lines(2))
        log.rename()
        log.write(lines(3))
        with running(any_owner.folder, *serve):
            any_owner.wait_for_calls(4)

        assert process.said.count("is away") == process.said.count("is back\n") == 2, process.said
        assert process.stop() == 0
    assert any_owner.check()["calls"] == 4


def test_it_stops_when_told_while_the_server_is_away(owner: Owner, log: Log) -> None:
    """Waiting for a server does not keep it from stopping, status 0; the rows are delivered the next time."""
    log.write(lines(0))
    words = (*FOLLOW, "--server", f"http://127.0.0.1:{free_port()}", "--state", "place.json")
    with owner.following(*words, RINGBACK_SECRET=owner.secret) as process:
        process.wait_until_said("is away")

        assert process.stop() == 0, process.said
    with answering(lambda _: (200, {}, TAKEN)) as (url, bodies):
        owner.counts(*FOLLOW, "--server", url, "--state", "place.json", RINGBACK_SECRET=owner.secret)
    assert bodies == [lines(0)]


def test_rows_a_server_rejects_are_kept_there(owner: Owner, log: Log) -> None:
    """A batch of which nothing was understood is counted, kept by the server, and not sent again."""
    log.write(b"no row\n")
    (owner.folder / "secret").write_text(owner.secret + "\n")
    with running(owner.folder, "serve", "--port", "0", "--timezone", ZONE) as server:
        words = (*FOLLOW, "--server", server.url, "--secret-file", "secret")

        assert owner.counts(*words) == {"read": 1, "new": 0, "merged": 0, "duplicate": 0, "rejected": 1}
        assert owner.counts(*words)["read"] == 0
    assert len(owner.commands.done("rejects", "list", "--json").facts["rejects"]) == 1


@pytest.mark.parametrize("where", ["ringback.toml", "RINGBACK_TIMEZONE"])
def test_a_zone_for_all_commands_is_passed_over(owner: Owner, log: Log, where: str) -> None:
    """A timezone that stands in the file or in a variable is not refused, and it is said whose zone counts instead."""
    log.write(lines(0))
    variables = {"RINGBACK_SECRET": owner.secret}
    with running(owner.folder, "serve", "--port", "0", "--timezone", ZONE) as server:
        if where == "ringback.toml":
            (owner.folder / where).write_text('timezone = "Pacific/Apia"\n')
        else:
            variables[where] = "Pacific/Apia"
        done = owner.once(*FOLLOW, "--server", server.url, **variables)

    assert (done.status, done.facts["new"]) == (0, 1), done
    assert "the setting timezone, Pacific/Apia, is passed over: the server reads all times by its own\n" in done.err
    assert owner.numbers() == [number_of(0)]


def test_a_batch_without_a_record_is_passed_over(owner: Owner, log: Log) -> None:
    """Blank lines are no reason to stop."""
    log.write(b"\n \n")
    with running(owner.folder, "serve", "--port", "0", "--timezone", ZONE) as server:
        assert owner.counts(*FOLLOW, "--server", server.url, RINGBACK_SECRET=owner.secret)["read"] == 0


def test_a_wrong_secret_stops_it_and_loses_nothing(owner: Owner, log: Log) -> None:
    """A secret that was rotated is refused in one line; with the new one the rows go in."""
    log.write(lines(0))
    new = owner.commands.done("app", "rotate", APP, "--json").facts["secret"]
    with running(owner.folder, "serve", "--port", "0", "--timezone", ZONE) as server:
        words = (*FOLLOW, "--server", server.url)
        status, said = owner.refused(*words, RINGBACK_SECRET=owner.secret)

        assert (status, said) == (1, "ringback: the server does not know the app's secret; was it rotated?")
        assert owner.counts(*words, RINGBACK_SECRET=new)["new"] == 1
    assert owner.numbers() == [number_of(0)]


@pytest.mark.parametrize(
    ("secret", "status", "part"),
    [
        ("", 2, "needs the app's secret"),
        ("hush", 1, "this is no app's secret"),
        (f"rbs_5_{'0' * 40}", 2, "the secret is of app 5, not of app 1111113"),
    ],
)
def test_a_secret_that_cannot_be_right_is_refused_at_once(
    owner: Owner, log: Log, secret: str, status: int, part: str
) -> None:
    """A secret that is missing, is none, or is another app's needs no server to be refused."""
    ended, said = owner.refused(*FOLLOW, "--server", "http://127.0.0.1:1", RINGBACK_SECRET=secret)

    assert ended == status
    assert part in said


# --- servers of all kinds ------------------------------------------------------------------------------------------


@contextmanager
def answering(answers: Callable[[int], tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve what is said for each request by its number; yield the address and the bodies that came."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, body = answers(len(bodies))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


TAKEN = b'{"read":1,"new":1,"merged":0,"duplicate":0,"rejected":0}'


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(owner: Owner, log: Log, status: int) -> None:
    """After an answer that says later, the same rows are sent again, as soon as Retry-After allows."""
    log.write(lines(0))
    later = (status, {"Retry-After": "1"}, b"")
    with answering(lambda count: later if count == 1 else (200, {}, TAKEN)) as (url, bodies):
        counts = owner.counts(*FOLLOW, "--server", url, RINGBACK_SECRET=owner.secret)

    assert counts["new"] == 1
    assert bodies == [lines(0)] * 2


@pytest.mark.parametrize(
    ("status", "body", "part"),
    [
        (404, b"", "is it the address of a Ringback server?"),
        (200, b"<h1>Welcome</h1>", "is no Ringback server"),
        (200, b"[]", "is no Ringback server"),
        (302, b"", "refused the rows of Master.csv from byte 0 (302): Found"),
        (413, b"", "refused the rows of Master.csv from byte 0 (413): "),
        (400, b"", "refused the rows of Master.csv from byte 0 (400): Bad Request"),
    ],
)
def test_what_will_not_pass_stops_it_with_the_rows_unsent(
    owner: Owner, log: Log, status: int, body: bytes, part: str
) -> None:
    """An answer that resending cannot change ends it with one line; the place stays before the rows."""
    log.write(lines(0))
    with answering(lambda _: (status, {}, body)) as (url, bodies):
        words = (*FOLLOW, "--server", url)
        first, second = (owner.refused(*words, RINGBACK_SECRET=owner.secret) for _ in range(2))

    assert first == second
    assert part in first[1]
    assert bodies == [lines(0)] * 2


def test_a_server_that_stays_away_is_refused_for_once(owner: Owner, log: Log) -> None:
    """With --once an absent server is tried a few times and then told in one line, status 1."""
    log.write(lines(0))
    url = f"http://127.0.0.1:{free_port()}"
    status, said = owner.refused(*FOLLOW, "--server", url, RINGBACK_SECRET=owner.secret)

    assert status == 1
    assert said.startswith(f"ringback: the server {url} is away: ")
