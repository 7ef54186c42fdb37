"""`erase`: a person's right to be forgotten."""

import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from ringback import erasing
from ringback.cli.telling import Common, Number, opened, run, tell
from ringback.errors import InvalidInput
from ringback.storage.base import Store
from ringback.storage.records import Dropped
from ringback.telephony.spellings import Sought


def register(app: App) -> None:
    """Add this command."""
    app.command(erase)


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

    async def work() -> tuple[erasing.Found, Dropped | None, int | None]:
        async with opened(common) as store:
            sought = await erasing.seek(store, app, number)
            found = await erasing.find(store, app, sought)
            if not yes and not _is_confirmed(found, sought, app):
                return found, None, None
            dropped, spellings = await erasing.erase(store, app, sought, lambda _: None)
            return found, dropped, await _scrub(store, sought, spellings, writes_anew=vacuum)

    found, dropped, remnants = run(work())
    if dropped is None:
        tell(
            common, {"erased": False, "calls": found.calls, "legs": found.legs, "rejects": found.rejects}, "Left alone."
        )
        return 1
    facts = {
        "erased": True,
        "calls": dropped.calls,
        "legs": dropped.legs,
        "rejects": dropped.rejects,
        "remnants": remnants,
    }
    tell(common, facts, f"Erased: {_counts(dropped.calls, dropped.legs, dropped.rejects)}. {_told(remnants)}")
    return 0


async def _scrub(store: Store, sought: Sought, spellings: set[bytes], *, writes_anew: bool) -> int | None:
    """Return at how many places of the store's file the number is left; None where that cannot be told."""
    patterns = sorted(spellings) if sought.is_long else []
    remnants = await store.remnants(patterns)
    if remnants is None or not writes_anew or (patterns and not remnants):
        return remnants if patterns else None
    await store.write_anew()
    return await store.remnants(patterns) if patterns else None


def _is_confirmed(found: erasing.Found, sought: Sought, app: int) -> bool:
    if not sys.stdin.isatty():
        raise InvalidInput("erase asks before it drops anything: answer on a terminal, or say --yes")
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    agents = ", ".join(sorted(extension for extension in found.extensions if extension)) or "no agent"
    console.print(
        f"The number {sought.shown} in app {app}: {_counts(found.calls, found.legs, found.rejects)}; calls of {agents}."
    )
    return console.input("Drop all of it for good? Type yes: ").strip().lower() == "yes"


def _counts(calls: int, legs: int, rejects: int) -> str:
    return f"{calls:,} calls, {legs:,} legs, {rejects:,} rejected records"


def _told(remnants: int | None) -> str:
    if remnants is None:
        return "What the database's files, logs and backups keep is told in docs/operate.md."
    if remnants:
        return (
            f"Its digits stand at {remnants:,} places of the file still: in other apps' calls, in longer numbers, or, "
            "without --vacuum, in unused parts. Backups keep it too."
        )
    return "The file holds it nowhere. Backups made before keep it."
