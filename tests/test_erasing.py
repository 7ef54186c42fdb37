"""`erase`: every call with a number is gone from every list, its legs and rejects too; the rest is dense."""

import random
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.loop import run
from tests.outages.sites import kept, site
from tests.storage.examples import AN_APP, ANOTHER_APP, NOW, TO_RING_BACK, walked, whole_lists
from tests.storage.holding import is_held
from tests.storage.naive import NaiveStore, shown
from tests.stores import Stores
from tests.telephony.examples import a_leg
from tests.web.house import FROM, House, client_of, missed
from tests.web.processes import RINGBACK, environment, ringback, running

from ringback import erasing
from ringback.auditing import lines_of
from ringback.copying import count_calls
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import App, Mark, NewReject, Range
from ringback.storage.sqlite import connection, scrubbing
from ringback.telephony.call import call_ref
from ringback.telephony.leg import CallLeg, Direction

APP = AN_APP.app_id
IN_KZ = msgspec.structs.replace(AN_APP, app_id=3333339, region="KZ")
NUMBER = "77010000001"
SPELLINGS = ("+7 701 000-00-01", "87010000001", "8 (701) 000 00 01", "sip:+77010000001@pbx", "77010000001")
BY_ERASE = ("--app", str(IN_KZ.app_id), "--yes", "--json")


def erased(store: Store, number: str, app: App) -> tuple[int, int, int]:
    """Erase a number; return how many calls, legs and rejects were dropped."""

    async def work() -> tuple[int, int, int]:
        sought = await erasing.seek(store, app.app_id, number)
        found = await erasing.find(store, app.app_id, sought)
        dropped, _ = await erasing.erase(store, app.app_id, sought, lambda _: None)
        assert (found.calls, found.legs, found.rejects) == (dropped.calls, dropped.legs, dropped.rejects)
        return dropped.calls, dropped.legs, dropped.rejects

    return run(work())


def a_reject(raw: str, reason: str = "odd") -> NewReject:
    """Return a record that could not be understood."""
    return NewReject(source="generic", origin="here", reason=reason, raw=raw.encode(), received_at=NOW)


