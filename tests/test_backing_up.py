"""`backup`: one file that is a store, of one moment, whole or not there; and restored, it serves what it had."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.loop import run
from tests.outages.disks import small_disk
from tests.outages.sites import site
from tests.storage.examples import AN_APP, whole_lists
from tests.storage.holding import is_held
from tests.storage.naive import shown
from tests.storage.processes import pouring
from tests.stores import Stores
from tests.telephony.examples import a_leg
from tests.web.house import FROM, PASSWORD, SEED_APP, House, client_of, missed, wait_for
from tests.web.processes import RINGBACK, environment, ringback, running

from ringback.backing_up import back_up
from ringback.copying import copy_store
from ringback.errors import AlreadyThere, RingbackError, StoreUnusable
from ringback.storage import open_store
from ringback.storage.base import Store

APP = AN_APP.app_id


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store with one app and a few calls in it."""
    store = run(open_store(store_url))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg(f"k{n}", seconds=n, extension=str(101 + n % 3)) for n in range(300)]))
    yield store
    run(store.close())


def backed_up(folder: Path, url: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command into backup.db."""
    return ringback(folder, "backup", "backup.db", *words, RINGBACK_STORE=url)


def told(store: Store) -> object:
    """Return what users see of a store."""
    lists = {key: [shown(call) for call in calls] for key, calls in whole_lists(store).items()}
    return run(store.apps()), lists


def told_of(file: Path) -> object:
    """Return what users see of the store in a file, which is sound."""
    store = run(open_store(str(file), make=False))
    assert run(store.check()).faults == []
    shown_of_it = told(store)
    run(store.close())
    return shown_of_it


def refusal_of(store: Store, file: Path, *, overwrites: bool = False) -> str | None:
    """Back the store up; return why that is refused, where it is."""
    try:
        run(back_up(store, file, lambda *_: None, overwrites=overwrites))
    except RingbackError as error:
        return str(error)
    return None


WRITING = """
import asyncio, os, sys
from ringback.storage import open_store
from ringback.storage.records import Mark

async def write():
    store = await open_store(sys.argv[1])
    await store.drop(1111113, [], [], lambda _: None, ["77010000001"])
    await store.put_marks(1111113, [Mark(number=str(number), done_ms=1, extension="9") for number in range(100)])
    os._exit(9)

asyncio.run(write())
"""


def leave_a_log(file: Path) -> Path:
    """Have a process that writes into this store killed; return the log that it leaves beside it."""
    subprocess.run([sys.executable, "-c", WRITING, file], check=False)
    log = file.with_name(f"{file.name}-wal")
    assert log.stat().st_size
    return log


def test_a_backup_is_a_store(store: Store, store_url: str, tmp_path: Path) -> None:
    """The one file it writes opens as a store, proves sound, and shows what the store shows; its owner's alone."""
    said = backed_up(tmp_path, store_url, "--json")

    file = tmp_path / "backup.db"
    assert said.returncode == 0, said.stderr
    assert msgspec.json.decode(said.stdout) == {"file": str(file), "bytes": file.stat().st_size}
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in tmp_path.iterdir()] == ["backup.db"]
    copy = run(open_store(str(file)))
    assert told(copy) == told(store)
    assert run(copy.check()).faults == []
    run(copy.close())


def test_a_backup_overwrites_only_when_told(store: Store, store_url: str, tmp_path: Path) -> None:
    """A file that is there is left alone; with --overwrite it is replaced by a whole new one."""
    (tmp_path / "backup.db").write_text("mine")

    with pytest.raises(AlreadyThere, match="--overwrite"):
        run(back_up(store, tmp_path / "backup.db", lambda *_: None))
    assert (tmp_path / "backup.db").read_text() == "mine"

    run(back_up(store, tmp_path / "backup.db", lambda *_: None, overwrites=True))
    copy = run(open_store(str(tmp_path / "backup.db")))
    assert told(copy) == told(store)
    run(copy.close())
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.db"]


