"""Flags, RINGBACK_* and ringback.toml: one table, one order of precedence; and the help of all commands."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import cyclopts
import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import FROM, missed

from ringback import cli
from ringback.settings import Settings

AGENT = "103_1111113"


@pytest.fixture
def listed(owned: CommandLine) -> CommandLine:
    """The command line on a store with five missed calls."""
    calls = [missed(FROM + number) for number in range(5)]
    owned.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(calls))
    return owned


def rows(line: CommandLine, *words: object) -> int:
    """Return how many rows a page has."""
    return len(line.done("list", AGENT, "--json", *words).facts["calls"])


def test_a_flag_beats_the_environment_and_that_beats_the_file(
    listed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one setting named in all three places the flag counts, then the variable, then the file, then the default."""
    assert rows(listed) == 5
    Path("ringback.toml").write_text("limit = 3\n")
    assert rows(listed) == 3
    monkeypatch.setenv("RINGBACK_LIMIT", "2")
    assert rows(listed) == 2
    assert rows(listed, "--limit", 1) == 1


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("variable", "words", "said"),
    [
        ("RINGBACK_YES=1", "erase 77010000001 --app 1111113", "say --yes"),
        ("RINGBACK_APP=1111113", "erase 77010000001 --yes", "--app"),
        ("RINGBACK_NUMBER=77010000001", "erase --app 1111113 --yes", "--number"),
        ("RINGBACK_BEFORE=2030-01-01", "purge", "--before"),
        ("RINGBACK_FROM=nowhere.db", "copy", "FROM"),
        ("RINGBACK_AGENT_ID=103_1111113", "agent disable", "--agent-id"),
    ],
)
def test_what_one_act_is_told_comes_from_its_own_line(
    listed: CommandLine, monkeypatch: pytest.MonkeyPatch, variable: str, words: str, said: str
) -> None:
    """A variable left over from some script neither says yes nor names what is dropped; nor does the file."""
    name, _, value = variable.partition("=")
    monkeypatch.setenv(name, value)
    assert said in listed.refused(*words.split(), status=2)
    key = name.removeprefix("RINGBACK_").lower()
    Path("ringback.toml").write_text(f'{key} = "{value}"\n')

    assert f"ringback.toml has {key}, which is no setting" in listed.refused(*words.split(), status=2)
    Path("ringback.toml").unlink()
    assert rows(listed) == 5


def test_a_time_of_one_list_is_no_variable(listed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """RINGBACK_FROM would be a time here and a store there: it is neither."""
    monkeypatch.setenv("RINGBACK_FROM", "2030-01-01")
    monkeypatch.setenv("RINGBACK_KIND", "in_missed")

    assert rows(listed) == 5


def test_help_names_the_variables_there_are(newcomer: CommandLine) -> None:
    """Each setting's flag is shown with its variable, and no other flag with any."""
    serving, erasing = newcomer.done("serve", "--help").out, newcomer.done("erase", "--help").out

    assert set(re.findall(r"env var:\s+RINGBACK_(\w+)", erasing)) == {"STORE"}
    assert set(re.findall(r"RINGBACK_(\w+)", serving)) == {field.name.upper() for field in fields(Settings)}


def test_the_store_may_be_named_in_each_place(newcomer: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store named in the file, in the environment or by a flag is the one that is used."""
    Path("ringback.toml").write_text('store = "sqlite:///file.db"\n')
    newcomer.done("app", "add", 1)
    monkeypatch.setenv("RINGBACK_STORE", "sqlite:///environment.db")
    newcomer.done("app", "add", 2)
    newcomer.done("app", "add", 3, "--store", "sqlite:///flag.db")

    for name, number in (("file", 1), ("environment", 2), ("flag", 3)):
        apps = newcomer.done("app", "list", "--json", "--store", f"sqlite:///{name}.db").facts["apps"]
        assert [app["app"] for app in apps] == [number]
    assert not newcomer.path.exists()


def test_keys_of_other_commands_do_no_harm(listed: CommandLine) -> None:
    """One file serves all commands: what a command has no flag for is left alone."""
    Path("ringback.toml").write_text('port = 9999\ncors_origins = ["https://a"]\nmax_limit = 7\ntimezone = "UTC"\n')

    assert listed.done("check").status == 0
    assert rows(listed) == 5


@pytest.mark.one_store
@pytest.mark.parametrize("text", ["limit = \n", "limit = 'many'\n", "[[[", "\x00"])
def test_a_broken_file_is_said_in_one_line(listed: CommandLine, text: str) -> None:
    """A ringback.toml that cannot be read is refused with status 2, not with a traceback."""
    Path("ringback.toml").write_text(text)

    assert "ringback.toml" in listed.refused("list", AGENT, status=2) or "limit" in text


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retention_day = 30", "ringback.toml has retention_day, .* did you mean retention_days"),
        ("[serve]\nport = 1", "ringback.toml has serve, which is no setting"),
        ("Port = 1", "did you mean port"),
    ],
)
def test_a_key_that_no_command_knows_is_refused(listed: CommandLine, text: str, said: str) -> None:
    """What it should have set would silently not be in force; dashes do for underscores."""
    Path("ringback.toml").write_text(f"max-limit = 7\ntoken_days = 3\n{text}\n")

    assert re.search(said, listed.refused("list", AGENT, status=2))


def test_a_variable_of_the_wrong_type_is_said_in_one_line(listed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no number where one is needed is refused with status 2."""
    monkeypatch.setenv("RINGBACK_LIMIT", "many")

    assert "many" in listed.refused("list", AGENT, status=2)


def commands(app: cyclopts.App, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command."""
    for name in app:
        if not name.startswith("-"):
            words = (*above, name)
            below = list(commands(app[name], *words))
            yield from below or [words]


def test_the_commands_are_those_promised() -> None:
    """People script against these names: none is missing, and none is there unannounced."""
    assert sorted(" ".join(words) for words in commands(cli.app)) == [
        *("agent add", "agent disable", "agent enable", "agent list", "agent password"),
        *("agent supervise", "agent unlock"),
        *("app add", "app list", "app rotate", "app set", "audit list", "backup", "check"),
        *("contact forget", "contact import", "contact list", "copy", "demo", "erase", "export"),
        *("follow asterisk", "follow asterisk-sql", "import", "legs", "list", "migrate"),
        *("purge", "rejects list", "rejects retry", "rejects show", "serve", "token issue", "token revoke"),
    ]


@pytest.mark.parametrize("words", list(commands(cli.app)), ids=" ".join)
def test_every_command_explains_itself(newcomer: CommandLine, words: tuple[str, ...]) -> None:
    """--help prints how the command is used and what each flag is, and uses no store."""
    said = newcomer.done(*words, "--help")

    assert said.out.startswith(f"Usage: ringback {' '.join(words)}")
    assert '""' not in said.out  # an empty text tells nobody what the default is
    assert not newcomer.path.exists()


def test_no_command_is_no_error(newcomer: CommandLine) -> None:
    """`ringback` alone shows the commands."""
    assert "serve" in newcomer.done().out
    assert newcomer.done("--version").out.strip() != ""


def test_a_command_waits_for_no_library_of_a_server(tmp_path: Path) -> None:
    """Commands on the embedded store load neither what serves and logs nor the other store's driver."""
    asked = (
        "import sys; from ringback.cli import run; "
        f"run(['app', 'add', '1111113', '--store', 'sqlite:///{tmp_path}/ringback.db']); "
        "print(sorted({'asyncpg', 'httpx', 'starlette', 'structlog', 'uvicorn'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True).stdout

    assert "1111113" in said
    assert said.splitlines()[-1] == "[]"
