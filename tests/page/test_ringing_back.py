"""Still to ring back, in a real browser: a row a number, gone when it is reached or done; Done and its undoing."""

import asyncio
import csv
import io
import re
import time
from contextlib import suppress
from typing import Any

import pytest
from playwright.async_api import Error, Route
from tests.loop import run
from tests.page.days import at, day, now_ms, some
from tests.page.desk import EVERY_CALL, Desk
from tests.page.sessions import signed_in
from tests.page.test_live import SOON_SECONDS
from tests.page.test_team import supervise
from tests.web.house import Tenant, missed, with_store

ADA, BOB = "+919876543210", "+77010000001"
ADA_READ, BOB_READ = "+91 98765 43210", "+7 701 000 0001"
RANGE: dict[str, Any] = {"from": at(40), "to": at(0, 23, 59), "list": "ring_back"}


def tried(number: str, *moments: int, agent: str = "103", **fields: Any) -> list[dict[str, object]]:
    """Return calls to a number that nobody picked up."""
    return [
        missed(moment, agent, call_key=f"{agent}{number}{moment}", dialled_number=number, **fields)
        for moment in moments
    ]


def reached(number: str, moment: int, agent: str = "103") -> dict[str, object]:
    """Return an answered call to a number."""
    return missed(moment, agent, call_key=f"to{number}{moment}", dialled_number=number, disposition="answered")


def rang_in(number: str, moment: int, agent: str) -> dict[str, object]:
    """Return an answered call from a number."""
    from_it = {"direction": "inbound", "calling_number": number, "dialled_number": None}
    return missed(moment, agent, call_key=f"from{number}{moment}", disposition="answered", **from_it)


@pytest.fixture
def shown(desk: Desk, tenant: Tenant) -> Desk:
    """A window with two numbers to ring back in it: Bob's, tried once, above Ada's, tried three times."""
    tenant.ingest(*tried(ADA, at(3), at(2), at(1, 9, 5), name="Ada"), *tried(BOB, at(1, 10), disposition="busy"))
    desk.open_as(tenant, path="/")
    desk.counts(".row", 2)
    desk.reads("#live", "Live")
    return desk


def test_work_begins_with_whom_to_ring_back(shown: Desk) -> None:
    """The bare address shows a row a number: whom, how many tries, when the last was, why it failed, how it rang."""
    assert shown.path == "/"
    shown.reads("#title", "2 still to ring back")
    assert shown.text("#lists [aria-current]") == "Still to ring back"
    assert shown.text("#ranges [aria-current]") == "30 days"
    whom, when, why = (shown.texts(f".row .{part}") for part in ("whom", "when", "why"))

    assert [re.split(r"\s*\n", text) for text in whom] == [[BOB_READ], [ADA_READ, "Ada"]]
    assert [" ".join(text.split()) for text in when] == ["1 try yesterday 10:00", "3 tries, the last yesterday 9:05"]
    assert [text.strip() for text in why] == ["Busy", "No answer"]
    assert run(shown.find(".number").first.get_attribute("href")) == "tel:+77010000001"


def test_the_two_lists_are_a_step_apart(shown: Desk) -> None:
    """The switch asks the other list the same; back, reload and a sent address lead to the list they came from."""
    shown.press("Nobody picked up")
    shown.reads("#title", "4 calls nobody picked up")
    assert shown.path == EVERY_CALL
    shown.misses(".done")
    run(shown.page.go_back())
    shown.reads("#title", "2 still to ring back")
    shown.press("Yesterday")
    assert shown.path == "/?list=ring_back&range=yesterday"
    run(shown.page.reload())
    shown.counts(".row", 2)
    shown.press("Nobody picked up")
    assert shown.path == "/?list=out_missed&range=yesterday"


def test_addresses_from_before_lead_to_all_calls(shown: Desk) -> None:
    """An address that names a range, a search or a page and no list is of the time when all calls were the one list."""
    shown.go("/?range=30&find=ada")

    shown.reads("#title", "3 calls nobody picked up with “ada”")


@pytest.mark.parametrize("way", ["outbound", "inbound"])
def test_a_number_that_anybody_reaches_is_gone(shown: Desk, tenant: Tenant, way: str) -> None:
    """Another agent's answered call, to the number or from it, takes the row off in two seconds; a try returns it."""
    call = reached(ADA, now_ms() - 5_000, "104") if way == "outbound" else rang_in(ADA, now_ms() - 5_000, "104")
    shown.settle()
    tenant.ingest(call)
    begun = time.monotonic()
    shown.counts(".row", 1)
    assert time.monotonic() - begun < SOON_SECONDS
    shown.reads("#title", "1 still to ring back")
    shown.reads("#news", "1 less to ring back")

    tenant.ingest(*tried(ADA, now_ms()))
    shown.counts(".row", 2)
    assert shown.texts(".number")[0] == ADA_READ
    assert shown.texts(".tries")[0].strip() == "1 try"
    shown.reads("#news", "1 more to ring back")


