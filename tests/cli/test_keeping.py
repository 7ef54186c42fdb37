"""`check`, `migrate`, `purge`, `backup`, `audit`, and stores that cannot be used."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.stores import Stores
from tests.web.house import FROM, missed, with_store
from tests.web.processes import RINGBACK, environment

from ringback.copying import count_calls
from ringback.storage.auditing import acting_user


@pytest.fixture
def kept(owned: CommandLine) -> CommandLine:
    """The command line on a store with four missed calls, a second apart."""
    calls = [missed(FROM + 1000 * number) for number in range(4)]
    owned.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(calls))
    return owned


def test_a_sound_store_is_sound(kept: CommandLine) -> None:
    """A check of a good store says how much it read, and its status is 0."""
    assert kept.done("check", "--json").facts == {"ok": True, "lists": 1, "calls": 4, "faults": []}
    assert kept.done("check").out == "Sound: 1 lists, 4 calls.\n"


_ON_A_STORE = (
    "check",
    "purge --before 2019-10-02",
    "erase 77010000001 --app 1111113 --yes",
    "backup file.db",
    "list 103_1111113",
    "export 103_1111113 --format csv",
    "legs 5d96e3b1c2f4a1b2c3d4e5f6",
    "rejects list",
    "rejects show 1",
    "rejects retry",
    "audit list",
    "token issue 103_1111113",
    "token revoke 103_1111113",
    "app set 1111113 --region KZ",
    "app rotate 1111113",
    "agent list",
    "agent add 103_1111113 --password-stdin",
    "agent disable 103_1111113",
    "agent password 103_1111113 --password-stdin",
    "agent unlock 103_1111113",
)


@pytest.mark.parametrize("words", _ON_A_STORE)
def test_a_store_that_is_not_there_is_not_made_to_be_looked_at(
    stores: Stores, ringback: CommandLine, words: str
) -> None:
    """A mistyped store is refused by whatever needs one that is there, and again: the refusal left none behind."""
    url = stores.new()

    for _ in range(2):
        assert "There is no store" in ringback.refused(*words.split(), "--store", url, stdin="secret-1\n")
    stores.drop(url)


def test_an_empty_file_is_no_store_to_check(newcomer: CommandLine) -> None:
    """A backup of which nothing was written is not taken for a store without calls."""
    Path("backup.db").touch()

    assert "There is no store" in newcomer.refused("check", "--store", "backup.db")
    assert Path("backup.db").stat().st_size == 0


def test_purging_drops_what_started_before(kept: CommandLine) -> None:
    """Calls before the moment go with their legs, those at and after it stay, and the store is sound."""
    assert kept.done("purge", "--before", FROM + 2000, "--json").facts == {"purged": 2}

    assert kept.done("list", "103_1111113", "--json").facts["count"] == 2
    assert kept.done("check", "--json").facts == {"ok": True, "lists": 1, "calls": 2, "faults": []}
    assert kept.done("purge", "--before", "2030-01-01").out == "2 calls dropped.\n"


def test_a_purge_reads_its_moment_by_the_clock_asked_for(kept: CommandLine) -> None:
    """Noon in Kolkata is when the first call started: it stays, and a second later it goes."""
    for moment, purged in (("2019-10-01T12:00:00", 0), ("2019-10-01T12:00:01", 1)):
        assert kept.done("purge", "--before", moment, "--timezone", "Asia/Kolkata", "--json").facts == {
            "purged": purged
        }


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("purge",), "--before"),
        (("purge", "--before", "long ago"), "--before should be a time such as"),
        (("purge", "--before", ""), "--before should be a time such as"),
        (("purge", "--before", "2019-01-01", "--timezone", "Mars"), "no time zone"),
        (("check", "--store", "mysql://x/y"), "no store of the kind 'mysql'"),
        (("check", "--store", "sqlite://host/path"), "should be sqlite:///path/ringback.db"),
        (("check", "--nonsense"), "--nonsense"),
    ],
)
def test_what_was_typed_wrongly_is_said_in_one_line(kept: CommandLine, words: tuple[object, ...], part: str) -> None:
    """Wrong use has status 2 and changes nothing."""
    assert part in kept.refused(*words, status=2)
    assert kept.done("check", "--json").facts["calls"] == 4


def test_migrating_a_store_of_today_is_harmless(stores: Stores, kept: CommandLine) -> None:
    """A store of this schema stays as it is, and one that is not there is made."""
    assert kept.done("migrate", "--json").facts == {"migrated": True, "distributed": False}
    assert kept.done("check", "--json").facts["calls"] == 4

    url = stores.new()
    assert kept.done("migrate", "--store", url).out == "The store is of this Ringback's schema.\n"
    assert kept.done("check", "--store", url, "--json").facts["calls"] == 0
    stores.drop(url)


def test_the_audit_tells_who_did_what(kept: CommandLine) -> None:
    """Acts of the command line are listed with their user: of one app, of the store, from a time on."""
    kept.done("app", "rotate", 1111113)
    kept.done("purge", "--before", FROM + 1000)
    kept.done("backup", "backup.db")

    lines = kept.done("audit", "list", "--json").facts["lines"]
    assert [line["act"] for line in lines][-3:] == ["secret_rotated", "purged", "backed_up"]
    assert {line["actor"] for line in lines} == {acting_user()}
    assert lines[-2]["facts"]["calls"] == 1
    assert [line["act"] for line in kept.done("audit", "list", "--app", 0, "--json").facts["lines"]] == ["backed_up"]
    assert kept.done("audit", "list", "--from", "2999-01-01").out == "Nothing was done yet.\n"
    assert "secret_rotated" in kept.done("audit", "list", "--app", 1111113).out


def test_the_system_log_hears_of_acts(kept: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has a system log, commands tell it what was done, in one line without the secret."""
    path = kept.folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system_log:
        system_log.bind(str(path))
        system_log.settimeout(5)
        monkeypatch.setattr("ringback.system_log.SYSTEM_LOG", path)
        secret = kept.done("app", "rotate", 1111113, "--json").facts["secret"]
        heard = system_log.recv(4096).decode()

    assert heard.startswith(f"<85>ringback: audit: secret_rotated app=1111113 by={acting_user()}")
    assert secret not in heard


def test_a_purge_that_is_killed_leaves_a_sound_store(owned: CommandLine, tmp_path: Path) -> None:
    """Killed (-9) in the midst, a purge has dropped whole calls only; once more, and the rest is gone."""
    calls = [missed(FROM + 100_000 * number) for number in range(5000)]
    owned.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(calls))
    command = [RINGBACK, "purge", "--before", "2030-01-01"]
    left = len(calls)
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path, RINGBACK_STORE=owned.store)) as purging:
        while left == len(calls) and purging.poll() is None:
            left = with_store(owned.store, count_calls)
        purging.kill()

    checked = owned.done("check", "--json").facts
    assert (checked["ok"], checked["calls"] < 5000) == (True, True)
    assert owned.done("purge", "--before", "2030-01-01", "--json").facts == {"purged": checked["calls"]}
