"""Deliveries: every form they come in, what they are answered, and that what was answered is kept."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import httpx
import pytest
from tests.web.house import DEADLINE_SECONDS, FROM, Tenant, missed, served, with_store

from ringback import agents
from ringback.sources import SOURCES
from ringback.storage.records import Reject

ASTERISK_ROW = (
    '"","103","9100000000","from-internal","""Asha"" <103>","PJSIP/103-00000001","PJSIP/trunk-00000002","Dial",'
    '"PJSIP/9100000000@trunk,45","2019-10-01 13:30:00",,"2019-10-01 13:30:30",30,0,"NO ANSWER","DOCUMENTATION",'
    '"1569916800.1","","","1569916800.1",1\n'
)


def counts(response: httpx.Response, status: int = 200) -> tuple[int, ...]:
    """Return the five counts of an answer in their order."""
    assert response.status_code == status, response.text
    answer = response.json()
    if status == 200:
        assert list(answer) == ["read", "new", "merged", "duplicate", "rejected"]
    return tuple(answer[name] for name in ("read", "new", "merged", "duplicate", "rejected"))


def rejects(tenant: Tenant) -> list[Reject]:
    """Return the kept rejects of an app."""
    return with_store(tenant.house.store, lambda store: store.rejects(tenant.app_id))


# --- who may deliver -----------------------------------------------------------------------------------------------


def test_the_secret_may_be_a_key_of_the_address(tenant: Tenant) -> None:
    """A switch that cannot set headers puts the secret into the address."""
    response = tenant.ingest(missed(FROM), headers={}, params={"key": tenant.secret})

    assert counts(response) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(tenant: Tenant, scheme: str) -> None:
    """Bearer is a scheme, and schemes have no case (RFC 9110 section 11.1)."""
    assert counts(tenant.ingest(missed(FROM), headers={"Authorization": f"{scheme} {tenant.secret}"}))[1] == 1


def test_a_bad_secret_is_a_401(tenant: Tenant, resident: Tenant) -> None:
    """No secret, a wrong one, a token, and one made up for another app are refused alike, and nothing is kept."""
    forged = resident.secret.replace(str(resident.app_id), str(tenant.app_id))
    secrets = ["x", tenant.secret[:-1], tenant.secret + "0", tenant.secret.upper(), tenant.token, forged, "é"]
    headers: list[Any] = [{"Authorization": f"Bearer {secret}".encode("latin-1")} for secret in secrets]
    answers = [tenant.ingest(missed(FROM), headers=one) for one in [*headers, {}, {"Authorization": "Basic eA=="}]]
    answers += [tenant.ingest(missed(FROM), headers={}, params={"key": secret}) for secret in ["", *secrets]]

    assert {(answer.status_code, answer.headers["www-authenticate"]) for answer in answers} == {(401, "Bearer")}
    assert len({answer.text for answer in answers}) == 1
    assert tenant.page()["count"] == 0


def test_a_secret_delivers_for_its_own_app_only(tenant: Tenant, resident: Tenant) -> None:
    """A record that names another app's agent is rejected, so that a secret never writes into another app."""
    foreign = missed(FROM, agent=resident.agent_id)
    webhook = {"type": "cdr", "appid": resident.app_id, "user": "103", "to": 91, "time": FROM, "status": "missed"}

    assert counts(tenant.ingest(foreign), 400) == (1, 0, 0, 0, 1)
    assert counts(tenant.ingest({**webhook, "direction": "outbound"}, source="telecmi"), 400) == (1, 0, 0, 0, 1)
    assert (tenant.page()["count"], resident.page()["count"]) == (0, 0)


def test_a_rotated_secret_ends_at_once(tenant: Tenant) -> None:
    """After a rotation the old secret is refused and the new one taken."""
    new = with_store(tenant.house.store, lambda store: agents.rotate_secret(store, tenant.app_id))

    assert tenant.ingest(missed(FROM)).status_code == 401
    assert counts(tenant.ingest(missed(FROM), headers={"Authorization": f"Bearer {new}"}))[1] == 1


def test_an_unknown_source_is_a_404_that_names_the_known(tenant: Tenant) -> None:
    """A source that is not there is a 404 whose message lists those that are."""
    response = tenant.ingest(missed(FROM), source="abacus")

    assert response.status_code == response.json()["code"] == 404
    assert response.json()["message"].endswith("there are: " + ", ".join(sorted(SOURCES)))


