"""For everyone: keyboard, contrast, small and dark screens, other directions; small, quick, nothing from elsewhere."""

import re
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx
import pytest
from tests.loop import run
from tests.page.days import at, now_ms, some
from tests.page.desk import EVERY_CALL, Browsers, Desk, axe_faults
from tests.stores import SqliteStores
from tests.web.house import House, Tenant, missed, served, with_store

pytestmark = pytest.mark.one_store

LONG = "Maximiliane-Alexandra von und zu Hohenlohe-Schillingsfürst-Waldenburg the Third of Her Name"
FIRST_VIEW_MS = 300
BARE_VIEW_MS = 40  # a line of plain text, on two quiet cores
PAINTED = """() => new Promise((told) => new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.name === "first-contentful-paint") told(one.startTime);
}).observe({type: "paint", buffered: true}))"""
BROKEN = """(within) => {
    const texts = document.createTreeWalker(document.querySelector(within), NodeFilter.SHOW_TEXT);
    const [broken, range] = [[], document.createRange()];
    while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (range.getClientRects().length > 1) broken.push(word[0]);
    }
    return broken;
}"""
WINDOWS: dict[str, dict[str, Any]] = {
    "desktop-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "has_touch": True},
    "phone-dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark", "has_touch": True},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house: what is looked at here does not ask which store there is."""
    with served(SqliteStores(tmp_path_factory.mktemp("stores")).made()) as house:
        yield house


@pytest.fixture(scope="module")
def agent(house: House) -> Tenant:
    """An agent with calls of all kinds, some with names that are hard to set."""
    tenant = house.tenant()
    names = (LONG, "أحمد الكندي", "Zoë", None)
    kinds = ("no_answer", "busy", "failed", "cancelled")
    tenant.ingest(
        *some(60),
        *(
            missed(at(0, 0, n), name=name, disposition=kinds[n], dialled_number=f"+91980000000{n}", call_key=f"n{n}")
            for n, name in enumerate(names)
        ),
        *(missed(at(1, 10, n), call_key=f"a{n}", disposition="answered") for n in range(9)),
        missed(at(0, 0, 9), dialled_number="sip-user-with-a-very-long-name.of-some-department@example", call_key="sip"),
    )
    with_store(house.store, lambda store: store.set_supervisor(tenant.app_id, "103", is_supervisor=True))
    return tenant


AXE_WINDOWS = ("desktop-light", "phone-dark")  # each size and each of the colours: axe is slow


@pytest.fixture(params=WINDOWS)
def window(request: pytest.FixtureRequest, browsers: Browsers, house: House) -> Iterator[Desk]:
    """A window of each kind."""
    with browsers.desk(house.url, reduced_motion="reduce", **WINDOWS[request.param]) as desk:
        yield desk


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("window", AXE_WINDOWS, indirect=True)
def test_axe_finds_nothing(window: Desk, agent: Tenant) -> None:
    """Neither on the form, nor in the list with details open, nor where there is nothing to show."""
    window.go()
    window.sees("#sign-in")
    assert axe_faults(window) == []
    window.press("Sign in")
    window.reads("#sign-in-said", "Enter")
    assert axe_faults(window) == []

    window.sign_in(agent.agent_id)
    window.counts(".row", 25)
    run(window.find(".details").first.click())
    run(window.find("summary").click())
    window.reads(".legs >> nth=0", "1 attempt")
    window.reads("#live", "Live")
    assert axe_faults(window) == []
    window.go("/?find=nobody")
    window.reads("#said", "No call in this range")
    assert axe_faults(window) == []
    window.go("/?of=*")
    window.sees("#team tbody tr")
    window.reads("#live", "Live")
    assert axe_faults(window) == []


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("window", AXE_WINDOWS, indirect=True)
def test_axe_finds_nothing_in_what_is_left_to_do(window: Desk, agent: Tenant) -> None:
    """Neither with details open and a number done, nor where it could not be marked, nor with nobody left."""
    window.open_as(agent, path="/")
    window.counts(".row", 25)
    run(window.find(".details").first.click())
    window.reads(".legs >> nth=0", "1 attempt")
    run(window.find(".done >> nth=1").click())
    window.sees(".undo")
    window.reads("#live", "Live")
    run(window.page.context.set_offline(True))
    run(window.find(".done >> nth=2").click())
    window.sees(".complaint")
    assert axe_faults(window) == []
    run(window.page.context.set_offline(False))
    run(window.find(".undo").click())
    window.misses(".undo")

    window.go("/?list=ring_back&from=2020-01-01&to=2020-01-02")
    window.reads("#said", "Everybody rung in these days")
    window.reads("#live", "Live")
    assert axe_faults(window) == []
    window.go("/?list=ring_back&of=*")
    window.sees("#team tbody tr")
    window.reads("#live", "Live")
    assert axe_faults(window) == []


@pytest.mark.parametrize("path", ["/", EVERY_CALL])
def test_nothing_is_wider_than_the_screen(window: Desk, agent: Tenant, path: str) -> None:
    """Down to 320 pixels nothing has to be scrolled sideways, and no word is cut off, whatever callers are named."""
    window.open_as(agent, path=path)
    window.counts(".row", 25)

    assert window.ask("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert LONG in "".join(window.texts(".name"))


@pytest.mark.parametrize("width", [320, 1100])
def test_tables_break_no_word(browsers: Browsers, house: House, width: int) -> None:
    """The table of agents has its words whole, on small screens and beside long names; its box scrolls, no more."""
    chief = house.tenant()
    chief.add_agent("104", LONG)
    with_store(house.store, lambda store: store.set_supervisor(chief.app_id, "103", is_supervisor=True))
    with browsers.desk(house.url, viewport={"width": width, "height": 640}) as desk:
        desk.open_as(chief, path="/?list=ring_back&of=*")
        desk.sees("#team tbody tr")

        assert LONG in "".join(desk.texts("#team tbody th"))
        assert desk.ask(BROKEN, "#team") == []
        assert desk.ask("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize("path", ["/", EVERY_CALL])
def test_what_is_touched_is_large_enough(window: Desk, agent: Tenant, path: str) -> None:
    """Every link and button is at least 24 by 24 pixels (WCAG 2.2, 2.5.8)."""
    window.open_as(agent, path=path)
    window.counts(".row", 25)
    small = window.ask(
        "() => [...document.querySelectorAll('main a, main button, header button, main input')].filter((one) =>"
        " one.checkVisibility() && Math.min(one.getBoundingClientRect().width, one.getBoundingClientRect().height) < 24"
        ").map((one) => one.outerHTML)"
    )

    assert small == []


@pytest.mark.parametrize("path", ["/", EVERY_CALL])
def test_right_to_left_mirrors_the_page(browsers: Browsers, agent: Tenant, path: str) -> None:
    """In a language that is written from the right, the page is mirrored, and numbers are not."""
    with browsers.desk(agent.house.url, viewport={"width": 320, "height": 640}) as desk:
        desk.open_as(agent, path=path)
        desk.counts(".row", 25)
        desk.ask("() => document.documentElement.dir = 'rtl'")
        number, button = (
            desk.ask(f"() => document.querySelector('.row:nth-child(2) {part}').getBoundingClientRect().x")
            for part in (".number bdi", ".details")
        )

        assert button < number
        assert desk.ask("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert run(desk.find(".number bdi").first.get_attribute("dir")) == "ltr"


def test_all_can_be_done_from_the_keyboard(browsers: Browsers, agent: Tenant) -> None:
    """Signing in, another range, a call's details, the next page, signing out: no mouse; the focus is always seen."""
    with browsers.desk(agent.house.url) as desk:
        desk.go()
        desk.sees("#sign-in")
        keyboard = desk.page.keyboard
        run(keyboard.type(agent.agent_id))
        run(keyboard.press("Tab"))
        run(keyboard.type("ring-them-back"))
        run(keyboard.press("Enter"))
        desk.counts(".row", 25)
        for name, then in (("30 days", ".row"), ("Details", ".legs:not([hidden])"), ("Older", ".where")):
            tab_to(desk, name)
            run(keyboard.press("Enter"))
            desk.sees(then)
        desk.reads(".where", "Page 2 of 3")
        tab_to(desk, "Sign out")
        run(keyboard.press("Enter"))
        desk.sees("#sign-in")


