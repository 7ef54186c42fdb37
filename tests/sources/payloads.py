"""The captured and made payloads under cases/, and how tests read them. What they should come to stands beside them."""

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from ringback.sources import SOURCES, Context, Reading, read
from ringback.telephony.call import Call, call_ref, merge
from ringback.telephony.leg import CallLeg, encode_leg

CASES = Path(__file__).parent / "cases"
APP_ID = 1111113
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)
ALMATY = ZoneInfo("Asia/Almaty")  # where the switches of the cases stand, unless a .context.json says otherwise
CONTEXT = Context(app_id=APP_ID, received_at=RECEIVED_AT, timezone=ALMATY)


def payloads(source: str | None = None) -> list[Path]:
    """Return the payload files of all sources, or of one."""
    files = (path for path in CASES.glob("*/*") if not path.name.endswith((".legs.json", ".context.json")))
    return sorted(path for path in files if source in (None, path.parent.name))


def case_id(path: Path) -> str:
    """Return how a case is named in test reports: asterisk/busy.csv."""
    return f"{path.parent.name}/{path.name}"


def expected_legs(path: Path) -> list[dict[str, object]]:
    """Return the legs that stand beside a payload."""
    legs: list[dict[str, object]] = json.loads(path.with_suffix(".legs.json").read_text())
    return legs


def context_of(path: Path) -> Context:
    """Return the context a case is read in."""
    beside = path.with_suffix(".context.json")
    zone = ZoneInfo(json.loads(beside.read_text())["timezone"]) if beside.exists() else ALMATY
    return Context(app_id=APP_ID, received_at=RECEIVED_AT, timezone=zone)


def readings(source: str, body: bytes, context: Context = CONTEXT) -> list[Reading]:
    """Read a body as a source does."""
    return list(read(SOURCES[source], BytesIO(body), context))


def legs_of(path: Path) -> list[CallLeg]:
    """Return the legs of a case; none of its records may be rejected."""
    found = readings(path.parent.name, path.read_bytes(), context_of(path))
    assert [reading.rejected for reading in found if reading.rejected] == []
    return [leg for reading in found for leg in reading.legs]


def calls_of(path: Path) -> list[Call]:
    """Return the calls that the legs of a case merge into, oldest first."""
    by_key: dict[str, list[CallLeg]] = {}
    for leg in legs_of(path):
        by_key.setdefault(leg.call_key, []).append(leg)
    calls = [merge(call_ref(APP_ID, key), legs, None) for key, legs in by_key.items()]
    return sorted(calls, key=lambda call: call.started_at)


def one_leg(source: str, body: bytes, context: Context = CONTEXT) -> CallLeg:
    """Return the one leg that a body comes to."""
    (reading,) = readings(source, body, context)
    assert reading.rejected is None, reading.rejected
    (leg,) = reading.legs
    return leg


def one_reason(source: str, body: bytes, context: Context = CONTEXT) -> str:
    """Return why the one record of a body was rejected."""
    (reading,) = readings(source, body, context)
    assert reading.rejected is not None, reading.legs
    return reading.rejected.reason


def facts(legs: list[CallLeg]) -> list[bytes]:
    """Return legs as they are stored."""
    return [encode_leg(leg) for leg in legs]
