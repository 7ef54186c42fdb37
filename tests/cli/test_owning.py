"""`app`, `agent` and `token`: who may ask."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import DEADLINE_SECONDS
from tests.web.processes import RINGBACK, environment

AGENT = "103_1111113"


def test_an_app_is_added_with_a_secret_shown_once(ringback: CommandLine) -> None:
    """Adding tells the number and the secret, for people and for programs."""
    facts = ringback.done("app", "add", 1111113, "--json").facts
    said = ringback.done("app", "add", 7, "--region", "KZ").out

    assert list(facts) == ["app", "secret"]
    assert facts["secret"].startswith("rbs_1111113_")
    assert said.startswith("App 7 added. Its secret, shown this once: rbs_7_")


def test_apps_are_listed_without_their_secrets(ringback: CommandLine) -> None:
    """The list has numbers and regions in order, and no secret."""
    assert ringback.done("app", "list").out == "No apps yet; `ringback app add 1111113` makes one.\n"
    ringback.done("app", "add", 8, "--region", "KZ")
    ringback.done("app", "add", 7)

    apps = ringback.done("app", "list", "--json").facts["apps"]
    assert [(app["app"], app["region"]) for app in apps] == [(7, None), (8, "KZ")]
    assert "rbs_" not in ringback.done("app", "list").out


def test_looking_for_apps_makes_no_store(newcomer: CommandLine) -> None:
    """Whoever begins is told how to, and has begun nothing by asking."""
    assert "`ringback app add 1111113` makes one" in newcomer.done("app", "list").out
    assert not newcomer.path.exists()


def test_rotating_gives_another_secret(owned: CommandLine) -> None:
    """Each rotation tells a new secret."""
    first, second = (owned.done("app", "rotate", 1111113, "--json").facts for _ in range(2))

    assert list(first) == ["app", "secret"]
    assert first["secret"] != second["secret"]
    assert "rbs_1111113_" in owned.done("app", "rotate", 1111113).out


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("app", "add", 1111113), 1, "there already; `ringback app rotate`"),
        (("app", "add", 0), 2, "from 1 to"),
        (("app", "add", 2**53), 2, "from 1 to"),
        (("app", "add", 10**30), 2, "from 1 to"),
        (("app", "add", "x"), 2, "x"),
        (("app", "add"), 2, "app"),
        (("app", "add", 9, "--region", "XX"), 2, "region"),
        (("app", "rotate", 9), 1, "no app 9"),
        (("app", "rotate", 10**30), 2, "should be from 0 to"),
        (("app", "nothing"), 2, "nothing"),
        (("nothing",), 2, "nothing"),
        (("agent", "add", AGENT, "--password-stdin"), 1, "there already"),
        (("agent", "add", "103", "--password-stdin"), 2, "103_1111113"),
        (("agent", "add", "103_9", "--password-stdin"), 1, "`ringback app add 9` makes it"),
        (("agent", "add", "104_1111113", "--password", "x"), 2, "--password"),
        (("agent", "disable", "9_1111113"), 1, "no agent 9_1111113"),
        (("agent", "enable", "9_1111113"), 1, "no agent 9_1111113"),
        (("agent", "password", "9_1111113", "--password-stdin"), 1, "no agent 9_1111113"),
        (("agent", "list", "--app", 10**30), 2, "should be from 0 to"),
        (("token", "issue", "9_1111113"), 1, "no agent 9_1111113"),
        (("token", "issue", AGENT, "--token-days", 0), 2, "token_days should be from 1 to 3650"),
        (("token", "revoke", "9_1111113"), 1, "no agent 9_1111113"),
        (("token", "revoke", "nobody"), 2, "103_1111113"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    owned: CommandLine, words: tuple[object, ...], status: int, part: str
) -> None:
    """What is not there is refused with status 1, what was typed wrongly with 2, each in one line that says why."""
    assert part in owned.refused(*words, status=status, stdin="a password\n")


@pytest.mark.parametrize("password", ["", "\n", "x" * 1025])
def test_a_password_has_1_to_1024_characters(owned: CommandLine, password: str) -> None:
    """An empty or endless password is refused and no agent is added."""
    refused = owned.refused("agent", "add", "104_1111113", "--password-stdin", status=2, stdin=password)

    assert "1 to 1024 characters" in refused
    assert len(owned.done("agent", "list", "--json").facts["agents"]) == 1


def test_a_password_is_asked_for_twice(owned: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --password-stdin the password is asked for, and two different ones are refused."""
    asked = iter(["one", "one", "one", "two"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(asked))

    assert owned.done("agent", "password", AGENT).out == f"The password of {AGENT} is changed; its tokens have ended.\n"
    assert "differ" in owned.refused("agent", "password", AGENT, status=2)


@pytest.mark.parametrize("stdin", [b"", b"one\none\n"])
def test_where_no_terminal_is_a_password_is_not_asked_for(owned: CommandLine, tmp_path: Path, stdin: bytes) -> None:
    """Of a script that forgot --password-stdin nothing is read, and one line says what to do."""
    ended = subprocess.run(
        [RINGBACK, "agent", "add", "104_1111113"],
        input=stdin,
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path, RINGBACK_STORE=owned.store),
        start_new_session=True,  # which has no terminal
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1), ended.stderr
    assert b"--password-stdin" in ended.stderr
    assert len(owned.done("agent", "list", "--json").facts["agents"]) == 1


def test_agents_are_added_disabled_enabled_and_listed(owned: CommandLine) -> None:
    """The list shows each agent's name and whether it is disabled."""
    assert owned.done("agent", "add", "104_1111113", "--password-stdin", "--json", stdin="x\n").facts == {
        "agent": "104_1111113"
    }
    owned.done("agent", "disable", "104_1111113")
    disabled = owned.done("agent", "list", "--json").facts["agents"]
    table = owned.done("agent", "list", "--app", 1111113).out
    owned.done("agent", "enable", "104_1111113")

    assert [tuple(agent.values()) for agent in disabled] == [
        (AGENT, "Asha", False, False),
        ("104_1111113", "104", True, False),
    ]
    assert "disabled" in table.splitlines()[2]
    assert "disabled" not in owned.done("agent", "list").out
    assert owned.done("agent", "list", "--app", 9).out == "No agents yet; `ringback agent add 103_1111113` makes one.\n"


def test_a_token_is_issued_for_as_long_as_asked(owned: CommandLine) -> None:
    """A token comes with the time it dies, 30 days from now unless --token-days says otherwise."""
    facts = owned.done("token", "issue", AGENT, "--json").facts
    short = owned.done("token", "issue", AGENT, "--token-days", 1, "--json").facts

    assert list(facts) == ["agent", "token", "expires_at"]
    for token, days in ((facts, 30), (short, 1)):
        left = datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=days, minutes=-1) < left <= timedelta(days=days)
    assert owned.done("token", "issue", AGENT).out.startswith("rbt_1111113_")


def test_a_disabled_agent_gets_no_token(owned: CommandLine) -> None:
    """Issuing for a disabled agent is refused with the command that enables it."""
    owned.done("agent", "disable", AGENT)

    assert f"`ringback agent enable {AGENT}`" in owned.refused("token", "issue", AGENT)


def test_revoking_tells_how_many_tokens_ended(owned: CommandLine) -> None:
    """All tokens of the agent end at once."""
    owned.done("token", "issue", AGENT)
    owned.done("token", "issue", AGENT)

    assert owned.done("token", "revoke", AGENT, "--json").facts == {"agent": AGENT, "revoked": 2}
    assert owned.done("token", "revoke", AGENT).out == f"0 tokens of {AGENT} have ended.\n"
