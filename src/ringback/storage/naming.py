"""Contacts as stores keep them: their rows, numbers read again, and which apps have any. No SQL."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ringback.storage.records import Contact
from ringback.telephony.numbers import shown_number

CONTACT_COLUMNS = "app_id, number, given, name, shown"
MOST_CONTACTS = MOST_MARKS = 10_000  # told at once
SECONDS = 0.2  # for how long what was found out about an app is believed
_MOST_APPS = 10_000

_encode = msgspec.json.Encoder().encode


def contact_row(app_id: int, contact: Contact) -> Sequence[Any]:
    """Return the row of a contact: its last value is what a page shows in the place of a name, see `storage.shown`."""
    return app_id, contact.number, contact.given, contact.name, _encode(contact.name).decode()


def read_again(contacts: Iterable[Contact], region: str | None) -> list[Contact]:
    """Return the contacts with their numbers as the region reads them, one each."""
    read = as_given(sorted(contacts, key=lambda contact: contact.given), region)
    return list({contact.number: contact for contact in read}.values())


def as_given(contacts: Iterable[Contact], region: str | None) -> list[Contact]:
    """Return the contacts, in their order, with their numbers as the region reads them."""
    return [msgspec.structs.replace(one, number=shown_number(one.given, region)) for one in contacts]


class NamedApps:
    """Which apps have contacts: pages of all others are read without looking for any."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[bool, float]] = {}
        self.changes = 0  # how often contacts came in through this process

    def has(self, app_id: int) -> bool | None:
        """Tell whether the app has contacts; None where that is to be looked at again."""
        found = self._found.get(app_id)
        return found[0] if found is not None and found[1] > time.monotonic() else None

    def learn(self, app_id: int, *, has: bool) -> bool:
        """Remember it for a moment, and return it."""
        if len(self._found) >= _MOST_APPS:
            self._found.clear()
        self._found[app_id] = has, time.monotonic() + SECONDS
        return has

    def forget(self, app_id: int) -> None:
        """Look again at the next page: contacts have come."""
        self.changes += 1
        self._found.pop(app_id, None)
