"""Contacts: who is behind a number. Naming one, and reading files of many. No HTTP, no SQL.

Files are CSV with headings, as address books and CRMs write them, or vCard (RFC 6350, and the versions before it). A
number is kept as it was told and as lists show it, so that a name stands on every call with the number, old ones too.
"""

import codecs
import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from ringback.calls import app_named
from ringback.errors import InvalidInput, UnknownContact, UnreadableBody
from ringback.storage.base import Store
from ringback.storage.records import Contact
from ringback.telephony.leg import MAX_NUMBER, MAX_TEXT
from ringback.telephony.numbers import UNKNOWN_NUMBER, shown_number, spelling

MAX_FILE_BYTES = 256 * 2**20
_CHUNK = 5_000  # contacts a transaction: what a waiting writer's patience allows
_BEGINS_VCARD = re.compile(r"\s*BEGIN:VCARD", re.IGNORECASE)

# Headings of numbers and names as address books write them (Google, Outlook, Apple, common CRMs), less case and signs.
_NUMBER = re.compile(
    r"number|(mobile|cell|work|business|home|main|other|primary|car|company)?(tele)?phone(number)?\d*"
    r"(value)?|mobile|cell|tel|msisdn"
)
_NAMES = ("name", "fullname", "displayname", "contact", "contactname", "fileas")
_PARTS = (("firstname", "givenname"), ("middlename", "additionalname"), ("lastname", "familyname", "surname"))
_COMPANY = ("company", "organization", "organisation", "organizationname", "account", "accountname")
_SEVERAL = re.compile(r"\s*(?::::|\n)\s*")  # how Google puts several numbers into one field, and others


class Told(NamedTuple):
    """A number and a name, and where in the file they stand: `line 7`, `card 3`."""

    where: str
    number: str
    name: str


class Named(msgspec.Struct, kw_only=True):
    """What became of a file's numbers: not known before, known by another name, by the same one; or of no use."""

    read: int = 0
    new: int = 0
    renamed: int = 0
    same: int = 0
    rejected: int = 0


class Refused(NamedTuple):
    """A number that was not taken, and why."""

    where: str
    reason: str


async def name_shown_number(store: Store, app_id: int, number: str, name: str) -> Contact | None:
    """Name a number of an app as its lists show it, or forget who it is where the name is empty; return the contact.

    Raises `UnknownApp`, and `InvalidInput` for what is no number or no name.
    """
    if not name.strip():
        await store.drop_contact(app_id, number)
        return None
    contact = msgspec.structs.replace(contact_of(spelling(number), name, None), number=number)
    await store.set_contacts(app_id, [contact])
    return contact


async def forget_number(store: Store, app_id: int, number: str) -> None:
    """Forget who is behind a number of an app; raises `UnknownApp` and `UnknownContact`."""
    region = (await app_named(store, app_id)).region
    if not await store.drop_contact(app_id, shown_number(number, region)):
        raise UnknownContact(f"Nobody is known by {number[:MAX_NUMBER]}")


def contact_of(number: str, name: str, region: str | None) -> Contact:
    """Return the contact of a number as it was told, read in a region; raises `InvalidInput`."""
    given, named = number.strip(), " ".join(name.split())
    if not given or not any(character.isdigit() for character in given) or len(given) > MAX_NUMBER:
        raise InvalidInput(f"a number should have 1 to {MAX_NUMBER} characters and a digit, not {given[:40]!r}")
    if not named or len(named) > MAX_TEXT:
        raise InvalidInput(f"a name should have 1 to {MAX_TEXT} characters")
    shown = shown_number(given, region)
    if shown == UNKNOWN_NUMBER or "\0" in given + named:  # PostgreSQL keeps no such character
        raise InvalidInput(f"a number should be one, not {given[:40]!r}")
    return Contact(number=shown, given=given, name=named)


async def all_contacts(store: Store, app_id: int) -> AsyncIterator[Contact]:
    """Yield the contacts of an app by number; raises `UnknownApp`."""
    await app_named(store, app_id)
    after = ""
    while contacts := await store.contacts(app_id, after):
        for contact in contacts:
            yield contact
        after = contacts[-1].number


