"""How commands take their common flags and tell their results: tables for people, one JSON object for programs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringback.errors import InvalidInput
from ringback.settings import StoreUrl, default_store
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.system_log import tell_system_log

T = TypeVar("T")

_DIGITS_OF_A_DATE = len("20191004")  # ISO 8601's basic form; as milliseconds it would be a moment of 1970
_WIDTH_OF_A_FILE = 240  # what no terminal shows is not folded

_TO_THE_END_OF_DAY = timedelta(days=1, milliseconds=-1)
_MAX_STORED = 2**63 - 1


def _can_be_stored(kind: type, value: int | None) -> None:
    del kind
    if value is not None and not 0 <= value <= _MAX_STORED:
        raise ValueError(f"should be from 0 to {_MAX_STORED}")


Number = Annotated[int, Parameter(validator=_can_be_stored)]  # of an app or a reject: what a store can look for

ZoneName = Annotated[str | None, Parameter(help="IANA time zone of times that name none, such as Asia/Almaty.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """The flags of every command that uses a store."""

    store: StoreUrl = ""
    json: Annotated[bool, Parameter(help="Print one JSON object, for programs.", negative=())] = False

    @property
    def url(self) -> str:
        """The store's URL, the default where none is given."""
        return self.store or default_store()


@asynccontextmanager
async def opened(common: Common, *, make: bool = False) -> AsyncIterator[Store]:
    """Open the store for one command; one that is not there is refused as mistyped, unless it may `make` one."""
    store = await open_store(common.url, make=make)
    store.heard = tell_system_log
    try:
        yield store
    finally:
        await store.close()


def refuse_own(store: Store, file: str | Path) -> None:
    """Raise `InvalidInput` for a file of the store's own: reading it would drop this process's locks on the store."""
    if store.owns(Path(file)):
        raise InvalidInput(f"{file} is the store itself: name another file")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end."""
    return asyncio.run(work)


def tell(common: Common, facts: object, said: str) -> None:
    """Print facts as one JSON object, or the sentence that says them."""
    if common.json:
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    else:
        Console(soft_wrap=True, highlight=False, markup=False).print(visible(said))


def tell_table(headings: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> None:
    """Print rows as a table that fits the terminal; cells are plain text, whatever they hold."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else visible(str(cell))) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
    if table.row_count:
        console.print(table)
    else:
        console.print(Text(empty))


def visible(text: str) -> str:
    """Return a text with its control characters made visible: what a delivery held must not drive a terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode() for one in text)


def read_moment(text: str | None, zone: ZoneInfo | None, name: str, *, is_end: bool = False) -> datetime | None:
    """Return a time that a person typed: epoch milliseconds or ISO 8601, by the given or this machine's own clock.

    A date alone is its first moment, or with `is_end` its last millisecond.
    """
    if text is None:
        return None
    try:
        if text.isdecimal() and len(text) > _DIGITS_OF_A_DATE:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
        if is_end and len(text) == len("2019-10-04"):
            moment += _TO_THE_END_OF_DAY
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            f"{name} should be a time such as 2019-10-04, 2019-10-04T09:35:45+05:00 or 1570162545485, not {text[:40]!r}"
        ) from None


def local_time(milliseconds: int, zone: ZoneInfo | None) -> str:
    """Return a time as a person reads it, by the given or this machine's own clock."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
