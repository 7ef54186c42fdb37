"""The list, in a real browser: what a row says, ranges, paging by address, finding, legs on demand."""

import random
import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import pytest
from tests.lasting import dearer
from tests.loop import run
from tests.page.days import ZONE, at, now_ms, some
from tests.page.desk import Browsers, Desk
from tests.page.sessions import signed_in
from tests.web.house import House, Tenant, missed


def test_a_row_says_whom_when_and_why(desk: Desk, tenant: Tenant) -> None:
    """Newest first: the number as its country writes it and a link that dials it, the name, when, why, how it rang."""
    now = now_ms()
    rings: dict[str, Any] = {"ringing_at": now - 180_000, "ended_at": now - 163_000}
    tenant.ingest(
        missed(now - 180_000, dialled_number="+919876543210", name="Adams", disposition="busy", **rings),
        missed(at(1, 9, 5), dialled_number="+77010000001", disposition="cancelled"),
        missed(at(5), dialled_number="reception", disposition="failed"),
        missed(at(6), dialled_number=None, disposition="congestion"),
    )
    desk.open_as(tenant)
    desk.counts(".row", 4)
    desk.reads("#title", "4 calls nobody picked up")
    whom, when, why = (desk.texts(f".row .{part}") for part in ("whom", "when", "why"))

    assert [re.split(r"\s*\n", text) for text in whom] == [
        ["+91 98765 43210", "Adams"],
        ["+7 701 000 0001"],
        ["reception"],
        ["Unknown number"],
    ]
    assert when[0].split() == ["3", "minutes", "ago", f"{datetime.fromtimestamp(now / 1000 - 180, ZONE):%-H:%M}"]
    assert when[1].split() == ["yesterday", "9:05"]
    assert [text.strip() for text in why] == [
        "Busy rang 17 secs",
        "Cancelled before an answer",
        "Could not be reached",
        "No line free",
    ]
    links = desk.ask("() => [...document.querySelectorAll('.row a.number')].map((link) => link.getAttribute('href'))")
    assert links == ["tel:+919876543210", "tel:+77010000001"]


def test_a_call_shows_its_legs_on_demand(desk: Desk, tenant: Tenant) -> None:
    """Details tell each attempt: when, why, over which trunk; and are put away again."""
    for trunk, minute in (("carrier-a", 1), ("carrier-b", 2)):
        tenant.ingest(
            missed(at(1, 9, minute), call_key="one", source_record_id=trunk, trunk=trunk, sip_response_code=486)
        )
    desk.open_as(tenant)
    desk.press("Details of the call to +91 91000 00000")

    desk.reads(".legs", "2 attempts")
    assert desk.texts(".legs li") == [
        "9:01 · No answer · over carrier-a · SIP 486",
        "9:02 · No answer · over carrier-b · SIP 486",
    ]
    desk.press("Details of the call to +91 91000 00000")
    desk.misses(".legs")


def test_ranges_are_the_readers_own_days(desk: Desk, tenant: Tenant) -> None:
    """Today, yesterday, 7 and 30 days begin at the reader's midnight; any days may be shown."""
    tenant.ingest(
        missed(at(0, 0, 0), call_key="a"),
        missed(at(1, 23, 59), call_key="b"),
        missed(at(1, 0, 0), call_key="c"),
        missed(at(2, 23, 59), call_key="d"),
        missed(at(6, 0, 0), call_key="e"),
        missed(at(7, 23, 59), call_key="f"),
        missed(at(29, 0, 0), call_key="g"),
        missed(at(30, 23, 59), call_key="h"),
    )
    desk.open_as(tenant)

    for name, count in (("Today", 1), ("Yesterday", 2), ("7 days", 5), ("30 days", 7)):
        desk.press(name)
        desk.counts(".row", count)
        assert desk.text("#ranges [aria-current]") == name
    day = datetime.fromtimestamp(at(30) / 1000, ZONE).date().isoformat()
    run(desk.page.fill("[name=from]", day))
    run(desk.page.fill("[name=to]", day))
    desk.press("Show")
    desk.counts(".row", 1)
    assert desk.path == f"/?list=out_missed&from={day}&to={day}"


