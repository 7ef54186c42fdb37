"""An agent's desk: a real Chromium with the page open in it. What the console says is kept."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect
from tests.loop import run
from tests.page.days import ZONE
from tests.switches.programs import refuse, refuse_without
from tests.web.house import PASSWORD, Tenant, wait_for

AXE = Path(__file__).parents[2] / ".venv/node_modules/axe-core/axe.min.js"
EVERY_CALL = "/?list=out_missed"
DEADLINE_MS = 20_000
_SETTLED_MS = 1_000
_CHROMIUMS = ("chromium-headless-shell", "chromium")  # without its windows a context costs a third
_SWITCHES = (
    "--no-sandbox",  # as root it would not start with one
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_REFUSED = "Failed to load resource: the server responded with a status of "

expect.set_options(timeout=DEADLINE_MS)


class Desk:
    """One window of a browser. Every call waits for what it does."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.refusals: list[str] = []
        run(self._listen())

    async def _listen(self) -> None:
        """Within the loop, where Playwright needs to be for this."""
        self.page.set_default_timeout(DEADLINE_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        """Browsers themselves complain of answers that are no 200; a page can not keep them from that."""
        if message.type in ("error", "warning"):
            is_refusal = message.text.startswith(_REFUSED) or "net::ERR_" in message.text
            (self.refusals if is_refusal else self.complaints).append(message.text)

    def go(self, path: str = "/") -> "Desk":
        """Open an address of the server."""
        run(self.page.goto(f"{self.url}{path}"))
        return self

    def sign_in(self, agent_id: str, password: str = PASSWORD, path: str = EVERY_CALL) -> "Desk":
        """Open an address and sign in there."""
        self.go(path)
        self.enter(agent_id, password)
        self.sees("#workplace")
        return self

    def open_as(self, tenant: Tenant, path: str = EVERY_CALL) -> "Desk":
        """Open an address as the tenant's agent, whose session is there already: far quicker than its password."""
        run(self.page.context.add_cookies([{"name": "ringback", "value": tenant.token, "url": self.url}]))
        self.go(path)
        self.sees("#workplace")
        return self

    def enter(self, agent_id: str, password: str = PASSWORD) -> None:
        """Fill the form in and send it."""
        run(self.page.fill("#agent", agent_id))
        run(self.page.fill("#password", password))
        self.press("Sign in")

    def settle(self) -> None:
        """Wait until the page hears news, and has asked all that it asks by itself at the beginning."""
        self.reads("#live", "Live")
        run(self.page.wait_for_timeout(_SETTLED_MS))

    def press(self, name: str) -> None:
        """Press the first button or link of this name."""
        button = self.page.get_by_role("button", name=name, exact=True)
        run(button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click())

    def find(self, selector: str) -> Locator:
        """Return what is at a selector."""
        return self.page.locator(selector)

    def sees(self, selector: str) -> None:
        """Wait until it is to be seen."""
        run(expect(self.find(selector).first).to_be_visible())

    def misses(self, selector: str) -> None:
        """Wait until nothing of it is to be seen."""
        run(expect(self.find(selector).first).to_be_hidden())

    def reads(self, selector: str, text: str) -> None:
        """Wait until it holds this text."""
        run(expect(self.find(selector)).to_contain_text(text))

    def counts(self, selector: str, count: int) -> None:
        """Wait until there are so many."""
        run(expect(self.find(selector)).to_have_count(count))

    def text(self, selector: str) -> str:
        """Return its text."""
        return run(self.find(selector).inner_text())

    def texts(self, selector: str) -> list[str]:
        """Return the text of each."""
        return run(self.find(selector).all_inner_texts())

    def ask(self, script: str, value: object = None) -> Any:
        """Return what a script in the page gives."""
        return run(self.page.evaluate(script, value))

    def wait(self, what: Callable[[], bool]) -> None:
        """Wait until this is so, while the browser goes on."""
        wait_for(lambda: run(self.page.wait_for_timeout(20)) or what())

    @property
    def path(self) -> str:
        """The address as it stands in the window, less the server."""
        return self.page.url.removeprefix(self.url)


class Browsers:
    """Opens windows; each context has cookies of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def desk(self, url: str, **context: Any) -> Iterator[Desk]:
        """Run with a window in a fresh context; at the end nothing may have gone wrong in it."""
        with self.context(**context) as opened:
            desk = Desk(run(opened.new_page()), url)
            yield desk
        assert desk.complaints == []

    @contextmanager
    def context(self, **settings: Any) -> Iterator[BrowserContext]:
        """Run with a fresh context: an English reader where it is about noon, unless these settings say otherwise."""
        context = run(self._browser.new_context(**{"locale": "en-GB", "timezone_id": ZONE.key, **settings}))
        try:
            yield context
        finally:
            run(context.close())


@contextmanager
def chromium() -> Iterator[Browsers]:
    """Run with a Chromium; skip, or fail in CI, where there is none."""
    found = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    refuse_without([] if found else _CHROMIUMS[:1])
    playwright = run(async_playwright().start())
    try:
        browser = run(playwright.chromium.launch(executable_path=found, args=[*_SWITCHES]))
        yield Browsers(browser)
        run(browser.close())
    finally:
        run(playwright.stop())


def refuse_without_axe() -> None:
    """Skip, or fail in CI, where axe-core is not there."""
    if not AXE.exists():
        refuse("axe-core not found; tests/provide installs it (npm install --prefix .venv axe-core)")


def axe_faults(desk: Desk) -> list[str]:
    """Return what axe-core finds wrong with the page as it is, by the rules of WCAG 2.2 AA and its best practices."""
    desk.ask(AXE.read_text())
    found = desk.ask("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{fault['id']}: {node['html'][:99]} {node['failureSummary']}" for fault in found for node in fault["nodes"]
    ]
