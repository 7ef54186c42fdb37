"""What must be refused: each gets a clear error that names the parameter, and never a fault of the server."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.house import FROM, PASSWORD, House, Tenant, missed

LIST, LOGIN = "/v1/agentOutMissed", "/v1/agentLogin"
SQL = ("' OR '1'='1", "'; DROP TABLE listed_call; --", '" UNION SELECT * FROM agent --', "1); DELETE FROM token; --")
MISSING = object()

NO_NUMBERS = ["ten", "", None, True, 1.5, "1.5", " 1", "0x10", "١٢x", [1], {"a": 1}, 1e300, "NaN", "Infinity", "1e400"]
ABSURD_PAGES = [0, -1, 2**53, 2**63, 2**64, -(2**63), "0", "-1", "9" * 5000]
ABSURD_TIMES = [-1, 2**53, 2**63, -(2**63), "-5", "9" * 5000]
TABLE = [
    *(("page", value) for value in [MISSING, *NO_NUMBERS, *ABSURD_PAGES]),
    *(("limit", value) for value in [*NO_NUMBERS, 1001, *ABSURD_PAGES] if value not in ("", None)),
    *((name, value) for name in ("from", "to") for value in [MISSING, *NO_NUMBERS, *ABSURD_TIMES]),
    *(("token", value) for value in [MISSING, 5, True, None, [], {}]),
]


def said(house: House, path: str, body: bytes | str, status: int) -> str:
    """Send a body; return the message of the error, whose status and envelope must be right."""
    response = house.http.post(path, content=body)
    assert response.status_code == status, response.text
    answer = response.json()
    assert (answer["code"], answer["error"], answer["msg"]) == (status, True, answer["message"])
    message: str = answer["message"]
    return message


def case_id(value: object) -> str:
    """Return a value short enough for a test's name."""
    return "missing" if value is MISSING else str(value)[:20]


# --- single parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), TABLE, ids=case_id)
def test_a_bad_parameter_is_named(resident: Tenant, name: str, value: object) -> None:
    """Each missing, mistyped or absurd parameter is a 400 whose message begins with its name."""
    body = resident.asked() | {name: value}
    if value is MISSING:
        del body[name]

    message = said(resident.house, LIST, json.dumps(body), 400)

    assert message.startswith((f"{name} should be ", f"{name} is missing; it should be "))
    assert len(message) < 400


@pytest.mark.parametrize(
    ("name", "value"),
    [row for row in TABLE if isinstance(row[1], str | int | float) and row not in (("token", 5), ("token", True))],
    ids=case_id,
)
def test_a_bad_parameter_of_a_form_is_named(resident: Tenant, name: str, value: object) -> None:
    """The same values in a form are refused with the same words."""
    body = urlencode(resident.asked() | {name: value})

    message = said(resident.house, LIST, body, 400)

    assert message.startswith((f"{name} should be ", f"{name} is missing; it should be "))


@pytest.mark.parametrize("name", ["id", "password"])
@pytest.mark.parametrize("value", [MISSING, 103, True, None, [], {"a": 1}, "x" * 1025], ids=case_id)
def test_a_bad_parameter_of_a_login_is_named(resident: Tenant, name: str, value: object) -> None:
    """A login without a usable id or password is a 400 that names which."""
    body: dict[str, object] = {"id": resident.agent_id, "password": PASSWORD} | {name: value}
    if value is MISSING:
        del body[name]

    assert said(resident.house, LOGIN, json.dumps(body), 400).startswith(name)


@pytest.mark.parametrize("name", ["from", "to"])
def test_seconds_are_recognised(resident: Tenant, name: str) -> None:
    """A time in seconds is refused with the milliseconds it would be."""
    message = said(resident.house, LIST, json.dumps(resident.asked(**{name: 1570162545})), 400)

    assert message == f"{name} is 1570162545, which looks like seconds; in milliseconds it is 1570162545000"


