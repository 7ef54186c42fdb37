"""The TeleCMI dialect: its routes, field names and error envelope. All that is the vendor's stands in this one file."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from starlette.types import ASGIApp

from ringback import agents, calls
from ringback.errors import InvalidInput
from ringback.logins import Logins
from ringback.settings import Settings
from ringback.storage import shown
from ringback.storage.base import Store
from ringback.storage.records import Range, ShownPage
from ringback.telephony.call import ListKind
from ringback.web.answers import Answer, json_answer
from ringback.web.endpoint import Answering, DirectEndpoint, Endpoint
from ringback.web.openapi import Operation
from ringback.web.parameters import read_parameters
from ringback.web.problems import Problem

OUT_MISSED = "/v1/agentOutMissed"

_MOST = 2**53 - 1
_SECONDS = range(10**8, 10**11)  # read as milliseconds these are the years 1970 to 1973: somebody sent seconds


# --- requests and answers, as they stand on the wire ---------------------------------------------------------------


class LoginRequest(msgspec.Struct, kw_only=True):
    """Who logs in."""

    id: Annotated[
        str, msgspec.Meta(description="the agent's id, a text such as 103_1111113", min_length=1, max_length=64)
    ]
    password: Annotated[
        str, msgspec.Meta(description="the agent's password, a text", min_length=1, max_length=agents.MAX_PASSWORD)
    ]


class LoggedInAgent(msgspec.Struct):
    """The agent a token was given to."""

    id: Annotated[str, msgspec.Meta(description="The agent's id", examples=["103_1111113"])]
    inet_no: Annotated[int, msgspec.Meta(description="The number of the agent's app", examples=[1111113])]
    name: Annotated[str, msgspec.Meta(description="The agent's name")]


class LoginAnswer(msgspec.Struct):
    """A token for all other requests of this agent."""

    code: Annotated[int, msgspec.Meta(description="200")]
    msg: str
    token: Annotated[str, msgspec.Meta(description="The token: opaque; it dies after 30 days unless set otherwise")]
    agent: LoggedInAgent


class PageRequest(msgspec.Struct, kw_only=True):
    """Which page of which time range of the agent's own calls."""

    token: Annotated[str, msgspec.Meta(description="the token that agentLogin gave, a text", min_length=1)]
    from_: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=_MOST,
            description="epoch milliseconds, the earliest start, inclusive: a whole number from 0 to 9007199254740991",
            examples=[1569911400000],
        ),
    ] = msgspec.field(name="from")
    to: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=_MOST,
            description="epoch milliseconds, the latest start, inclusive: a whole number from 0 to 9007199254740991",
            examples=[1570167249853],
        ),
    ]
    page: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=_MOST,
            description="the number of the page, newest calls first: a whole number from 1 to 9007199254740991",
        ),
    ]
    limit: Annotated[
        int,
        msgspec.Meta(ge=1, le=_MOST, description="the rows on a page: a whole number from 1 to the server's max_limit"),
    ] = 10


class OutMissedRow(msgspec.Struct, frozen=True, gc=False):
    """An outgoing call that nobody picked up."""

    id_: Annotated[
        str, msgspec.Meta(description="The call's id, 24 hexadecimal characters", pattern="^[0-9a-f]{24}$")
    ] = msgspec.field(name="_id")
    to: Annotated[
        int | str,
        msgspec.Meta(description="The dialled number as E.164 digits; a text where it is none, as a SIP user name"),
    ]
    time: Annotated[int, msgspec.Meta(description="When the call started, epoch milliseconds")]
    from_: Annotated[str, msgspec.Meta(description="The agent's id")] = msgspec.field(name="from")
    billedsec: Annotated[int, msgspec.Meta(description="The billed duration in seconds")]
    rate: Annotated[str, msgspec.Meta(description="The call's cost, with four places", examples=["0.0000"])]
    name: Annotated[str, msgspec.Meta(description='The contact\'s name, "unknown" where there is none')]


class OutMissedAnswer(msgspec.Struct, frozen=True, gc=False):
    """One page, and how many calls the whole range has."""

    count: Annotated[int, msgspec.Meta(description="How many calls the range has, exactly")]
    cdr: Annotated[list[OutMissedRow], msgspec.Meta(description="The calls of this page, newest first")]
    code: Annotated[int, msgspec.Meta(description="200")]


# --- what each route does ------------------------------------------------------------------------------------------


