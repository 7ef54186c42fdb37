"""The documents of the FreeSWITCH cases, and what they are with some variables changed. No assertions here."""

import json
from collections.abc import Mapping
from typing import Any

from tests.sources.payloads import (
    CASES,
)

FREESWITCH = CASES / "freeswitch"


def document(case: str, place: int = 0) -> dict[str, Any]:
    """Return a document of a case whose variables are not url-encoded, or do not matter."""
    found: dict[str, Any] = json.loads((FREESWITCH / case).read_text().splitlines()[place])
    return found


def changed(case: str, variables: Mapping[str, object], place: int = 0) -> bytes:
    """Return a document with some variables changed; None leaves one out."""
    told = document(case, place)
    all_of_them = {**told["variables"], **variables}
    told["variables"] = {name: value for name, value in all_of_them.items() if value is not None}
    return json.dumps(told).encode()
