"""POST /v1/agentRingBack: numbers that nobody has reached since they were tried, in the manner of agentOutMissed."""

from typing import Any

from tests.web.house import FROM, TO, Tenant, missed


def asked(tenant: Tenant, **changes: object) -> dict[str, Any]:
    """Return the answer to a good request with these changes."""
    answer: dict[str, Any] = tenant.house.http.post("/v1/agentRingBack", json=tenant.asked(**changes)).json()
    return answer


def test_a_number_stands_once_with_its_tries(tenant: Tenant) -> None:
    """The rows are those of agentOutMissed and `tries` behind them; the keys stand in the same order."""
    tenant.ingest(missed(FROM, name="Adams"), missed(FROM + 1), missed(FROM + 2, dialled_number="reception"))

    answer = asked(tenant)
    assert list(answer) == ["count", "cdr", "code"]
    assert (answer["count"], answer["code"]) == (2, 200)
    assert [(row["to"], row["time"], row["tries"]) for row in answer["cdr"]] == [
        ("reception", FROM + 2, 1),
        (919100000000, FROM + 1, 2),
    ]
    assert list(answer["cdr"][0]) == ["_id", "to", "time", "from", "billedsec", "rate", "name", "tries"]
    of_calls = tenant.page(limit=1)["cdr"][0]
    assert answer["cdr"][0] == of_calls | {"tries": 1}


def test_a_number_that_anybody_reached_is_gone(tenant: Tenant) -> None:
    """Called by another agent, or taken by one when it called: it leaves, and comes back with the next try alone."""
    tenant.ingest(missed(FROM), missed(FROM + 1000, dialled_number="+919200000000"))
    tenant.ingest(missed(FROM + 2000, agent="104", disposition="answered"))
    came_in = {"direction": "inbound", "dialled_number": None, "calling_number": "+919200000000"}
    tenant.ingest(missed(FROM + 3000, agent="104", disposition="answered", **came_in))
    assert (asked(tenant)["count"], tenant.page()["count"]) == (0, 2)

    tenant.ingest(missed(FROM + 4000))
    assert [(row["to"], row["tries"]) for row in asked(tenant)["cdr"]] == [(919100000000, 1)]


def test_the_range_goes_by_the_last_try(tenant: Tenant) -> None:
    """Bounds are inclusive, pages are walked, a page past the end is empty with the right count."""
    tenant.ingest(*[missed(FROM + at, dialled_number=f"+9191000000{at % 30:02}") for at in range(60)])

    pages = [asked(tenant, page=page, limit=7)["cdr"] for page in range(1, 7)]
    assert [row["time"] for page in pages for row in page] == list(range(FROM + 59, FROM + 29, -1))
    assert {row["tries"] for page in pages for row in page} == {2}
    assert asked(tenant, page=6, limit=7) == {"count": 30, "cdr": [], "code": 200}
    assert asked(tenant, **{"from": FROM + 40, "to": FROM + 41})["count"] == 2
    assert asked(tenant, to=FROM + 29)["count"] == 0


def test_a_page_far_past_the_end_is_empty(tenant: Tenant) -> None:
    """However far: code 200, the right count and no rows."""
    tenant.ingest(missed(FROM))

    for page in (2, 61_457_622, 2**53 - 1):
        assert asked(tenant, page=page, limit=902) == {"count": 1, "cdr": [], "code": 200}


def test_the_contacts_name_shows(tenant: Tenant) -> None:
    """As everywhere, the name that the app gave goes before the source's."""
    from tests.web.house import with_store

    from ringback.storage.records import Contact

    tenant.ingest(missed(FROM, name="Adams"))
    contact = Contact(number="919100000000", given="+919100000000", name='Zoë "Z"')
    with_store(tenant.house.store, lambda store: store.set_contacts(tenant.app_id, [contact]))

    [row] = asked(tenant)["cdr"]
    assert (row["name"], row["tries"]) == ('Zoë "Z"', 1)


def test_nobody_sees_anothers_numbers(tenant: Tenant) -> None:
    """A token shows its agent's list alone, and one that is no live one shows none."""
    tenant.ingest(missed(FROM))
    colleague = tenant.add_agent("104")

    assert asked(tenant, token=colleague) == {"count": 0, "cdr": [], "code": 200}
    assert asked(tenant, token="rbt_1_" + "0" * 40)["code"] == 404


def test_wrong_input_is_named(tenant: Tenant) -> None:
    """As of agentOutMissed: what is wrong, and what it should be; forms and texts of digits pass."""
    for wrong, said in (({"page": 0}, "page"), ({"to": None}, "to"), ({"from": 1569911400}, "seconds")):
        answer = asked(tenant, **wrong)
        assert answer["code"] == 400
        assert said in answer["message"]
    form = {name: str(value) for name, value in tenant.asked(limit=1000).items()}
    assert tenant.house.http.post("/v1/agentRingBack", data=form).json()["code"] == 200
    assert asked(tenant, **{"from": TO, "to": TO})["count"] == 0
