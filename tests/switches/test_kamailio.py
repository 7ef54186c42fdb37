"""Calls through a real Kamailio, placed and taken by real SIPp, and what a real Ringback has of them afterwards."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.switches.programs import HERE, wait_for
from tests.switches.server import Founded, Server
from tests.switches.sip import Dialled, need_sip, udp_port
from tests.switches.town import Town, town

# The last digits are what the carrier does.
MISSED = {
    77010000486: "busy",
    77010000603: "busy",  # declined
    77010000487: "cancelled",  # by the agent, while it rang
    77010000408: "no_answer",  # rang until the proxy's limit
    77010000480: "failed",  # rang, then unreachable by the carrier's Q.850 cause
    77010000503: "congestion",  # no trunk
}
DEAD_PORT = 77010000000  # dialled first, through a proxy whose trunk nobody listens at
ANSWERED = 77010000200
CALLS = [Dialled(str(number)) for number in (ANSWERED, *MISSED)]
QUICK = [Dialled(f"770100{number}486") for number in range(10, 14)]
CALLER = "Айгүль 山田 $rU $(rU) ' OR 1=1 --"
INCOMING = [
    Dialled("103_1111113", f'"{CALLER}" <sip:77017654321@{HERE}>'),
    Dialled("103_1111113", f"<sip:{HERE}>"),  # nobody knows from whom
]
RECORDED = Path(__file__).parents[1] / "sources" / "cases" / "kamailio"


def dispositions(server: Server) -> dict[int, str]:
    """Return how the agent's missed calls ended, by number."""
    return {int(row["number"]): row["disposition"] for row in server.listed()}


def numbers(server: Server) -> list[int]:
    """Return the numbers of agentOutMissed, sorted, having seen that its rows are newest first.

    Calls of one run may begin within one millisecond on a busy machine: their order among themselves is not known.
    """
    rows = server.missed()
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    return sorted(row["to"] for row in rows)


# --- a day on which everything is up -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory, founded: Founded) -> Iterator[Server]:
    """The server after calls that ended in every way, two of them dialled through proxies of their own."""
    need_sip()
    with town(tmp_path_factory.mktemp("evening"), founded) as busy:
        busy.server.start()
        cut_off, proxy = busy.proxy(udp_port()), busy.proxy()
        busy.place(cut_off, [Dialled(str(DEAD_PORT))])
        busy.place(proxy, [*CALLS, *INCOMING])
        cut_off.wait_until_settled(1)
        proxy.wait_until_settled(len(CALLS) + len(INCOMING))
        yield busy.server


def test_an_agent_sees_exactly_the_calls_nobody_answered(evening: Server) -> None:
    """Of eight outgoing calls that end in every way agentOutMissed has the seven that nobody answered, newest first."""
    assert numbers(evening) == sorted([DEAD_PORT, *MISSED])
    assert evening.missed()[-1]["to"] == DEAD_PORT


def test_each_missed_call_says_why(evening: Server) -> None:
    """The list has for each missed call how it ended."""
    assert dispositions(evening) == {DEAD_PORT: "failed", **MISSED}


def test_the_answered_call_is_in_the_answered_list_only(evening: Server) -> None:
    """The one answered call is the whole of out_answered, rang before its answer and was hung up within the second."""
    (row,) = evening.listed("out_answered")

    assert (row["number"], row["disposition"]) == (str(ANSWERED), "answered")
    assert (row["ringing_seconds"], row["billable_seconds"]) == (0, 0)


def test_a_call_that_rang_to_the_limit_rang_that_long(evening: Server) -> None:
    """Of all missed calls only the one that rang out has the proxy's limit for ringing as its ringing time."""
    rang = {int(row["number"]): row["ringing_seconds"] for row in evening.listed()}

    assert (rang.pop(77010000408), rang.pop(DEAD_PORT)) == (2, None)
    assert set(rang.values()) <= {0, None}


def test_a_callers_name_arrives_in_any_script(evening: Server) -> None:
    """Missed incoming calls have their caller's name as it was sent, and none where none was: nothing is expanded."""
    rows = evening.listed("in_missed")

    assert {row["number"]: row["name"] for row in rows} == {"77017654321": CALLER, "unknown": None}


def test_the_store_is_sound_and_the_agent_is_named(evening: Server) -> None:
    """After all this the store proves its invariants, and log-in tells the agent's name."""
    assert evening.check()["ok"]
    assert evening.log_in()["agent"]["name"] == "Асель"


def test_a_call_answered_on_the_second_trunk_is_not_missed(quiet_town: Town) -> None:
    """When the first trunk is dead and the second one's party picks up, the call is answered, and one call."""
    server = quiet_town.server
    server.start()
    proxy = quiet_town.proxy(udp_port(), quiet_town.carrier.port)
    quiet_town.place(proxy, [Dialled(str(ANSWERED))])
    proxy.wait_until_settled(1)

    assert len(server.listed("out_answered")) == 1
    assert server.missed() == []


