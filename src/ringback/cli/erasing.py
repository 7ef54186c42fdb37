"""`erase`: a person's right to be forgotten."""

import sys
from typing import Annotated, NamedTuple

from cyclopts import Parameter
from rich.console import Console

from ringback import erasing
from ringback.cli.telling import Common, Number, opened, run, tell
from ringback.errors import InvalidInput
from ringback.storage.base import Store
from ringback.storage.records import Dropped
from ringback.telephony.spellings import Sought


def erase(
    number: Annotated[str, Parameter(help="The person's number, in any spelling that the app's region reads.")],
    *,
    app: Annotated[Number, Parameter(help="The app whose calls are searched.")],
    yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False,
    vacuum: Annotated[
        bool,
        Parameter(
            name="--vacuum",
            negative="--no-vacuum",
            help="Write the embedded store's file anew where bytes of what was dropped are left in it.",
        ),
    ] = True,
    common: Common | None = None,
) -> int:
    """Drop every call with this number, its legs, and rejected records that hold it, for good.

    It says first how much that is, and asks. Broken off, it is begun again with the same command.
    """
    common = common or Common()

    async def work() -> tuple[erasing.Found, Dropped | None, _Left]:
        async with opened(common) as store:
            sought = await erasing.seek(store, app, number)
            found = await erasing.find(store, app, sought)
            if not yes and not _is_confirmed(found, sought, app):
                return found, None, _Left()
            dropped, spellings = await erasing.erase(store, app, sought, lambda _: None)
            return found, dropped, await _scrub(store, sought, spellings, writes_anew=vacuum)

    found, dropped, left = run(work())
    if dropped is None:
        counts = {name: getattr(found, name) for name in ("calls", "legs", "rejects", "contacts")}
        tell(common, {"erased": False, **counts}, "Left alone.")
        return 1
    facts = {
        "erased": True,
        "calls": dropped.calls,
        "legs": dropped.legs,
        "rejects": dropped.rejects,
        "contacts": dropped.contacts,
        "remnants": left.remnants,
    }
    tell(common, facts, f"Erased: {_counts(dropped)}. {_told(left)}")
    return 0


class _Left(NamedTuple):
    """At how many places of the store's file the number is left: None where that cannot be told."""

    remnants: int | None = None
    has_file: bool = False
    is_anew: bool = False


async def _scrub(store: Store, sought: Sought, spellings: set[bytes], *, writes_anew: bool) -> _Left:
    """Write the store's file anew where that is needed, and return what is left in it."""
    patterns = sorted(spellings) if sought.is_long else []
    remnants = await store.remnants(patterns)
    if remnants is None:
        return _Left()
    is_needed = writes_anew and (remnants > 0 or not patterns)
    if is_needed:
        await store.write_anew()
        remnants = await store.remnants(patterns)
    return _Left(remnants if patterns else None, has_file=True, is_anew=is_needed)


def _is_confirmed(found: erasing.Found, sought: Sought, app: int) -> bool:
    if not sys.stdin.isatty():
        raise InvalidInput("erase asks before it drops anything: answer on a terminal, or say --yes")
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    agents = ", ".join(sorted(extension for extension in found.extensions if extension)) or "no agent"
    console.print(f"The number {sought.shown} in app {app}: {_counts(found)}; calls of {agents}.")
    return console.input("Drop all of it for good? Type yes: ").strip().lower() == "yes"


def _counts(of: erasing.Found | Dropped) -> str:
    return f"{of.calls:,} calls, {of.legs:,} legs, {of.rejects:,} rejected records, {of.contacts:,} contacts"


def _told(left: _Left) -> str:
    if not left.has_file:
        return "What the database's files, logs and backups keep is told in docs/operate.md."
    if left.remnants is None:
        file = "was written anew" if left.is_anew else "may keep it in unused parts, without --vacuum"
        return f"So few digits are not looked for in the file, which {file}. Backups made before keep it."
    if left.remnants:
        return (
            f"Its digits stand at {left.remnants:,} places of the file still: in other apps' calls, in longer numbers, "
            "or, without --vacuum, in unused parts. Backups keep it too."
        )
    return "The file holds it nowhere. Backups made before keep it."
