"""Where a request's microseconds go: each stage alone, in this process. `python -m benchmarks.profile_request`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.coroutines import finished
from benchmarks.load import full_load
from benchmarks.measuring import LOAD_CORE, SERVER_CORE, in_turns, on_core
from benchmarks.questions import Asker, Question, body_of, many
from benchmarks.servers import Server, bare_server, ringback_server
from benchmarks.sizes import SHORT
from benchmarks.stores import made_store
from ringback import agents, calls
from ringback.logins import Limits, Logins
from ringback.settings import Settings
from ringback.storage.records import Range, ShownPage
from ringback.storage.sqlite import lists
from ringback.storage.sqlite.connection import connect
from ringback.storage.sqlite.store import SqliteStore
from ringback.telephony.call import ListKind
from ringback.web.answers import Posted
from ringback.web.app import Application
from ringback.web.endpoint import DirectEndpoint
from ringback.web.parameters import read_parameters
from ringback.web.telecmi import OUT_MISSED, PageRequest, TelecmiDialect, out_missed_body, read_range

_ROUNDS = 15
_QUESTIONS = 500
_MOST_ROWS = 1000
_KIND = ListKind.OUT_MISSED
_LOAD_SECONDS = 3.0
_SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", 8080),
    "client": ("127.0.0.1", 50_000),
    "method": "POST",
    "root_path": "",
    "path": OUT_MISSED,
    "raw_path": OUT_MISSED.encode(),
    "query_string": b"",
}

Step = Callable[[], object]


class Stage(NamedTuple):
    """A line of the table: what is timed, for each question; deeper lines are parts of the next one less deep."""

    depth: int
    what: str
    steps: Sequence[Step]


def main() -> None:
    """Time the stages and print them, each whole below its parts."""
    path = made_store(SHORT.calls, print)
    questions = many(Asker(SHORT.calls, "profile").any_page, _QUESTIONS)
    store = SqliteStore(path)
    application = Application(Settings(store=str(path)))
    running = application.running()
    life = asyncio.Runner()
    life.run(running.__aenter__())
    stages = [*_store_stages(path, store, questions), *_web_stages(store, application, questions)]
    with on_core(SERVER_CORE):
        taken = in_turns(_ROUNDS, {stage.what: partial(_microseconds, stage.steps) for stage in stages})
    lines = [(stage.depth, stage.what, taken[stage.what].median) for stage in stages]
    _tell([*lines, *_server_lines(path, questions, lines[-1][2])])
    life.run(running.__aexit__(None, None, None))
    finished(store.close())
    life.close()


def _microseconds(steps: Sequence[Step]) -> float:
    began = time.thread_time()  # the processor's: what neighbours take does not count
    for step in steps:
        step()
    return (time.thread_time() - began) / len(steps) * 1e6


# --- the stages ----------------------------------------------------------------------------------------------------


def _store_stages(path: Path, store: SqliteStore, questions: Sequence[Question]) -> list[Stage]:
    reader = connect(path, read_only=True)
    parameters = [_parameters(question) for question in questions]
    past_the_end = lists.page_parameters(Range(page=2**53))
    empty = [(*given[:2], *past_the_end[2:], *given[4:]) for given in parameters]
    whose = "SELECT extension FROM token WHERE app_id = ?5 AND digest = ?7 AND expires_ms > ?8"
    return [
        Stage(3, "statement: token only", [partial(_fetched, reader, whose, given) for given in parameters]),
        Stage(3, "statement: token and bounds, no rows", [_statement(reader, given) for given in empty]),
        Stage(2, "statement, whole", [_statement(reader, given) for given in parameters]),
        Stage(1, "store.page_of_token, whole", [partial(_page, store, question) for question in questions]),
    ]


def _web_stages(store: SqliteStore, application: Application, questions: Sequence[Question]) -> list[Stage]:
    settings = Settings(store="none").checked()
    logins = Logins(store, agents.Passwords(), Limits(settings.login_tries, settings.login_wait), settings.token_days)
    dialect = TelecmiDialect(store, logins, settings)
    endpoint = dialect.endpoints()[OUT_MISSED]
    assert isinstance(endpoint, DirectEndpoint)
    bodies = [body_of(question) for question in questions]
    asked = [read_parameters(body, PageRequest) for body in bodies]
    pages = [(_page(store, question), question.agent.app_id) for question in questions]
    return [
        Stage(1, "body to PageRequest", [partial(read_parameters, body, PageRequest) for body in bodies]),
        Stage(1, "PageRequest to Range", [partial(read_range, one, _MOST_ROWS) for one in asked]),
        Stage(1, "token to digest", [partial(agents.read_token, one.token) for one in asked]),
        Stage(1, "page to JSON", [partial(out_missed_body, *page) for page in pages]),
        Stage(0, "agent_out_missed, whole", [partial(_awaited, dialect.agent_out_missed, body) for body in bodies]),
        Stage(0, "by ASGI", [partial(_called, application, question) for question in questions]),
        Stage(0, "direct", [partial(endpoint.answer_direct, Posted(b"", (), body)) for body in bodies]),
    ]


def _server_lines(path: Path, questions: Sequence[Question], alone: float) -> list[tuple[int, str, float]]:
    """Return the processor time a request of both servers at full load, and what no stage alone accounts for."""
    alike = [question._replace(answer=questions[0].answer) for question in questions]
    with bare_server(questions[0].answer) as bare, ringback_server(path) as ringback, on_core(LOAD_CORE):
        least, whole = _cost(bare, alike), _cost(ringback, questions)
    return [
        (0, "bare server: uvicorn and the kernel", least),
        (0, "the rest, which no stage alone accounts for", whole - least - alone),
        (0, "ringback serve, whole", whole),
    ]


def _cost(server: Server, questions: Sequence[Question]) -> float:
    full_load(server.port, cycle(questions), 1)
    before = server.busy_seconds()
    load = full_load(server.port, cycle(questions), _LOAD_SECONDS)
    return (server.busy_seconds() - before) / _LOAD_SECONDS / load.rate * 1e6


# --- steps ---------------------------------------------------------------------------------------------------------


def _parameters(question: Question) -> tuple[object, ...]:
    token = agents.read_token(question.agent.token)
    return *lists.page_parameters(_range(question)), token.app_id, _KIND.value, token.digest, 0


def _range(question: Question) -> Range:
    return Range(from_ms=question.from_ms, to_ms=question.to_ms, page=question.page)


def _fetched(reader: Any, statement: str, parameters: tuple[object, ...]) -> object:
    return reader.execute(statement, parameters).fetchall()


def _statement(reader: Any, parameters: tuple[object, ...]) -> Step:
    return partial(_fetched, reader, lists.PAGE_OF_TOKEN, parameters)


def _page(store: SqliteStore, question: Question) -> ShownPage:
    token = agents.read_token(question.agent.token)
    return finished(calls.page_for_token(store, token.app_id, token.digest, _KIND, _range(question)))


def _awaited(work: Callable[[bytes], Any], body: bytes) -> object:
    return finished(work(body))


def _called(application: Application, question: Question) -> None:
    """Call an ASGI application as the server does, and check what it sends."""
    body = body_of(question)
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {**_SCOPE, "headers": headers, "state": {}}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message["type"] == "http.response.start" or message["body"] == question.answer

    finished(application(scope, receive, send))


# --- the table -----------------------------------------------------------------------------------------------------


def _tell(lines: Sequence[tuple[int, str, float]]) -> None:
    whole = lines[-1][2]
    table = Table(title="Microseconds of one request; parts are indented above their whole", title_justify="left")
    table.add_column("Stage")
    table.add_column("us", justify="right")
    table.add_column("of the whole", justify="right")
    for depth, what, microseconds in lines:
        table.add_row(f"{'  ' * depth}{what}", f"{microseconds:.1f}", f"{microseconds / whole:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
