"""The agent API as its clients meet it: the published request and response, then each promise one by one."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.lasting import least_seconds
from tests.web.house import FROM, NAME, PASSWORD, SEED_APP, TO, House, Tenant, missed, with_store

CASES = Path(__file__).parent / "cases"
FIVE = [FROM + 1000 * number for number in range(5)]
FORM = "application/x-www-form-urlencoded"


def published(name: str) -> str:
    """Return a published sample."""
    return (CASES / f"agent-out-missed.{name}.json").read_text()


def without_space(text: str) -> str:
    """Return JSON without the white space between its tokens."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|\s+', r"\1", text)


def times(answer: dict[str, Any]) -> list[int]:
    """Return the times of a page's rows."""
    return [row["time"] for row in answer["cdr"]]


@pytest.fixture(scope="module")
def five(house: House) -> Tenant:
    """An app whose agent 103 has five missed calls, one each second."""
    tenant = house.tenant()
    assert tenant.ingest(*map(missed, FIVE)).json()["new"] == 5
    return tenant


# --- the published sample ------------------------------------------------------------------------------------------


def test_the_published_request_gives_the_published_response(house: House) -> None:
    """The sample's calls, taken in as the list that tells of them, are answered byte for byte as the sample has it."""
    tenant = house.tenant(SEED_APP)
    sample, older = json.loads(published("response")), json.loads((CASES / "older-calls.json").read_text())
    envelope = {"count": 8, "cdr": older + sample["cdr"][::-1], "code": 200}
    assert tenant.ingest(source="telecmi", content=json.dumps(envelope)).json()["new"] == 8

    body = published("request").replace("xxxx-xxxx-xxxx-xxxx", tenant.token)
    response = house.http.post("/v1/agentOutMissed", content=body, headers={"Content-Type": "application/json"})

    assert response.text == without_space(published("response"))
    assert response.headers["content-type"] == "application/json"


# --- logging in ----------------------------------------------------------------------------------------------------


def log_in(tenant: Tenant, agent_id: str, password: str) -> httpx.Response:
    """Ask for a token."""
    return tenant.house.http.post("/v1/agentLogin", json={"id": agent_id, "password": password})


def test_login_answers_in_the_published_order(resident: Tenant) -> None:
    """A login gives code, msg, token and agent in this order, and the token works."""
    answer = log_in(resident, resident.agent_id, PASSWORD).json()

    assert list(answer) == ["code", "msg", "token", "agent"]
    assert (answer["code"], answer["msg"]) == (200, "Agent loged in successfully")
    assert list(answer["agent"].items()) == [("id", resident.agent_id), ("inet_no", resident.app_id), ("name", NAME)]
    assert resident.page(token=answer["token"])["code"] == 200


def test_a_browsers_form_logs_in(resident: Tenant) -> None:
    """A form as jQuery sends it, an unknown field included, logs in."""
    form = {"id": resident.agent_id, "password": PASSWORD, "CheckLogin": "true"}

    assert resident.house.http.post("/v1/agentLogin", data=form).json()["code"] == 200


def test_all_wrong_logins_are_answered_alike(resident: Tenant) -> None:
    """A wrong password, an unknown agent, another app and an id of no form get the same body under code 404."""
    who = (resident.agent_id, f"999_{resident.app_id}", "103_1", "nobody", "103_0")
    answers = {log_in(resident, agent_id, "wrong").text for agent_id in who}

    assert len(answers) == 1
    answer = json.loads(answers.pop())
    assert (answer["code"], answer["error"]) == (404, True)


def test_wrong_logins_take_the_same_time(tenant: Tenant) -> None:
    """An agent that there is not, and a disabled one's right password, take as long as a wrong password to refuse."""
    tenant.add_agent("104")
    with_store(tenant.house.store, lambda store: store.set_disabled(tenant.app_id, "104", is_disabled=True))
    tries = ((tenant.agent_id, "wrong"), ("999_1", PASSWORD), (f"104_{tenant.app_id}", PASSWORD))

    def refused(agent_id: str, password: str) -> None:
        assert log_in(tenant, agent_id, password).status_code == 404

    known, *others = least_seconds(*(partial(refused, *one) for one in tries), rounds=7)
    assert all(0.4 < known / other < 2.5 for other in others)