# --- forms of a body -----------------------------------------------------------------------------------------------

THREE = [missed(FROM), missed(FROM + 1), missed(FROM + 2)]
LINES = "\n".join(map(json.dumps, THREE))
HEADINGS = ",".join(THREE[0])
AS_CSV = "\n".join([HEADINGS, *(",".join(map(str, record.values())) for record in THREE)])
FORMS = {
    "an array": json.dumps(THREE),
    "an array over many lines": json.dumps(THREE, indent=2),
    "NDJSON": LINES,
    "NDJSON with an end": LINES + "\n",
    "NDJSON with CRLF": LINES.replace("\n", "\r\n"),
    "NDJSON with a byte order mark": "\ufeff" + LINES,
    "CSV with headings": AS_CSV,
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_three_records_are_three_calls_in_every_form(tenant: Tenant, body: str, pack: Any) -> None:
    """Array, NDJSON and CSV, plain or gzip, are told apart by themselves and give the same three calls."""
    assert counts(tenant.ingest(content=pack(body.encode()))) == (3, 3, 0, 0, 0)
    assert tenant.page()["count"] == 3


def test_one_record_may_be_an_object_or_a_form(tenant: Tenant) -> None:
    """One object and one form are one record each, and the same call."""
    assert counts(tenant.ingest(content=json.dumps(missed(FROM)))) == (1, 1, 0, 0, 0)
    assert tenant.ingest(data=missed(FROM)).status_code == 200
    assert tenant.page()["count"] == 1


def test_gzip_of_several_members_is_read_to_its_end(tenant: Tenant) -> None:
    """Packed files put together (cat a.gz b.gz) are one stream by RFC 1952: none of their records is lost."""
    body = b"".join(gzip.compress((line + "\n").encode()) for line in LINES.splitlines())

    assert counts(tenant.ingest(content=body)) == (3, 3, 0, 0, 0)


def test_a_switchs_own_log_is_taken(store_url: str) -> None:
    """Rows of Asterisk's CSV log are taken, their local times read in the zone of the timezone setting."""
    with served(store_url, timezone="Asia/Kolkata") as house:
        tenant = house.tenant()
        assert counts(tenant.ingest(source="asterisk", content=ASTERISK_ROW)) == (1, 1, 0, 0, 0)

        assert [row["time"] for row in tenant.page()["cdr"]] == [1569916800000]


def test_a_time_without_a_zone_is_never_guessed(tenant: Tenant) -> None:
    """Without the timezone setting a record with a local time is rejected and kept, with a reason that says so."""
    response = tenant.ingest(source="asterisk", content=ASTERISK_ROW)

    assert counts(response, 400) == (1, 0, 0, 0, 1)
    assert "zone" in response.json()["message"]
    assert [reject.raw for reject in rejects(tenant)] == [ASTERISK_ROW.encode()]


# --- what it is answered -------------------------------------------------------------------------------------------


def test_a_repeated_delivery_changes_nothing(tenant: Tenant) -> None:
    """The same delivery again is all duplicates and the list stays as it was."""
    assert counts(tenant.ingest(*THREE)) == (3, 3, 0, 0, 0)
    before = tenant.page()

    assert counts(tenant.ingest(*THREE)) == (3, 0, 0, 3, 0)
    assert tenant.page() == before


def test_a_new_leg_of_a_known_call_is_merged(tenant: Tenant) -> None:
    """Another leg of a call is counted as merged, whether it comes later or in the same delivery."""
    other = missed(FROM, trunk="b")

    assert counts(tenant.ingest(missed(FROM))) == (1, 1, 0, 0, 0)
    assert counts(tenant.ingest(other, missed(FROM + 1), missed(FROM + 1, trunk="b"))) == (3, 1, 2, 0, 0)


def test_one_delivery_sent_by_many_at_once_is_counted_once(tenant: Tenant) -> None:
    """Of fifty copies of a delivery that arrive together one is new and the rest are duplicates."""

    async def deliver() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {tenant.secret}"}
        async with httpx.AsyncClient(base_url=tenant.house.url, headers=headers, timeout=DEADLINE_SECONDS) as http:
            return await asyncio.gather(*(http.post("/ingest/generic", json=THREE) for _ in range(50)))

    each = [counts(response) for response in asyncio.run(deliver())]

    assert sorted(each) == [(3, 0, 0, 3, 0)] * 49 + [(3, 3, 0, 0, 0)]
    assert tenant.page()["count"] == 3


def test_some_bad_records_do_not_stop_the_rest(tenant: Tenant) -> None:
    """With one good record among bad ones the answer is 200, and the bad ones are kept with their reasons."""
    response = tenant.ingest({"call_key": 1}, missed(FROM), missed(FROM, direction="sideways"), 5)

    assert counts(response) == (4, 1, 0, 0, 3)
    kept = rejects(tenant)
    assert [reject.origin for reject in kept] == ["a delivery, line 1"] * 3
    assert "agent is missing" in kept[0].reason
    assert "direction is 'sideways'" in kept[1].reason


def test_a_delivery_of_bad_records_only_is_a_400_with_counts(tenant: Tenant) -> None:
    """When no record could be read the answer is 400 with the first reason and the counts, and all are kept."""
    response = tenant.ingest({"call_key": "a"}, {"call_key": "b"})

    assert counts(response, 400) == (2, 0, 0, 0, 2)
    answer = response.json()
    assert (answer["code"], answer["error"], answer["msg"]) == (400, True, answer["message"])
    assert "agent is missing" in answer["message"]
    assert [json.loads(reject.raw)["call_key"] for reject in rejects(tenant)] == ["a", "b"]


def test_a_bad_delivery_again_is_kept_once(tenant: Tenant) -> None:
    """A switch that resends what cannot be read does not fill the store."""
    for _ in range(3):
        assert counts(tenant.ingest({"call_key": "a"}), 400) == (1, 0, 0, 0, 1)

    assert len(rejects(tenant)) == 1


def test_live_events_are_no_calls(tenant: Tenant) -> None:
    """TeleCMI's live events are read, give no call and are no error."""
    event = {"type": "event", "status": "started", "appid": tenant.app_id, "time": FROM}

    assert counts(tenant.ingest(event, source="telecmi")) == (1, 0, 0, 0, 0)


GARBAGE = {
    "empty": b"",
    "blank": b" \r\n\r\n",
    "NUL": b"\0\0\0\0",
    "broken UTF-8": b"\xff\xfe\xfd",
    "an opened object": b'{"call_key": ',
    "deep": b"[" * 100_000,
    "a number": b"5",
    "text": b"hello",
    "a thousand lines": b"hello\n" * 1000,
    "an empty array": b"[]",
    "XML": b"<cdr/>",
    "broken gzip": b"\x1f\x8b\x08" + b"\x55" * 40,
    "gzip without its end": gzip.compress(LINES.encode())[:-9],
    "gzip of nothing": gzip.compress(b""),
    "gzip with a wrong check sum": gzip.compress(LINES.encode())[:-8] + b"\0" * 8,
    "gzip and then something else": gzip.compress(LINES.encode()) + b"something else",
}


@pytest.mark.parametrize("source", ["asterisk", "generic", "telecmi"])
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_a_400(tenant: Tenant, source: str, body: bytes) -> None:
    """A body without a readable record is a 400 in the envelope, takes nothing in and is no fault."""
    answer = tenant.ingest(source=source, content=body)

    assert answer.status_code == answer.json()["code"] == 400, answer.text
    assert 0 < len(answer.json()["message"]) < 500
    assert tenant.page()["count"] == 0


def test_a_record_nested_too_deeply_is_told_so(tenant: Tenant) -> None:
    """What no switch sends is named for what it is."""
    assert "nested too deeply" in tenant.ingest(content=GARBAGE["deep"]).json()["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_delivery_over_the_limit_is_a_413(store_url: str, chunked: bool) -> None:
    """A body over max_delivery is refused whole, whether its length was announced or not."""
    with served(store_url, max_delivery=4096) as house:
        tenant = house.tenant()
        body = (LINES + "\n").encode() * 20
        response = tenant.ingest(content=iter([body[:3000], body[3000:]]) if chunked else body)

        assert response.status_code == response.json()["code"] == 413
        assert tenant.page()["count"] == 0


@pytest.mark.parametrize("members", [1, 10])
def test_a_gzip_bomb_is_a_413(tenant: Tenant, members: int) -> None:
    """A small body that unpacks to more than max_delivery is refused, also when each of its members is within it."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200 // members)) + packer.flush()

    response = tenant.ingest(content=bomb * members)

    assert len(bomb) * members < 1_000_000
    assert response.status_code == response.json()["code"] == 413