async def import_contacts(store: Store, app_id: int, told: Iterable[Told], refused: Callable[[Refused], None]) -> Named:
    """Take the numbers and names of a file in; of a number that stands in it twice the last name counts.

    `refused` hears of each that is not taken, and why. Raises `UnknownApp`.
    """
    region = (await app_named(store, app_id)).region
    known = {contact.number: contact.name async for contact in all_contacts(store, app_id)}
    total = Named()
    waiting: dict[str, Contact] = {}
    for one in told:
        total.read += 1
        try:
            contact = contact_of(one.number, one.name, region)
        except InvalidInput as error:
            total.rejected += 1
            refused(Refused(one.where, str(error)))
            continue
        _count(total, known, contact)
        waiting[contact.number] = contact
        if len(waiting) >= _CHUNK:
            await store.set_contacts(app_id, list(waiting.values()), as_given=True)
            waiting.clear()
    if waiting:
        await store.set_contacts(app_id, list(waiting.values()), as_given=True)
    return total


def _count(total: Named, known: dict[str, str], contact: Contact) -> None:
    before = known.get(contact.number)
    total.new += before is None
    total.same += before == contact.name
    total.renamed += before is not None and before != contact.name
    known[contact.number] = contact.name


# --- files ---------------------------------------------------------------------------------------------------------


def read_file(data: bytes) -> Iterator[Told]:
    """Return the numbers and names of a file, told by its beginning; raises `UnreadableBody`."""
    text = _decoded(data)
    return _cards(text) if _BEGINS_VCARD.match(text) else _rows(text)


def _decoded(data: bytes) -> str:
    marks = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE  # what Outlook and Excel call Unicode
    try:
        return data.decode("utf-16" if data.startswith(marks) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableBody(
            f"The file is not in UTF-8 (byte {error.start}): save it as CSV UTF-8 or as vCard"
        ) from None


def _rows(text: str) -> Iterator[Told]:
    """Read CSV by its headings; commas, semicolons or tabs, whichever the headings have most of."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = _Columns(next(lines, []))
        for row in lines:
            yield from columns.told(f"line {lines.line_num}", row)
    except csv.Error as error:
        raise UnreadableBody(f"The file is no CSV: line {lines.line_num}: {error}") from None


class _Columns:
    """Which columns hold what; raises `UnreadableBody` where no heading says number, or none says name."""

    def __init__(self, headings: list[str]) -> None:
        plain = [re.sub(r"[^a-z0-9]", "", heading.lower()) for heading in headings]
        self._numbers = [at for at, heading in enumerate(plain) if _NUMBER.fullmatch(heading)]
        self._names = [plain.index(name) for name in _NAMES if name in plain]
        self._parts = [plain.index(part) for parts in _PARTS for part in parts if part in plain]
        self._companies = [plain.index(name) for name in _COMPANY if name in plain]
        if not self._numbers or not (self._names or self._parts or self._companies):
            raise UnreadableBody(
                "The file's first line should be headings, with one such as number and one such as name; "
                f"it has {', '.join(headings)[:200] or 'none'}"
            )

    def told(self, where: str, row: list[str]) -> Iterator[Told]:
        """Yield each number of a row with its name; rows of no number at all are passed over."""
        for field in _filled(row, self._numbers):
            for number in filter(None, _SEVERAL.split(field)):
                yield Told(where, number, self._name(row))

    def _name(self, row: list[str]) -> str:
        whole, parts, companies = (_filled(row, at) for at in (self._names, self._parts, self._companies))
        return next(iter(whole), "") or " ".join(parts) or next(iter(companies), "")


def _filled(row: list[str], columns: Iterable[int]) -> list[str]:
    """The fields of these columns that hold anything; rows may be shorter than their headings."""
    return [text for at in columns if at < len(row) and (text := row[at].strip())]


def _cards(text: str) -> Iterator[Told]:
    import vobject

    cards = vobject.readComponents(text, allowQP=True, ignoreUnreadable=True)
    number = 0
    while True:
        number += 1
        try:
            card = next(cards, None)
        except vobject.base.VObjectError as error:
            raise UnreadableBody(f"The file is no vCard: card {number}: {error}") from None
        if card is None:
            return
        for telephone in card.contents.get("tel", ()):
            given = re.sub(r"^tel:", "", str(telephone.value), flags=re.IGNORECASE).partition(";")[0]
            yield Told(f"card {number}", given, _name_of(card.contents))


def _name_of(card: dict[str, list[object]]) -> str:
    """A card's formatted name, else its name's parts, else whom it works for."""
    for field in ("fn", "n", "org"):
        for line in card.get(field, ()):
            value = getattr(line, "value", "")
            text = " ".join(str(part) for part in value) if isinstance(value, list) else str(value)
            if text.strip():
                return text
    return ""
