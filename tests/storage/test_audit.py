"""The audit: each act has its line, written with it or not at all; lines stay; nothing secret is in them."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.loop import run
from tests.storage.examples import AN_AGENT, AN_APP, BEGUN_MS, NOW, add_token
from tests.storage.statements import statements
from tests.telephony.examples import a_leg

from ringback import agents
from ringback.auditing import lines_of
from ringback.copying import copy_store
from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp
from ringback.storage import open_store
from ringback.storage.auditing import THE_STORE, Act, AuditLine, acting_user, new_line
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId

APP = AN_APP.app_id
AGENT_ID = AN_AGENT.agent_id
DAY_MS = 86_400_000


def acts(store: Store, app_id: int | None = APP) -> list[str]:
    """Return what was done, oldest first, but for the app that every test begins with."""
    return [line.act.value for line in run(lines_of(store, app_id))][1:]


def last(store: Store, app_id: int = APP) -> AuditLine:
    """Return the last line of an app."""
    return run(lines_of(store, app_id))[-1]


@pytest.fixture
def peopled(store: Store) -> Store:
    """A store with an app and an agent in it."""
    run(store.add_agent(AN_AGENT))
    return store


ACTS: dict[Act, Callable[[Store], Awaitable[object]]] = {
    Act.AGENT_ADDED: lambda store: store.add_agent(msgspec.structs.replace(AN_AGENT, extension="102")),
    Act.APP_CHANGED: lambda store: store.change_app(APP, region="KZ", extensions=None),
    Act.SECRET_ROTATED: lambda store: agents.rotate_secret(store, APP),
    Act.PASSWORD_CHANGED: lambda store: store.set_password(APP, "101", "hash"),
    Act.AGENT_DISABLED: lambda store: store.set_disabled(APP, "101", is_disabled=True),
    Act.AGENT_ENABLED: lambda store: store.set_disabled(APP, "101", is_disabled=False),
    Act.SUPERVISOR_MADE: lambda store: store.set_supervisor(APP, "101", is_supervisor=True),
    Act.SUPERVISOR_UNMADE: lambda store: store.set_supervisor(APP, "101", is_supervisor=False),
    Act.TOKEN_ISSUED: lambda store: agents.issue_token(store, AgentId("101", APP), 30),
    Act.TOKENS_REVOKED: lambda store: store.delete_tokens(APP, "101"),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_act_leaves_one_line(peopled: Store, act: Act) -> None:
    """What is done, to whom, by which user of this machine: one line, which whoever listens is told of."""
    told: list[AuditLine] = []
    peopled.heard = told.append
    before = {line.line_key for line in run(peopled.audit(APP))}  # of one millisecond the last is any

    run(_done(ACTS[act], peopled))

    (line,) = (line for line in run(peopled.audit(APP)) if line.line_key not in before)
    assert (line.act, line.app_id, line.actor) == (act, APP, acting_user())
    assert line.subject == {Act.APP_CHANGED: "", Act.SECRET_ROTATED: "", Act.AGENT_ADDED: f"102_{APP}"}.get(
        act, AGENT_ID
    )
    assert [(one.act, one.line_key) for one in told] == [(act, line.line_key)]


async def _done(act: Callable[[Store], Awaitable[object]], store: Store) -> None:
    await act(store)


def test_an_app_begins_with_its_line(store: Store) -> None:
    """The first line of an app says that it was added."""
    assert [line.act for line in run(lines_of(store, APP))] == [Act.APP_ADDED]


def test_what_is_refused_leaves_no_line(peopled: Store) -> None:
    """An act that fails is taken back together with its line."""
    before = acts(peopled, None)

    for refused, error in (
        (peopled.add_app(AN_APP), AlreadyThere),
        (peopled.add_agent(AN_AGENT), AlreadyThere),
        (peopled.set_secret(404, b"x"), UnknownApp),
        (peopled.change_app(404, region=None, extensions=None), UnknownApp),
        (peopled.set_password(APP, "404", "hash"), UnknownAgent),
    ):
        with pytest.raises(error):
            run(refused)

    assert acts(peopled, None) == before


def test_a_log_in_is_no_line(peopled: Store) -> None:
    """Tokens of log-ins stay out: some clients log in before each request, and lines are kept for ever."""
    assert add_token(peopled, AN_AGENT, b"digest")

    assert acts(peopled) == ["agent_added"]


def test_a_purge_in_one_slice_is_one_line(store: Store) -> None:
    """A purge says before when, and how many calls it dropped."""
    run(store.take_in(APP, [a_leg(f"k{n}", seconds=n) for n in range(5)]))

    run(store.purge(BEGUN_MS + 3000))
    run(store.purge(BEGUN_MS + 3000))

    assert acts(store) == ["purged"]
    assert last(store).facts == {"before": "2026-01-05T09:00:03+00:00", "calls": 3}


@pytest.mark.parametrize("is_retention", [False, True])
def test_a_long_purge_says_that_it_begins(store: Store, is_retention: bool) -> None:
    """With several slices the first is noted before the outcome is known; the last line has all calls."""
    run(store.take_in(APP, [a_leg(f"k{n}", seconds=n * 86_400) for n in range(5)]))

    run(store.purge(BEGUN_MS + 4 * DAY_MS, by_retention=is_retention))

    assert acts(store) == (["retention_begun", "retention"] if is_retention else ["purge_begun", "purged"])
    assert last(store).facts["calls"] == 4


def test_condensing_is_noted(store: Store) -> None:
    """Legs that are reduced to what their rows show are a line of the audit, once."""
    run(store.take_in(APP, [a_leg(f"k{n}", seconds=n) for n in range(5)]))

    for _ in range(2):
        run(store.condense(BEGUN_MS + 3000))

    assert acts(store) == ["legs_condensed"]
    assert last(store).facts["calls"] == 3


def test_nothing_secret_is_in_a_line(peopled: Store) -> None:
    """No secret, token, password nor hash of one is in any line, only what was done to whom."""
    secret = run(agents.rotate_secret(peopled, APP))
    token = run(agents.issue_token(peopled, AgentId("101", APP), 30)).token
    run(peopled.set_password(APP, "101", "argon-hash"))

    told = msgspec.json.encode(run(lines_of(peopled, None))).decode()

    assert len(run(lines_of(peopled, None))) == 5
    for hidden in (secret, secret[-40:], token[-40:], "argon-hash", agents.digest_of(token).hex()):
        assert hidden not in told


def test_lines_of_a_copy_are_those_of_the_store(peopled: Store, tmp_path: Path) -> None:
    """A copy has the same lines once, however often it is made, and none that says that its apps were added anew."""
    target = run(open_store(str(tmp_path / "copy.db")))
    run(peopled.note([new_line(Act.BACKED_UP, THE_STORE, "/a/file")]))

    for _ in range(2):
        run(copy_store(peopled, target))

    assert run(lines_of(target, None)) == run(lines_of(peopled, None))
    assert len(run(lines_of(target, None))) == 3
    run(target.close())


def test_lines_come_in_pages(store: Store) -> None:
    """More lines than are told at once are all told, in order, each once."""
    lines = [
        msgspec.structs.replace(new_line(Act.PURGED, APP), done_at=NOW, line_key=n.to_bytes(3)) for n in range(10_500)
    ]
    run(store.note(lines))

    told = [line.line_key for line in run(lines_of(store, APP)) if line.act == Act.PURGED]

    assert told == [line.line_key for line in lines]


def test_a_line_cannot_be_changed_in_a_file(tmp_path: Path) -> None:
    """The embedded store refuses to change or drop a line, whoever asks."""
    path = tmp_path / "ringback.db"
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.close())

    with closing(sqlite3.connect(path)) as db:
        for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                db.execute(statement)


def test_no_statement_changes_a_line_in_a_database() -> None:
    """Nothing that the PostgreSQL store says to its database updates or deletes lines."""
    named = {name: text for name, text in statements().items() if " audit" in text}

    assert set(named) == {"keeping.AUDIT", "keeping.NOTE", "acting.NOTE"}
    assert not [name for name, text in named.items() if "UPDATE" in text or "DELETE" in text]