class TelecmiDialect:
    """Answers the agent API's requests from the store."""

    def __init__(self, store: Store, logins: Logins, settings: Settings) -> None:
        self._store, self._logins, self._settings = store, logins, settings

    def endpoints(self) -> dict[str, ASGIApp]:
        """The dialect's endpoints by path, the busiest first; each takes POST."""
        return {
            OUT_MISSED: self._direct(OUT_MISSED, self.agent_out_missed),
            "/v1/agentLogin": Endpoint("/v1/agentLogin", self.agent_login, self._settings, with_client=True),
        }

    def _direct(self, path: str, answer: Callable[[bytes], Answering]) -> DirectEndpoint:
        return DirectEndpoint(path, answer, self._settings, is_immediate=not self._store.works_elsewhere)

    async def agent_login(self, body: bytes, client: str) -> Answer:
        """POST /v1/agentLogin: a token for an agent's id and password; `client` is the address that asks."""
        asked = read_parameters(body, LoginRequest)
        login = await self._logins.log_in(asked.id, asked.password, client)
        agent = LoggedInAgent(str(login.agent_id), login.agent_id.app_id, login.agent_name)
        # The vendor's own spelling: clients were seen to compare it.
        return json_answer(LoginAnswer(200, "Agent loged in successfully", login.token, agent))

    async def agent_out_missed(self, body: bytes) -> Answer:
        """POST /v1/agentOutMissed: a page of the agent's outgoing calls that nobody picked up, newest first."""
        asked = read_parameters(body, PageRequest)
        wanted = read_range(asked, self._settings.max_limit)
        token = agents.read_token(asked.token)
        page = await calls.page_for_token(self._store, token.app_id, token.digest, ListKind.OUT_MISSED, wanted)
        return Answer(200, b"application/json", out_missed_body(page, token.app_id))


def read_range(asked: PageRequest, max_limit: int) -> Range:
    """Return the range and page asked for; raises `InvalidInput` where the values contradict each other."""
    for name, value in (("from", asked.from_), ("to", asked.to)):
        if value in _SECONDS:
            raise InvalidInput(f"{name} is {value}, which looks like seconds; in milliseconds it is {value * 1000}")
    if asked.from_ > asked.to:
        raise InvalidInput(f"from ({asked.from_}) should not be after to ({asked.to})")
    if asked.limit > max_limit:
        raise InvalidInput(f"limit should be a whole number from 1 to {max_limit}, not {asked.limit}")
    return Range(from_ms=asked.from_, to_ms=asked.to, page=asked.page, limit=asked.limit)


def out_missed_body(page: ShownPage, app_id: int) -> bytes:
    """Return a page as the wire has it, an `OutMissedAnswer`: field names put where its calls' texts have marks.

    Texts and agent ids are JSON already: nothing is escaped here.
    """
    whose = b',"from":%b,"billedsec":' % _encode(f"{page.extension}_{app_id}")
    rows = page.shown.replace(*_NOBODY).replace(*_CALL_ID).replace(*_NUMBER).replace(*_STARTED)
    rows = rows.replace(_BILLABLE, whose).replace(*_RATE).replace(*_NAME).replace(*_END)
    return b'{"count":%d,"cdr":[%b],"code":200}' % (page.count, rows[:-1])


_encode = msgspec.json.Encoder().encode
_NOBODY = f"{shown.NAME}{shown.NOBODY}".encode(), f'{shown.NAME}"unknown"'.encode()
_CALL_ID = shown.CALL_ID.encode(), b'{"_id":'
_NUMBER = shown.NUMBER.encode(), b',"to":'
_STARTED = shown.STARTED.encode(), b',"time":'
_BILLABLE = shown.BILLABLE.encode()
_RATE = shown.RATE.encode(), b',"rate":'
_NAME = shown.NAME.encode(), b',"name":'
_END = shown.END.encode(), b"},"


OPERATIONS = (
    Operation(
        "post",
        "/v1/agentLogin",
        "Log an agent in",
        "Gives a token for an agent's id and password. An agent may hold several at a time.",
        request=LoginRequest,
        answer=LoginAnswer,
        errors={
            400: "A parameter is missing or malformed",
            404: "No such agent, or another password",
            429: "Too many wrong log-ins; try again after Retry-After seconds",
        },
        problem=Problem,
    ),
    Operation(
        "post",
        OUT_MISSED,
        "List an agent's outgoing missed calls",
        "Outgoing calls that nobody picked up, newest first, with the exact total of the range. A page past the end is "
        "empty. Numbers may be sent as digits in text, bodies as JSON or as a form.",
        request=PageRequest,
        answer=OutMissedAnswer,
        errors={400: "A parameter is missing or malformed", 404: "The token is not a live one"},
        problem=Problem,
    ),
)