def test_a_page_keeps_its_place_in_the_address(desk: Desk, tenant: Tenant) -> None:
    """Each page has an address: back, reload and another window show the same calls."""
    tenant.ingest(*some(60))
    desk.open_as(tenant, path="/?range=yesterday")
    desk.counts(".row", 25)
    newest = desk.texts(".number")
    assert newest[0] == "+91 91000 00059"

    desk.press("Older")
    desk.reads(".where", "Page 2 of 3")
    assert desk.path == "/?list=out_missed&range=yesterday&page=2"
    second = desk.texts(".number")
    desk.press("Oldest")
    desk.counts(".row", 10)
    run(desk.page.go_back())
    desk.counts(".row", 25)
    assert desk.texts(".number") == second
    run(desk.page.reload())
    desk.counts(".row", 25)
    assert desk.texts(".number") == second
    desk.press("Newest")
    desk.reads(".where", "Page 1 of 3")
    assert desk.texts(".number") == newest


def test_calls_are_found_by_number_and_name(desk: Desk, tenant: Tenant) -> None:
    """A part of a number, however it is grouped, or of a name, in any case; what is found is paged like all."""
    tenant.ingest(*some(40, name="Zoë Ärmel"), missed(at(1, 8), dialled_number="+77012345678", name="Bob"))
    desk.open_as(tenant)

    for text, count in (("701 234-56", 1), ("ÄRMEL", 40), ("bob", 1), ("00039", 1), ("nobody", 0)):
        run(desk.page.fill("#text", text))
        desk.press("Find")
        desk.reads("#title", f"{count} call" if count else "No calls")
    desk.reads("#said", "No call in this range has “nobody”")
    desk.press("Show all")
    desk.reads("#title", "41 calls nobody picked up")
    desk.go("/?find=zo%C3%AB&page=2")
    desk.counts(".row", 15)
    desk.go("/?find=zo%C3%AB%09%C3%84rm")  # as it is pasted from a table
    desk.counts(".row", 25)


def test_what_callers_say_is_text(desk: Desk, tenant: Tenant) -> None:
    """Markup, scripts and tricks of direction in names and numbers are shown as they are and do nothing."""
    evil = '<img src=x onerror="document.title=1"><b>x</b>'
    tenant.ingest(
        missed(at(1), name=evil, dialled_number="<script>1</script>"),
        missed(at(2), name="\u202edlrow olleh", dialled_number="javascript:alert(1)"),
    )
    desk.open_as(tenant)
    desk.counts(".row", 2)

    assert desk.text(".row:first-child .name") == evil
    assert desk.ask("() => document.querySelectorAll('.list img, .list b, .list script, .list a').length") == 0


def test_rows_that_stay_keep_their_focus(signed: Desk, tenant: Tenant) -> None:
    """When a call comes in, whoever is reading another one is not thrown out of it."""
    tenant.ingest(missed(at(1), call_key="old"))
    signed.counts(".row", 1)
    run(signed.find(".details").focus())
    run(signed.page.keyboard.press("Enter"))
    signed.reads(".legs", "1 attempt")

    tenant.ingest(missed(now_ms(), call_key="new"))
    signed.counts(".row", 2)
    assert signed.ask("() => document.activeElement.className") == "details"
    assert run(signed.find(".row:nth-child(2) .legs").is_visible())


def test_a_page_that_is_being_typed_stays(desk: Desk, tenant: Tenant) -> None:
    """A call that comes in draws the pager anew, and leaves what stands in its field to whoever types there."""
    tenant.ingest(*some(130))
    desk.open_as(tenant)
    desk.settle()
    run(desk.find(".where input").select_text())
    run(desk.page.keyboard.type("1"))
    tenant.ingest(missed(now_ms(), call_key="new"))
    desk.reads("#title", "131 calls")
    run(desk.page.keyboard.type("2"))

    assert run(desk.find(".where input").input_value()) == "12"


def test_the_page_field_goes_with_the_address(desk: Desk, tenant: Tenant) -> None:
    """After a page was typed and gone back from, the field has the page that is shown."""
    tenant.ingest(*some(130))
    desk.open_as(tenant)
    run(desk.page.fill(".where input", "3"))
    run(desk.page.press(".where input", "Enter"))
    desk.reads(".where", "Page 3 of 6")
    run(desk.page.go_back())
    desk.reads(".where", "Page 1 of 6")

    assert run(desk.find(".where input").input_value()) == "1"