def some_legs(count: int) -> list[CallLeg]:
    """Return legs of that many calls of five agents; of every tenth call the number is in, somehow spelt."""
    chance = random.Random(3)
    made: list[CallLeg] = []
    for number in range(count):
        facts: dict[str, Any] = {
            "extension": str(101 + number % 5),
            "dialled_number": f"7702{number:07}",
            "seconds": number // 3,
        }
        if number % 10 == 0:
            facts["dialled_number"] = chance.choice(SPELLINGS)
        made.append(a_leg(f"k{number}", **facts))
        if number % 20 == 0:
            made.append(a_leg(f"k{number}", **facts | {"seconds": number // 3 + 1, "source_record_id": "r2"}))
    return chance.sample(made, len(made))


@pytest.fixture
def kz(store_url: str) -> Store:
    """A store with an app whose region is Kazakhstan, with 1,500 calls, 150 of them with the number; and rejects."""
    store = run(open_store(store_url))
    run(store.add_app(IN_KZ))
    run(store.take_in(IN_KZ.app_id, some_legs(1500)))
    rejects = ("to=%2B7%20701%20000%2000%2001", '{"to":"8-701-000-00-01"}', '{"to":"77020000002"}')
    run(store.take_in(IN_KZ.app_id, [], [*map(a_reject, rejects), a_reject("{", f"to should be, not '{NUMBER}'")]))
    return store


def test_every_spelling_is_erased(kz: Store) -> None:
    """Whatever spelling is asked for, all calls with the number go, their legs, and the records that hold it."""
    before = whole_lists(kz, app_id=IN_KZ.app_id)

    assert erased(kz, "8 701 000 00 01", IN_KZ) == (150, 225, 3)

    after = whole_lists(kz, app_id=IN_KZ.app_id)
    assert {key: [shown(call) for call in calls] for key, calls in after.items()} == {
        key: [shown(call) for call in calls if call.number != NUMBER] for key, calls in before.items()
    }
    assert [reject.raw for reject in run(kz.rejects(None))] == [b'{"to":"77020000002"}']
    assert run(kz.check()).faults == []
    assert erased(kz, NUMBER, IN_KZ) == (0, 0, 0)
    run(kz.close())


def test_a_mark_of_the_number_is_erased(kz: Store) -> None:
    """That the number was marked done is told by nothing afterwards; marks of others stay."""
    other = Mark(number="77020000007", done_ms=1, extension="101")
    run(kz.put_marks(IN_KZ.app_id, [Mark(number=NUMBER, done_ms=1, extension="101"), other]))

    assert erased(kz, SPELLINGS[1], IN_KZ)[0] == 150
    assert run(kz.marks(IN_KZ.app_id)) == [other]
    assert NUMBER not in {call.number for call in walked(kz, TO_RING_BACK, Range(), app_id=IN_KZ.app_id)}
    assert run(kz.check()).faults == []
    run(kz.close())


def test_the_audit_tells_how_much_and_not_whose(kz: Store) -> None:
    """An erasure is noted with its counts; the number is masked."""
    erased(kz, NUMBER, IN_KZ)

    line = run(lines_of(kz, IN_KZ.app_id))[-1]
    assert (line.act, line.subject) == ("erased", "*********01")
    assert line.facts == {"calls": 150, "legs": 225, "rejects": 3, "contacts": 0}
    run(kz.close())


def test_many_calls_are_erased_in_slices(kz: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more calls than one transaction takes, the first slice is noted, and the last line has all."""
    monkeypatch.setattr(erasing, "_AT_A_TIME", 40)

    assert erased(kz, NUMBER, IN_KZ) == (150, 225, 3)

    lines = run(lines_of(kz, IN_KZ.app_id))
    assert [line.act for line in lines] == ["app_added", "erase_begun", "erased"]
    assert lines[-1].facts == {"calls": 150, "legs": 225, "rejects": 3, "contacts": 0}
    assert run(kz.check()).faults == []
    run(kz.close())


def test_another_app_keeps_its_own(store: Store) -> None:
    """The same number in another tenant's calls and records is none of this one's business."""
    run(store.add_app(ANOTHER_APP))
    for app_id in (APP, ANOTHER_APP.app_id):
        run(store.take_in(app_id, [a_leg("k1")], [a_reject(NUMBER)]))

    assert erased(store, NUMBER, AN_APP) == (1, 1, 1)

    assert len(whole_lists(store, app_id=ANOTHER_APP.app_id)) == 1
    assert len(run(store.rejects(ANOTHER_APP.app_id))) == 1


def test_a_caller_is_erased_from_every_list_it_rang_in(store: Store) -> None:
    """A missed incoming call stands in the list of each agent it rang at; it goes from all, whoever else called."""
    naive = NaiveStore(APP)
    legs = [
        a_leg(
            f"k{call}",
            seconds=call,
            direction=Direction.INBOUND,
            extension=extension,
            source_record_id=extension,
            dialled_number=None,
            calling_number=NUMBER if call % 3 == 0 else "77020000002",
        )
        for call in range(30)
        for extension in ("101", "102", "103")
    ]
    naive.take_in(legs)
    run(store.take_in(APP, legs))

    assert erased(store, NUMBER, AN_APP) == (10, 30, 0)

    naive.erase(NUMBER)
    lists = {key: [shown(call) for call in calls] for key, calls in whole_lists(store).items()}
    assert lists == {key: [shown(row) for row in rows] for key, rows in naive.lists().items()}
    assert run(store.check()).faults == []


# --- the command, and what is left of the number afterwards ----------------------------------------------------------


def sqlite_bytes(path: Path) -> bytes:
    """Return all that stands in a store's file and its log."""
    log = path.with_name(path.name + "-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store's file in which the number has been moved about, settled and purged: its bytes lie in unused parts."""
    path = tmp_path / "ringback.db"
    store = run(open_store(str(path)))
    run(store.add_app(IN_KZ))
    for batch in range(10):
        run(store.take_in(IN_KZ.app_id, some_legs(1500)[batch::10], [a_reject(f'{{"n":{batch},"to":"{NUMBER}"}}')]))
    for reject in run(store.rejects(None))[:5]:
        run(store.settle_reject(reject.reject_id, []))
    run(store.purge(whole_lists(store, app_id=IN_KZ.app_id).popitem()[1][-40].started_ms))
    run(store.close())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:  # as rows are dropped where SQLite is not so built
        db.execute("PRAGMA secure_delete = OFF")
        for spelling in SPELLINGS * 20:
            db.execute(
                "INSERT INTO reject SELECT NULL, 1, randomblob(8), '', '', '', ?, 0, NULL", (spelling.encode() * 40,)
            )
        db.execute("DELETE FROM reject WHERE app_id = 1")
    return path


def test_nothing_of_the_number_is_left_in_the_file(file: Path, tmp_path: Path) -> None:
    """After the command, with the store open elsewhere, no spelling of the number stands in the file or its log."""
    held = run(open_store(str(file)))
    run(held.ready())

    said = ringback(tmp_path, "erase", "+77010000001", *BY_ERASE, "--store", str(file))

    facts = msgspec.json.decode(said.stdout)
    assert (said.returncode, facts["erased"], facts["remnants"]) == (0, True, 0), said.stderr
    assert facts["calls"] > 100
    left = sqlite_bytes(file)
    assert [text for text in (*SPELLINGS, "7010000001") if text.encode() in left] == []
    assert run(held.check()).faults == []
    assert len(whole_lists(held, app_id=IN_KZ.app_id)) == 5
    run(held.close())


def test_the_file_tells_what_is_left_without_a_vacuum(file: Path, tmp_path: Path) -> None:
    """Told not to write the file anew, the command says at how many places the number is left; run again it cleans."""
    first = ringback(tmp_path, "erase", NUMBER, *BY_ERASE, "--no-vacuum", "--store", str(file))
    left = sqlite_bytes(file).count(b"7010000001")
    second = ringback(tmp_path, "erase", NUMBER, *BY_ERASE, "--store", str(file))

    assert left > 0
    assert msgspec.json.decode(first.stdout)["remnants"] >= left
    nothing = dict.fromkeys(("calls", "legs", "rejects", "contacts", "remnants"), 0)
    assert msgspec.json.decode(second.stdout) == {"erased": True, **nothing}
    assert b"7010000001" not in sqlite_bytes(file)


def test_who_looks_for_bytes_keeps_its_locks(file: Path, tmp_path: Path) -> None:
    """After the file was searched others still see that it is open, and the last of them does not remove its log."""
    store = run(open_store(str(file)))
    was_held = is_held(file)

    assert run(store.remnants([NUMBER.encode()])) == run(store.remnants([NUMBER.encode()]))

    assert (was_held, is_held(file)) == (True, True)
    assert ringback(tmp_path, "check", "--store", str(file)).returncode == 0
    assert file.with_name(file.name + "-wal").exists()
    run(store.close())
    assert not is_held(file)


def test_a_store_is_searched_under_any_of_its_names(tmp_path: Path) -> None:
    """Of a store that is named by a link the log is searched too, which lies beside the file itself."""
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "ringback.db").symlink_to(tmp_path / "ringback.db")
    store = run(open_store(str(tmp_path / "link" / "ringback.db")))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg("k1", dialled_number=NUMBER)]))

    assert scrubbing.places_of(tmp_path / "link" / "ringback.db", [NUMBER.encode()]) > 0
    run(store.close())


def test_a_server_restarted_meanwhile_loses_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server that is restarted while the file is written anew acknowledges is in the file that comes of it."""
    store, url = run(open_store(str(file))), f"sqlite:///{file}"
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        first = stack.enter_context(site(tmp_path, url))
        tenant = first.house.tenant()
        delivered: list[Future[httpx.Response]] = []

        def restart() -> int:
            if not delivered:
                assert first.server.stop() == 0
                server = stack.enter_context(running(tmp_path, "serve", "--port", "0", "--store", url))
                again = tenant._replace(house=House(url, stack.enter_context(client_of(server.url))))
                delivered.append(threads.submit(again.ingest, missed(FROM)))
                wait([delivered[0]], timeout=1)
            return 0

        def connect(path: Path) -> sqlite3.Connection:
            db = connection.connect(path)
            db.set_progress_handler(restart, 1000)
            return db

        assert run(store.remnants([NUMBER.encode()]))
        monkeypatch.setattr(scrubbing, "connect", connect)
        run(store.write_anew())
        assert delivered[0].result().status_code == 200

        found = kept(url, tenant.app_id)
        assert (found.faults, found.listed) == ([], [call_ref(tenant.app_id, f"103-{FROM}")])
    run(store.close())


def test_a_deleted_row_is_overwritten_at_once(tmp_path: Path) -> None:
    """Rows are dropped with their bytes overwritten: of a number that never moved nothing is left before any vacuum."""
    path = tmp_path / "ringback.db"
    store = run(open_store(str(path)))
    run(store.add_app(IN_KZ))
    run(store.take_in(IN_KZ.app_id, [a_leg("k1", dialled_number=NUMBER)]))
    run(store.close())

    said = ringback(tmp_path, "erase", NUMBER, *BY_ERASE, "--no-vacuum", "--store", str(path))

    assert msgspec.json.decode(said.stdout)["remnants"] == 0
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM leg").fetchone() == (0,)


def test_digits_of_other_numbers_are_no_remnants(tmp_path: Path) -> None:
    """In an app without a region 5551234567 is no Brazilian number, and 51234567 in another call nothing of it."""
    path = tmp_path / "ringback.db"
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg("k1", dialled_number="5551234567"), a_leg("k2", dialled_number="0051234567")]))
    run(store.close())

    said = ringback(tmp_path, "erase", "5551234567", "--app", str(APP), "--yes", "--json", "--store", str(path))

    facts = msgspec.json.decode(said.stdout)
    assert (facts["calls"], facts["remnants"]) == (1, 0), said.stderr


def test_of_a_short_number_the_file_is_told_of_as_a_file(tmp_path: Path) -> None:
    """What is said of few digits in the embedded store is about its file; there is no database server to tell of."""
    path = tmp_path / "ringback.db"
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.close())
    words = ("erase", "112", "--app", str(APP), "--yes", "--store", str(path))

    anew, left = ringback(tmp_path, *words).stdout.decode(), ringback(tmp_path, *words, "--no-vacuum").stdout.decode()

    assert "So few digits are not looked for in the file, which was written anew." in anew
    assert "which may keep it in unused parts, without --vacuum." in left


def test_nobody_is_asked_without_a_terminal(tmp_path: Path, store_url: str) -> None:
    """A script that does not say --yes is refused, and nothing is dropped."""
    store = run(open_store(store_url))
    run(store.add_app(IN_KZ))
    run(store.take_in(IN_KZ.app_id, [a_leg("k1")]))
    run(store.close())

    said = ringback(tmp_path, "erase", NUMBER, "--app", str(IN_KZ.app_id), RINGBACK_STORE=store_url)

    assert said.returncode == 2
    assert b"--yes" in said.stderr
    store = run(open_store(store_url))
    assert len(whole_lists(store, app_id=IN_KZ.app_id)) == 1
    run(store.close())


SLOWLY = """
import sys
from ringback import cli, erasing
erasing._AT_A_TIME = 3
sys.exit(cli.run(sys.argv[1:]))
"""


@pytest.mark.parametrize("round_number", range(2))
def test_killed_in_the_midst_it_is_begun_again(
    kz: Store, store_url: str, stores: Stores, tmp_path: Path, round_number: int
) -> None:
    """Killed (-9) between and in its slices, the command leaves a sound store; once more, and all is gone."""
    words = ["erase", NUMBER, *BY_ERASE]
    command = [str(Path(RINGBACK).with_name("python")), "-c", SLOWLY, *words]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path, RINGBACK_STORE=store_url)) as broken_off:
        count = run(_until(kz, lambda count: count < 1450 + 40 * round_number))
        broken_off.kill()

    assert run(kz.check()).faults == []
    ended = msgspec.json.decode(ringback(tmp_path, *words, RINGBACK_STORE=store_url).stdout)
    lists = whole_lists(kz, app_id=IN_KZ.app_id)
    assert 0 < ended["calls"] <= count - 1350
    assert sum(len(calls) for calls in lists.values()) == 1350
    assert run(kz.check()).faults == []
    run(kz.close())


async def _until(store: Store, is_so: Callable[[int], bool]) -> int:
    """Return how many calls the lists have once there are so few."""
    while not is_so(count := await count_calls(store)):
        pass
    return count
