"""Looking after the store: `check`, `migrate`, `purge`."""

from typing import Annotated

from cyclopts import App, Parameter

from ringback import calls
from ringback.cli.telling import Common, ZoneName, opened, read_moment, run, tell, tell_table
from ringback.storage import open_store
from ringback.storage.base import CheckReport
from ringback.storage.placing import epoch_ms


def register(app: App) -> None:
    """Add these commands."""
    app.command(purge)
    app.command(check)
    app.command(migrate)


def purge(
    *,
    before: Annotated[str, Parameter(help="Drop calls that started before: 2019-10-04, with a time, or milliseconds.")],
    timezone: ZoneName = None,
    common: Common | None = None,
) -> None:
    """Drop old calls and their legs for good."""
    common = common or Common()
    moment = read_moment(before, calls.zone_named(timezone), "--before")

    async def work() -> int:
        async with opened(common) as store:
            return await store.purge(epoch_ms(moment)) if moment else 0

    purged = run(work())
    tell(common, {"purged": purged}, f"{purged:,} calls dropped.")


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
        await store.close()

    run(work())
    sharded = ", sharded by app" if distribute else ""
    tell(common, {"migrated": True, "distributed": distribute}, f"The store is of this Ringback's schema{sharded}.")
