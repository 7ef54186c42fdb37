"""Records that could not be understood: `rejects list`, `show`, `retry`."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console

from ringback import calls
from ringback.cli.telling import Common, Number, ZoneName, opened, run, tell, tell_table, visible
from ringback.errors import UnknownReject
from ringback.storage.records import Intake, Reject

rejects_commands = App(name="rejects", help="Records that could not be understood, kept with their reasons.")


@rejects_commands.command(name="list")
def rejects_list(
    *, app: Annotated[Number | None, Parameter(help="Only this app's.")] = None, common: Common | None = None
) -> None:
    """List the rejected records, oldest first."""
    common = common or Common()

    async def work() -> list[Reject]:
        async with opened(common) as store:
            return await store.rejects(app)

    rejects = run(work())
    if common.json:
        tell(common, {"rejects": [_reject_facts(reject) for reject in rejects]}, "")
        return
    tell_table(
        ("No", "App", "Source", "Where", "Reason"),
        ((reject.reject_id, reject.app_id, reject.source, reject.origin, reject.reason) for reject in rejects),
        "No rejected records.",
    )


@rejects_commands.command(name="show")
def rejects_show(number: Number, *, common: Common | None = None) -> None:
    """Show one rejected record with its raw text."""
    common = common or Common()

    async def work() -> Reject | None:
        async with opened(common) as store:
            return await store.reject(number)

    reject = run(work())
    if reject is None:
        raise UnknownReject(f"There is no rejected record {number}")
    facts = _reject_facts(reject) | {"raw": reject.raw.decode("utf-8", "replace")}
    if common.json:
        tell(common, facts, "")
    else:
        tell_table(("Rejected", ""), facts.items(), "")


@rejects_commands.command(name="retry")
def rejects_retry(
    *numbers: Annotated[Number, Parameter(help="Which ones; all when none is named.")],
    app: Annotated[Number | None, Parameter(help="Only this app's.")] = None,
    timezone: ZoneName = None,
    common: Common | None = None,
) -> int:
    """Read rejected records again, after an upgrade or with the time zone they lacked; what is understood goes in."""
    common = common or Common()
    total, failed = Intake(), 0

    async def work() -> int:
        still = 0
        async with opened(common) as store:
            for number in numbers or [reject.reject_id for reject in await store.rejects(app)]:
                intake, reason = await calls.retry_reject(store, number, timezone)
                if intake:
                    total.add(intake)
                else:
                    still += 1
                    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(
                        visible(f"still rejected: {number}: {reason}")
                    )
        return still

    failed = run(work())
    facts = {"new": total.new, "merged": total.merged, "duplicate": total.duplicate, "rejected": failed}
    said = f"{total.new} new calls, {total.merged} merged, {total.duplicate} known already, {failed} still rejected."
    tell(common, facts, said)
    return 1 if failed else 0


def _reject_facts(reject: Reject) -> dict[str, Any]:
    return {
        "number": reject.reject_id,
        "app": reject.app_id,
        "source": reject.source,
        "origin": reject.origin,
        "reason": reject.reason,
        "received_at": reject.received_at,
        "timezone": reject.timezone,
    }
