"""`audit list`: what was done to the store, by whom."""

from typing import Annotated

from cyclopts import App, Parameter

from ringback import auditing
from ringback.cli.telling import Common, Number, ZoneName, local_time, opened, read_moment, run, tell, tell_table
from ringback.storage.auditing import AuditLine
from ringback.storage.placing import epoch_ms
from ringback.zones import zone_named

audit_commands = App(name="audit", help="What was done to the store, by whom; lines are only ever added.")


@audit_commands.command(name="list")
def audit_list(
    *,
    app: Annotated[Number | None, Parameter(help="Only this app's; 0 is the store as a whole.")] = None,
    from_: Annotated[str | None, Parameter(name="--from", help="Only what was done from this time on.")] = None,
    timezone: ZoneName = None,
    common: Common | None = None,
) -> None:
    """List what was done, oldest first."""
    common = common or Common()
    zone = zone_named(timezone)
    moment = read_moment(from_, zone, "--from")

    async def work() -> list[AuditLine]:
        async with opened(common) as store:
            return await auditing.lines_of(store, app, epoch_ms(moment) if moment else None)

    lines = run(work())
    if common.json:
        tell(common, {"lines": [_facts(line) for line in lines]}, "")
        return
    rows = (
        (
            local_time(epoch_ms(line.done_at), zone),
            line.app_id or "",
            line.act,
            line.subject,
            ", ".join(f"{name} {value}" for name, value in line.facts.items() if value is not None),
            line.actor,
        )
        for line in lines
    )
    tell_table(("When", "App", "Act", "Of", "", "By"), rows, "Nothing was done yet.")


def _facts(line: AuditLine) -> dict[str, object]:
    return {
        "done_at": line.done_at,
        "app": line.app_id or None,
        "act": line.act,
        "subject": line.subject,
        "facts": line.facts,
        "actor": line.actor,
    }
