"""Bad states, shown honestly: nothing to show, nothing found, offline, the server failing; never a blank page."""

import asyncio
import re

import pytest
from playwright.async_api import Route
from tests.loop import run
from tests.page.days import at, some
from tests.page.desk import Browsers, Desk
from tests.stores import Stores
from tests.web.house import DEADLINE_SECONDS, Tenant, missed, served

pytestmark = pytest.mark.one_store


@pytest.fixture
def shown(desk: Desk, tenant: Tenant) -> Desk:
    """A window with three calls in it."""
    tenant.ingest(*some(3))
    desk.open_as(tenant)
    desk.counts(".row", 3)
    return desk


def test_an_empty_range_says_so(signed: Desk) -> None:
    """Where there is no call, the page says that this is good news, and that calls come by themselves."""
    signed.reads("#title", "No calls to ring back")
    signed.reads("#said", "Calls that go unanswered appear here by themselves.")


def test_a_page_past_the_end_leads_back(shown: Desk) -> None:
    """An old address may name a page that is no more."""
    shown.go("/?page=7")
    shown.reads("#said", "There is no page 7")
    shown.press("Go to the last page")
    shown.counts(".row", 3)


def test_offline_is_told(shown: Desk) -> None:
    """Without a connection the page says so, keeps the calls of this view, and goes on when asked to."""
    run(shown.page.context.set_offline(True))
    run(shown.find(".details").first.click())
    shown.reads(".legs >> nth=0", "The server cannot be reached")
    shown.counts(".row", 3)
    shown.press("30 days")
    shown.reads("#said", "The server cannot be reached")

    run(shown.page.context.set_offline(False))
    shown.press("Try again")
    shown.counts(".row", 3)
    shown.misses("#said")


@pytest.mark.parametrize(
    ("status", "said"), [(500, "Something went wrong on the server"), (503, "cannot reach its calls")]
)
def test_a_server_that_fails_is_told(shown: Desk, status: int, said: str) -> None:
    """A fault, and a store that is away, each in words; and the page works again afterwards."""

    async def fail(route: Route) -> None:
        await route.fulfill(status=status, json={"code": status, "msg": "no"}, headers={"X-Request-ID": "abcd1234"})

    run(shown.page.route(re.compile("/page/calls[?]"), fail))
    shown.press("30 days")
    shown.reads("#said", said)
    run(shown.page.unroute_all())
    shown.press("Try again")
    shown.counts(".row", 3)


def test_a_store_that_is_away_is_told(browsers: Browsers, stores: Stores) -> None:
    """The real thing: signing in while the store takes no writes says so, and works once it does."""
    with served(stores.made()) as house, browsers.desk(house.url) as desk:
        tenant = house.tenant()
        desk.go()
        desk.page.set_default_timeout(DEADLINE_SECONDS * 1000)
        with stores.unwritable(house.store):
            desk.enter(tenant.agent_id)
            desk.reads("#sign-in-said", "The server cannot reach its calls right now")
        desk.enter(tenant.agent_id)
        desk.sees("#workplace")


def test_a_page_that_does_not_come_whole_says_so(desk: Desk, tenant: Tenant) -> None:
    """Without one of its modules nothing of the workplace runs: it says that it is not there, and how to go on."""
    run(desk.page.route("**/page/list.js", lambda route: route.abort()))
    run(desk.page.context.add_cookies([{"name": "ringback", "value": tenant.token, "url": desk.url}]))
    desk.go()
    desk.sees("#late")
    assert desk.complaints == ["offline"]
    desk.complaints.clear()

    run(desk.page.unroute_all())
    desk.press("Try again")
    desk.sees("#workplace")
    desk.misses("#late")


