"""How files and bodies fall into records, and what a broken piece costs: never its neighbours."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import UnreadableRecord
from ringback.sources.framing import csv_records, decode_text, first_byte, form_record, json_records
from ringback.sources.reading import Record


def from_json(body: bytes) -> list[Record]:
    """Split a body as JSON."""
    return list(json_records(BytesIO(body)))


def from_csv(body: bytes, columns: int = 3) -> list[Record]:
    """Split a body as rows of so many columns."""
    return list(csv_records(BytesIO(body), lambda row: len(row) == columns))


def values(records: list[Record]) -> list[object]:
    """Return the values, with ... for what could not be read."""
    return [... if isinstance(record.value, UnreadableRecord) else record.value for record in records]


def told(record: Record) -> tuple[int, bytes, object]:
    """Return what a record says, a reason as its text."""
    value = record.value
    return record.line, record.raw, str(value) if isinstance(value, UnreadableRecord) else value


# --- the first byte ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "first", "rest"),
    [
        (b"\xef\xbb\xbf{}\n", b"{", b"{}\n"),
        (b"\n  \n [1]\n", b"[", b"\n  \n [1]\n"),
        (b"a,b\nc,d\n", b"a", b"a,b\nc,d\n"),
        (b" \n\n", b"", b" \n\n"),
        (b"", b"", b""),
    ],
)
def test_the_first_byte_is_looked_at_and_nothing_is_lost(body: bytes, first: bytes, rest: bytes) -> None:
    """The first byte that is no space is told, a byte order mark is dropped, and every line is still there."""
    found, lines = first_byte(BytesIO(body))

    assert (found, b"".join(lines)) == (first, rest)


def test_broken_encoding_is_text_all_the_same() -> None:
    """Bytes that are no UTF-8 become the replacement character."""
    assert decode_text(b"A\xe0B") == "A\ufffdB"


# --- JSON ----------------------------------------------------------------------------------------------------------


def test_a_value_a_line_keeps_its_line() -> None:
    """NDJSON gives a record a line, with the line it stood on; blank lines count and are none."""
    records = from_json(b'\n{"a":1}\n\n{"a":2}\n')

    assert [(record.line, record.value) for record in records] == [(2, {"a": 1}), (4, {"a": 2})]
    assert [record.raw for record in records] == [b'{"a":1}\n', b'{"a":2}\n']


def test_one_document_over_several_lines_is_one_record() -> None:
    """A pretty-printed object is one record with all its bytes."""
    body = b'{\n "a": 1,\n "b": {}\n}\n'

    assert from_json(body) == [Record(1, body, {"a": 1, "b": {}})]


@pytest.mark.parametrize("body", [b'[{"a":1},{"a":2}]', b'[\n{"a":1},\n{"a":2}\n]\n'])
def test_an_array_stands_for_its_elements(body: bytes) -> None:
    """Each element of an array is a record of its own, with bytes of its own."""
    assert [(record.raw, record.value) for record in from_json(body)] == [
        (b'{"a":1}', {"a": 1}),
        (b'{"a":2}', {"a": 2}),
    ]


def test_a_broken_line_in_the_middle_is_one_unreadable_record() -> None:
    """A line that is no JSON does not stop those behind it."""
    records = from_json(b'{"a":1}\n{"a":\n{"a":3}\n')

    assert values(records) == [{"a": 1}, ..., {"a": 3}]
    assert (records[1].line, records[1].raw) == (2, b'{"a":\n')


def test_a_broken_first_line_is_one_unreadable_record() -> None:
    """NDJSON whose first line is broken is not taken for one broken document."""
    records = from_json(b'{"a":\n{"a":2}\n{"a":3}\n')

    assert values(records) == [..., {"a": 2}, {"a": 3}]
    assert [record.line for record in records] == [1, 2, 3]


def test_half_a_document_is_one_unreadable_record() -> None:
    """A document that was cut off is kept whole, with a reason."""
    body = b'{\n "a": 1,\n'
    (record,) = from_json(body)

    assert record.raw == body
    assert isinstance(record.value, UnreadableRecord)
    assert "no JSON" in str(record.value)


def test_broken_encoding_loses_no_json() -> None:
    """A name in another encoding does not make the JSON around it unreadable."""
    assert values(from_json(b'{"name":"A\xe0"}')) == [{"name": "A\ufffd"}]


# --- forms ---------------------------------------------------------------------------------------------------------


def test_a_form_is_one_record_of_texts() -> None:
    """Values are text, empty ones are kept, and of a name given twice the last counts."""
    assert form_record(b"a=1&b=&a=%2B2\n").value == {"a": "+2", "b": ""}
    assert form_record(b"&a=1&&b=2&\r\n").value == {"a": "1", "b": "2"}


@pytest.mark.parametrize("body", [b"hello", b"a=1&b", b"&".join([b"a=1"] * 1001)])
def test_what_is_no_form_is_unreadable(body: bytes) -> None:
    """A body that is no form, or one of more than a thousand fields, is an unreadable record."""
    assert isinstance(form_record(body).value, UnreadableRecord)


# --- CSV -----------------------------------------------------------------------------------------------------------


def test_rows_keep_their_lines() -> None:
    """Rows are lists of text with the line they stood on; blank lines count and are none."""
    records = from_csv(b'a,b,c\n\n"d","e ""x""",\n')

    assert [(record.line, record.value) for record in records] == [(1, ["a", "b", "c"]), (3, ["d", 'e "x"', ""])]


