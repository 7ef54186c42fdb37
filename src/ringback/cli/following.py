"""Following a switch as it writes: `follow asterisk` for its log file, `follow asterisk-sql` for its table of calls."""

import getpass
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from ringback.calls import Delivery
from ringback.cli.configuring import Standing, read_standing
from ringback.cli.telling import Common, Number, ZoneName, opened, refuse_own, run, tell
from ringback.errors import InvalidInput
from ringback.following.addresses import Address, read_address
from ringback.following.databases import open_table
from ringback.following.loops import Heard, follow_file, follow_table
from ringback.following.pace import Pace, stopping_on_signals
from ringback.following.place import FilePlace, PlaceFile, TablePlace, beginning
from ringback.following.sinks import Sink, StoreSink
from ringback.following.table import TableTail, check_zone
from ringback.following.tail import Tail
from ringback.settings import default_store
from ringback.sources import source_named
from ringback.storage.records import NewReject
from ringback.zones import zone_named

follow_commands = App(name="follow", help="Take calls in while a switch writes them; nothing is lost nor repeated.")

_SOURCE = "asterisk"
_SHOWN_REASONS = 5
_FILE_SECONDS, _TABLE_SECONDS = 1.0, 10.0
_HOLD_SECONDS = 2.0
_SECRET, _SQL_PASSWORD = "RINGBACK_SECRET", "RINGBACK_SQL_PASSWORD"


def _is_positive(kind: type, value: float | None) -> None:
    del kind
    if value is not None and not 0 < value <= 86_400:
        raise ValueError("should be more than 0 and at most 86400")