def test_the_form_does_not_wait_for_the_workplace(desk: Desk, tenant: Tenant) -> None:
    """It is there before the modules that show calls; who has signed in meanwhile sees their calls when these come."""
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    run(desk.page.route("**/page/list.js", hold))
    run(desk.page.goto(desk.url, wait_until="commit"))
    desk.sees("#sign-in")
    desk.enter(tenant.agent_id)
    desk.sees("text=Signing in")

    gate.set()
    desk.sees("#workplace")
    desk.misses("#sign-in")


def test_who_signs_in_hears_that_the_workplace_did_not_come(desk: Desk, tenant: Tenant) -> None:
    """The form stays and says so; it works once the module can be had."""
    run(desk.page.route("**/page/chart.js", lambda route: route.abort()))
    desk.go()
    desk.enter(tenant.agent_id)
    desk.reads("#sign-in-said", "cannot be reached")

    run(desk.page.unroute_all())
    desk.go()
    desk.sees("#workplace")


def test_rows_of_one_view_do_not_stand_under_another(shown: Desk) -> None:
    """Where another view cannot be read, or is none, nothing of the one before is left; it comes by itself later."""
    run(shown.page.route(re.compile("/page/calls[?]"), lambda route: route.abort()))
    shown.press("Yesterday")
    shown.reads("#said", "cannot be reached")
    shown.counts(".row", 0)
    shown.misses("#pager")
    shown.misses("#glance")
    run(shown.page.unroute_all())
    shown.misses("#said >> text=cannot be reached")

    shown.go("/?list=out_missed&range=30")
    shown.counts(".row", 3)
    shown.ask("() => history.pushState(null, '', '/?list=out_missed&from=2026-05-03&to=2026-05-01')")
    shown.ask("() => dispatchEvent(new PopStateEvent('popstate'))")
    shown.reads("#said", "day")
    shown.counts(".row", 0)


def test_a_page_that_does_not_know_yet_who_asks_says_so(desk: Desk) -> None:
    """It can show nothing before, but is not blank for long."""
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    run(desk.page.route("**/page/session", hold))
    desk.go()
    desk.sees("#late")

    gate.set()
    desk.sees("#sign-in")
    desk.misses("#late")


def test_a_slow_server_is_waited_for_in_words(shown: Desk) -> None:
    """While an answer takes its time the page says that it is looking, and what it looks for."""
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    run(shown.page.route(re.compile("/page/calls[?]"), hold))
    shown.press("30 days")
    shown.reads("#said", "Looking for calls")
    assert run(shown.find("#calls").get_attribute("aria-busy")) == "true"

    gate.set()
    shown.misses("#said")
    shown.counts(".row", 3)


def test_days_in_the_wrong_order_are_told(shown: Desk) -> None:
    """A range that ends before it begins is named as such."""
    shown.go("/?from=2026-02-02&to=2026-02-01")

    shown.reads("#said", "The first day is after the last one")


@pytest.mark.parametrize("wrong", ["0026-11-01", "1960-01-01", "12026-11-01", "2026-13-01"])
def test_days_that_cannot_be_shown_are_told(shown: Desk, wrong: str) -> None:
    """Days of a year that no call is from, or that no calendar has, are named as such, not shown as other days."""
    for path in (f"/?from={wrong}&to=2026-11-01", f"/?from=2026-11-01&to={wrong}"):
        shown.go(path)

        shown.reads("#said", "or one of them is no day that can be shown.")
        shown.counts(".row", 0)
        assert shown.path == path


def test_legs_that_cannot_be_read_say_so(shown: Desk) -> None:
    """Details of a call say why they are not there."""
    run(shown.page.context.set_offline(True))
    run(shown.find(".details").first.click())

    shown.reads(".legs >> nth=0", "The server cannot be reached")


def test_an_address_of_nonsense_shows_the_default(desk: Desk, tenant: Tenant) -> None:
    """Whatever stands in the address, the page shows a range."""
    tenant.ingest(missed(at(1)))
    desk.open_as(tenant, path="/?range=never&page=-3&from=yesterday&to=2026-13-77&find=%20")

    desk.counts(".row", 1)
