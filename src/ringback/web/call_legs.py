"""POST /v1/callLegs: the legs of one call as they were reported. Ours, not TeleCMI's, in the manner of its API."""

from typing import Annotated

import msgspec
from starlette.types import ASGIApp

from ringback import agents, calls
from ringback.settings import Settings
from ringback.storage.base import Store
from ringback.telephony.leg import CallLeg
from ringback.web.answers import Answer, json_answer
from ringback.web.endpoint import Endpoint
from ringback.web.openapi import Operation
from ringback.web.parameters import read_parameters
from ringback.web.problems import Problem


class CallLegsRequest(msgspec.Struct, kw_only=True):
    """Which call of the agent's own."""

    token: Annotated[str, msgspec.Meta(description="the token that agentLogin gave, a text", min_length=1)]
    id: Annotated[
        str, msgspec.Meta(description="the call's id, 24 hexadecimal characters", pattern="^[0-9a-fA-F]{24}$")
    ]


class CallLegsAnswer(msgspec.Struct, frozen=True):
    """All legs that make the call."""

    count: Annotated[int, msgspec.Meta(description="How many legs the call has")]
    legs: Annotated[list[CallLeg], msgspec.Meta(description="The legs in order of start; times in ISO 8601, UTC")]
    code: Annotated[int, msgspec.Meta(description="200")]


class CallLegs:
    """Answers which legs a call was merged from."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def endpoints(self) -> dict[str, ASGIApp]:
        """The one endpoint by its path; it takes POST."""
        return {"/v1/callLegs": Endpoint("/v1/callLegs", self.call_legs, self._settings)}

    async def call_legs(self, body: bytes) -> Answer:
        """POST /v1/callLegs: the legs of one of the agent's calls."""
        asked = read_parameters(body, CallLegsRequest)
        token = agents.read_token(asked.token)
        legs = await calls.legs_for_token(self._store, token.app_id, token.digest, asked.id)
        return json_answer(CallLegsAnswer(len(legs), legs, 200))


OPERATIONS = (
    Operation(
        "post",
        "/v1/callLegs",
        "Show the legs of a call",
        "The legs of one of the agent's calls as their source reported them. Not part of the TeleCMI API.",
        request=CallLegsRequest,
        answer=CallLegsAnswer,
        errors={
            400: "A parameter is missing or malformed",
            404: "No live token, or no such call of its agent",
        },
        problem=Problem,
    ),
)
