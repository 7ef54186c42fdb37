"""The four ways in which receivers of call records are known to lose them, each with a store that really fails."""

from collections.abc import Iterator

import httpx
import pytest
from tests.stores import Stores
from tests.web.house import FROM, House, Tenant, missed, served, with_store

from ringback import calls
from ringback.errors import StoreUnavailable
from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.storage.sqlite import connection
from ringback.telephony.call import ListKey, ListKind


@pytest.fixture
def impatient(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A served store that waits a moment only for another program's lock."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with served(store_url) as house:
        yield house


def deliver_in_vain(stores: Stores, tenant: Tenant) -> httpx.Response:
    """Deliver a call to a store that cannot be written."""
    with stores.unwritable(tenant.house.store):
        return tenant.ingest(missed(FROM))


def test_what_could_not_be_kept_is_never_acknowledged(stores: Stores, impatient: House) -> None:
    """A delivery that the store refuses is a 503 that says when to send it again, not a 200 with a line in a log."""
    response = deliver_in_vain(stores, impatient.tenant())

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


def test_a_failed_delivery_marks_nothing_as_seen(stores: Stores, impatient: House) -> None:
    """The resend of a delivery that failed is new, and its call is listed once."""
    tenant = impatient.tenant()
    deliver_in_vain(stores, tenant)

    assert tenant.ingest(missed(FROM)).json() == {"read": 1, "new": 1, "merged": 0, "duplicate": 0, "rejected": 0}
    assert tenant.page()["count"] == 1


def test_what_was_acknowledged_is_in_no_queue(impatient: House) -> None:
    """As soon as a delivery is answered with 200, another process finds its call in the store."""
    tenant = impatient.tenant()

    async def count(store: Store) -> int:
        return (await store.page(tenant.app_id, ListKey("103", ListKind.OUT_MISSED), Range())).count

    for number in range(5):
        assert tenant.ingest(missed(FROM + number)).status_code == 200
        assert with_store(impatient.store, count) == number + 1


def test_a_reject_is_dropped_only_once_its_call_is_kept(stores: Stores, impatient: House) -> None:
    """A retry that the store refuses leaves the rejected record where it was; the next one takes it in."""
    tenant = impatient.tenant()
    tenant.ingest(missed(FROM, started_at="2019-10-04T09:00:00"))

    async def retry(store: Store) -> int:
        (reject,) = await store.rejects(tenant.app_id)
        intake, _ = await calls.retry_reject(store, reject.reject_id, "UTC")
        return intake.new if intake else 0

    with stores.unwritable(impatient.store), pytest.raises(StoreUnavailable):
        with_store(impatient.store, retry)
    assert len(with_store(impatient.store, lambda store: store.rejects(tenant.app_id))) == 1
    assert with_store(impatient.store, retry) == 1
    assert with_store(impatient.store, lambda store: store.rejects(tenant.app_id)) == []
