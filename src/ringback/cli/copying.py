"""`copy`: bringing a whole store over into another, of the same or another kind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringback.cli.telling import Common, run, tell, tell_table
from ringback.copying import Copied, copy_store, count_calls, lacking
from ringback.errors import InvalidInput
from ringback.storage import open_store
from ringback.storage.auditing import THE_STORE, Act, new_line
from ringback.storage.base import Store
from ringback.storage.records import Fault
from ringback.system_log import tell_system_log


def copy(
    source: Annotated[str, Parameter(name="FROM", help="URL of the store to copy; it is only read.")],
    target: Annotated[str, Parameter(name="TO", help="URL of the store to copy into; made when it is not there.")],
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print one JSON object, for programs.", negative=())
    ] = False,
) -> int:
    """Copy a store into another, then check both; exit status 1 when there are faults.

    Broken off, it can be begun again: what is there already is not copied twice.
    """
    if source == target:
        raise InvalidInput("a store cannot be copied into itself: name two stores")
    copied, faults = run(_copied(source, target, quiet=as_json))
    if faults and not as_json:
        tell_table(("Where", "What"), ((fault.where, fault.what) for fault in faults), "")
    tell(
        Common(json=as_json),
        {"ok": not faults, **msgspec.to_builtins(copied), "faults": faults},
        f"{copied.apps:,} apps, {copied.agents:,} agents, {copied.tokens:,} tokens brought over; {copied.calls:,} "
        f"calls read: {copied.legs.new:,} new, {copied.legs.duplicate:,} legs known already; {copied.rejects:,} "
        f"rejected records. {f'{len(faults):,} faults.' if faults else 'Both stores are sound.'}",
    )
    return 1 if faults else 0


async def _copied(source_url: str, target_url: str, *, quiet: bool) -> tuple[Copied, list[Fault]]:
    source = await open_store(source_url, make=False)
    try:
        target = await open_store(target_url)
        try:
            with _progress(await count_calls(source), quiet=quiet) as said:
                copied = await copy_store(source, target, said)
            await _note(target, source_url, copied)
            return copied, [*await lacking(source, target), *await _faults(source), *await _faults(target)]
        finally:
            await target.close()
    finally:
        await source.close()


async def _note(target: Store, source_url: str, copied: Copied) -> None:
    line = new_line(Act.COPIED, THE_STORE, _without_password(source_url), calls=copied.calls)
    await target.note([line])
    tell_system_log(line)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("?")[0].partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


async def _faults(store: Store) -> list[Fault]:
    return (await store.check()).faults


@contextmanager
def _progress(calls: int, *, quiet: bool) -> Iterator[Callable[[Copied], None]]:
    """A bar on standard error for people; nothing where no terminal watches."""
    console = Console(stderr=True)
    columns = (TextColumn("copying"), BarColumn(), MofNCompleteColumn(), TextColumn("calls"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=calls)
        yield lambda copied: bar.update(task, completed=copied.calls)
