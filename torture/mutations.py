"""Bad input made of good: the tests' real payloads, cut, spliced, doubled and fed with what programs stumble over."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.sources.payloads import payloads

CORPUS: dict[str, list[bytes]] = {}
for _path in payloads():
    CORPUS.setdefault(_path.parent.name, []).append(_path.read_bytes())
_ALL = [body for bodies in CORPUS.values() for body in bodies]

_NASTY_BYTES = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b'"', b"'", b"\\", b",", b"{", b"}", b"[", b"]"),
    *(b"%00", b"%", b"%zz", b"\\u0000", b"\\ud800", b"&", b"=", b"key=", b"<!--", b"<?xml version='1.0'?>", b"&amp;"),
    *(b"1e400", b"-0", b"9" * 400, b"NaN", b"Infinity", b"null", b"true", b"\x1f\x8b\x08\x00", b"' OR 1=1 --", b"../"),
    *("١٢٣".encode(), "\u202e".encode(), "😀".encode(), "İ".encode(), "\u2028".encode(), b"[" * 2000, b'{"a":' * 600),
)
_NASTY_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**30, -(2**63), 0.1, -0.0, 1e308, 1e-320),
    *("", " ", "0", "-1", "1e400", "NaN", "\0", "\ud800", "\u202e", "x" * 3000, "9" * 5000, "١٢٣", "😀" * 50, "null"),
    *("2024-02-30 25:61:61", "0000-00-00 00:00:00", "9999-12-31T23:59:59Z", "2024-03-31 02:30:00", "1570184113"),
    *("2024-05-13T09:00:00+99:99", "1969-12-31", "sip:@", "sip:a@b;c=d>", "<sip:", '"a" <', "PJSIP/", "Local/@-;2"),
    *([], {}, [[]], [{}], {"": ""}, {"a": {"b": {"c": None}}}, list(range(50)), ["x", 1, None]),
)


def mutated(chance: Random, body: bytes) -> bytes:
    """Return the body with one to five things done to it."""
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        body = chance.choice(_CHANGES)(chance, body)
    return body[:200_000]


def _flip(chance: Random, body: bytes) -> bytes:
    changed = bytearray(body or b"x")
    for _ in range(chance.choice((1, 1, 4, 16))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(chance: Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return chance.choice((body[:start], body[start:], body[:start] + body[end:]))


def _put(chance: Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + chance.choice(_NASTY_BYTES) + body[chance.choice((start, end)) :]


def _double(chance: Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:end] + body[start:end] * chance.choice((1, 1, 2, 20)) + body[end:]


def _splice(chance: Random, body: bytes) -> bytes:
    other = chance.choice(_ALL)
    return body[: _span(chance, body)[0]] + other[_span(chance, other)[0] :]


def _numbers(chance: Random, body: bytes) -> bytes:
    """Change a digit for another or for many."""
    places = [place for place, byte in enumerate(body) if 48 <= byte <= 57]
    if not places:
        return body
    place = chance.choice(places)
    digits = str(chance.choice((0, 9, 2**31, 2**63, 10**18))).encode()
    return body[:place] + digits + body[place + 1 :]


def _values(chance: Random, body: bytes) -> bytes:
    """Change values, names and shape of JSON, where it is some."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _put(chance, body)
    return json.dumps(_changed(chance, value, 0)).encode()


def _changed(chance: Random, value: Any, depth: int) -> Any:
    if depth > 20 or not value or not isinstance(value, dict | list) or chance.random() < 0.1:
        return chance.choice(_NASTY_VALUES)
    if isinstance(value, list):
        place = chance.randrange(len(value))
        return [_changed(chance, kept, depth + 1) if number == place else kept for number, kept in enumerate(value)]
    name = chance.choice(list(value))
    fate = chance.random()
    if fate < 0.15:
        return {key: kept for key, kept in value.items() if key != name}
    if fate < 0.25:
        return value | {str(chance.choice(_NASTY_VALUES))[:80]: value[name]}
    return value | {name: _changed(chance, value[name], depth + 1)}


def _span(chance: Random, body: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(body))
    return start, min(len(body), start + chance.choice((1, 2, 8, 64, 1024)))


_CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _cut, _put, _double, _splice, _numbers),
    *(_values, _values, _values),
)