def test_done_takes_a_number_off_and_undo_puts_it_back(shown: Desk, tenant: Tenant) -> None:
    """Done leaves a line in the row's place, which outlives what comes in; Undo puts the row back where it was."""
    shown.press(f"Done with {BOB_READ}")
    shown.counts(".row", 1)
    shown.reads("#title", "1 still to ring back")
    shown.reads("#news", f"{BOB_READ} is done.")
    assert active(shown) == f"Undo for {BOB_READ}"
    assert kinds(shown) == ["line", "row"]

    tenant.ingest(*tried("+919000000001", now_ms()))
    shown.counts(".row", 2)
    assert kinds(shown) == ["row fresh", "line", "row"]
    assert active(shown) == f"Undo for {BOB_READ}"
    shown.press(f"Undo for {BOB_READ}")
    shown.counts(".row", 3)
    shown.misses(".line")
    assert shown.texts(".number")[1:] == [BOB_READ, ADA_READ]
    assert active(shown) == f"Done with {BOB_READ}"
    shown.reads("#news", f"{BOB_READ} is no longer marked done.")


def test_what_was_done_here_is_no_news(shown: Desk) -> None:
    """News of one's own Done, or of its undoing, that come while the list is read anew say nothing over it."""
    waited: list[str] = []

    async def hold(route: Route) -> None:
        waited.append(route.request.url)
        await asyncio.sleep(SOON_SECONDS)  # longer than news are on their way
        with suppress(Error):  # given up for the next one
            await route.continue_()

    run(shown.page.route(re.compile("/page/calls"), hold))
    shown.settle()
    for act, said, left in (("Done with", "is done.", 1), ("Undo for", "is no longer marked done.", 2)):
        waited.clear()
        shown.press(f"{act} {BOB_READ}")
        shown.wait(lambda: len(waited) == 2)
        shown.reads("#title", f"{left} still to ring back")
        shown.reads("#news", f"{BOB_READ} {said}")


def test_a_new_try_brings_a_done_number_back(shown: Desk, tenant: Tenant) -> None:
    """What was done and is tried again in vain is to be rung back again, by its tries since; its line goes."""
    shown.press(f"Done with {ADA_READ}")
    shown.counts(".line", 1)

    tenant.ingest(*tried(ADA, now_ms() + 1_000))
    shown.counts(".row", 2)
    shown.counts(".line", 0)
    assert [text.strip() for text in shown.texts(".tries")] == ["1 try", "1 try"]


def test_the_last_one_done_is_a_pleasure(shown: Desk) -> None:
    """With nobody left the page says so; what was done can still be undone, one by one."""
    for name in (BOB_READ, ADA_READ):
        shown.press(f"Done with {name}")
        shown.sees(f'[aria-label="Undo for {name}"]')
    shown.reads("#title", "Nobody left to ring back")
    shown.reads("#said", "Everybody rung in these days was reached, or is done.")

    shown.press(f"Undo for {BOB_READ}")
    shown.counts(".row", 1)
    shown.misses("#said")
    shown.press(f"Undo for {ADA_READ}")
    shown.counts(".row", 2)


def test_a_last_page_that_is_done_leads_to_the_one_before(desk: Desk, tenant: Tenant) -> None:
    """Its lines stay, with their way back."""
    tenant.ingest(*some(26))
    desk.open_as(tenant, path="/?list=ring_back&page=2")
    desk.counts(".row", 1)
    run(desk.find(".done").first.click())

    desk.counts(".row", 25)
    desk.sees(".undo")
    assert "page=2" not in desk.path


def test_what_is_off_the_list_already_is_told_calmly(shown: Desk, tenant: Tenant) -> None:
    """Whoever is too late with Done hears that the number was off the list, and there is nothing to undo."""
    silence(shown)
    tenant.ingest(reached(BOB, now_ms()))
    shown.press(f"Done with {BOB_READ}")

    shown.reads(".line", "was off the list already: somebody reached them, or marked them done.")
    shown.counts(".undo", 0)
    shown.counts(".row", 1)
    assert shown.ask("() => document.activeElement.classList.contains('gone')")


