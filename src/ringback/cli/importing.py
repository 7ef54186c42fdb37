"""Taking files in: `import`, with progress for people. What a file means is the sources'."""

import gzip
import signal
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ringback import calls
from ringback.cli.telling import Common, Number, ZoneName, opened, refuse_own, run, tell
from ringback.errors import InvalidInput
from ringback.sources import SOURCES, source_named
from ringback.storage.records import NewReject
from ringback.zones import zone_named

_GZIP = b"\x1f\x8b"
_SHOWN_REASONS = 5


def import_files(
    source: Annotated[str, Parameter(help=f"The kind of file: {', '.join(sorted(SOURCES))}.")],
    *files: Annotated[str, Parameter(help="Files, plain or .gz; - is standard input.", allow_leading_hyphen=True)],
    app: Annotated[Number, Parameter(help="The app whose calls these are.")],
    timezone: ZoneName = None,
    common: Common | None = None,
) -> int:
    """Take files of finished calls in; the same file again changes nothing.

    One bad row never stops the rest: it is kept with its reason, see `ringback rejects list`. Exit status 1 where no
    record at all was understood.
    """
    common = common or Common()
    kind = source_named(source)
    zone_named(timezone)
    _check_names(files)
    total = calls.Delivery()
    shown: list[NewReject] = []

    def rejected(reject: NewReject) -> None:
        if len(shown) < _SHOWN_REASONS:
            shown.append(reject)

    async def work() -> None:
        async with opened(common, make=True) as store:
            context = calls.context_for(await calls.app_named(store, app), timezone)
            for name in files:
                refuse_own(store, name)
                with _opened_lines(name) as lines, _progress(name, common) as said:
                    heard = said(lines)
                    total_of_file = await calls.import_lines(
                        store, kind, lines, context, name, heard, rejected, is_endless=name == "-"
                    )
                total.read += total_of_file.read
                total.add(total_of_file)
            if total.new >= calls.CHUNK_LEGS:
                await store.refresh_statistics()

    with _stopped_at_once():
        run(work())
    if shown and not common.json:
        _tell_rejects(shown, total.rejected)
    tell(
        common,
        {"read": total.read, **msgspec.structs.asdict(total)},
        f"{total.read:,} records read: {total.new:,} new calls, {total.merged:,} merged, {total.duplicate:,} known "
        f"already, {total.rejected:,} rejected.",
    )
    return 1 if total.rejected and total.rejected == total.read else 0


@contextmanager
def _stopped_at_once() -> Iterator[None]:
    """Let Ctrl-C end even the wait for a line: asyncio's own handler would only be heeded once a line has come."""
    before = signal.signal(signal.SIGINT, lambda *_: signal.default_int_handler(signal.SIGINT, None))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _check_names(files: tuple[str, ...]) -> None:
    if not files:
        raise InvalidInput("name at least one file to import; - is standard input")
    for name in files:
        if name.startswith("-") and name != "-":
            raise InvalidInput(f"there is no option {name}; of a file of that name say ./{name}")


class _CountedLines:
    """The lines of a file, and how many of its bytes have been read."""

    def __init__(self, lines: Iterable[bytes], raw: BinaryIO, size: int | None) -> None:
        self._lines, self._raw, self.size = lines, raw, size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def position(self) -> int:
        """Bytes of the file read so far, packed ones where it is packed."""
        return self._raw.tell() if self.size else 0


@contextmanager
def _opened_lines(name: str) -> Iterator[_CountedLines]:
    """Open a file, plain or gzip (told by its first bytes); raises `InvalidInput` where that cannot be done."""
    try:
        if name == "-":
            yield _CountedLines(_unpacked(sys.stdin.buffer), sys.stdin.buffer, None)
            return
        with Path(name).open("rb") as raw:
            yield _CountedLines(_unpacked(raw), raw, Path(name).stat().st_size)
    except (OSError, EOFError, zlib.error) as error:  # gzip tells of broken data with these three
        raise InvalidInput(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _unpacked(raw: BinaryIO) -> Iterable[bytes]:
    peeked = raw.peek(2)[:2] if hasattr(raw, "peek") else b""
    return gzip.open(raw) if peeked == _GZIP else raw


@contextmanager
def _progress(name: str, common: Common) -> Iterator[Callable[[_CountedLines], Callable[[calls.Delivery], None]]]:
    """A bar on standard error for people; nothing where no terminal watches."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=common.json or not console.is_terminal, transient=True) as bar:
        task: TaskID = bar.add_task(name, total=None, counts="")

        def said(lines: _CountedLines) -> Callable[[calls.Delivery], None]:
            def heard(total: calls.Delivery) -> None:
                counts = f"{total.read:,} records"
                bar.update(task, total=lines.size, completed=lines.position(), counts=counts)

            return heard

        yield said


def _tell_rejects(rejects: list[NewReject], count: int) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for reject in rejects:
        console.print(f"rejected: {reject.origin}: {reject.reason}")
    if count > _SHOWN_REASONS:
        console.print(f"... and {count - _SHOWN_REASONS:,} more; `ringback rejects list` shows them all")
