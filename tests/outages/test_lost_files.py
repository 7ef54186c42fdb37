"""The embedded store's files are taken from under a running server: what nobody would find is never acknowledged."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.outages.load import Load, load
from tests.outages.sites import Site, kept, site
from tests.web.house import FROM, House, Tenant, missed, wait_for, with_store

from ringback.telephony.call import call_ref


def path_of(house: House) -> Path:
    """Return where the store's file is."""
    return Path(house.store.removeprefix("sqlite:///"))


def begun(served: Site) -> Tenant:
    """Return an app that has a call and whose page was just read."""
    tenant = served.house.tenant()
    assert tenant.ingest(missed(FROM)).status_code == 200
    assert tenant.page()["count"] == 1
    return tenant


def page_status(tenant: Tenant) -> int:
    """Ask for a page; return the status."""
    return tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked()).status_code


def wait_until_asked(work: Load, times: int) -> None:
    """Wait until so many more deliveries have been answered, whichever way."""
    before = len(work.of("/ingest/generic"))
    wait_for(lambda: len(work.of("/ingest/generic")) > before + times)


def delete(path: Path) -> None:
    """Remove the file."""
    path.unlink()


def delete_log(path: Path) -> None:
    """Remove the log beside it, in which the last calls are."""
    Path(f"{path}-wal").unlink()


def delete_index(path: Path) -> None:
    """Remove the log's index, without which another process would not know of this one."""
    Path(f"{path}-shm").unlink()


def replace(path: Path) -> None:
    """Put another store in its place, as one who restores a backup does."""
    other = path.with_name("other.db")
    with_store(f"sqlite:///{other}", lambda store: store.check())
    other.rename(path)


def move_folder(path: Path) -> None:
    """Rename the folder it is in."""
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize("lose", [delete, delete_log, delete_index, replace, move_folder])
def test_what_nobody_would_find_is_not_acknowledged(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    """The very next delivery is a 503, pages follow within a moment, and the log says why."""
    (tmp_path / "store").mkdir()
    with site(tmp_path, f"sqlite:///{tmp_path}/store/ringback.db") as served:
        tenant = begun(served)
        lose(path_of(served.house))
        refused = tenant.ingest(missed(FROM + 1))
        wait_for(lambda: page_status(tenant) == 503)

        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert [served.status(path) for path in ("/readyz", "/healthz")] == [503, 200]
        assert served.readiness().status_code == 503
        served.wait_until_told("is not the file that was opened")
        assert not any("Traceback" in line for line in served.server.said)


def test_a_file_that_is_moved_away_and_back_under_load_costs_nothing(tmp_path: Path) -> None:
    """Of two processes each refuses until the file is back, then goes on; each acknowledged call is there once."""
    with site(tmp_path, f"sqlite:///{tmp_path}/ringback.db", workers=2) as served:
        tenant, path = served.house.tenant(), path_of(served.house)
        with load(tenant) as work:
            for _ in range(3):
                work.wait_for_more(20)
                path.rename(path.with_suffix(".away"))
                wait_until_asked(work, 20)
                path.with_suffix(".away").rename(path)

        assert work.wrong(seconds=5.0) == []
        assert {asked.status for asked in work.of("/ingest/generic")} == {200, 503}
        assert {asked.status for asked in work.of("/healthz")} == {200}
        found = kept(served.house.store, tenant.app_id)
        assert found.faults == []
        assert sorted(found.listed) == sorted(call_ref(tenant.app_id, key) for key in work.acknowledged)
