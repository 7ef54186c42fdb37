"""POST /v1/callLegs: the legs of an agent's own calls, as they were reported."""

from typing import Any

from tests.web.house import FROM, Tenant, missed


def asked(tenant: Tenant, call_id: object, token: str | None = None) -> dict[str, Any]:
    """Ask for a call's legs and return the answer."""
    request = {"token": token or tenant.token, "id": call_id}
    answer: dict[str, Any] = tenant.house.http.post("/v1/callLegs", json=request).json()
    return answer


def test_a_call_shows_its_legs_as_reported(tenant: Tenant) -> None:
    """A failover's legs come in order of start, each with the facts its source told and no others."""
    first = missed(FROM, call_key="one", disposition="congestion", trunk="a")
    tenant.ingest(missed(FROM + 2000, call_key="one", trunk="b"), first)

    answer = asked(tenant, tenant.page()["cdr"][0]["_id"])

    assert (answer["count"], answer["code"]) == (2, 200)
    told = [(leg["disposition"], leg["trunk"], leg["dialled_number"]) for leg in answer["legs"]]
    assert told == [("congestion", "a", "+919100000000"), ("no_answer", "b", "+919100000000")]
    assert "rate" not in answer["legs"][0]


def test_another_agents_call_is_as_unknown_as_none(tenant: Tenant) -> None:
    """A token shows no legs of another agent's call, and the answer does not tell that the call is there."""
    tenant.ingest(missed(FROM))
    colleague, call_id = tenant.add_agent("104"), tenant.page()["cdr"][0]["_id"]

    assert asked(tenant, call_id, colleague) == asked(tenant, call_id, colleague) | {"code": 404}
    assert asked(tenant, "0" * 24)["code"] == 404


def test_a_call_that_claims_the_id_of_anothers_is_not_shown(tenant: Tenant) -> None:
    """Of two agents' calls with one `_id` each is shown to its own agent, and is the other's to nobody."""
    claimed = {"id": "ab" * 12}
    colleague = tenant.add_agent("104")
    tenant.ingest(missed(FROM, **claimed), missed(FROM + 1000, agent="104", dialled_number="+919199999999", **claimed))

    own, others = asked(tenant, "ab" * 12), asked(tenant, "ab" * 12, colleague)

    assert [leg["dialled_number"] for leg in own["legs"]] == ["+919100000000"]
    assert [leg["dialled_number"] for leg in others["legs"]] == ["+919199999999"]


def test_a_malformed_id_is_named(tenant: Tenant) -> None:
    """An id that can be none is a 400 that says what it should be."""
    for wrong in ("x", 5, None, "5D96C6E920837A1998DA13E", "5d96c6e920837a1998da13e" + "g"):
        answer = asked(tenant, wrong)

        assert answer["code"] == 400
        assert str(answer["message"]).startswith("id ")


def test_a_dead_token_shows_nothing(tenant: Tenant) -> None:
    """A token that is no live one is a 404."""
    assert asked(tenant, "0" * 24, "rbt_1_" + "0" * 40)["code"] == 404