def test_a_mark_that_is_gone_cannot_be_undone(shown: Desk, tenant: Tenant) -> None:
    """A mark that was taken back elsewhere says so, and the row is there again."""
    silence(shown)
    shown.press(f"Done with {BOB_READ}")
    shown.sees(".undo")
    with signed_in(tenant) as client:
        (mark,) = with_store(tenant.house.store, lambda store: store.marks(tenant.app_id))
        assert client.post("/page/undo", json={"number": mark.number, "done_ms": mark.done_ms}).json() == {
            "undone": True
        }
    shown.press(f"Undo for {BOB_READ}")

    shown.reads("#news", f"{BOB_READ} had been put back already.")
    shown.counts(".row", 2)


@pytest.mark.parametrize("what", ["done", "undo"])
def test_with_the_server_away_nothing_is_lost(shown: Desk, what: str) -> None:
    """Where the server cannot be reached, the row or the line stays, says so, and works at the next press."""
    name = f"Done with {BOB_READ}"
    if what == "undo":
        shown.press(name)
        name = f"Undo for {BOB_READ}"
    run(shown.page.context.set_offline(True))
    shown.press(name)
    shown.reads(".complaint", "The server cannot be reached")
    assert active(shown) == name

    run(shown.page.context.set_offline(False))
    shown.press(name)
    shown.counts(".row", 1 if what == "done" else 2)
    shown.misses(".complaint")


def test_an_ended_session_is_told_at_done(shown: Desk, tenant: Tenant) -> None:
    """Done after the session has ended leads to signing in, and back to the row, which is still there."""
    shown.settle()
    with_store(tenant.house.store, lambda store: store.delete_tokens(tenant.app_id, "103"))
    shown.press(f"Done with {BOB_READ}")

    shown.reads("#sign-in-said", "Your session has ended")
    shown.enter(tenant.agent_id)
    shown.counts(".row", 2)


def test_pressing_twice_is_pressing_once(shown: Desk) -> None:
    """A double click on Done neither undoes it nor marks the next one."""
    run(shown.find(".done").first.dblclick())

    shown.counts(".line", 1)
    shown.counts(".row", 1)
    shown.sees(".undo")


def test_details_lead_to_every_try(shown: Desk) -> None:
    """Details show the last try's legs, and a way to all calls to the number."""
    shown.press(f"Details of the call to {ADA_READ}")
    shown.reads(".legs >> nth=1", "The last try: 1 attempt")
    shown.press(f"All calls to {ADA_READ}")

    shown.reads("#title", "3 calls nobody picked up with “919876543210”")


def test_every_try_is_one_of_the_days_shown(desk: Desk, tenant: Tenant) -> None:
    """Where the address names days, the way to all calls keeps them: older ones than of 30 days are found."""
    tenant.ingest(*tried(ADA, at(61), at(60)))
    desk.open_as(tenant, path=f"/?list=ring_back&from={day(61)}&to={day(60)}")
    desk.press(f"Details of the call to {ADA_READ}")
    desk.press(f"All calls to {ADA_READ}")

    desk.reads("#title", "2 calls nobody picked up with “919876543210”")
    assert desk.path == f"/?list=out_missed&from={day(61)}&to={day(60)}&find=919876543210"


def test_details_that_stay_open_lead_to_the_days_shown(shown: Desk) -> None:
    """A row that stays while other days are chosen leads to those, not to the days it was opened in."""
    shown.press(f"Details of the call to {ADA_READ}")
    shown.sees(".every a")
    run(shown.page.fill("[name=from]", day(2)))
    shown.press("Show")
    shown.reads("#subtitle", "–")
    shown.wait(lambda: f"from={day(2)}" in shown.path)
    shown.press(f"All calls to {ADA_READ}")

    shown.reads("#title", "2 calls nobody picked up with “919876543210”")


def test_whoever_is_at_a_row_that_leaves_is_at_the_next(shown: Desk, tenant: Tenant) -> None:
    """When the row that has the focus goes by itself, the focus is at its neighbour's same button."""
    run(shown.find(".done").first.focus())
    tenant.ingest(reached(BOB, now_ms()))
    shown.counts(".row", 1)
    assert active(shown) == f"Done with {ADA_READ}"

    tenant.ingest(*tried(ADA, now_ms()))
    shown.reads(".tries", "4 tries")
    assert active(shown) == f"Done with {ADA_READ}"
    tenant.ingest(reached(ADA, now_ms() + 1))
    shown.counts(".row", 0)
    assert shown.ask("() => document.activeElement.id") == "calls"