Seconds = Annotated[
    float | None, Parameter(validator=_is_positive, help="How long to wait between looks: 1, for a table 10.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Following:
    """The flags of both ways of following."""

    app: Annotated[Number, Parameter(help="The app whose calls these are.")]
    timezone: Annotated[ZoneName, Parameter(converter=read_standing)] = None
    server: Annotated[str | None, Parameter(help="Deliver to this running server, not straight into a store.")] = None
    secret_file: Annotated[
        Path | None, Parameter(help=f"File with the app's secret for --server, instead of the variable {_SECRET}.")
    ] = None
    state: Annotated[Path | None, Parameter(help="File that keeps the place; default: in the user's data folder.")] = (
        None
    )
    once: Annotated[bool, Parameter(help="Take in what is there now, and end.", negative=())] = False
    every: Seconds = None
    common: Common | None = None

    def checked(self) -> "Following":
        """Return these flags, the common ones put in; raises `InvalidInput` where they contradict each other."""
        zone_named(self.timezone)
        if self.server and isinstance(self.timezone, Standing):
            _Voice(self.told).say(
                f"the setting timezone, {self.timezone}, is passed over: the server reads all times by its own"
            )
            return replace(self, common=self.told, timezone=None)
        if self.server and self.timezone:
            raise InvalidInput(
                "--timezone does not go with --server: a server reads all times by its own setting timezone"
            )
        return replace(self, common=self.told)

    @property
    def told(self) -> Common:
        """The flags of every command."""
        return self.common or Common()

    def places(self, followed: str, name: str, kind: type) -> PlaceFile:  # type: ignore[type-arg]
        """Return where the place is kept: for each followed thing, app and destination another one."""
        into = self.server or _without_password(self.told.url)
        digest = blake2b(f"{followed}\n{into}".encode(), digest_size=4).hexdigest()
        folder = Path(default_store().removeprefix("sqlite:///")).parent / "following"
        return PlaceFile(self.state or folder / f"{name}-{self.app}-{digest}.json", kind)


@follow_commands.command(name="asterisk")
def follow_asterisk(file: Path, *, following: Following) -> None:
    """Follow Asterisk's Master.csv across rotation and restarts.

    The place is remembered, so that it goes on where it ended. SIGTERM and Ctrl-C end it cleanly.
    """
    following = following.checked()
    path = file.absolute()
    if not following.server and following.timezone is None:
        raise InvalidInput(
            "the file's times have no zone; name the switch's: --timezone Asia/Almaty (UTC with usegmtime)"
        )
    places: PlaceFile[FilePlace] = following.places(str(path), path.name, FilePlace)
    voice = _Voice(following.told)

    async def work() -> Delivery:
        pace = Pace(following.every or _FILE_SECONDS, voice.say, is_once=following.once)
        async with _sink(following, voice, path) as sink:
            place = places.load()
            if place is None:
                places.save(place := beginning())
            patience = 0.0 if following.once else _HOLD_SECONDS
            tail = Tail(path, place, source_named(_SOURCE), voice.say, patience_seconds=patience)
            voice.say(f"following {path} from byte {place.offset} into {sink.name}")
            with stopping_on_signals(pace), voice.progress() as heard:
                return await follow_file(tail, sink, places, pace, heard)

    _tell_total(following, run(work()))


@follow_commands.command(name="asterisk-sql")
def follow_asterisk_sql(
    url: Annotated[str, Parameter(help="The database: mysql://user@host[:port]/db or postgresql://user@host/db.")],
    *,
    table: Annotated[str, Parameter(help="The table of calls.")] = "cdr",
    overlap: Annotated[
        float, Parameter(help="Hours before the last call that are looked through again: the longest a call may take.")
    ] = 4.0,
    password_stdin: Annotated[
        bool,
        Parameter(
            help=f"Read the database's password from standard input, not from the variable {_SQL_PASSWORD}.",
            negative=(),
        ),
    ] = False,
    following: Following,
) -> None:
    """Follow the table cdr that FreePBX, cdr_adaptive_odbc and cdr_pgsql fill; it is only ever read.

    The place is remembered, so that it goes on where it ended. SIGTERM and Ctrl-C end it cleanly.
    """
    following = following.checked()
    if not 0 <= overlap <= 24 * 366:
        raise InvalidInput("--overlap should be hours, from 0 to 8784")
    voice = _Voice(following.told)
    address = _with_password(read_address(url), voice, from_stdin=password_stdin)
    zone = zone_named(following.timezone)
    opened_table = open_table(address, table)
    places: PlaceFile[TablePlace] = following.places(opened_table.name, table, TablePlace)

    async def work() -> Delivery:
        pace = Pace(following.every or _TABLE_SECONDS, voice.say, is_once=following.once)
        async with _sink(following, voice) as sink, aclosing(opened_table):
            place = places.load()
            with stopping_on_signals(pace), voice.progress() as heard:
                if not following.server:
                    check_zone(await pace.keep_trying(opened_table.name, opened_table.columns), zone)
                start = place.highest if place else "its start"
                voice.say(f"following {opened_table.name} from {start} into {sink.name}")
                tail = TableTail(opened_table, place, timedelta(hours=overlap), zone)
                return await follow_table(tail, sink, places, pace, heard)

    _tell_total(following, run(work()))


# --- where rows go -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _sink(following: Following, voice: "_Voice", *read: Path) -> AsyncIterator[Sink]:
    source = source_named(_SOURCE)
    if following.server:
        from ringback.following.server import ServerSink  # brings an HTTP client, which no other command needs

        secret = _secret(following.secret_file)
        server = ServerSink(following.server, secret, following.app, source)
        try:
            yield server
        finally:
            await server.close()
        return
    async with opened(following.told, make=True) as store:
        for file in read:
            refuse_own(store, file)
        sink = StoreSink(store, source, following.app, following.timezone, voice.say_rejected)
        await sink.check()
        yield sink


def _secret(file: Path | None) -> str:
    """Return the app's secret; never from an argument, which others on this machine could see."""
    if file is not None:
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if secret := os.environ.get(_SECRET):
        return secret.strip()
    if not sys.stdin.isatty():
        raise InvalidInput(f"--server needs the app's secret: in the variable {_SECRET}, or --secret-file FILE")
    return getpass.getpass("Secret of the app: ").strip()


def _with_password(address: Address, voice: "_Voice", *, from_stdin: bool) -> Address:
    if from_stdin:
        return replace(address, password=sys.stdin.readline().rstrip("\r\n"))
    if password := os.environ.get(_SQL_PASSWORD):
        return replace(address, password=password)
    if address.password is not None:
        voice.say(f"warning: others on this machine can see a password in an argument; set {_SQL_PASSWORD} instead")
    return address


def _without_password(url: str) -> str:
    """Return what tells stores apart, whatever the folder this is started in and whatever the password."""
    parts = urlsplit(url)
    if parts.scheme in ("", "sqlite"):
        return str(Path(parts.path[1:] if parts.scheme else url).absolute())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


# --- what is said --------------------------------------------------------------------------------------------------


class _Voice:
    """Says on standard error what the owner should know; on a terminal also, quietly, how far it has come."""

    def __init__(self, common: Common) -> None:
        self._console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        self._is_quiet = common.json
        self._rejected = 0

    def say(self, text: str) -> None:
        """Say one line."""
        self._console.print(text)

    def say_rejected(self, reject: NewReject) -> None:
        """Say why a record was rejected, of the first few."""
        self._rejected += 1
        if self._rejected <= _SHOWN_REASONS:
            self.say(f"rejected: {reject.origin}: {reject.reason}")
        if self._rejected == _SHOWN_REASONS:
            self.say("further rejected records are not told; `ringback rejects list` shows them all")

    @contextmanager
    def progress(self) -> Iterator[Heard]:
        """Show the counts while it lasts, where a terminal watches."""
        if self._is_quiet or not self._console.is_terminal:
            yield _unheard
            return
        with self._console.status("nothing new yet", spinner="dots", refresh_per_second=4) as status:
            yield _shown(status.update)


def _unheard(total: Delivery, origin: str) -> None:
    del total, origin


def _shown(update: Callable[[str], None]) -> Heard:
    return lambda total, origin: update(f"{_counted(total)} Last: {origin}")


def _counted(total: Delivery) -> str:
    return (
        f"{total.read:,} records read: {total.new:,} new calls, {total.merged:,} merged, {total.duplicate:,} known "
        f"already, {total.rejected:,} rejected."
    )


def _tell_total(following: Following, total: Delivery) -> None:
    tell(following.told, {"read": total.read, **msgspec.structs.asdict(total)}, _counted(total))
