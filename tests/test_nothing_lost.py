"""The four ways in which receivers of call records are known to lose them, each with a store that really fails."""

import sqlite3
from asyncio import run
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.web.house import FROM, House, Tenant, missed, served, with_store

from ringback import calls
from ringback.errors import StoreUnavailable
from ringback.storage import open_store
from ringback.storage.sqlite import connection


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A served store that waits a moment only for another program's lock."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with served(tmp_path / "calls.db") as house:
        yield house


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the store's write lock, as a stuck program would."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def deliver_while_locked(tenant: Tenant) -> httpx.Response:
    """Deliver a call to a store that cannot be written."""
    with locked(tenant.house.path):
        return tenant.ingest(missed(FROM))


def test_what_could_not_be_kept_is_never_acknowledged(impatient: House) -> None:
    """A delivery that the store refuses is a 503 that says when to send it again, not a 200 with a line in a log."""
    response = deliver_while_locked(impatient.tenant())

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


def test_a_failed_delivery_marks_nothing_as_seen(impatient: House) -> None:
    """The resend of a delivery that failed is new, and its call is listed once."""
    tenant = impatient.tenant()
    deliver_while_locked(tenant)

    assert tenant.ingest(missed(FROM)).json() == {"read": 1, "new": 1, "merged": 0, "duplicate": 0, "rejected": 0}
    assert tenant.page()["count"] == 1


def test_what_was_acknowledged_is_in_no_queue(impatient: House) -> None:
    """As soon as a delivery is answered with 200, another process finds its call in the store."""
    tenant = impatient.tenant()

    for number in range(5):
        assert tenant.ingest(missed(FROM + number)).status_code == 200
        beside = sqlite3.connect(impatient.path)
        assert beside.execute("SELECT count(*) FROM listed_call").fetchone() == (number + 1,)
        beside.close()


def test_a_reject_is_dropped_only_once_its_call_is_kept(impatient: House) -> None:
    """A retry that the store refuses leaves the rejected record where it was; the next one takes it in."""
    tenant = impatient.tenant()
    tenant.ingest(missed(FROM, started_at="2019-10-04T09:00:00"))

    async def retry() -> int:
        store = await open_store(str(impatient.path))
        try:
            (reject,) = await store.rejects(tenant.app_id)
            intake, _ = await calls.retry_reject(store, reject.reject_id, "UTC")
            return intake.new if intake else 0
        finally:
            await store.close()

    with locked(impatient.path), pytest.raises(StoreUnavailable):
        run(retry())
    assert len(with_store(impatient.path, lambda store: store.rejects(tenant.app_id))) == 1
    assert run(retry()) == 1
    assert with_store(impatient.path, lambda store: store.rejects(tenant.app_id)) == []
