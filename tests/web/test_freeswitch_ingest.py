"""FreeSWITCH's deliveries through the server: each encoding, whatever its headers and its address say."""

import asyncio
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.web.house import DEADLINE_SECONDS, Tenant, with_store

CASES = Path(__file__).parents[1] / "sources" / "cases" / "freeswitch"
STARTED = 1748836800000  # when the calls of the cases start
UUID = "00000046-6d2e-4c5f-9a10-0000000000a0"
TYPES = ["application/json", "application/x-www-form-urlencoded", "application/x-www-form-base64-encoded", None]
POSTED = sorted(path.name for path in CASES.glob("posted-*") if not path.name.endswith(".legs.json"))


def post(tenant: Tenant, body: bytes, content_type: str | None = "application/json", address: str = "") -> Any:
    """Post a body as FreeSWITCH does, to the address given or the one a configuration has, and return the counts."""
    headers = {"User-Agent": "freeswitch-json/1.0"} | ({"Content-Type": content_type} if content_type else {})
    response = tenant.house.http.post(
        address or f"/ingest/freeswitch?key={tenant.secret}", content=body, headers=headers
    )
    assert response.status_code == 200, response.text
    return response.json()


def documents(case: str) -> list[bytes]:
    """Return the documents of a case, as many deliveries."""
    return (CASES / case).read_bytes().splitlines()


def missed(tenant: Tenant) -> list[tuple[int, int]]:
    """Return the start and the number of each call in the agent's list."""
    return [(row["time"], row["to"]) for row in tenant.page(from_=STARTED - 1, to=STARTED + 60_000)["cdr"]]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("case", POSTED)
def test_the_body_tells_its_encoding(tenant: Tenant, case: str, content_type: str | None) -> None:
    """Raw, url-encoded and base64 are read whatever the Content-Type says, also where there is none."""
    counts = post(tenant, (CASES / case).read_bytes(), content_type)

    assert (counts["new"], counts["rejected"]) == (1, 0)
    assert missed(tenant) == [(STARTED, 77010000001)]


def test_the_same_document_again_in_another_encoding_is_harmless(tenant: Tenant) -> None:
    """A leg that was posted, then re-imported from the error directory in any encoding, is one leg."""
    files = [*POSTED, *sorted(path.name for path in CASES.glob("error-*") if not path.name.endswith(".legs.json"))]

    counts = [post(tenant, (CASES / case).read_bytes()) for case in files * 2]

    assert [count["new"] for count in counts] == [1] + [0] * (2 * len(files) - 1)
    assert all(count["duplicate"] == 1 for count in counts[1:])
    assert len(missed(tenant)) == 1


@pytest.mark.parametrize(
    "address",
    [
        f"/ingest/freeswitch?uuid={UUID}&key=SECRET",
        f"/ingest/freeswitch?key=SECRET&uuid={UUID}",
        f"/ingest/freeswitch?key=SECRET?uuid={UUID}",
        f"/ingest/freeswitch?key=SECRET&leg=?uuid={UUID}",
    ],
)
def test_the_uuid_behind_the_address_is_passed_over(tenant: Tenant, address: str) -> None:
    """FreeSWITCH puts `?uuid=` behind an address that has its `?key=` already; the key is still the key."""
    counts = post(tenant, (CASES / "posted-raw.json").read_bytes(), address=address.replace("SECRET", tenant.secret))

    assert counts["new"] == 1


def test_a_wrong_secret_is_refused_with_a_uuid_behind_it_too(tenant: Tenant) -> None:
    """What stands behind the key does not make a wrong one right."""
    address = f"/ingest/freeswitch?key={tenant.secret}0?uuid={UUID}"

    assert tenant.house.http.post(address, content=b"{}").status_code == 401


@pytest.mark.parametrize(
    ("case", "is_missed"),
    [
        ("busy.json", True),
        ("early-answer-then-nobody.json", True),
        ("answered.json", False),
        ("failover-second-answered.json", False),
        ("fork-lose-race.json", False),
    ],
)
def test_legs_arrive_in_any_order(tenant: Tenant, case: str, is_missed: bool) -> None:
    """One post a leg, whichever comes first: one call, missed only if nobody answered."""
    legs = documents(case)
    for number, order in enumerate(permutations(legs)):
        for leg in order:
            post(tenant, leg.replace(b"-6d2e-", f"-{number:04x}-".encode()))

    tries = len(list(permutations(legs)))
    assert len(missed(tenant)) == (tries if is_missed else 0)


def test_a_leg_before_its_call_is_merged_when_the_call_arrives(tenant: Tenant) -> None:
    """The B-leg ends first as a rule: it is a new call, and the A-leg is merged into it."""
    b_leg, a_leg = documents("busy.json")

    assert post(tenant, b_leg)["new"] == 1
    assert post(tenant, a_leg) == {"read": 1, "new": 0, "merged": 1, "duplicate": 0, "rejected": 0}


def test_a_leg_posted_by_many_at_once_is_counted_once(tenant: Tenant) -> None:
    """Retries of one document that arrive together leave one leg."""
    body = (CASES / "posted-base64.txt").read_bytes()

    async def deliver() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=tenant.house.url, timeout=DEADLINE_SECONDS) as http:
            address = f"/ingest/freeswitch?key={tenant.secret}"
            return await asyncio.gather(*(http.post(address, content=body) for _ in range(20)))

    counts = [response.json() for response in asyncio.run(deliver())]

    assert sum(count["new"] for count in counts) == 1
    assert sum(count["duplicate"] for count in counts) == 19


def test_many_documents_in_one_delivery_are_taken(tenant: Tenant) -> None:
    """An array, a document a line, and files of several encodings put together are taken in one delivery."""
    assert post(tenant, (CASES / "array.json").read_bytes())["read"] == 2
    assert post(tenant, (CASES / "each-hangup-cause.json").read_bytes())["new"] == 19
    assert post(tenant, (CASES / "several-files-together.txt").read_bytes())["rejected"] == 0


@pytest.mark.parametrize(
    "body", [b'{"variables": {"uu', b"cdr=%7B%22", b"cdr=eyJ2", b'{"type": "cdr", "status": "missed"}']
)
def test_what_is_no_document_is_kept_with_its_reason(tenant: Tenant, body: bytes) -> None:
    """Half a document or another source's is answered 400, so that it is not sent again, and kept as it came."""
    response = tenant.ingest(content=body, source="freeswitch")

    assert response.status_code == 400
    assert response.json()["rejected"] == 1
    kept = with_store(tenant.house.store, lambda store: store.rejects(tenant.app_id))
    assert [(reject.raw, reject.reason in response.json()["message"]) for reject in kept] == [(body, True)]


def test_a_bad_document_does_not_stop_the_rest(tenant: Tenant) -> None:
    """Of a delivery with one broken document the others are taken."""
    good = documents("busy.json")

    counts = post(tenant, b"\n".join([good[0], json.dumps({"variables": {}}).encode(), good[1]]))

    assert (counts["new"], counts["merged"], counts["rejected"]) == (1, 1, 1)