# --- pages ---------------------------------------------------------------------------------------------------------


def test_the_newest_call_comes_first(five: Tenant) -> None:
    """Rows are ordered by time, newest first, whatever order they came in."""
    assert times(five.page()) == FIVE[::-1]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (FIVE[1], FIVE[3], FIVE[1:4]),
        (FIVE[1] + 1, FIVE[3] - 1, FIVE[2:3]),
        (FIVE[4], FIVE[4], FIVE[4:]),
        (FIVE[4] + 1, TO, []),
        (0, FIVE[0] - 1, []),
        (0, 2**53 - 1, FIVE),
    ],
)
def test_both_bounds_are_inclusive(five: Tenant, first: int, last: int, expected: list[int]) -> None:
    """A call at either bound is in the range, one a millisecond outside is not, and count says how many there are."""
    answer = five.page(from_=first, to=last)

    assert (answer["count"], times(answer)) == (len(expected), expected[::-1])


def test_pages_cut_the_range_without_gap_or_overlap(five: Tenant) -> None:
    """Pages of two show all five calls once, each with the count of the whole range."""
    pages = [five.page(page=page, limit=2) for page in (1, 2, 3)]

    assert [times(page) for page in pages] == [[FIVE[4], FIVE[3]], [FIVE[2], FIVE[1]], [FIVE[0]]]
    assert {page["count"] for page in pages} == {5}


@pytest.mark.parametrize("page", [2, 3, 10**6, 2**53 - 1])
def test_a_page_past_the_end_is_empty(five: Tenant, page: int) -> None:
    """A page past the end has code 200, the right count and no rows."""
    assert five.page(page=page) == {"count": 5, "cdr": [], "code": 200}


def test_a_page_has_ten_rows_unless_asked_otherwise(tenant: Tenant) -> None:
    """Without a limit, and with an empty or null one, a page has ten rows."""
    tenant.ingest(*(missed(FROM + number) for number in range(12)))

    for limit in ({}, {"limit": ""}):
        answer = tenant.page(**limit)
        assert (answer["count"], len(answer["cdr"])) == (12, 10)
    body = json.dumps(tenant.asked() | {"limit": None})
    assert len(tenant.house.http.post("/v1/agentOutMissed", content=body).json()["cdr"]) == 10


def test_an_agent_without_calls_has_an_empty_list(resident: Tenant) -> None:
    """Nothing is a list of nothing, in the published order of keys."""
    response = resident.house.http.post("/v1/agentOutMissed", json=resident.asked())

    assert response.text == '{"count":0,"cdr":[],"code":200}'


# --- how clients write requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": FORM}, {"Content-Type": "text/plain"}]
)
def test_a_json_body_is_read_whatever_it_is_called(five: Tenant, headers: dict[str, str]) -> None:
    """JSON is understood by its first character; a wrong or missing content type does no harm."""
    body = " \n" + json.dumps(five.asked())

    assert five.house.http.post("/v1/agentOutMissed", content=body, headers=headers).json()["count"] == 5


@pytest.mark.parametrize("headers", [{}, {"Content-Type": FORM}, {"Content-Type": "application/json"}])
def test_a_form_is_read_whatever_it_is_called(five: Tenant, headers: dict[str, str]) -> None:
    """A form with digits for numbers and an empty limit is understood, whatever its content type says."""
    body = f"token={five.token}&from={FROM}&to={TO}&page=1&limit="

    assert five.house.http.post("/v1/agentOutMissed", content=body, headers=headers).json()["count"] == 5