def test_a_quoted_field_may_hold_line_ends() -> None:
    """A row that spans lines is one record, and the lines behind it are counted right."""
    records = from_csv(b'a,"b\nb\nb",c\nd,e,f\n')

    assert values(records) == [["a", "b\nb\nb", "c"], ["d", "e", "f"]]
    assert [record.line for record in records] == [1, 4]
    assert records[0].raw == b'a,"b\nb\nb",c\n'


def test_a_stray_quote_swallows_nothing() -> None:
    """A quote that is never closed costs its own line and no other."""
    records = from_csv(b'a,b,c\nd,"e,f\ng,h,i\nj,k,l\n')

    assert values(records) == [["a", "b", "c"], ..., ["g", "h", "i"], ["j", "k", "l"]]
    assert (records[1].line, records[1].raw) == (2, b'd,"e,f\n')


def test_two_stray_quotes_swallow_nothing_between_them() -> None:
    """Rows between two stray quotes are rows still: what the quotes enclose makes no row of the table."""
    body = b'a,"b,c\n' + b"d,e,f\n" * 3 + b'g,"h,i\n' + b"j,k,l\n"

    assert values(from_csv(body)) == [..., *[["d", "e", "f"]] * 3, ..., ["j", "k", "l"]]


def test_inches_in_a_field_are_text() -> None:
    """A quote within an unquoted field is part of it, on this line and on the next that has one."""
    records = from_csv(b'a,5" pipe,c\nd,e,f\ng,6" pipe,i\n')

    assert values(records) == [["a", '5" pipe', "c"], ["d", "e", "f"], ["g", '6" pipe', "i"]]
    assert [record.line for record in records] == [1, 2, 3]


def test_a_carriage_return_in_a_row_is_one_unreadable_record() -> None:
    """A line the CSV reader refuses is one unreadable record with a reason."""
    assert values(from_csv(b"a,b,c\nd\re,f,g\nh,i,j\r\n")) == [["a", "b", "c"], ..., ["h", "i", "j"]]


@given(st.lists(st.sampled_from([b"a,b,c\n", b'a,"b,c\n', b'"\n', b'a,"b\n', b'c",d\n', b"\n", b'x,"y""z",\n'])))
def test_whole_rows_survive_any_neighbours(lines: list[bytes]) -> None:
    """However quotes stray around it, a row on a line of its own is read, unless a quoted field holds it whole."""
    records = from_csv(b"".join(lines))
    held = b"".join(record.raw for record in records if record.raw.count(b"\n") > 1)

    whole = sum(record.value == ["a", "b", "c"] for record in records)
    assert whole + held.count(b"a,b,c\n") >= lines.count(b"a,b,c\n")


@given(st.lists(st.sampled_from([b"a,b,c\n", b'a,"b,c\n', b'"\n', b'a,"b\n', b'c",d\n', b'x,"y""z",\n'])))
def test_every_byte_is_in_one_record(lines: list[bytes]) -> None:
    """However quotes stray, the records' own bytes in order are the file, and each stands on the line it says."""
    records = from_csv(b"".join(lines))

    assert b"".join(record.raw for record in records) == b"".join(lines)
    assert all(lines[record.line - 1] == BytesIO(record.raw).readline() for record in records)


LINES = [
    b"a,b,c\n",
    b'"a","b ""x""",\n',
    b'a,5" pipe,c\n',
    b'"a"b,c\n',
    b'x"y,"z\n',
    b"d\re,f\n",
    b" \n",
    b"\n",
    b"\xff,\r\n",
]


@given(st.lists(st.sampled_from(LINES), max_size=70))
def test_rows_are_the_same_in_one_go_and_one_by_one(lines: list[bytes]) -> None:
    """A stray quote at the end, for which the lines before it are read with care, changes none of them."""
    body = b"".join(lines)

    in_one_go, one_by_one = from_csv(body), from_csv(body + b'"\n')

    assert [told(record) for record in in_one_go] == [told(record) for record in one_by_one[:-1]]


@given(st.integers(0, 200))
def test_a_field_that_spans_lines_may_begin_anywhere(before: int) -> None:
    """However many lines are read at once, a row over two of them is one record and the next keeps its line."""
    records = from_csv(b"a,b,c\n" * before + b'd,"e\ne",f\n' + b"g,h,i\n")

    assert values(records[before:]) == [["d", "e\ne", "f"], ["g", "h", "i"]]
    assert [record.line for record in records[before:]] == [before + 1, before + 3]
