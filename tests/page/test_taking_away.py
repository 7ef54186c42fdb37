"""Taking the list away: the range as CSV, and on paper."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import httpx
import pytest
from starlette.types import Message
from tests.loop import run
from tests.page.days import ZONE, at, some
from tests.page.desk import Desk
from tests.page.sessions import signed_in
from tests.web.house import Tenant, missed

from ringback.web.page import download

COLOURS = """() => {
    const [style, rules] = [getComputedStyle(document.documentElement), [...document.styleSheets[0].cssRules]];
    const names = [...rules.find((rule) => rule.selectorText === ":root").style].filter((one) => one.startsWith("--"));
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]));
}"""


def test_the_file_holds_the_range(desk: Desk, tenant: Tenant) -> None:
    """What is pressed on the page gives the whole range shown, newest first, in the reader's own time."""
    tenant.ingest(*some(1200), missed(at(2), name="Adams", dialled_number="+919876543210", call_key="x"))
    desk.open_as(tenant)
    desk.counts(".row", 25)

    async def downloaded() -> str:
        async with desk.page.expect_download() as coming:
            await desk.page.click("#csv")
        download = await coming.value
        assert download.suggested_filename == f"ringback-{tenant.agent_id}.csv"
        return (await download.path()).read_text("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(run(downloaded()))))
    assert len(rows) == 1201
    assert (rows[-1]["number"], rows[-1]["name"], rows[-1]["why"]) == ("919876543210", "Adams", "no_answer")
    assert rows[-1]["time"] == datetime.fromtimestamp(at(2) / 1000, ZONE).isoformat()
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)


def test_only_what_was_found_is_in_the_file(tenant: Tenant) -> None:
    """A search narrows the file as it does the list."""
    tenant.ingest(*some(20), missed(at(2), name="Adams", call_key="x"))

    assert [row["name"] for row in rows_of(csv_of(tenant, find="adams"))] == ["Adams"]
    assert len(rows_of(csv_of(tenant))) == 21
    assert rows_of(csv_of(tenant, find="nobody")) == []


def test_no_name_is_a_formula(tenant: Tenant) -> None:
    """What a spreadsheet would reckon is shown as text; quotes, commas and new lines stay in their field."""
    names = ['=cmd|"/c calc"!A1', "+1", "-1", "@SUM(1)", 'a "b", c', "Zoë"]
    tenant.ingest(*(missed(at(1, 9, n), name=name, call_key=str(n)) for n, name in enumerate(names)))

    told = [row["name"] for row in reversed(rows_of(csv_of(tenant)))]
    assert told == [f"'{name}" if name[0] in "=+-@" else name for name in names]


def test_the_file_is_the_agents_own(tenant: Tenant) -> None:
    """Without a session there is no file, nor for a page of elsewhere."""
    url = f"{tenant.house.url}/page/calls.csv?from=0&to=1"
    with signed_in(tenant) as client:
        foreign = client.get(url, headers={"Sec-Fetch-Site": "cross-site"})

    assert httpx.get(url).status_code == 401
    assert foreign.status_code == 403


def test_who_takes_the_file_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever drains a file as slowly as can be holds the store's snapshot for so long and no longer."""
    monkeypatch.setattr(download, "MOST_SECONDS", 0.05)
    ended: list[bool] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"a piece"
        finally:
            ended.append(True)

    async def never(message: Message) -> None:
        assert message["more_body"]
        await asyncio.Event().wait()

    async def sent() -> None:
        async with aclosing(pieces()) as file:
            await download.send_all(file, never, asyncio.get_running_loop().create_future())

    run(asyncio.wait_for(sent(), 10))
    assert ended == [True]


def test_paper_gets_the_calls_alone(desk: Desk, tenant: Tenant) -> None:
    """In print there are the title, the range and the calls; no tools, no chart, no buttons."""
    tenant.ingest(*some(3))
    desk.open_as(tenant)
    desk.counts(".row", 3)
    run(desk.page.emulate_media(media="print"))

    for shown in ("#title", "#subtitle", ".row .number", ".row .when", ".row .why"):
        assert run(desk.find(shown).first.is_visible()), shown
    for hidden in (".top", ".tools", "#glance", ".details", "#csv", "#print"):
        assert run(desk.find(hidden).first.is_hidden()), hidden


def test_paper_gets_no_form(desk: Desk, tenant: Tenant) -> None:
    """With details open their attempts are printed; the form to name the number, buttons and ways on are not."""
    tenant.ingest(*some(1), *some(1, days_ago=2))
    desk.open_as(tenant, path="/")
    desk.press("Details of the call to +91 91000 00000")
    desk.reads(".legs", "1 attempt")
    run(desk.page.emulate_media(media="print"))

    assert run(desk.find(".legs ol").is_visible())
    for hidden in (".legs form", ".legs a", "button >> visible=true"):
        desk.misses(hidden)


def test_paper_has_the_colours_of_day(desk: Desk, tenant: Tenant) -> None:
    """What is printed from a dark screen has the colours of one from a light screen, all of them."""
    tenant.ingest(*some(1))
    desk.open_as(tenant)
    desk.sees(".row")
    told = []
    for scheme in ("dark", "light"):
        run(desk.page.emulate_media(media="print", color_scheme=scheme))
        told.append(desk.ask(COLOURS))

    assert told[0] == told[1]
    assert "--soft" in told[0]


def csv_of(tenant: Tenant, **asked: str) -> httpx.Response:
    """Ask for a file."""
    with signed_in(tenant) as client:
        return client.get("/page/calls.csv", params={"from": at(40), "to": at(0), **asked})


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    """Return the rows of a file."""
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
