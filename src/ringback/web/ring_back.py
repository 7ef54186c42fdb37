"""POST /v1/agentRingBack: numbers still to ring back. Ours, not TeleCMI's, in the manner of its lists."""

from typing import Annotated

import msgspec
from starlette.types import ASGIApp

from ringback import agents, calls
from ringback.settings import Settings
from ringback.storage import shown
from ringback.storage.base import Store
from ringback.telephony.call import ListKind
from ringback.web.answers import Answer
from ringback.web.endpoint import DirectEndpoint
from ringback.web.openapi import Operation
from ringback.web.parameters import read_parameters
from ringback.web.problems import Problem
from ringback.web.telecmi import OutMissedRow, PageRequest, out_missed_body, read_range

AGENT_RING_BACK = "/v1/agentRingBack"


class RingBackRow(OutMissedRow, frozen=True, gc=False):
    """A number to ring back: the agent's last try, and how many there were since it was last reached."""

    tries: Annotated[int, msgspec.Meta(description="How often the agent tried since the number was last reached", ge=1)]


class RingBackAnswer(msgspec.Struct, frozen=True, gc=False):
    """One page, and how many numbers the whole range has."""

    count: Annotated[int, msgspec.Meta(description="How many numbers the range has, exactly")]
    cdr: Annotated[list[RingBackRow], msgspec.Meta(description="The numbers of this page, the last tried first")]
    code: Annotated[int, msgspec.Meta(description="200")]


class RingBack:
    """Answers which numbers an agent has still to ring back."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def endpoints(self) -> dict[str, ASGIApp]:
        """The one endpoint by its path; it takes POST."""
        is_immediate = not self._store.works_elsewhere
        answering = DirectEndpoint(AGENT_RING_BACK, self.agent_ring_back, self._settings, is_immediate=is_immediate)
        return {AGENT_RING_BACK: answering}

    async def agent_ring_back(self, body: bytes) -> Answer:
        """POST /v1/agentRingBack: a page of the numbers whose last try lies in the range, the last tried first."""
        asked = read_parameters(body, PageRequest)
        wanted = read_range(asked, self._settings.max_limit)
        token = agents.read_token(asked.token)
        page = await calls.page_for_token(self._store, token.app_id, token.digest, ListKind.RING_BACK, wanted)
        return Answer(200, b"application/json", out_missed_body(page, token.app_id).replace(*_TRIES))


_TRIES = shown.TRIES.encode(), b',"tries":'

OPERATIONS = (
    Operation(
        "post",
        AGENT_RING_BACK,
        "Page through the numbers still to ring back",
        "One row a number that the agent tried and that nobody has reached since, the last tried first: its last try, "
        "and how many there were. A number leaves the list when any agent of the app reaches it, either way, or marks "
        "it done. `from` and `to` go by the last try. Not part of the TeleCMI API.",
        request=PageRequest,
        answer=RingBackAnswer,
        errors={400: "A parameter is missing or malformed", 404: "The token is not a live one"},
        problem=Problem,
    ),
)