def tab_to(desk: Desk, name: str) -> None:
    """Press Tab until this has the focus, which must be to be seen."""
    for _ in range(150):
        run(desk.page.keyboard.press("Tab"))
        text, outline = desk.ask(
            "() => [document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
        )
        if text == name:
            assert outline != "none"
            return
    pytest.fail(f"{name} cannot be reached")


def test_the_first_view_is_small_and_quick(browsers: Browsers, house: House) -> None:
    """All that the first view loads is under 100 kB, and it is painted within 300 ms by the browser's own clock.

    One such view of up to ten will do, for the browser shares its cores with the other tests. Where these leave it no
    quarter of a second to itself, half of the views may take as many times longer as half of those of a line of plain
    text do, over what that takes where nothing else runs.
    """
    views: list[float] = []
    bare: list[float] = []
    sizes: dict[str, int] = {}
    while len(views) < 10 and min(views, default=FIRST_VIEW_MS) >= FIRST_VIEW_MS:
        with browsers.desk(f"{house.url}/healthz") as desk:
            bare.append(desk.go("").ask(PAINTED))
        with browsers.desk(house.url) as desk:
            desk.go()
            desk.sees("#sign-in")
            views.append(desk.ask(PAINTED))
            sizes = desk.ask(
                "() => Object.fromEntries(performance.getEntries().filter((one) => one.transferSize !== undefined)"
                ".map((one) => [one.name, one.transferSize]))"
            )

    assert sum(sizes.values()) < 100_000
    assert all(name.startswith(house.url) for name in sizes)
    assert min(views) > 0
    assert min(views) < FIRST_VIEW_MS or median(views) / median(bare) < FIRST_VIEW_MS / BARE_VIEW_MS, (views, bare)


