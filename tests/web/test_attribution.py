"""What an app says of its numbers and extensions, and records that come as a query."""

import pytest
from tests.web.house import FROM, Tenant, missed, with_store

from ringback import agents
from ringback.errors import InvalidInput
from ringback.storage.base import Store
from ringback.storage.records import CheckReport

TELECMI: dict[str, str | int] = {
    "type": "cdr",
    "cmiuuid": "5f1c",
    "status": "missed",
    "direction": "outbound",
    "to": "919100000000",
}


def change(tenant: Tenant, region: str | None = None, extensions: str | None = None) -> CheckReport:
    """Change the app beside the running server, and check the store."""

    async def work(store: Store) -> CheckReport:
        await agents.change_app(store, tenant.app_id, region=region, extensions=extensions)
        return await store.check()

    return with_store(tenant.house.store, work)


def test_a_region_shows_known_and_new_numbers_in_full(tenant: Tenant) -> None:
    """National numbers taken in before and after the region is set are both E.164, and the store stays sound."""
    tenant.ingest(missed(FROM, dialled_number="9100000001"))

    report = change(tenant, region="IN")
    tenant.ingest(missed(FROM + 1, dialled_number="9100000002"))

    assert report.ok
    assert [row["to"] for row in tenant.page()["cdr"]] == [919100000002, 919100000001]


def test_taking_a_region_back_shows_digits_again(tenant: Tenant) -> None:
    """An empty region leaves national numbers as their digits."""
    tenant.ingest(missed(FROM, dialled_number="9100000001"))
    change(tenant, region="IN")

    assert change(tenant, region="").ok
    assert [row["to"] for row in tenant.page()["cdr"]] == [9100000001]


def test_an_apps_own_extensions_are_believed(tenant: Tenant) -> None:
    """A row of a phone whose name only this app calls an extension is that agent's once the app says so."""
    row = (
        b'"","x","77010000200","c","""A"" <x>","PJSIP/agent7-00000001","PJSIP/t-00000002","Dial","PJSIP/t",'
        b'"2019-10-04 09:00:00+00:00",,"2019-10-04 09:00:20+00:00",20,0,"NO ANSWER","DOCUMENTATION","1570179600.1"\n'
    )
    token = tenant.add_agent("agent7")
    change(tenant, extensions="agent[0-9]")

    answer = tenant.ingest(source="asterisk", content=row).json()

    assert answer["new"] == 1, answer
    bounds = {"from": 1570179600000, "to": 1570179600000}
    assert tenant.page(token=token, **bounds)["count"] == 1


@pytest.mark.parametrize("wrong", [{"region": "Kasachstan"}, {"extensions": "["}, {"region": "kz"}])
def test_what_cannot_be_is_refused(tenant: Tenant, wrong: dict[str, str]) -> None:
    """A region that is none and a pattern that is none change nothing."""
    with pytest.raises(InvalidInput):
        change(tenant, **wrong)


def test_a_webhook_may_be_a_query(tenant: Tenant) -> None:
    """TeleCMI's GET webhook with the secret as ?key= is taken in, once however often it comes."""
    asked = {**TELECMI, "key": tenant.secret, "user": tenant.agent_id, "time": FROM, "appid": tenant.app_id}
    answers = [tenant.house.http.get("/ingest/telecmi", params=asked).json() for _ in range(2)]

    assert [(answer["new"], answer["duplicate"]) for answer in answers] == [(1, 0), (0, 1)]
    assert [row["to"] for row in tenant.page()["cdr"]] == [919100000000]


def test_the_secret_is_no_part_of_a_query_that_is_kept(tenant: Tenant) -> None:
    """A query that cannot be understood is rejected and kept without the secret."""
    answer = tenant.house.http.get("/ingest/telecmi", params={**TELECMI, "key": tenant.secret})
    kept = with_store(tenant.house.store, lambda store: store.rejects(tenant.app_id))

    assert answer.status_code == 400
    assert [reject.raw.count(tenant.secret.encode()) for reject in kept] == [0]


def test_head_takes_nothing_in(tenant: Tenant) -> None:
    """HEAD, which must change nothing, is refused."""
    asked = {**TELECMI, "key": tenant.secret, "user": tenant.agent_id, "time": FROM}

    assert tenant.house.http.head("/ingest/telecmi", params=asked).status_code == 405
    assert tenant.page()["count"] == 0