def test_an_end_before_the_start_is_told(resident: Tenant) -> None:
    """A range whose from is after its to is refused, and both are named."""
    message = said(resident.house, LIST, json.dumps(resident.asked(to=FROM - 1)), 400)

    assert message == f"from ({FROM}) should not be after to ({FROM - 1})"


# --- whole bodies --------------------------------------------------------------------------------------------------

BODIES = {
    "empty": b"",
    "spaces": b" \n\t ",
    "NUL": b"\0" * 8,
    "an opened object": b"{",
    "an opened object with a key": b'{"token": ',
    "two objects": b'{"a": 1} {"b": 2}',
    "an array": b"[]",
    "an array of objects": b'[{"token": "x"}]',
    "null": b"null",
    "a number": b"5",
    "a text": b'"token"',
    "a deep array": b"[" * 30_000,
    "a deep object": b'{"a":' * 10_000,
    "a deep whole": b'{"token":' * 5_000 + b"1" + b"}" * 5_000,
    "broken UTF-8": b"\xff\xfe\xfd",
    "broken UTF-8 in a text": b'{"token": "\xff"}',
    "a surrogate in bytes": b'{"token": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"token": "\\ud800"}',
    "NaN": b'{"token": "x", "from": NaN, "to": 1, "page": 1}',
    "Infinity": b'{"token": "x", "from": Infinity, "to": 1, "page": 1}',
    "single quotes": b"{'token': 'x'}",
    "a trailing comma": b'{"token": "x",}',
    "XML": b"<?xml version='1.0'?><token>x</token>",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "a form without values": b"a&b&c",
    "a form of a hundred fields": b"&".join(b"a%d=1" % number for number in range(101)),
    "a BOM": b"\xef\xbb\xbf",
    "many BOMs": b"\xef\xbb\xbf" * 20_000,
    "an array behind a BOM": b"\xef\xbb\xbf[]",
    "a broken escape": b'{"token": "\\x"}',
}


@pytest.mark.parametrize("path", [LIST, LOGIN])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_malformed_body_is_a_400(house: House, path: str, body: bytes) -> None:
    """A body that is neither a JSON object nor a form is refused with a short reason."""
    message = said(house, path, body, 400)

    assert 0 < len(message) < 400
    assert "\n" not in message


def test_a_body_nested_too_deeply_is_told_so(house: House) -> None:
    """What no request has is named for what it is."""
    assert said(house, LIST, BODIES["a deep whole"], 400) == "The body is nested too deeply"


def test_a_byte_order_mark_does_no_harm(resident: Tenant) -> None:
    """JSON behind a byte order mark, as Windows programs write it, is read."""
    body = "\ufeff" + json.dumps(resident.asked())

    assert resident.house.http.post(LIST, content=body.encode()).json()["code"] == 200


@pytest.mark.parametrize("path", [LIST, LOGIN])
@given(body=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(house: House, path: str, body: bytes) -> None:
    """Arbitrary bytes are a 400, never a fault."""
    assert said(house, path, body, 400)


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(["token", "from", "to", "page", "limit"]), Json, min_size=1))
def test_any_values_are_answered(resident: Tenant, changes: dict[str, Any]) -> None:
    """Arbitrary JSON in any parameter is answered with 200, 400 or 404, in the envelope where it is an error."""
    response = resident.house.http.post(LIST, content=json.dumps(resident.asked() | changes))

    assert response.status_code in (200, 400, 404), response.text
    assert response.json()["code"] == response.status_code


# --- tokens and SQL ------------------------------------------------------------------------------------------------


def bad_tokens(tenant: Tenant, other: Tenant) -> list[str]:
    """Return texts that look more or less like a token and are none."""
    prefix, app, digits = tenant.token.split("_")
    return [
        "xxxx-xxxx-xxxx-xxxx",
        f"{prefix}_{app}_{digits[:-1]}",
        f"{prefix}_{app}_{digits}0",
        f"{prefix}_{app}_{digits.upper()}",
        f"{prefix}_{app}_{'0' * len(digits)}",
        f"{prefix}_{other.app_id}_{digits}",
        f"{prefix}_0{app}_{digits}",
        f"{prefix}_{'9' * 16}_{digits}",
        tenant.token * 100,
        f" {tenant.token}",
        f"{tenant.token}\n",
        f"{tenant.token}\0",
        tenant.token.replace("rbt", "rbs"),
        tenant.secret,
        tenant.secret.replace("rbs", "rbt"),
        "rbt_١_" + digits,
        "\U0001f4de" * 10,
        *SQL,
    ]


