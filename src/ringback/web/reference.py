"""/docs: the OpenAPI document as one plain page that loads nothing. The words are the document's own."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ringback.web.answers import Answer

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1rem 4rem}
h1{margin:1rem 0 .2rem}h2{margin:2.5rem 0 .3rem;font-size:1.15rem}
h2 code{font-size:1.05rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #8886}
td:first-child{white-space:nowrap}code{font:.95em ui-monospace,monospace}
.method{text-transform:uppercase;font-weight:700;margin-right:.5rem}
"""


def reference_page(document: Mapping[str, Any]) -> Answer:
    """Return the page for an OpenAPI document."""
    info = document["info"]
    body = "".join(_operations(document))
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['summary'])}. "
        f'The same for programs: <a href="/openapi.json">/openapi.json</a>.</p><main>{body}</main></html>'
    )
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest())
    policy = b"default-src 'none'; style-src 'sha256-" + digest + b"'; base-uri 'none'; frame-ancestors 'none'"
    headers = [(b"content-security-policy", policy), (b"x-content-type-options", b"nosniff")]
    return Answer(200, b"text/html; charset=utf-8", page.encode(), headers)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<section><h2><span class=method>{method}</span><code>{escape(path)}</code></h2>"
            summary, description = _sentence(operation["summary"]), operation["description"]
            yield f"<p><strong>{escape(summary)}</strong> {escape(description)}</p>"
            if "security" in operation:
                yield "<p>Needs the app's secret, as <code>Authorization: Bearer</code> or as <code>?key=</code>.</p>"
            yield from _shape("Request", _first(operation.get("requestBody", {})), document)
            for status, response in operation["responses"].items():
                yield from _shape(f"{status}: {response['description']}", _first(response), document)
            yield "</section>"


def _sentence(summary: str) -> str:
    return summary if summary.endswith("?") else f"{summary}."


def _first(body: Mapping[str, Any]) -> Mapping[str, Any]:
    contents: Mapping[str, Mapping[str, Any]] = body.get("content", {})
    return next(iter(contents.values()), {})


def _shape(title: str, content: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    schema = _resolved(content.get("schema", {}), document)
    properties = schema.get("properties")
    if not properties:
        yield f"<h3>{escape(title)}</h3>"
        return
    needed = schema.get("required", ())
    yield f"<h3>{escape(title)}</h3><table><tr><th>Field<th>Type<th>What it is</tr>"
    for name, field in properties.items():
        described = _resolved(field, document)
        what = field.get("description") or described.get("description", "")
        default = f" Default {described['default']}." if described.get("default") not in (None, "") else ""
        mark = "" if name in needed or title != "Request" else " (optional)"
        kind = _type(described, document)
        yield f"<tr><td><code>{escape(name)}</code>{mark}<td>{escape(kind)}<td>{escape(what + default)}</tr>"
    yield "</table>"


def _type(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(_resolved(one, document), document) for one in schema["anyOf"])
    if schema.get("type") == "array":
        inner = _resolved(schema.get("items", {}), document)
        return f"array of {', '.join(inner.get('properties', {})) or _type(inner, document)}"
    return str(schema.get("type", "anything"))


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found
