"""Request bodies read as their types, JSON and forms alike; what is wrong is said by the parameter's name."""

import re
from codecs import BOM_UTF8
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ringback.errors import InvalidInput, UnreadableBody

T = TypeVar("T", bound=msgspec.Struct)

_PATH = re.compile(r" - at `\$\.([^`.\[]+)")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_MAX_FIELDS = 100
_SECRET = (
    "password",
    "token",
)  # not said again: many a client logs its answers


def read_parameters(body: bytes, of: type[T]) -> T:
    """Return a body as its type, by its first byte: a JSON object, or a form whose values are text.

    Digit strings and whole floats pass for numbers; unknown fields are ignored. Raises `UnreadableBody`, or
    `InvalidInput` that names the parameter and what it should be.
    """
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            return msgspec.json.decode(body, type=of, strict=False)
        except msgspec.ValidationError:
            return _slowly(_json(body), of)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _slowly(_json(body), of)
    text = body.removeprefix(BOM_UTF8)  # Windows programs write one
    return _slowly(_json(text) if text.lstrip()[:1] == b"{" else _form(text), of)


def _slowly(values: dict[str, Any], of: type[T]) -> T:
    """Read values one cannot take as they stand: an empty optional one is an absent one; else say what is wrong."""
    given = {name: value for name, value in values.items() if value is not None and value != ""}
    try:
        return msgspec.convert(given, type=of, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(_explain(str(error), values, of)) from None


def _json(body: bytes) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise UnreadableBody("The body is no JSON: it is not in UTF-8") from None
    except RecursionError:
        raise UnreadableBody("The body is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise UnreadableBody(f"The body is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise UnreadableBody("The body should be a JSON object")
    return values


def _form(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        named = "&".join(piece for piece in body.decode().strip().split("&") if "=" in piece)  # many end with a "&"
        pairs = dict(parse_qsl(named, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS))
    except ValueError:  # broken UTF-8 and too many fields alike
        raise UnreadableBody from None
    if not pairs:
        raise UnreadableBody
    return pairs


def _explain(said: str, values: dict[str, Any], of: type[msgspec.Struct]) -> str:
    missing = _MISSING.search(said)
    if missing:
        return f"{missing.group(1)} is missing; it should be {meaning_of(of, missing.group(1))}"
    found = _PATH.search(said)
    name = found.group(1) if found else ""
    told = f"{name} should be {meaning_of(of, name)}"
    return told if name in _SECRET else f"{told}, not {shortened(values.get(name))}"


def meaning_of(of: type[msgspec.Struct], name: str) -> str:
    """Return what a parameter should be, in the words that its type documents it with."""
    for field in msgspec.inspect.type_info(of).fields:  # type: ignore[attr-defined]
        if field.encode_name == name:
            return str((field.type.extra_json_schema or {}).get("description", ""))
    return ""


def shortened(value: object) -> str:
    """Return a value as JSON, short enough for one line of a message."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        text = str(type(value).__name__)
    return text if len(text) <= 60 else f"{text[:57]}..."