def test_files_are_sent_once_while_they_stay_the_same(house: House) -> None:
    """A browser that has a file already is told so in a few bytes; the policy forbids all that is not ours."""
    page = httpx.get(f"{house.url}/", headers={"Accept-Encoding": "identity"})
    packed = httpx.get(f"{house.url}/")
    again = httpx.get(f"{house.url}/", headers={"If-None-Match": page.headers["etag"]})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == page.text
    assert (again.status_code, again.content) == (304, b"")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)


def test_every_module_is_told_ahead(house: House) -> None:
    """The page names every module it is made of: none is found out about only when another one has come."""
    page = httpx.get(f"{house.url}/").text
    named = set(re.findall(r"/page/([\w-]+\.js)", page))
    imported = {
        name for one in named for name in re.findall(r"\./([\w-]+\.js)", httpx.get(f"{house.url}/page/{one}").text)
    }

    assert imported <= named


def test_every_word_is_there_and_said(house: House) -> None:
    """Whatever the page and its modules say stands among the words, and no word is left that nobody says."""
    page = httpx.get(f"{house.url}/").text
    modules = [httpx.get(f"{house.url}/page/{name}").text for name in set(re.findall(r"/page/([\w-]+\.js)", page))]
    (words,) = (text for text in modules if "export const words = {" in text)
    said = set(re.findall(r'data-word="(\w+)"', page))
    for text in modules:
        said |= set(re.findall(r"words\.(\w+)", text))

    known = set(re.findall(r"^  (\w+):", words, re.MULTILINE))
    assert said - known <= {"js"}
    assert known - said <= {"direction", "first", "previous", "next", "last"}  # which are said by their names


def test_a_call_of_right_now_is_said_to_be(browsers: Browsers, agent: Tenant) -> None:
    """A call of this very minute says now, and goes on without reloading."""
    with browsers.desk(agent.house.url) as desk:
        desk.open_as(agent)
        agent.ingest(missed(now_ms(), call_key=f"now{time.time()}"))
        desk.reads(".row >> nth=0", "now")
