"""Looking after the store: `check`, `migrate`, `purge`, `backup`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ringback.backing_up import back_up
from ringback.cli.telling import Common, ZoneName, opened, read_moment, run, tell, tell_table
from ringback.storage import open_store
from ringback.storage.placing import epoch_ms
from ringback.storage.records import CheckReport
from ringback.zones import zone_named


def purge(
    *,
    before: Annotated[str, Parameter(help="Drop calls that started before: 2019-10-04, with a time, or milliseconds.")],
    timezone: ZoneName = None,
    common: Common | None = None,
) -> None:
    """Drop old calls and their legs for good; a running server goes on meanwhile."""
    common = common or Common()
    moment = read_before(before, timezone)

    async def work() -> int:
        async with opened(common) as store:
            with _counting("calls dropped", common) as said:
                return await store.purge(moment, said=said)

    purged = run(work())
    tell(common, {"purged": purged}, f"{purged:,} calls dropped.")


def read_before(before: str, timezone: str | None) -> int:
    """Return the moment that --before names, in epoch milliseconds; raises `InvalidInput`."""
    moment = read_moment(before, zone_named(timezone), "--before")
    return epoch_ms(moment) if moment else 0


def check(*, common: Common | None = None) -> int:
    """Prove the store's invariants; exit status 1 when there are faults."""
    common = common or Common()

    async def work() -> CheckReport:
        async with opened(common) as store:
            return await store.check()

    report = run(work())
    if common.json:
        facts = {"ok": report.ok, "lists": report.lists, "calls": report.calls, "faults": report.faults}
        tell(common, facts, "")
    elif report.ok:
        tell(common, None, f"Sound: {report.lists:,} lists, {report.calls:,} calls.")
    else:
        tell_table(("Where", "What"), ((fault.where, fault.what) for fault in report.faults), "")
        tell(common, None, f"{len(report.faults):,} faults in {report.lists:,} lists, {report.calls:,} calls.")
    return 0 if report.ok else 1


def migrate(
    *,
    distribute: Annotated[bool, Parameter(help="Shard a PostgreSQL store by app with Citus.", negative=())] = False,
    common: Common | None = None,
) -> None:
    """Bring a store made by an older Ringback to this one's schema; harmless on one that is."""
    common = common or Common()

    async def work() -> None:
        store = await open_store(common.url, migrate=True, distribute=distribute)
        await store.refresh_statistics()
        await store.close()

    run(work())
    sharded = ", sharded by app" if distribute else ""
    tell(common, {"migrated": True, "distributed": distribute}, f"The store is of this Ringback's schema{sharded}.")


def backup(
    file: Annotated[Path, Parameter(help="The file to write: a store of its own, readable by you only.")],
    *,
    overwrite: Annotated[bool, Parameter(help="Replace the file if it is there.", negative=())] = False,
    common: Common | None = None,
) -> None:
    """Write the whole store, as it is at one moment, into one file, while servers go on."""
    common = common or Common()
    file = file.absolute()

    async def work() -> int:
        async with opened(common) as store:
            with _bar("backing up", common) as told:
                return await back_up(store, file, told, overwrites=overwrite)

    size = run(work())
    tell(common, {"file": str(file), "bytes": size}, f"{file}: {decimal(size)}; `ringback check` proves it.")


@contextmanager
def _counting(what: str, common: Common) -> Iterator[Callable[[int], None]]:
    """A count on standard error for people; nothing where no terminal watches."""
    with _progress(common, TextColumn("{task.completed:,}"), TextColumn(what)) as bar:
        task = bar.add_task("", total=None)
        yield lambda count: bar.update(task, completed=count)


@contextmanager
def _bar(what: str, common: Common) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with _progress(common, *columns) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def _progress(common: Common, *columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=common.json or not console.is_terminal, transient=True)
