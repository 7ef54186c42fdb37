"""What log lines never show: passwords, tokens, secrets, and all but two digits of a telephone number."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ringback.logs import set_up_logs
from ringback.masking import masked, without_credentials
from ringback.web.request_ids import request_id

NUMBER = "919100000042"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged, as JSON."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logs("json")
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"sip:+{NUMBER}@x", "sip:***42@x"),
        (f"'{NUMBER}_1111113'", "'***42_***13'"),
        ("call +91 91000-00042 back", "call ***42 back"),
        ("5551234", "***34"),
        ("line 1234, port 65535", "line 1234, port 65535"),
        ("2026-11-23 10:00:00", "2026-11-23 10:00:00"),
        ("took 0.123456789 s", "took 0.123456789 s"),
        ("192.168.100.200:5432", "192.168.100.200:5432"),
        ("rbt_7_0123456789abcdef0123456789abcdef01234567 is none", "rbt_7_*** is none"),
        ("rbs_1111113_00ff", "rbs_***13_***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("postgresql://ring:p@ss:w@db.example/calls", "postgresql://ring:***@db.example/calls"),
        ("postgresql://ring@db.example/calls", "postgresql://ring@db.example/calls"),
        ("postgresql://db/calls?user=u&password=p%20w&x=1", "postgresql://db/calls?user=u&password=***&x=1"),
        ("/ingest/generic?key=abc", "/ingest/generic?key=***"),
        ("""{"id": "103_1", "password": "it's"}""", """{"id": "103_1", "password": "***"}"""),
    ],
)
def test_what_is_masked(text: str, shown: str) -> None:
    """Credentials and numbers are masked, and what only looks like one is left."""
    assert masked(text) == shown


@given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True), st.text(max_size=20), st.text(max_size=20))
def test_no_number_is_shown_whatever_stands_around_it(number: str, before: str, after: str) -> None:
    """Of a number between any other characters no six digits in a row are left."""
    if before[-1:].isdigit() or before.endswith(".") or after[:1].isdigit():
        return

    assert number.lstrip("+")[:-2] not in masked(f"{before}{number}{after}").replace("***", "")


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    """What is masked holds nothing more to mask."""
    assert without_credentials(without_credentials(text)) == without_credentials(text)


def test_fields_tracebacks_and_the_words_of_libraries_are_masked(said: io.StringIO) -> None:
    """A field, an exception's text, and a warning that a library logs show neither number nor password."""
    log = structlog.get_logger()
    error = ValueError(f"no row for {NUMBER}, password=hunter2")
    log.error("fault", path=f"/v1/{NUMBER}", exc_info=error)
    logging.getLogger("asyncpg").warning("lost %s to %s", NUMBER, "postgresql://u:hunter2@db")

    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["fault", "lost ***42 to postgresql://u:***@db"]
    assert "no row for ***42, password=***" in lines[0]["exception"]
    assert NUMBER not in said.getvalue()
    assert "hunter2" not in said.getvalue()


@pytest.mark.parametrize(
    "given_id", [b"", b"short", b"a b c d e f", b"919100000042", b"rbt_7_00112233", b"x" * 65, b"a\n" * 9]
)
def test_an_id_that_is_not_sane_is_replaced(given_id: bytes) -> None:
    """Too short, too long, with odd characters, a number, a token: another is made, each time another."""
    headers = [(b"x-request-id", given_id)]

    assert given_id != request_id(headers).encode() != request_id(headers).encode()


def test_an_id_that_a_proxy_gave_is_kept() -> None:
    """A UUID in whatever spelling of the header is taken as it is."""
    uuid = b"0f8fad5b-d9cb-469f-a165-70867728950e"

    assert request_id([(b"X-Request-Id", uuid)]) == uuid.decode()
