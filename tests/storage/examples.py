"""Apps, agents and tokens to test with, and whole lists read back. No assertions here."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.loop import run

from ringback.storage.base import Store
from ringback.storage.records import Agent, App, ListedCall, Range, ShownPage
from ringback.telephony.call import ListKey, ListKind

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
BEGUN_MS = int(datetime(2026, 1, 5, 9, 0, tzinfo=UTC).timestamp() * 1000)

AN_APP = App(app_id=1111113, secret_digest=b"secret", region=None, created_at=NOW)
ANOTHER_APP = App(app_id=2222226, secret_digest=b"other", region=None, created_at=NOW)
AN_AGENT = Agent(
    app_id=AN_APP.app_id, extension="101", name="Ann", password_hash="hash", is_disabled=False, created_at=NOW
)
OUT_MISSED = ListKey("101", ListKind.OUT_MISSED)
OUT_ANSWERED = ListKey("101", ListKind.OUT_ANSWERED)
TO_RING_BACK = ListKey("101", ListKind.RING_BACK)
RING_BACK = ("call_by_number", "ring_back_mark", "ring_back", "ring_back_count")  # tables that older stores lack


def an_agent(**facts: Any) -> Agent:
    """Return the agent 101 of the app, but for `facts`."""
    return msgspec.structs.replace(AN_AGENT, **facts)


def add_token(store: Store, agent: Agent, digest: bytes, *, days: int = 30) -> bool:
    """Give the agent a token that lives for so many days from `NOW`; return whether it was kept."""
    expires_at = NOW + timedelta(days=days)
    return run(store.add_token(agent.app_id, agent.extension, digest, NOW, expires_at, agent.password_hash))


def texts(page: ShownPage) -> list[dict[str, Any]]:
    """Return what each call's text on a page says, by the names that the rows of a list have."""
    names = ("call_id", "number", "started_ms", "billable_seconds", "rate", "name", "tries")
    said = [re.split("[\x01-\x06\x08]", text) for text in page.shown.decode().split("\x07")]
    assert said.pop() == [""]  # each text ends with its mark
    assert all(first == "" for first, *_ in said)
    return [dict(zip(names[: len(values)], map(json.loads, values), strict=True)) for _, *values in said]


def as_texts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return what the texts of rows should say."""
    return [
        {
            "call_id": row.call_id.hex(),
            "number": int(row.number) if re.fullmatch("0|[1-9][0-9]{0,14}", row.number) else row.number,
            "started_ms": row.started_ms,
            "billable_seconds": row.billable_seconds,
            "rate": row.rate,
            "name": row.name,
        }
        | ({} if row.tries is None else {"tries": row.tries})
        for row in rows
    ]


def whole_list(store: Store, key: ListKey, *, app_id: int = AN_APP.app_id) -> list[ListedCall]:
    """Return all calls of a list, newest first."""
    return run(_walked(store, app_id, key, Range()))


def walked(store: Store, key: ListKey, wanted: Range, *, app_id: int = AN_APP.app_id) -> list[ListedCall]:
    """Return all calls of a range of a list, newest first, as `walk` tells them."""
    return run(_walked(store, app_id, key, wanted))


def whole_lists(store: Store, *, app_id: int = AN_APP.app_id) -> dict[ListKey, list[ListedCall]]:
    """Return every list of an app that is not empty, each newest first."""
    lists = {key: whole_list(store, key, app_id=app_id) for key in run(store.lists(app_id))}
    return {key: calls for key, calls in lists.items() if calls}


async def _walked(store: Store, app_id: int, key: ListKey, wanted: Range) -> list[ListedCall]:
    return [call async for call in store.walk(app_id, key, wanted)]
