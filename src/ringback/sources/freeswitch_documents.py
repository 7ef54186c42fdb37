"""The documents of FreeSWITCH's mod_json_cdr, in every encoding it posts or leaves on disk. Not what they mean."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.framing import decode_json, decode_text, first_byte, json_records
from ringback.sources.reading import Record
from ringback.telephony.leg import clean_text

Profile = dict[str, Any]

_FORM = re.compile(rb"(?:\A|&)cdr=")
_XML_BEGINS = re.compile(rb"\s*(?:(?:\S*&)?cdr=)?<")
_XML_DECLARED = re.compile(rb"\s*(?:(?:\S*&)?cdr=)?<\?xml")
_XML_ENDS = b"</cdr>"
_NO_XML = "this is XML, as mod_xml_cdr sends it; FreeSWITCH should load mod_json_cdr instead"
# What FreeSWITCH's url_encode never leaves as it is (SWITCH_URL_UNSAFE and all outside of printable ASCII).
_NEVER_ENCODED = re.compile(r"[^!$\'()*,\-./0-9A-Z_a-z~%]")
_VARIABLES = '"variables":{"'
_AFTER_VARIABLES = ('"},"app_log":{', '"},"callflow":[', '"}}')
_NEXT_VARIABLE = re.compile(r'(?:\A|",)"([^"\\,:{}]{1,200})":"')


class Document(NamedTuple):
    """One leg's document: its channel variables, and its caller profiles, newest first."""

    variables: dict[str, object]
    is_encoded: bool
    profiles: list[Profile]
    bridge_stamp: int
    leg_direction: str

    def text(self, name: str) -> str:
        """Return a variable, decoded; empty where there is none."""
        return self._decoded(self.variables.get(name))

    def _decoded(self, value: object) -> str:
        if isinstance(value, str):
            return clean_text(unquote(value, errors="replace") if self.is_encoded and "%" in value else value)
        return "" if value is None or isinstance(value, bool | dict | list) else str(value)[:400]


def text_in(profile: Profile, name: str) -> str:
    """Return a field of a caller profile or its like; these are never url-encoded."""
    value = profile.get(name)
    return clean_text(value) if isinstance(value, str) else ""


def caller_profile(profile: Profile) -> Profile:
    """Return who calls whom in an entry of the call flow; empty where it is not told."""
    return _object(profile.get("caller_profile"))


def other_profiles(profile: Profile, role: str) -> list[Profile]:
    """Return the caller profiles of the legs that placed this one (originator), or that it placed (originatee)."""
    listed = _object(caller_profile(profile).get(role)).get(f"{role}_caller_profiles")
    return _objects(listed)


def read_document(value: object) -> Document:
    """Return a decoded JSON value as a document; raises `UnreadableRecord` where it is none."""
    variables = value.get("variables") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(variables, dict):
        raise UnreadableRecord("variables is missing; it should be a document of FreeSWITCH's mod_json_cdr")
    document = Document(
        variables=variables,
        is_encoded=_is_encoded(variables),
        profiles=_objects(value.get("callflow")),
        bridge_stamp=_bridge_stamp(value),
        leg_direction=text_in(_object(value.get("channel_data")), "direction"),
    )
    return document._replace(leg_direction=document.text("direction") or document.leg_direction)


def _is_encoded(variables: dict[str, object]) -> bool:
    """Tell whether the values are url-encoded, which `encode-values` decides for all of a document's at once.

    They are unless one holds a character that the encoding would have replaced; some always do (the spaces in
    start_stamp). So a percent sign in a value that was never encoded is left alone.
    """
    return not any(isinstance(value, str) and _NEVER_ENCODED.search(value) for value in variables.values())


def _bridge_stamp(document: dict[str, Any]) -> int:
    """Return when the dialplan first dialled somebody, in microseconds; 0 where that is not told."""
    for entry in _objects(_object(document.get("app_log")).get("applications")):
        if entry.get("app_name") == "bridge":
            return microseconds(entry.get("app_stamp"))
    return 0