def test_a_log_that_lies_beside_what_is_overwritten_goes_with_it(store: Store, store_url: str, tmp_path: Path) -> None:
    """What a killed process left in the old file's log is not taken for the new file's."""
    file = tmp_path / "backup.db"
    run(back_up(store, file, lambda *_: None))
    leave_a_log(file)
    run(store.take_in(APP, [a_leg(f"more{n}", seconds=n) for n in range(1000)]))

    assert refusal_of(store, file, overwrites=True) is None

    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.db"]
    assert told_of(file) == told(store)


@pytest.mark.parametrize("overwrites", [False, True])
@pytest.mark.parametrize("leave", [Path.unlink, lambda file: os.truncate(file, 0)])
def test_no_backup_is_put_beside_the_log_of_another_file(
    store: Store, store_url: str, tmp_path: Path, leave: Callable[[Path], None], overwrites: bool
) -> None:
    """Where the file is gone or empty and its log is not, the log may hold what nothing else does: it is left there."""
    file = tmp_path / "backup.db"
    run(back_up(store, file, lambda *_: None))
    log = leave_a_log(file)
    before = log.read_bytes()
    leave(file)

    refusal = refusal_of(store, file, overwrites=overwrites) or ""

    assert (f"its log {log} is there" in refusal) or ("There is a file" in refusal and not overwrites)
    assert log.read_bytes() == before


def test_a_store_that_is_served_is_not_overwritten(store: Store, store_url: str, tmp_path: Path) -> None:
    """A file that another process has open as its store is refused and goes on; once that has ended it is replaced."""
    file = tmp_path / "served.db"
    with site(tmp_path, f"sqlite:///{file}") as served:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        refusal = refusal_of(store, file, overwrites=True)

        assert refusal is not None
        assert "is open" in refusal
        assert tenant.ingest(missed(FROM + 1)).status_code == 200
        assert tenant.page()["count"] == 2
        assert served.server.stop() == 0
    assert refusal_of(store, file, overwrites=True) is None
    assert told_of(file) == told(store)


@pytest.mark.parametrize("name", ["nowhere/backup.db", "."])
def test_a_file_that_cannot_be_written_is_refused(store: Store, store_url: str, tmp_path: Path, name: str) -> None:
    """A folder that is not there, and a folder in the file's place, are one line of error."""
    with pytest.raises(StoreUnusable, match="cannot be written"):
        run(back_up(store, tmp_path / name, lambda *_: None, overwrites=True))
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_overwritten_with_its_backup(tmp_path: Path) -> None:
    """Told to write over the store itself, by whatever name, the command refuses."""
    store = run(open_store(str(tmp_path / "ringback.db")))
    (tmp_path / "link.db").symlink_to(tmp_path / "ringback.db")

    for name in ("ringback.db", "link.db"):
        with pytest.raises(StoreUnusable, match="the store itself"):
            run(back_up(store, tmp_path / name, lambda *_: None, overwrites=True))
    run(store.close())


def test_a_store_that_is_not_there_is_not_backed_up(tmp_path: Path) -> None:
    """A mistyped store is refused rather than made, and backed up empty."""
    said = backed_up(tmp_path, "sqlite:///nowhere.db")

    assert (said.returncode, said.stderr) == (1, b"ringback: There is no store nowhere.db\n")


@pytest.mark.parametrize("taken", range(0, 1_750_000, 250_000))
def test_on_a_disk_that_is_too_small_there_is_no_backup(
    store: Store, store_url: str, tmp_path: Path, taken: int
) -> None:
    """Wherever the disk gets full a backup is whole, or else refused, and nothing of it is left there."""
    run(store.take_in(APP, [a_leg(f"more{n}", seconds=n) for n in range(1200)]))
    with small_disk(2) as disk:
        (disk / "ballast").write_bytes(bytes(taken))
        refusal = refusal_of(store, disk / "backup.db")

        assert refusal is None or "full" in refusal
        assert [path.name for path in disk.iterdir() if path.name != "ballast"] == ["backup.db"] * (refusal is None)
        if refusal is None:
            shutil.copy(disk / "backup.db", tmp_path)  # where there is room to open it
            assert told_of(tmp_path / "backup.db") == told(store)