def test_every_bad_token_gets_the_same_404(resident: Tenant, house: House) -> None:
    """Whatever is wrong with a token, its form or what it stands for, the answer is one and the same."""
    tokens = bad_tokens(resident, house.tenant())

    messages = {said(house, LIST, json.dumps(resident.asked(token=token)), 404) for token in tokens}

    assert messages == {"Failed to authenticate token: log in again."}


@pytest.mark.parametrize("name", ["from", "to", "page", "limit"])
@pytest.mark.parametrize("sql", SQL)
def test_sql_in_a_number_is_no_number(resident: Tenant, name: str, sql: str) -> None:
    """SQL where a number should be is refused by the parameter's name."""
    assert said(resident.house, LIST, json.dumps(resident.asked(**{name: sql})), 400).startswith(f"{name} should be ")


@pytest.mark.parametrize("sql", SQL)
def test_sql_logs_nobody_in(resident: Tenant, sql: str) -> None:
    """SQL as id, in the id, or as password is a wrong login."""
    for agent_id, password in ((sql, PASSWORD), (resident.agent_id + sql, PASSWORD), (resident.agent_id, sql)):
        said(resident.house, LOGIN, json.dumps({"id": agent_id, "password": password}), 404)


@pytest.mark.parametrize("sql", SQL)
def test_sql_in_a_record_is_text(tenant: Tenant, sql: str) -> None:
    """SQL in a record's fields is kept as the text it is."""
    record = missed(FROM, call_key=sql, dialled_number=sql, name=sql, trunk=sql, source_record_id=sql)
    assert tenant.ingest(record).json()["new"] == 1

    assert [(row["to"], row["name"]) for row in tenant.page()["cdr"]] == [(sql, sql)]


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\u202egnp.exe", "x" * 4000, "\r\n\r\nHTTP/1.1 200"])
@pytest.mark.parametrize("name", ["call_key", "agent", "direction", "dialled_number", "name", "started_at"])
def test_an_odd_text_in_a_record_is_taken_or_rejected(tenant: Tenant, name: str, text: str) -> None:
    """Control characters, lone surrogates and long texts are taken in or rejected with a reason, never a fault."""
    response = tenant.ingest(content=json.dumps([missed(FROM) | {name: text}]))

    assert response.status_code in (200, 400)
    assert response.json()["new"] + response.json()["rejected"] == 1
    assert tenant.page()["count"] in (0, 1)


# --- paths and methods ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/agentMissedd",
        "/v2/agentLogin",
        "/v1",
        "/v1/agentLogin/",
        "//v1/agentLogin",
        "/%00",
        "/%ff%fe",
        "/..%2f..%2fetc/passwd",
        "/ingest",
        "/ingest/",
        "/ingest/generic/extra",
        "/openapi.yaml",
        "/" + "x" * 5000,
    ],
)
def test_an_unknown_path_is_a_404(house: House, path: str) -> None:
    """A path that is not there is a 404 in the envelope, however it is written."""
    response = house.http.post(path, content=b"{}")

    assert response.status_code == response.json()["code"] == 404
    assert len(response.text) < 1000


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_a_delivery_is_posted_or_asked(house: House, method: str) -> None:
    """Any other method of a delivery is a 405 that says GET and POST."""
    response = house.http.request(method, "/ingest/generic")

    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize("path", [LIST, LOGIN, "/v1/agentRingBack", "/v1/callLegs"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_only_post_is_taken(house: House, path: str, method: str) -> None:
    """Any other method is a 405 that says POST."""
    response = house.http.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or response.json()["code"] == 405
