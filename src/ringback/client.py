"""The SDK: a client of the agent API, Ringback's or TeleCMI's own. Talks HTTP only; imports nothing of the server."""

from collections.abc import AsyncIterator
from typing import Any, Self, cast

import httpx

_TIMEOUT_SECONDS = 30.0
_BAD_GATEWAY = 502


class ApiError(Exception):
    """The API refused; `code` is its own code, 404 for a login or token that is no good (log in again).

    502 where something else than the API answered, under a success of HTTP.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code


class Client:
    """Asks as one agent. Use it as an async context manager; log in first, or give it a token.

    Times are epoch milliseconds and both bounds are inclusive. Every method raises `ApiError` when the API refuses and
    `httpx.HTTPError` when it cannot be reached.
    """

    def __init__(self, base_url: str, token: str = "", *, http: httpx.AsyncClient | None = None) -> None:
        self._http = http or httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)
        self._base_url = base_url.rstrip("/")
        self.token = token

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def log_in(self, agent_id: str, password: str) -> str:
        """Log in and keep the token for what follows; return it."""
        answer = await self._post("agentLogin", {"id": agent_id, "password": password})
        self.token = str(answer["token"])
        return self.token

    async def out_missed(self, from_ms: int, to_ms: int, page: int = 1, limit: int = 10) -> dict[str, Any]:
        """Return one page of outgoing calls that nobody picked up: `count`, and `cdr` with the newest call first."""
        return await self._post("agentOutMissed", self._page_of(from_ms, to_ms, page, limit))

    async def all_out_missed(self, from_ms: int, to_ms: int, limit: int = 100) -> AsyncIterator[dict[str, Any]]:
        """Yield every call of the range, newest first. Give an end in the past, so that new calls move no page."""
        page = 1
        while True:
            answer = await self.out_missed(from_ms, to_ms, page, limit)
            for call in answer["cdr"]:
                yield call
            if page * limit >= answer["count"]:
                return
            page += 1

    async def ring_back(self, from_ms: int, to_ms: int, page: int = 1, limit: int = 10) -> dict[str, Any]:
        """Return one page of the numbers still to ring back, each with its last try and its `tries`; Ringback's only.

        The last tried comes first; the range is that of the last tries.
        """
        return await self._post("agentRingBack", self._page_of(from_ms, to_ms, page, limit))

    def _page_of(self, from_ms: int, to_ms: int, page: int, limit: int) -> dict[str, Any]:
        return {"token": self.token, "from": from_ms, "to": to_ms, "page": page, "limit": limit}

    async def _post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.post(f"{self._base_url}/v1/{name}", json=body)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        code = answer.get("code") if isinstance(answer, dict) else None
        if not isinstance(code, int):  # no answer of this API: a proxy's page, or another server's
            raise ApiError(_BAD_GATEWAY if response.is_success else response.status_code, response.reason_phrase)
        if code != 200:  # the live platform says so in the body only, under HTTP 200
            raise ApiError(code, str(answer.get("message") or answer.get("msg") or response.reason_phrase))
        return cast("dict[str, Any]", answer)
