"""How the FreeSWITCH source reads a document: encodings, what it refuses, and times."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from tests.sources.freeswitch import FREESWITCH, changed, document
from tests.sources.payloads import (
    case_id,
    facts,
    legs_of,
    one_leg,
    one_reason,
    payloads,
    readings,
)

from ringback.telephony.disposition import Disposition

# --- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [path for path in payloads("freeswitch") if path.name.startswith(("posted-", "error-"))], ids=case_id
)
def test_one_document_is_the_same_leg_in_every_encoding(path: Path) -> None:
    """Raw, url-encoded and base64, posted or left in the error directory, values encoded or not: one leg."""
    assert facts(legs_of(path)) == facts(legs_of(FREESWITCH / "posted-raw.json"))


def base64_of(text: bytes) -> str:
    """Return the text in base64."""
    return base64.b64encode(text).decode()


@pytest.mark.parametrize("before", [b"", b"uuid=1&"])
@pytest.mark.parametrize(
    "encode",
    [
        quote,
        quote_plus,
        base64_of,
        lambda text: quote(base64_of(text)),
        lambda text: base64_of(text).replace("+", " ").rstrip("="),
    ],
)
def test_what_others_send_again_is_read_too(before: bytes, encode: Callable[[bytes], str]) -> None:
    """A form that another program made of a document is the same leg, among other fields, and with its plus lost."""
    raw = (FREESWITCH / "posted-raw-plain-values.json").read_bytes().replace(b"Softphone 3.1", b"Softphone >>>~~~???")

    leg = one_leg("freeswitch", before + b"cdr=" + encode(raw).encode() + b"&end=1")

    assert "+" in base64_of(raw)
    assert facts([leg]) == facts(legs_of(FREESWITCH / "posted-raw.json"))


def test_a_literal_percent_is_kept() -> None:
    """In a document whose values are not encoded a percent sign is a percent sign."""
    body = changed("a-new-word.json", {"hangup_cause": "100%41", "start_stamp": "2025-06-02 09:00:00"})

    assert one_leg("freeswitch", body).vendor_cause == "100%41"


@pytest.mark.parametrize(
    ("written", "read"), [("A%20B", "A B"), ("%C3%28", "\ufffd("), ("%zz%", "%zz%"), ("%2541", "%41")]
)
def test_encoded_values_are_decoded_once(written: str, read: str) -> None:
    """Values are decoded once; what is broken in them stays or becomes the replacement character."""
    leg = one_leg("freeswitch", changed("a-new-word.json", {"hangup_cause": written}))

    assert leg.vendor_cause == read


def test_values_decoded_with_their_document_may_hold_anything() -> None:
    """With both encodings on, quotes, backslashes and line ends stand bare in the variables; all are read."""
    told = document("posted-raw.json")
    told["variables"] |= {"sip_h_X": "%22a%22%5Cz%22,%22%0D%0A%7B%7D", "last_arg": "%7B%7Dsofia/gateway/x%22y/1"}
    text = quote(json.dumps(told, separators=(",", ":")), safe="%")

    leg = one_leg("freeswitch", b"cdr=" + text.encode())

    assert (leg.trunk, leg.vendor_cause) == ('x"y', "USER_BUSY")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "variables is missing; it should be a document of FreeSWITCH's mod_json_cdr"),
        (b'{"type": "cdr", "appid": 1111113, "status": "missed"}', "variables is missing"),
        (b"[5]", "variables is missing"),
        (b"cdr=%7B%7D", "variables is missing"),
        (b"cdr=e30=", "variables is missing"),
        (b"cdr=%7B%22variables%22%3A%7B%22a%22", "this is no JSON"),
        (b"cdr=eyJ2YXJpYWJsZXMi", "this is no JSON"),
        (b"cdr=", "this is no JSON"),
        (b"a, b", "this is neither JSON nor cdr="),
    ],
)
def test_what_is_no_document_is_told_so(body: bytes, reason: str) -> None:
    """Half a document, another source's and another format's are each rejected with what it should be."""
    assert reason in one_reason("freeswitch", body)


XML = b"""<?xml version="1.0"?>
<cdr core-uuid="5f0c9d61-2f4b-4d1e-8c39-1a4042aabe31" switchname="pbx.example">
  <variables>
    <uuid>00000061-6d2e-4c5f-9a10-0000000000a0</uuid>
    <sip_h_X-note>two
lines</sip_h_X-note>

  </variables>
