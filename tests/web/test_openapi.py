"""The OpenAPI document tells the truth about the server, and the page made of it loads nothing."""

import json
import re
from asyncio import run
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.routing import Route
from tests.web.house import FROM, PASSWORD, House, Tenant, missed

from ringback.settings import Settings
from ringback.web import call_legs, openapi, operations, receivers, telecmi
from ringback.web.app import DOCUMENTED, Application
from ringback.web.problems import Problem

TRUTHS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Write a generated value as lines of JSON."""
    return b"\n".join(json.dumps(line).encode() for line in (value if isinstance(value, list) else [value]))


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    """The document as the server gives it."""
    found: dict[str, Any] = house.http.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def owner(house: House) -> Tenant:
    """An app with a missed call, whose token and secret are put into generated requests."""
    tenant = house.tenant()
    tenant.ingest(missed(FROM))
    return tenant


schema = schemathesis.openapi.from_dict(openapi.document([*DOCUMENTED, *operations.OPERATIONS]))


@schema.parametrize()
def test_the_server_keeps_to_its_document(case: Any, house: House) -> None:
    """No generated request makes the server fail, and every answer is one that the document describes."""
    case.call_and_validate(base_url=house.url, checks=TRUTHS)


@schema.include(path_regex="agentOutMissed|ingest").parametrize()
def test_the_server_keeps_to_its_document_towards_its_own(case: Any, owner: Tenant) -> None:
    """The same holds for requests with a live token or secret."""
    if isinstance(case.body, dict) and "token" in case.body:
        case.body["token"] = owner.token
    headers = {"Authorization": f"Bearer {owner.secret}"}
    case.call_and_validate(base_url=owner.house.url, checks=TRUTHS, headers=headers)


def test_the_document_served_is_the_one_made_of_the_types(document: dict[str, Any]) -> None:
    """What is asked above of the made document holds for the served one: they are the same."""
    assert document == json.loads(json.dumps(schema.raw_schema))


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """The document is OpenAPI 3.1 as its specification has it."""
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_every_route_is_in_the_document(document: dict[str, Any], store_url: str) -> None:
    """Each route and method the server has stands in the document, but for what the agent's page is made of."""
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}

    assert described == {route for route in routes_of(store_url) if route[0] != "/" and "/page/" not in route[0]}


def routes_of(store: str) -> set[tuple[str, str]]:
    """Return the routes of a running application."""

    async def asked() -> set[tuple[str, str]]:
        application = Application(Settings(store=store))
        async with application.running():
            inner = application._app
            assert isinstance(inner, Starlette)
            routes = [route for route in inner.routes if isinstance(route, Route)]
            assert len(routes) == len(inner.routes)
            return {(route.path, method.lower()) for route in routes for method in (route.methods or set()) - {"HEAD"}}

    return run(asked())


@pytest.mark.parametrize(
    "kind",
    [
        telecmi.LoginRequest,
        telecmi.LoginAnswer,
        telecmi.PageRequest,
        telecmi.OutMissedRow,
        telecmi.OutMissedAnswer,
        Problem,
        receivers.DeliveryAnswer,
        receivers.RejectedDelivery,
        call_legs.CallLegsRequest,
        call_legs.CallLegsAnswer,
        operations.Health,
    ],
)
def test_documented_types_are_those_that_read_and_answer(document: dict[str, Any], kind: type) -> None:
    """A type's schema in the document is the one its own struct has, in the order of its fields."""
    (_, components) = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    described = document["components"]["schemas"][kind.__name__]

    assert json.dumps(described) == json.dumps(components[kind.__name__])
    assert list(described["properties"]) == [field.encode_name for field in msgspec.structs.fields(kind)]


def test_answers_have_the_documented_keys(document: dict[str, Any], owner: Tenant) -> None:
    """What the server answers has exactly the keys, in the order, that the document lists."""
    schemas = document["components"]["schemas"]
    page = owner.page()
    login = owner.house.http.post("/v1/agentLogin", json={"id": owner.agent_id, "password": PASSWORD}).json()

    assert list(page) == list(schemas["OutMissedAnswer"]["properties"])
    assert list(page["cdr"][0]) == list(schemas["OutMissedRow"]["properties"])
    assert list(login) == list(schemas["LoginAnswer"]["properties"])


def test_every_parameter_is_explained(document: dict[str, Any]) -> None:
    """Each field of each request has words that say what it should be."""
    for name in ("LoginRequest", "PageRequest"):
        for field, described in document["components"]["schemas"][name]["properties"].items():
            assert described.get("description"), field


# --- the page ------------------------------------------------------------------------------------------------------


def docs_page(house: House) -> httpx.Response:
    """Return the page."""
    response = house.http.get("/docs")
    assert response.status_code == 200
    return response


def test_the_page_loads_nothing(house: House) -> None:
    """The page names no address elsewhere, runs no script, and its policy forbids both."""
    response = docs_page(house)

    assert not re.search(r"https?://|<script|<img|<iframe|<link|@import|url\(|\son\w+=| src=", response.text)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_tells_all_that_the_document_does(house: House, document: dict[str, Any]) -> None:
    """Every path and every field of a request stands on the page."""
    text = docs_page(house).text
    fields = [name for kind in ("LoginRequest", "PageRequest") for name in schemas(document)[kind]["properties"]]

    for word in (*document["paths"], *fields):
        assert f"<code>{word}</code>" in text


def test_the_page_ends_its_sentences_once(house: House) -> None:
    """A question keeps its mark and gets no stop behind it; what is none gets one."""
    text = docs_page(house).text

    assert "<strong>Is the process alive?</strong>" in text
    assert "<strong>What the server counts.</strong>" in text


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document's schemas."""
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def test_health_and_readiness_are_told(house: House) -> None:
    """A server with a working store is alive and ready, to GET and to HEAD."""
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        assert house.http.get(path).json()["status"] == status
        head = house.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
