"""The embedded store's disk is full, or fails: deliveries are sent away, pages go on, and it passes with the cause."""

from pathlib import Path

import httpx
from tests.outages.disks import deliver_a_lot, fail, failing_disk, filled, small_disk
from tests.outages.sites import kept, site
from tests.web.house import FROM, missed


def refusals(answers: list[httpx.Response]) -> list[tuple[int, bool]]:
    """Return each answer's status, and whether it says when to come again."""
    return [(answer.status_code, "retry-after" in answer.headers) for answer in answers]


def test_a_full_disk_refuses_deliveries_and_shows_pages(tmp_path: Path) -> None:
    """Deliveries and /readyz are 503 with a line in the log, pages 200; with room again all is 200."""
    with small_disk(20) as disk, site(tmp_path, f"sqlite:///{disk}/ringback.db") as served:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        with filled(disk):
            refused = [deliver_a_lot(tenant, FROM + 1), deliver_a_lot(tenant, FROM + 2), served.readiness()]
            count = tenant.page()["count"]
        recovered = [served.readiness(), deliver_a_lot(tenant, FROM + 1), deliver_a_lot(tenant, FROM + 2)]

        assert refusals(refused) == [(503, True)] * 3
        assert count == 1
        assert [answer.status_code for answer in recovered] == [200] * 3
        served.wait_until_told("full")
        found = kept(served.house.store, tenant.app_id)
        assert (found.faults, len(found.listed)) == ([], 3)


def test_readiness_tells_of_a_full_disk_before_a_delivery_does(tmp_path: Path) -> None:
    """/readyz asks the disk itself: without a delivery it is 503 while there is no room, and 200 again with room."""
    with small_disk(20) as disk, site(tmp_path, f"sqlite:///{disk}/ringback.db") as served:
        with filled(disk):
            full = served.readiness()

        assert full.status_code == 503
        served.wait_until_told("full")
        assert served.readiness().status_code == 200


def test_a_disk_that_turns_read_only_refuses_deliveries_and_shows_pages(tmp_path: Path) -> None:
    """When the file system gives up, deliveries and /readyz are 503, and what was acknowledged is still shown."""
    with failing_disk(tmp_path) as disk, site(tmp_path, f"sqlite:///{disk}/ringback.db") as served:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        fail(disk)
        refused = [tenant.ingest(missed(FROM + 1)), tenant.ingest(missed(FROM + 2)), served.readiness()]

        assert refusals(refused) == [(503, True)] * 3
        assert tenant.page()["count"] == 1
        assert served.status("/healthz") == 200
        assert not any("Traceback" in line for line in served.server.said)
