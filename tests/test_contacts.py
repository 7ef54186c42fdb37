"""Address books as they are written: CSV of many programs, vCards of all versions; and what cannot be read."""

import pytest

from ringback.contacts import contact_of, read_file
from ringback.errors import InvalidInput, UnreadableBody

GOOGLE = """\
First Name,Middle Name,Last Name,Organization Name,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value
Zoë,,Müller,Acme,Mobile,+49 151 1234567 ::: +49 30 1234567,Work,
,,,"Mehta & Sons, Pune",Main,020 2612 3456,,
"""
OUTLOOK = """\
First Name;Last Name;Business Fax;Mobile Phone;Home Phone 2
Ann;Lee;+1 1;+1 202 555 0101;+1 202 555 0102
"""
CARDS = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Zo=C3=AB;;;
TEL;CELL:+49 151 1234567
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Adams
ORG:Acme;Sales
PHOTO;ENCODING=b;TYPE=JPEG:AAAA
item1.TEL;type=CELL:+7 701 000 00 01
item1.X-ABLabel:mobile
TEL;type=WORK:+7 701 000 00 02
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Very long n
 ame
TEL;VALUE=uri;TYPE=home:tel:+1-202-555-0101;ext=7
END:VCARD
BEGIN:VCARD
VERSION:3.0
ORG:Only a company
TEL:5551234
END:VCARD
"""


def told(text: str | bytes) -> list[tuple[str, str, str]]:
    """Return where each number stands, the number and its name."""
    data = text.encode() if isinstance(text, str) else text
    return [(one.where, one.number, " ".join(one.name.split())) for one in read_file(data)]


def test_googles_export() -> None:
    """Names in parts, several numbers in one field, a company where there is no person."""
    assert told(GOOGLE) == [
        ("line 2", "+49 151 1234567", "Zoë Müller"),
        ("line 2", "+49 30 1234567", "Zoë Müller"),
        ("line 3", "020 2612 3456", "Mehta & Sons, Pune"),
    ]


def test_outlooks_export() -> None:
    """Semicolons, several columns of numbers, faxes passed over; as UTF-16 as well."""
    expected = [("line 2", "+1 202 555 0101", "Ann Lee"), ("line 2", "+1 202 555 0102", "Ann Lee")]
    assert told(OUTLOOK) == expected
    assert told(OUTLOOK.encode("utf-16")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "number,name\n1234567,Bob",
        "\ufeffName\tTelephone\nBob\t1234567\n",
        '"Phone Number";"Full name"\r\n1234567;Bob;;;\r\n',
    ],
)
def test_plain_tables(text: str) -> None:
    """Any delimiter, a byte order mark, quoted headings, fields too many."""
    assert told(text) == [("line 2", "1234567", "Bob")]


def test_vcards() -> None:
    """Versions 2.1 to 4.0, quoted-printable, folded lines, grouped lines, URIs; the formatted name first."""
    assert told(CARDS) == [
        ("card 1", "+49 151 1234567", "Zoë Müller"),
        ("card 2", "+7 701 000 00 01", "Adams"),
        ("card 2", "+7 701 000 00 02", "Adams"),
        ("card 3", "+1-202-555-0101", "Very long name"),
        ("card 4", "5551234", "Only a company"),
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "headings"),
        (b"a,b\n1,2\n", "it has a, b"),
        (b"number,colour\n1,2\n", "one such as name"),
        (b"name,number\nZo\xeb,1\n", "UTF-8"),
        (b"BEGIN:VCARD\nVERSION:3.0\nFN", "vCard"),
        (b"name,number\n" + b"a" * 2_000_000, "CSV"),
    ],
)
def test_what_is_no_address_book_says_why(data: bytes, said: str) -> None:
    """No headings, none that says what is needed, another encoding, broken files: each is named."""
    with pytest.raises(UnreadableBody, match=said):
        list(read_file(data))


NO_NAMES = ("", " ", "x" * 256)
NO_NUMBERS = ("", "anonymous", "unknown", "1" * 65)


@pytest.mark.parametrize(("number", "name"), [*((no, "Bob") for no in NO_NUMBERS), *(("1", no) for no in NO_NAMES)])
def test_what_is_no_contact_is_refused(number: str, name: str) -> None:
    """A number needs a digit, a name a character; both have an end."""
    with pytest.raises(InvalidInput):
        contact_of(number, name, None)


def test_a_number_is_read_as_calls_numbers_are() -> None:
    """By the app's region, so that the contact meets its calls."""
    assert contact_of("8 (701) 000-00-01", " Nur  A. ", "KZ").number == "77010000001"
    assert contact_of("+7 701 000 00 01", "Nur", None).name == "Nur"
    assert contact_of("sip-42", "Desk", None).number == "sip-42"