def test_a_backup_of_a_busy_store_is_of_one_moment(store: Store, store_url: str, tmp_path: Path) -> None:
    """While another process writes as fast as it can, a backup is sound, and has every call acknowledged before."""
    with pouring(store_url, "new"):
        before = {call.call_id for calls in whole_lists(store).values() for call in calls}
        run(back_up(store, tmp_path / "backup.db", lambda *_: None))
    copy = run(open_store(str(tmp_path / "backup.db")))
    assert run(copy.check()).faults == []
    assert before <= {call.call_id for calls in whole_lists(copy).values() for call in calls}
    run(copy.close())


def test_killed_it_leaves_no_half_file(store: Store, store_url: str, tmp_path: Path) -> None:
    """Killed (-9) while it writes, there is no file under the name; the next backup is whole and tidies up."""
    legs = [a_leg(f"more{n}", seconds=n, name="x" * 200) for n in range(6_000)]
    run(store.take_in(APP, legs))
    command = [RINGBACK, "backup", "backup.db"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path, RINGBACK_STORE=store_url)) as process:
        wait_for(lambda: list(tmp_path.glob("backup.db*")) or process.poll() is not None)
        process.kill()

    if (tmp_path / "backup.db").exists():  # it was done by then
        assert ringback(tmp_path, "check", "--store", "backup.db").returncode == 0
    assert backed_up(tmp_path, store_url, "--overwrite").returncode == 0
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.db"]
    copy = run(open_store(str(tmp_path / "backup.db")))
    report = run(copy.check())
    assert (report.faults, report.calls) == ([], 6_300)
    run(copy.close())


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_a_backup_that_became_the_store_keeps_its_locks(store: Store, store_url: str, tmp_path: Path) -> None:
    """Where the other name of the store's file looks like a half backup's it is left alone, and so are the locks."""
    path = Path(store_url.removeprefix("sqlite:///"))
    left = tmp_path / "backup.db.part-01234567"
    left.hardlink_to(path)

    run(back_up(store, tmp_path / "backup.db", lambda *_: None))

    assert (is_held(path), left.exists()) == (True, True)


def test_a_restored_store_serves_what_it_had(tmp_path: Path, store_url: str) -> None:
    """Calls, log-ins and tokens of the moment of the backup are served from the restored store; later ones are gone."""
    with running(tmp_path, "serve", "--port", "0", "--store", store_url) as server, client(server.url) as http:
        tenant = House(store_url, http).tenant(SEED_APP)
        tenant.ingest(missed(FROM), missed(FROM + 1))
        assert backed_up(tmp_path, store_url).returncode == 0
        tenant.ingest(missed(FROM + 2))
        assert server.stop() == 0

    restored = tmp_path / "restored.db"
    shutil.copy(tmp_path / "backup.db", restored)
    with running(tmp_path, "serve", "--port", "0", "--store", str(restored)) as server, client(server.url) as http:
        again = tenant._replace(house=House(str(restored), http))
        assert again.page()["count"] == 2
        assert http.post("/v1/agentLogin", json={"id": tenant.agent_id, "password": PASSWORD}).status_code == 200
        assert again.ingest(missed(FROM + 2)).json()["new"] == 1
        assert server.stop() == 0


def test_a_backup_of_a_database_is_restored_into_one(
    store: Store, store_url: str, tmp_path: Path, stores: Stores
) -> None:
    """`copy` brings a backup into an empty store of the same kind, whole."""
    run(back_up(store, tmp_path / "backup.db", lambda *_: None))
    backup, target = run(open_store(str(tmp_path / "backup.db"))), run(open_store(stores.new()))

    run(copy_store(backup, target))

    assert told(target) == told(store)
    for opened in (backup, target):
        run(opened.close())


def client(url: str) -> httpx.Client:
    """Return a client of a server."""
    return client_of(url)
