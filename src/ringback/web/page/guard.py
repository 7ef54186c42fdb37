"""Who looks at the page: the session's cookie, and that a request comes from the page itself. No passwords here.

The session is an agent's token in a cookie that no script can read. A request is the page's own if it carries a header
that no foreign page can set without being asked first (CORS), and if the browser does not say that it is a foreign
page's: two walls, beside the cookie's SameSite, since one app's agents may share a host with pages of others.
"""

import time
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.types import Scope

from ringback import agents
from ringback.errors import BadToken, ForeignRequest, NotSignedIn, NotSupervisor
from ringback.settings import Settings, networks_of
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId
from ringback.web.answers import header
from ringback.web.clients import client_address, client_scheme
from ringback.web.page.asked import read_query

_COOKIE = "ringback"
_SECURE_COOKIE = "__Host-ringback"  # browsers take it over TLS alone, and from this very host (RFC 6265bis 4.1.3.2)
OWN = b"x-ringback-page"


class Session(NamedTuple):
    """Who is signed in, and by which token."""

    agent_id: AgentId
    digest: bytes


class Guard:
    """Tells who is signed in, and lets only the page's own requests through."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._trusted = networks_of("trusted_proxies", settings.trusted_proxies)

    def client(self, scope: Scope) -> str:
        """Return the address that asks."""
        return client_address(scope, self._trusted)

    async def session(self, scope: Scope) -> Session:
        """Return who is signed in; raises `NotSignedIn`, also for the page of an agent who was before."""
        try:
            token = agents.read_token(self._cookie(scope))
        except BadToken:
            raise NotSignedIn from None
        extension = await self._store.token_agent(token.app_id, token.digest, time.time_ns() // 1_000_000)
        agent_id = AgentId(extension or "", token.app_id)
        if extension is None or _asker(scope) not in ("", "1", str(agent_id)):
            raise NotSignedIn
        return Session(agent_id, token.digest)

    async def lives(self, session: Session) -> bool:
        """Tell whether the session's token is still a live one of its agent."""
        app_id, now_ms = session.agent_id.app_id, time.time_ns() // 1_000_000
        return await self._store.token_agent(app_id, session.digest, now_ms) == session.agent_id.extension

    async def check_supervisor(self, session: Session) -> None:
        """Raise `NotSupervisor` for an agent who may see its own calls alone."""
        agent = await self._store.agent(session.agent_id.app_id, session.agent_id.extension)
        if agent is None or not agent.is_supervisor:
            raise NotSupervisor

    def check_own(self, scope: Scope) -> None:
        """Raise `ForeignRequest` for what another page may have had the browser send."""
        if not header(scope, OWN):
            raise ForeignRequest
        self.check_origin(scope)

    def check_origin(self, scope: Scope) -> None:
        """The same for what cannot carry the page's header: links and event streams."""
        if header(scope, b"sec-fetch-site") not in (b"", b"same-origin", b"none"):
            raise ForeignRequest
        origin = header(scope, b"origin").decode("latin-1")
        if origin and urlsplit(origin).netloc.lower() != header(scope, b"host").decode("latin-1").lower():
            raise ForeignRequest

    def cookie_of(self, scope: Scope, token: str, seconds: int) -> tuple[bytes, bytes]:
        """Return the header that keeps a token in the browser for so long; 0 has it forgotten."""
        name, secure = (_SECURE_COOKIE, "; Secure") if self._is_secure(scope) else (_COOKIE, "")
        kept = f"{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        return b"set-cookie", kept.encode()

    def _cookie(self, scope: Scope) -> str:
        name = _SECURE_COOKIE if self._is_secure(scope) else _COOKIE
        for part in header(scope, b"cookie").decode("latin-1").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    def _is_secure(self, scope: Scope) -> bool:
        return client_scheme(scope, self._trusted) == "https"


def _asker(scope: Scope) -> str:
    """Return whose page asks, empty or "1" where it does not know yet: another tab may have signed in as another."""
    return header(scope, OWN).decode("latin-1") or read_query(scope).get("as", "")