def test_the_find_field_goes_with_the_address(desk: Desk, tenant: Tenant) -> None:
    """Back from a search empties the field with the cursor in it; what is typed while the search stays is left."""
    tenant.ingest(*some(3), missed(at(1, 8), name="Bob"))
    desk.open_as(tenant)
    desk.press("30 days")
    run(desk.page.fill("#text", "bob"))
    run(desk.page.press("#text", "Enter"))
    desk.reads("#title", "1 call nobody picked up with “bob”")
    run(desk.page.go_back())
    desk.reads("#title", "4 calls")
    assert run(desk.find("#text").input_value()) == ""

    run(desk.page.fill("#text", "zo"))
    run(desk.page.go_back())
    desk.reads("#ranges [aria-current]", "7 days")
    assert run(desk.find("#text").input_value()) == "zo"


def test_a_call_ahead_of_the_clock_says_when(desk: Desk, tenant: Tenant) -> None:
    """Where a switch's clock is hours ahead the row has the time of the call; within a minute it is now."""
    ahead = now_ms() + 2 * 3_600_000
    tenant.ingest(missed(ahead, call_key="ahead"), missed(now_ms() + 30_000, call_key="now"))
    desk.open_as(tenant)
    desk.counts(".row", 2)

    clock = f"{datetime.fromtimestamp(ahead / 1000, ZONE):%-H:%M}"
    assert desk.texts(".when .day") == ["today", "now"]
    assert desk.texts(".when .clock")[0] == clock


# --- many calls ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(house: House) -> Iterator[tuple[Tenant, httpx.Client]]:
    """An agent with 50,000 calls, and a client that has signed in as it."""
    tenant = house.tenant()
    for start in range(0, 50_000, 10_000):
        calls = [missed(at(20) + n * 1000, dialled_number=f"+9191{n:08}") for n in range(start, start + 10_000)]
        assert tenant.ingest(*calls).status_code == 200
    with signed_in(tenant) as client:
        yield tenant, client


def test_every_one_of_many_calls_can_be_reached(browsers: Browsers, busy: tuple[Tenant, httpx.Client]) -> None:
    """The field leads to any page, the last one holds the oldest calls."""
    tenant, _ = busy
    with browsers.desk(tenant.house.url) as desk:
        desk.open_as(tenant, path="/?range=30")
        desk.reads("#title", "50,000 calls nobody picked up")
        desk.press("Oldest")
        desk.reads(".where", "Page 2,000 of 2,000")
        assert desk.texts(".number")[-1] == "+91 91000 00000"

        run(desk.page.fill(".where input", "1000"))
        run(desk.page.press(".where input", "Enter"))
        desk.reads(".where", "Page 1,000 of 2,000")
        assert desk.texts(".number")[0] == "+91 91000 25024"


def test_pages_tile_the_range(busy: tuple[Tenant, httpx.Client]) -> None:
    """Each page of the largest size holds its own hundred of 50,000 calls, newest first: one in ten is looked at."""
    _, client = busy
    newest = starts_on(client, 1)[0]
    for page in {1, 500, *random.Random(50_000).sample(range(2, 500), 50)}:
        first = newest - (page - 1) * 100_000
        assert starts_on(client, page) == list(range(first, first - 100_000, -1000))
    assert starts_on(client, 501) == []


def test_the_last_page_is_as_quick_as_the_first(busy: tuple[Tenant, httpx.Client]) -> None:
    """The quickest of many requests for either takes about the same time."""
    _, client = busy
    first, last = (partial(starts_on, client, page, limit=25) for page in (1, 2000))

    assert dearer(last, first, 2, rounds=30) == []


def starts_on(client: httpx.Client, page: int, *, limit: int = 100) -> list[int]:
    """Return when the calls of a page started, in milliseconds."""
    asked = {**every_day(), "limit": limit, "page": page}
    return [call["started_ms"] for call in client.get("/page/calls", params=asked).json()["calls"]]


def every_day() -> dict[str, int]:
    """Return a range with all calls."""
    return {"from": at(40), "to": at(0, 23)}
