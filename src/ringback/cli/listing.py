"""Showing calls: `list`, `export`, `legs`."""

import csv
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from ringback import calls
from ringback.cli.telling import Common, Number, local_time, opened, read_moment, run, tell, tell_table
from ringback.errors import InvalidInput, UnknownApp
from ringback.settings import StoreUrl
from ringback.storage.placing import epoch_ms
from ringback.storage.records import ListedCall, Page, Range
from ringback.telephony.agent_id import MAX_APP_ID, AgentId, find_agent_id, read_agent_id
from ringback.telephony.call import ListKind
from ringback.zones import zone_named

_KindWord = Literal["out_missed", "out_answered", "in_missed", "in_answered", "ring_back"]


def list_calls(
    agent_id: str,
    *,
    from_: Annotated[
        str | None, Parameter(help="The earliest start: 2019-10-04, with a time, or milliseconds.")
    ] = None,
    to: Annotated[str | None, Parameter(help="The latest start, inclusive: a time, or a day to its end.")] = None,
    page: Annotated[int, Parameter(help="Which page, newest calls first.")] = 1,
    limit: Annotated[int, Parameter(help="Rows on a page.")] = 10,
    kind: Annotated[
        _KindWord, Parameter(help="Which of the agent's lists; ring_back: numbers not reached since.")
    ] = "out_missed",
    timezone: Annotated[
        str | None, Parameter(help="IANA time zone to read and show times in; else this machine's.")
    ] = None,
    common: Common | None = None,
) -> None:
    """List an agent's calls: by default those nobody picked up, newest first."""
    common = common or Common()
    agent = read_agent_id(agent_id)
    zone = zone_named(timezone)
    if page < 1 or limit < 1:
        raise InvalidInput("--page and --limit should be 1 or more")
    first, last = read_moment(from_, zone, "--from"), read_moment(to, zone, "--to", is_end=True)
    if first and last and first > last:
        raise InvalidInput(f"--from {from_} is later than --to {to}: no call can be between them")
    bounds = {"from_ms": epoch_ms(first) if first else None, "to_ms": epoch_ms(last) if last else None}
    wanted = Range(page=page, limit=limit, **{name: bound for name, bound in bounds.items() if bound is not None})

    async def work() -> Page:
        async with opened(common) as store:
            return await calls.page_for_agent(store, agent, ListKind[kind.upper()], wanted)

    found = run(work())
    if common.json:
        rows = [_facts(agent, ListKind[kind.upper()], call) for call in found.calls]
        tell(common, {"agent": agent_id, "count": found.count, "page": page, "calls": rows}, "")
        return
    tell_table(
        ("When", "Number", "Name", "How it ended", "Call"),
        (
            (
                local_time(call.started_ms, zone),
                call.number,
                call.name,
                _ended(call),
                call.call_id.hex(),
            )
            for call in found.calls
        ),
        "No calls here." if not found.count else "No calls on this page.",
    )
    pages = max(1, -(-found.count // limit))
    what = "calls" if ListKind[kind.upper()] is not ListKind.RING_BACK else "numbers to ring back"
    tell(common, None, f"Page {page:,} of {pages:,}; {found.count:,} {what} in all.")


def _ended(call: ListedCall) -> str:
    words = call.disposition.replace("_", " ")
    if call.tries is not None:
        words = f"{call.tries} {'try' if call.tries == 1 else 'tries'}, last: {words}"
    if call.billable_seconds:
        return f"{words}, {call.billable_seconds} s"
    return words if call.ringing_seconds is None else f"{words}, rang {call.ringing_seconds} s"


def _facts(agent: AgentId, kind: ListKind, call: ListedCall) -> dict[str, Any]:
    return {
        "id": call.call_id.hex(),
        "agent": str(agent) if agent.extension else None,
        "list": kind.word,
        "started_at": calls.time_of(call.started_ms),
        "number": call.number,
        "name": call.name,
        "disposition": call.disposition,
        "ringing_seconds": call.ringing_seconds,
        "billable_seconds": call.billable_seconds,
        "rate": call.rate,
        **({} if call.tries is None else {"tries": call.tries}),
    }


def export_calls(
    whose: Annotated[str, Parameter(help="An agent, 103_1111113, or an app, 1111113.")],
    *,
    format_: Annotated[Literal["csv", "jsonl"], Parameter(name="--format", help="Form of the output.")],
    store: StoreUrl = "",
) -> None:
    """Write all calls of an agent or an app to standard output, newest first in each list."""
    agent = find_agent_id(whose)
    if agent is None and not whose.isdecimal():
        raise InvalidInput(f"export an agent, such as 103_1111113, or an app, such as 1111113, not {whose[:60]!r}")
    app_id, extension = (agent.app_id, agent.extension) if agent else (int(whose), None)

    async def work() -> None:
        async with opened(Common(store=store)) as opened_store:
            if app_id > MAX_APP_ID or await opened_store.app(app_id) is None:
                raise UnknownApp(f"There is no app {app_id}")
            if agent:
                await calls.check_agent(opened_store, agent)
            write = _csv_writer() if format_ == "csv" else _jsonl_writer()
            async for owner, kind, call in calls.export(opened_store, app_id, extension):
                write(_facts(owner, kind, call))

    run(work())
    sys.stdout.flush()


def _csv_writer() -> Callable[[dict[str, Any]], None]:
    names = ("id", "agent", "list", "started_at", "number", "name", "disposition")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    headings = (*names, "ringing_seconds", "billable_seconds", "rate")
    writer.writerow(headings)

    def write(facts: dict[str, Any]) -> None:
        started_at = facts["started_at"].isoformat(timespec="milliseconds")
        writer.writerow([{**facts, "started_at": started_at}[heading] for heading in headings])

    return write


def _jsonl_writer() -> Callable[[dict[str, Any]], None]:
    def write(facts: dict[str, Any]) -> None:
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")

    return write


def show_legs(
    call_id: str,
    *,
    app: Annotated[Number | None, Parameter(help="The app whose call it is; needed when there are several.")] = None,
    common: Common | None = None,
) -> None:
    """Show the legs of a call as they were reported."""
    common = common or Common()

    async def work() -> list[dict[str, Any]]:
        async with opened(common) as store:
            app_id = app
            if app_id is None:
                apps = await store.apps()
                if len(apps) != 1:
                    raise InvalidInput("name the app: --app 1111113")
                app_id = apps[0].app_id
            return [msgspec.to_builtins(leg) for leg in await calls.legs_of(store, app_id, call_id)]

    legs = run(work())
    if common.json:
        tell(common, {"id": call_id, "legs": legs}, "")
        return
    for number, leg in enumerate(legs, 1):
        tell_table((f"Leg {number}", ""), leg.items(), "")