# --- when something is away ----------------------------------------------------------------------------------------


def test_calls_made_while_the_server_is_down_arrive_once_it_is_up(quiet_town: Town) -> None:
    """With the server stopped during the calls and started afterwards nothing is lost and nothing is there twice."""
    server = quiet_town.server
    server.start()
    proxy = quiet_town.proxy()
    server.stop()
    quiet_town.place(proxy, CALLS)
    proxy.wait_until_waiting(len(CALLS))
    server.start()
    proxy.wait_until_settled(len(CALLS))

    assert numbers(server) == sorted(MISSED)
    assert dispositions(server) == MISSED
    assert len(server.listed("out_answered")) == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_queued_records_outlive_the_proxy(quiet_town: Town, how: signal.Signals) -> None:
    """Records queued while the server is down are delivered after the proxy was stopped or killed and started again."""
    proxy = quiet_town.proxy()
    quiet_town.place(proxy, QUICK)
    proxy.wait_until_waiting(len(QUICK))
    proxy.stop(how)
    quiet_town.server.start()
    proxy.start()
    proxy.wait_until_settled(len(QUICK))

    assert numbers(quiet_town.server) == [int(call.number) for call in QUICK]


def test_a_record_that_is_refused_for_good_holds_nothing_up(quiet_town: Town) -> None:
    """A record of another app's agent goes to the dead table and is logged; those beside it are delivered."""
    proxy = quiet_town.proxy()
    quiet_town.place(proxy, [Dialled("77010099486", f"<sip:103_2222223@{HERE}>"), *QUICK])
    proxy.wait_until_waiting(len(QUICK) + 1)
    quiet_town.server.start()
    proxy.wait_until_settled(len(QUICK) + 1)

    assert proxy.dead() == 1
    assert "refused for good with 400" in proxy.output()
    assert numbers(quiet_town.server) == [int(call.number) for call in QUICK]


def test_a_wrong_secret_loses_nothing(quiet_town: Town) -> None:
    """A delivery that is refused for its secret is kept and tried again: somebody will set it right."""
    quiet_town.server.start()
    proxy = quiet_town.proxy(secret="wrong")
    quiet_town.place(proxy, QUICK)
    proxy.wait_until_waiting(len(QUICK))
    wait_for(lambda: "not delivered (401" in proxy.output(), proxy.output)

    assert (proxy.waiting(), proxy.dead()) == (len(QUICK), 0)


# --- the same record more than once --------------------------------------------------------------------------------


@contextmanager
def slow_at_first(server: Server) -> Iterator[tuple[str, list[int]]]:
    """Run a way to the server whose first answer takes longer than a proxy waits; yield its address and statuses."""
    statuses: list[int] = []
    ended = Event()

    class Way(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = server.deliver(self.rfile.read(int(self.headers["Content-Length"])))
            statuses.append(answer.status_code)
            if len(statuses) == 1:
                ended.wait(2)
                return
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HERE, 0), Way) as way:
        thread = Thread(target=way.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://{HERE}:{way.server_port}", statuses
        ended.set()
        way.shutdown()
        thread.join()


def test_a_delivery_answered_too_slowly_is_counted_once(quiet_town: Town) -> None:
    """A record that was taken, but whose answer came too late, is sent again and changes nothing."""
    quiet_town.server.start()
    with slow_at_first(quiet_town.server) as (url, statuses):
        proxy = quiet_town.proxy(url=url)
        quiet_town.place(proxy, QUICK[:1])
        proxy.wait_until_settled(1)

    assert statuses[:2] == [200, 200]
    assert numbers(quiet_town.server) == [int(QUICK[0].number)]


@pytest.fixture
def server(tmp_path: Path, founded: Founded) -> Iterator[Server]:
    """A started server without any proxy."""
    alone = Server(tmp_path, founded)
    alone.start()
    yield alone
    alone.stop()


def test_two_proxies_may_deliver_the_same_record_at_once(server: Server) -> None:
    """Many deliveries of one record at the same moment are all taken, and count as one call."""
    body = (RECORDED / "busy.json").read_bytes()
    with ThreadPoolExecutor(8) as proxies:
        answers = list(proxies.map(server.deliver, [body] * 24))

    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["new"] for answer in answers) == 1
    assert numbers(server) == [77010000486]


def test_the_proxies_a_call_passes_make_one_call_of_it(server: Server) -> None:
    """Records of one call from the two proxies it passed, in either order, are one row."""
    first, second = (RECORDED / "second-proxy.json").read_bytes().splitlines()
    for body in (second, first, second):
        assert server.deliver(body).status_code == 200

    assert numbers(server) == [int(json.loads(first)["dialled"])]