def test_all_of_it_is_done_from_the_keyboard(shown: Desk) -> None:
    """The other list and back, Done and Undo without a mouse."""
    keyboard = shown.page.keyboard
    for name, key, then in (
        ("Nobody picked up", "Enter", "4 calls"),
        ("Still to ring back", "Enter", "2 still"),
        ("Done", "Space", "1 still"),
    ):
        tab_to(shown, name)
        run(keyboard.press(key))
        shown.reads("#title", then)
    assert active(shown) == f"Undo for {BOB_READ}"
    run(keyboard.press("Enter"))
    shown.reads("#title", "2 still")
    assert active(shown) == f"Done with {BOB_READ}"


def test_pages_tile_the_numbers(desk: Desk, tenant: Tenant) -> None:
    """Sixty numbers are three pages, the last one has the first tried; a number done makes room for the next."""
    tenant.ingest(*some(60), *some(60, days_ago=2))
    desk.open_as(tenant, path="/")
    desk.reads("#title", "60 still to ring back")
    desk.press("Oldest")
    desk.counts(".row", 10)
    assert desk.path == "/?list=ring_back&page=3"
    assert desk.texts(".number")[-1] == "+91 91000 00000"
    assert [text.strip() for text in desk.texts(".tries")] == ["2 tries, the last"] * 10

    desk.press("Newest")
    desk.reads(".where", "Page 1 of 3")
    desk.press("Done with +91 91000 00059")
    desk.reads("#title", "59 still to ring back")
    assert desk.texts(".number")[-1] == "+91 91000 00034"


def test_numbers_are_found(desk: Desk, tenant: Tenant) -> None:
    """By a part of the number or the name, each once however often it was tried."""
    tenant.ingest(*some(30), *tried(ADA, at(2), at(3), name="Ada"))
    desk.open_as(tenant, path="/?list=ring_back&find=ADA")
    desk.reads("#title", "1 still to ring back with “ADA”")
    desk.counts(".row", 1)

    run(desk.page.fill("#text", "nobody"))
    desk.press("Find")
    desk.reads("#said", "Nobody still to ring back in this range has “nobody”")
    desk.press("Show all")
    desk.reads("#title", "31 still to ring back")


def test_the_file_has_the_tries(shown: Desk) -> None:
    """The download is of the list that is shown, with a column of tries, under a name that says so."""

    async def downloaded() -> tuple[str, str]:
        async with shown.page.expect_download() as coming:
            await shown.page.click("#csv")
        download = await coming.value
        return download.suggested_filename, (await download.path()).read_text("utf-8-sig")

    name, text = run(downloaded())
    rows = list(csv.DictReader(io.StringIO(text)))
    assert name.endswith("-still-to-ring-back.csv")
    assert list(rows[0]) == ["time", "agent", "number", "name", "tries", "why", "rang_seconds", "id"]
    assert [(row["number"], row["tries"], row["why"]) for row in rows] == [
        ("77010000001", "1", "busy"),
        ("919876543210", "3", "no_answer"),
    ]


# --- supervisors ---------------------------------------------------------------------------------------------------


@pytest.fixture
def chief(tenant: Tenant) -> Tenant:
    """An app whose agent 103 supervises 104 and 105, who have numbers to ring back, one of them the same."""
    for extension in ("104", "105"):
        tenant.add_agent(extension)
    tenant.ingest(
        *tried(ADA, at(2), at(1), agent="104"),
        *tried(ADA, at(3), agent="105"),
        *tried(BOB, at(4), agent="105"),
        *tried("+919000000002", at(5), agent="104"),
        *tried("+919000000003", at(6), agent="104"),
    )
    supervise(tenant, "103")
    return tenant


def test_a_supervisor_sees_all_that_is_left(desk: Desk, chief: Tenant) -> None:
    """One row an agent and number; a table of who has most left; an agent's own list, the same in the file."""
    desk.open_as(chief, path="/")
    desk.reads("#title", "Nobody left to ring back")
    desk.press("All agents")
    desk.reads("#title", "5 still to ring back")
    assert desk.texts(".row .agent") == ["by 104", "by 105", "by 105", "by 104", "by 104"]
    desk.sees("#team tbody tr")
    assert [row.split("\t")[:2] for row in desk.texts("#team tbody tr")] == [
        ["Asha · 104", "3"],
        ["Asha · 105", "2"],
        ["Asha · 103", "0"],
    ]
    desk.press("Asha · 105")
    desk.reads("#title", "2 still to ring back")
    assert desk.path == "/?list=ring_back&of=105"
    with signed_in(chief) as client:
        rows = client.get("/page/calls.csv", params={**RANGE, "of": "*"}).text.splitlines()
        found = client.get("/page/calls", params={**RANGE, "of": "*", "find": "98765"}).json()
    assert (len(rows), found["count"]) == (6, 2)


