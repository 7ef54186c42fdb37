"""An agent's id, `103_1111113`: its extension and its app. Who may log in with it is agents.py's."""

import re
from typing import NamedTuple

from ringback.errors import InvalidInput

MAX_APP_ID = 2**53 - 1  # what every JSON reader keeps exactly
_AGENT_ID = re.compile(r"([A-Za-z0-9.+-]{1,32})_([1-9]\d{0,15})\Z", re.ASCII)


class AgentId(NamedTuple):
    """An agent's id in its two parts."""

    extension: str
    app_id: int

    def __str__(self) -> str:
        return f"{self.extension}_{self.app_id}"


def find_agent_id(text: str) -> AgentId | None:
    """Return the parts of `103_1111113`, or None when the text is no agent's id."""
    found = _AGENT_ID.match(text)
    if found is None or int(found.group(2)) > MAX_APP_ID:
        return None
    return AgentId(found.group(1), int(found.group(2)))


def read_agent_id(text: str) -> AgentId:
    """Return the parts of `103_1111113`; raises `InvalidInput`."""
    found = find_agent_id(text)
    if found is None:
        raise InvalidInput(f"an agent's id should be its extension and its app, such as 103_1111113, not {text[:60]!r}")
    return found