@pytest.mark.parametrize("form", ["{}&", "&&{}&&", "{}\r\n", "debug&{}&"])
def test_a_form_may_have_pieces_that_say_nothing(five: Tenant, form: str) -> None:
    """Programs that put a form together by hand often end it with an ampersand, or with a line end."""
    body = form.format(f"token={five.token}&from={FROM}&to={TO}&page=1&limit=2")

    assert len(five.house.http.post("/v1/agentOutMissed", content=body).json()["cdr"]) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"from": str(FROM), "to": str(TO), "page": "2", "limit": "2"},
        {"from": float(FROM), "to": float(TO), "page": 2.0, "limit": 2.0},
        {"from": f"{FROM}.0", "to": f"{TO}.0", "page": "2.0", "limit": "2.0"},
        {"page": 2, "limit": 2, "CheckLogin": True, "size": 10, "": [], "unknown": {"deep": [None]}},
    ],
)
def test_numbers_may_be_texts_or_whole_floats_and_unknown_fields_are_ignored(
    five: Tenant, changes: dict[str, object]
) -> None:
    """The second page of two is the same however its numbers are written and whatever stands beside them."""
    assert times(five.page(**changes)) == [FIVE[2], FIVE[1]]


def test_of_a_key_given_twice_the_last_counts(five: Tenant) -> None:
    """A parameter that is sent twice is read as browsers and JSON readers do: the last one counts."""
    body = json.dumps(five.asked())[:-1] + ', "page": 2, "limit": 9, "limit": 4}'

    assert times(five.house.http.post("/v1/agentOutMissed", content=body).json()) == FIVE[:1]


# --- rows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialled", "shown"),
    [
        ("+919100000000", 919100000000),
        ("00919100000000", 919100000000),
        ("123456789012345", 123456789012345),
        ("1234567890123456", "1234567890123456"),
        ("alice", "alice"),
        ("sip:alice@example.org", "alice"),
        ("*97", "*97"),
        (9100000000, 9100000000),
    ],
)
def test_to_is_a_number_where_every_reader_keeps_it_exactly(tenant: Tenant, dialled: object, shown: object) -> None:
    """`to` is a JSON number for up to fifteen digits, and a string for what is longer or has no digits to dial."""
    tenant.ingest(missed(FROM, dialled_number=dialled))

    (row,) = tenant.page()["cdr"]
    assert row["to"] == shown
    assert type(row["to"]) is type(shown)


def test_a_call_to_nobody_is_to_unknown(tenant: Tenant) -> None:
    """A call that tells no number is shown all the same."""
    tenant.ingest(missed(FROM, dialled_number=""))

    assert tenant.page()["cdr"][0]["to"] == "unknown"


@pytest.mark.parametrize(
    ("fields", "rate", "name"),
    [
        ({}, "0.0000", "unknown"),
        ({"rate": "0.0125", "name": "Adams"}, "0.0125", "Adams"),
        ({"rate": 2, "name": " "}, "2.0000", "unknown"),
        ({"rate": "1e-3", "name": "Ünal ☎"}, "0.0010", "Ünal ☎"),
    ],
)
def test_rate_has_four_places_and_a_nameless_call_is_unknown(
    tenant: Tenant, fields: dict[str, Any], rate: str, name: str
) -> None:
    """`rate` is a decimal string with four places and `name` is the reported one or "unknown"."""
    tenant.ingest(missed(FROM, **fields))

    (row,) = tenant.page()["cdr"]
    assert (row["rate"], row["name"], row["billedsec"]) == (rate, name, 0)


def test_a_call_without_an_id_gets_the_same_one_every_time(tenant: Tenant) -> None:
    """The id is 24 hexadecimal characters and a resend of the call keeps it."""
    tenant.ingest(missed(FROM))
    first = tenant.page()["cdr"][0]["_id"]
    tenant.ingest(missed(FROM, source_record_id="again", trunk="b"))

    assert re.fullmatch("[0-9a-f]{24}", first)
    assert [row["_id"] for row in tenant.page()["cdr"]] == [first]


def test_a_call_answered_on_any_leg_is_not_missed(tenant: Tenant) -> None:
    """A missed call leaves the list as soon as one of its legs turns out to have been answered."""
    tenant.ingest(missed(FROM), missed(FROM + 1))
    assert tenant.page()["count"] == 2
    tenant.ingest(missed(FROM, disposition="answered", billable_seconds=5, trunk="b"))

    assert times(tenant.page()) == [FROM + 1]