</cdr>
"""


@pytest.mark.parametrize(
    "body",
    [
        XML,
        b"\n" + XML,
        XML.partition(b"\n")[2],
        XML.replace(b"\n", b""),
        b"cdr=" + XML,
        b"uuid=00000061&cdr=" + XML,
        b"cdr=" + quote(XML).encode(),
        b"uuid=00000061&cdr=" + quote_plus(XML).encode() + b"&end=1",
        quote(XML).encode(),
        b"cdr=" + base64.b64encode(XML),
    ],
)
def test_xml_is_one_reject_that_names_the_module(body: bytes) -> None:
    """What mod_xml_cdr posts is kept whole, as one record, with what should be loaded in its place."""
    (reading,) = readings("freeswitch", body)

    assert reading.rejected is not None
    assert reading.rejected.raw == body.removeprefix(b"\n")
    assert (
        reading.rejected.reason == "this is XML, as mod_xml_cdr sends it; FreeSWITCH should load mod_json_cdr instead"
    )


@pytest.mark.parametrize("name", ["posted-raw.json", "posted-url-encoded.txt", "posted-base64.txt"])
@pytest.mark.parametrize("xml", [XML, b"<cdr>\n", b"cdr=" + XML])
def test_xml_swallows_no_document(name: str, xml: bytes) -> None:
    """Between XML, whole or not, a document on a line of its own is read, and each XML document is one reject."""
    body = (FREESWITCH / name).read_bytes().strip() + b"\n"

    found = readings("freeswitch", xml + body + XML + xml + body)

    assert [len(reading.legs) for reading in found] == [0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"uuid": None, "start_uepoch": "1748836800000000"}, "variables.uuid is missing"),
        ({"uuid": "x" * 300}, "source_record_id has 300 characters"),
        ({"start_uepoch": "99999999999999999"}, "in the future: is the switch's clock right?"),
    ],
)
def test_a_document_that_cannot_be_kept_names_the_field(variables: dict[str, object], reason: str) -> None:
    """What is missing or cannot be is named."""
    told = json.loads(changed("busy.json", variables))
    for entry in told["callflow"]:
        entry["caller_profile"].pop("uuid")

    assert reason in one_reason("freeswitch", json.dumps(told).encode())


def test_a_document_without_a_start_is_told_so() -> None:
    """A call without a start has no place in a list."""
    told = document("busy.json")
    told["callflow"] = []
    told["variables"] |= {"start_uepoch": "0", "start_epoch": "soon"}

    assert "start_uepoch (or created_time in callflow) is missing" in one_reason(
        "freeswitch", json.dumps(told).encode()
    )


def test_an_agent_of_another_app_is_refused() -> None:
    """No app can write into another's lists, whoever its phones say they are."""
    body = (FREESWITCH / "agent-named-in-full.json").read_bytes().replace(b"103_1111113", b"103_2222223")

    (first, second) = readings("freeswitch", body)

    for reading in (first, second):
        assert reading.rejected is not None
        assert "the agent 103_2222223 is not of app 1111113" in reading.rejected.reason


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"end_uepoch": "1748836700000000"}, "ended_at"),
        ({"end_uepoch": "1748836803000000"}, "ended_at"),
        ({"answer_uepoch": "1748836700000000"}, "answered_at"),
        ({"progress_uepoch": "1748836700000000", "progress_media_uepoch": "1748836700000000"}, "ringing_at"),
        ({"progress_uepoch": "1748836820000000", "progress_media_uepoch": "1748836820000000"}, "ringing_at"),
    ],
)
def test_a_time_out_of_order_loses_no_call(changes: dict[str, object], missing: str) -> None:
    """A time before the one it should follow is left out; the call and its answer are kept."""
    leg = one_leg("freeswitch", changed("answered.json", changes))

    assert getattr(leg, missing) is None
    assert (leg.disposition, leg.billable_seconds) == (Disposition.ANSWERED, 35)


def test_times_are_read_from_the_call_flow_or_in_whole_seconds_too() -> None:
    """Where the variables lack the microseconds the call flow has them, and seconds do where nothing else is left."""
    names = ("start", "answer", "bridge", "progress", "progress_media", "end")
    whole = one_leg("freeswitch", changed("answered.json", {}))
    flow = json.loads(changed("answered.json", dict.fromkeys([f"{name}_uepoch" for name in names])))

    assert one_leg("freeswitch", json.dumps(flow).encode()) == whole
    flow["callflow"] = []
    seconds = one_leg("freeswitch", json.dumps(flow).encode())
    assert (seconds.started_at, seconds.answered_at) == (
        whole.started_at.replace(microsecond=0),
        whole.answered_at and whole.answered_at.replace(microsecond=0),
    )


def test_the_local_stamps_are_never_read() -> None:
    """The clock readings in a document change nothing: they have no zone."""
    stamps = {f"{name}_stamp": "1999-01-01%2000%3A00%3A00" for name in ("start", "answer", "end", "progress")}

    assert one_leg("freeswitch", changed("answered.json", stamps)) == one_leg(
        "freeswitch", changed("answered.json", {})
    )
