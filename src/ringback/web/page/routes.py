"""The page's routes, and what answers each. The files stand at `/` and `/page/`, what they ask for beside them."""

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.logins import Logins
from ringback.settings import Settings
from ringback.storage.base import Store
from ringback.waiting_room import WaitingRoom
from ringback.web.answers import header
from ringback.web.page.agents import Agents
from ringback.web.page.download import Download
from ringback.web.page.endpoint import Signed, Unsigned
from ringback.web.page.files import INDEX, File, read_files
from ringback.web.page.glance import Glance
from ringback.web.page.guard import Guard
from ringback.web.page.listing import Listing
from ringback.web.page.live import Live
from ringback.web.page.marking import Marking
from ringback.web.page.naming import NumberNaming
from ringback.web.page.signing import Signing
from ringback.web.page.watching import Watching

LIVE = "/page/live"  # its requests last for as long as pages are open, which is no latency
_ASKED = ("session", "calls", "legs", "contact", "done", "undo", "agents", "chart", "calls.csv")
PATHS = ("/", *(f"/page/{name}" for name in _ASKED), LIVE)

# What looks at every call of a range: a few at a time, and of one session no more than wait in its queue.
_AT_ONCE, _WAIT_SECONDS, _PLACES, _PLACES_OF_SESSION = 2, 10.0, 64, 4


class AgentPage:
    """Joins the page's parts."""

    def __init__(self, store: Store, logins: Logins, settings: Settings) -> None:
        self._guard = Guard(store, settings)
        self._store = store
        self._signing = Signing(store, self._guard, logins)
        self.watching = Watching(store)

    def routes(self) -> list[Route]:
        """Return the page's routes."""
        searches = WaitingRoom(
            at_once=_AT_ONCE,
            seconds=_WAIT_SECONDS,
            places=_PLACES,
            each=_PLACES_OF_SESSION,
            each_known=_PLACES_OF_SESSION,
        )
        listing = Listing(self._store, self._guard, searches)
        marking = Marking(self._store, self._guard)
        asked = [
            _get("/page/session", Unsigned(self._guard, self._signing.who)),
            _of("POST", "/page/session", Unsigned(self._guard, self._signing.sign_in)),
            _of("DELETE", "/page/session", Unsigned(self._guard, self._signing.sign_out)),
            _get("/page/calls", Signed(self._guard, listing.calls)),
            _get("/page/legs", Signed(self._guard, listing.legs)),
            _of("POST", "/page/contact", Signed(self._guard, NumberNaming(self._store).name)),
            _of("POST", "/page/done", Signed(self._guard, marking.done)),
            _of("POST", "/page/undo", Signed(self._guard, marking.undo)),
            _get("/page/agents", Signed(self._guard, Agents(self._store, self._guard).agents)),
            _get("/page/chart", Signed(self._guard, Glance(self._store, self._guard).chart)),
            _get("/page/calls.csv", Download(self._store, self._guard, searches)),
            _get(LIVE, Live(self._guard, self.watching)),
        ]
        files = read_files()
        shown = [_get("/" if name == INDEX else f"/page/{name}", _Shown(file)) for name, file in files.items()]
        return [*asked, *shown]


class _Shown:
    """A file of the page."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it."""
        takes_gzip = b"gzip" in header(scope, b"accept-encoding")
        answer = self._file.answer(header(scope, b"if-none-match"), takes_gzip=takes_gzip)
        await (answer._replace(body=b"") if scope["method"] == "HEAD" else answer).send(send)


def _get(path: str, app: ASGIApp) -> Route:
    return Route(path, app, methods=["GET"])


def _of(method: str, path: str, app: ASGIApp) -> Route:
    return Route(path, app, methods=[method])
