"""How commands take their common flags and tell their results: tables for people, one JSON object for programs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
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

T = TypeVar("T")

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
async def opened(common: Common) -> AsyncIterator[Store]:
    """Open the store for one command."""
    store = await open_store(common.url)
    try:
        yield store
    finally:
        await store.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end."""
    return asyncio.run(work)


def tell(common: Common, facts: object, said: str) -> None:
    """Print facts as one JSON object, or the sentence that says them."""
    if common.json:
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    else:
        Console(soft_wrap=True, highlight=False, markup=False).print(said)


def tell_table(headings: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> None:
    """Print rows as a table that fits the terminal; cells are plain text, whatever they hold."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = Console()
    if table.row_count:
        console.print(table)
    else:
        console.print(Text(empty))


def read_moment(text: str | None, zone: ZoneInfo | None, name: str) -> datetime | None:
    """Return a time that a person typed: epoch milliseconds or ISO 8601, by the given or this machine's own clock."""
    if text is None:
        return None
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            f"{name} should be a time such as 2019-10-04, 2019-10-04T09:35:45+05:00 or 1570162545485, not {text[:40]!r}"
        ) from None
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def local_time(milliseconds: int, zone: ZoneInfo | None) -> str:
    """Return a time as a person reads it, by the given or this machine's own clock."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
