"""Finding calls of a list by a part of their number or name. No HTTP, no SQL.

What is found is as exact as a page: all calls of the range are looked at, in one snapshot, and only those of the page
kept. That costs a microsecond or so a call of the range, which other requests may share: nobody waits for all of it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator

from ringback.storage.base import Store
from ringback.storage.records import ListedCall, Range
from ringback.telephony.call import ListKey
from ringback.telephony.numbers import shown_number

_TURN_CALLS = 500  # looked at before other requests get their turn
_NOT_DIGIT = re.compile(r"\D+")
_AS_DIGITS = re.compile(r"\+?[\d\s().\-/]+\Z", re.ASCII)


class Wanted:
    """A text that a call's number or name should hold. Digits may be grouped, and read as the app's region has it."""

    def __init__(self, text: str, region: str | None) -> None:
        self._name = text.strip().casefold()
        self._numbers = {self._name}
        if _AS_DIGITS.match(text.strip()):
            digits = _NOT_DIGIT.sub("", text)
            self._numbers = {number for number in (digits.lstrip("0") or digits, shown_number(text, region)) if number}

    def fits(self, call: ListedCall) -> bool:
        """Tell whether the call is one of those wanted."""
        number = call.number.casefold()
        if any(part in number for part in self._numbers):
            return True
        return call.name is not None and self._name in call.name.casefold()


async def all_found(
    store: Store, app_id: int, key: ListKey, wanted: Range, text: str
) -> AsyncGenerator[ListedCall, None]:
    """Yield the calls of the range's bounds that hold the text (all, where it is empty), newest first."""
    app = await store.app(app_id)
    sought = Wanted(text, app.region if app else None) if text else None
    looked_at = 0
    async for call in store.walk(app_id, key, wanted):
        if sought is None or sought.fits(call):
            yield call
        looked_at += 1
        if looked_at % _TURN_CALLS == 0:
            await asyncio.sleep(0)
