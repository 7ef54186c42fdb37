"""The OpenAPI 3.1 document, made from the very types that parse requests and shape answers. No routes of its own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

import ringback

_UNNAMEABLE = re.compile(r"\W+")
_REF = "#/components/schemas/{name}"


class Operation(NamedTuple):
    """One route's one method, as it is documented. `request` and `answer` are the types it reads and gives."""

    method: str
    path: str
    summary: str
    description: str
    answer: type | None = None
    request: type | None = None
    errors: Mapping[int, str] = {}
    problem: type | None = None
    security: str | None = None
    content_type: str = "application/json"
    body: Mapping[str, Any] | None = None
    parameters: Sequence[Mapping[str, Any]] = ()


_EVERYWHERE = {413: "The body is too large", 503: "The store is away; try again after Retry-After seconds"}
_SECRET = {
    "bearerSecret": {"type": "http", "scheme": "bearer", "description": "The app's secret"},
    "keySecret": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "The app's secret, for switches that cannot set headers",
    },
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of these operations."""
    kinds = ((operation.request, operation.answer, operation.problem) for operation in operations)
    types = [kind for three in kinds for kind in three if kind]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback",
            "version": ringback.__version__,
            "summary": "Agents' call history, drop-in compatible with the TeleCMI agent API",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECRET},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method}_{_UNNAMEABLE.sub('_', operation.path.strip('/'))}",
        "summary": operation.summary,
        "description": operation.description,
        "responses": _responses(operation),
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.request:
        schema = _schema(operation.request)
        content = {kind: {"schema": schema} for kind in ("application/json", "application/x-www-form-urlencoded")}
        described["requestBody"] = {"required": True, "content": content}
    if operation.body:
        described["requestBody"] = {"required": True, "content": dict(operation.body)}
    if operation.security:
        described["security"] = [{name: []} for name in _SECRET]
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    if operation.answer:
        content: dict[str, Any] = {"application/json": {"schema": _schema(operation.answer)}}
    else:
        content = {operation.content_type: {}}
    responses: dict[str, Any] = {"200": {"description": "Done", "content": content}}
    if operation.problem:
        problem = {"application/json": {"schema": _schema(operation.problem)}}
        for status, description in sorted({**operation.errors, **_EVERYWHERE}.items()):
            responses[str(status)] = {"description": description, "content": problem}
    return responses


def _schema(kind: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}