def test_a_supervisor_marks_for_all(desk: Desk, chief: Tenant) -> None:
    """A number that a supervisor marks is off the lists of all agents that had it, and back on them after Undo."""
    desk.open_as(chief, path="/?list=ring_back&of=*")
    desk.counts(".row", 5)
    run(desk.find(".done").first.click())
    desk.reads("#title", "3 still to ring back")
    desk.counts(".line", 1)
    with signed_in(chief) as client:
        assert client.get("/page/calls", params={**RANGE, "of": "105"}).json()["count"] == 1

    run(desk.find(".undo").click())
    desk.reads("#title", "5 still to ring back")
    desk.counts(".line", 0)


# --- guards --------------------------------------------------------------------------------------------------------


def test_another_agents_number_is_not_ones_own_to_mark(chief: Tenant) -> None:
    """Who is no supervisor marks nothing of another agent's list, neither as its own nor by naming that agent."""
    supervise(chief, "103", is_supervisor=False)
    mark = {"number": "919876543210", "seen_ms": at(1)}
    with signed_in(chief) as client:
        assert client.post("/page/done", json=mark).json() == {"done_ms": None}
        for of in ("104", "*"):
            assert client.post("/page/done", json={**mark, "of": of}).status_code == 403

    assert with_store(chief.house.store, lambda store: store.marks(chief.app_id)) == []


def test_another_agents_mark_is_not_ones_own_to_undo(chief: Tenant) -> None:
    """A mark is taken back by whoever made it."""
    with signed_in(chief) as client:
        mark = {"number": "919876543210", "seen_ms": at(1), "of": "*"}
        done_ms = client.post("/page/done", json=mark).json()["done_ms"]
        client.post("/page/session", json={"id": f"104_{chief.app_id}", "password": "ring-them-back"})
        undo = {"number": "919876543210", "done_ms": done_ms}
        assert client.post("/page/undo", json=undo).json() == {"undone": False}
        assert client.get("/page/calls", params=RANGE).json()["count"] == 2


@pytest.mark.parametrize("path", ["done", "undo"])
def test_only_the_page_itself_marks(chief: Tenant, path: str) -> None:
    """No session, or another page's request, marks nothing; what is no number or no moment is named."""
    url = f"/page/{path}"
    body: dict[str, object] = {"number": "919876543210", "seen_ms": at(1), "done_ms": at(1), "of": "*"}
    assert chief.house.http.post(url, json=body).status_code == 403
    assert chief.house.http.post(url, json=body, headers={"X-Ringback-Page": "1"}).status_code == 401
    with signed_in(chief) as client:
        assert client.post(url, json=body, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.post(url, json=body, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
        for wrong in ({"number": ""}, {"seen_ms": "soon", "done_ms": "soon"}, {"seen_ms": -1, "done_ms": 2**60}):
            assert client.post(url, json=body | wrong).status_code == 400
        assert client.get(url).status_code == 405

    assert with_store(chief.house.store, lambda store: store.marks(chief.app_id)) == []


def test_no_mark_covers_what_is_to_come(tenant: Tenant) -> None:
    """A moment far ahead, which no row shows, marks no tries of the days after tomorrow."""
    tenant.ingest(*tried(ADA, at(1)))
    with signed_in(tenant) as client:
        done_ms = client.post("/page/done", json={"number": "919876543210", "seen_ms": 2**53 - 1}).json()["done_ms"]

    assert done_ms < now_ms() + 2 * 86_400_000


def test_there_are_two_lists(tenant: Tenant) -> None:
    """A list that is neither is named with those that are there."""
    with signed_in(tenant) as client:
        answer = client.get("/page/calls", params={**RANGE, "list": "in_answered"})

    assert answer.status_code == 400
    assert "list should be out_missed or ring_back" in answer.json()["msg"]


def kinds(desk: Desk) -> list[str]:
    """Return what stands in the list, in order."""
    found: list[str] = desk.ask("() => [...document.querySelectorAll('#list > li')].map((one) => one.className)")
    return found


def active(desk: Desk) -> str:
    """Return by which name a screen reader tells what has the focus."""
    return str(desk.ask("() => document.activeElement.getAttribute('aria-label')"))


def silence(desk: Desk) -> None:
    """Have the page hear no more news, as if they were on their way."""

    async def hold(route: Route) -> None:
        await route.abort()

    run(desk.page.route(re.compile("/page/live$"), hold))
    desk.go("/")
    desk.sees(".row")


def tab_to(desk: Desk, name: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(80):
        run(desk.page.keyboard.press("Tab"))
        if desk.ask("() => document.activeElement.textContent.trim()") == name:
            return
    pytest.fail(f"{name} cannot be reached")