def microseconds(value: object) -> int:
    """Return a count of microseconds written as text; 0, which stands for "did not happen", for what is none."""
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of an array; FreeSWITCH before 1.4 wrote a single object instead."""
    return [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]


# --- framing -------------------------------------------------------------------------------------------------------


def document_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Split JSON (one document, an array, one a line) or `cdr=` forms, one a line; the content tells which."""
    first, lines = first_byte(lines)
    if first in (b"{", b"["):
        yield from json_records(lines)
        return
    for number, raw in _with_xml_whole(lines):
        if raw.strip():
            yield from _records(number, raw, _decode(raw))


def _with_xml_whole(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number; those of an XML document are one, up to its end or a line that can be read."""
    begun, xml = 0, list[bytes]()
    for number, line in enumerate(lines, 1):
        if xml and (_XML_ENDS in xml[-1] or _begins_anew(line)):
            yield begun, b"".join(xml)
            xml = []
        if xml:
            xml.append(line)
        elif _XML_BEGINS.match(line):
            begun, xml = number, [line]
        else:
            yield number, line
    if xml:
        yield begun, b"".join(xml)


def _begins_anew(line: bytes) -> bool:
    return bool(_XML_DECLARED.match(line)) or not isinstance(_decode(line), UnreadableRecord)


def _decode(raw: bytes) -> object:
    return decode_json(raw) if raw.lstrip()[:1] in (b"{", b"[") else decode_form(raw)


def _records(number: int, raw: bytes, value: object) -> Iterator[Record]:
    if not isinstance(value, list):
        yield Record(number, raw, value)
        return
    for element in value:
        yield Record(number, msgspec.json.encode(element), element)


def decode_form(raw: bytes) -> object:
    """Return the JSON value of `cdr=...`, or the `UnreadableRecord` that says why it is none.

    A file in the error directory holds the same text without its `cdr=`. It is url-encoded or base64; the latter is
    not url-encoded on top, so that a plus is a plus.
    """
    text = _FORM.split(raw.strip(), maxsplit=1)[-1]
    if text[:1] == b"<":
        return UnreadableRecord(_NO_XML)
    if text[:1] in (b"{", b"["):
        value = decode_json(text)
        if not isinstance(value, UnreadableRecord):
            return value
    text = text.partition(b"&")[0]
    if text[:1] in (b"%", b"{", b"["):
        return _decode_text(decode_text(unquote_to_bytes(text.replace(b"+", b" "))))
    text = unquote_to_bytes(text).replace(b" ", b"+").rstrip(b"=")
    try:
        decoded = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return UnreadableRecord("this is neither JSON nor cdr= with JSON in it, url-encoded or base64")
    return UnreadableRecord(_NO_XML) if decoded[:1] == b"<" else decode_json(decoded)


def _decode_text(text: str) -> object:
    if text[:1] == "<":
        return UnreadableRecord(_NO_XML)
    value = decode_json(text.encode())
    if isinstance(value, UnreadableRecord):
        return _with_plain_variables(text) or value
    return value


def _with_plain_variables(text: str) -> object:
    """Return the document in a text whose variables were decoded together with the JSON around them; None for none.

    With both `encode` and `encode-values` FreeSWITCH leaves what is encoded already as it is, so that decoding the
    whole also decodes the values: their quotes then stand bare within the JSON. The names still tell them apart.
    """
    start = text.find(_VARIABLES)
    ends = [end for mark in _AFTER_VARIABLES if (end := text.find(mark, start)) > start]
    if start < 0 or not ends:
        return None
    begin, end = start + len(_VARIABLES) - 2, min(ends)
    document = decode_json((text[:begin] + "{" + text[end + 1 :]).encode())
    if not isinstance(document, dict):
        return None
    pieces = _NEXT_VARIABLE.split(text[begin + 1 : end])
    document["variables"] = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return document
