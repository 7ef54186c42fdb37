"""Naming a number on the page: at once on all its calls, for all agents, and in the API."""

import pytest
from tests.loop import run
from tests.page.days import at, now_ms
from tests.page.desk import Desk
from tests.page.sessions import signed_in
from tests.web.house import Tenant, missed


def test_a_number_is_named_once_for_all_its_calls(desk: Desk, tenant: Tenant) -> None:
    """The name shows on each row of the number, in the API and after a reload; emptied, it is gone again."""
    tenant.ingest(
        missed(at(1), dialled_number="+919876543210", call_key="a"),
        missed(at(2), dialled_number="+919876543210", call_key="b", name="Source"),
        missed(at(3), dialled_number="+919876543211", call_key="c"),
    )
    desk.open_as(tenant)
    desk.counts(".row", 3)
    name(desk, "Zoë <Müller>")
    desk.counts(".name", 2)
    assert desk.texts(".name") == ["Zoë <Müller>"] * 2
    assert desk.ask("() => document.activeElement.textContent") == "Details"
    rows = tenant.page(from_=at(40), to=now_ms())["cdr"]
    assert [row["name"] for row in rows] == ["Zoë <Müller>", "Zoë <Müller>", "unknown"]

    run(desk.page.reload())
    desk.counts(".name", 2)
    name(desk, "")
    desk.counts(".name", 1)
    assert desk.texts(".name") == ["Source"]


def test_a_named_number_is_found_by_its_name(desk: Desk, tenant: Tenant) -> None:
    """Finding looks at contacts' names as at those of the source."""
    tenant.ingest(missed(at(1), call_key="a"), missed(at(2), dialled_number="+77010000001", call_key="b"))
    with signed_in(tenant) as client:
        assert client.post("/page/contact", json={"number": "77010000001", "name": "Nur"}).json() == {"name": "Nur"}
    desk.open_as(tenant, path="/?find=nur")

    desk.counts(".row", 1)
    desk.reads(".number", "+7 701 000 0001")


@pytest.mark.parametrize("came", ["answered", "no_answer"])
def test_what_is_being_written_stays_whatever_comes(desk: Desk, tenant: Tenant, came: str) -> None:
    """The number is reached, or tried again, meanwhile: its row waits, and Enter saves the name and no more."""
    tenant.ingest(missed(at(1), call_key="a"), missed(at(2), dialled_number="+77010000001", call_key="b"))
    desk.open_as(tenant, path="/")
    desk.counts(".row", 2)
    desk.reads("#live", "Live")
    run(desk.find(".details").first.click())
    run(desk.page.locator(".naming input").press_sequentially("Maria"))
    other = missed(now_ms(), call_key="d", dialled_number="+77010000002")
    tenant.ingest(missed(at(1, 12), disposition=came, call_key="c"), other)
    desk.reads(".row >> nth=0", "7 701 000 0002")  # the news are there
    run(desk.page.keyboard.type(" Schmidt"))
    assert run(desk.find(".naming input").input_value()) == "Maria Schmidt"

    run(desk.page.keyboard.press("Enter"))
    desk.counts(".row", 2 if came == "answered" else 3)
    assert desk.texts("#list .line") == []
    rows = tenant.page(from_=at(40), to=now_ms())["cdr"]
    assert "Maria Schmidt" in [row["name"] for row in rows]


def test_a_number_without_a_digit_is_not_named(desk: Desk, tenant: Tenant) -> None:
    """A SIP user whom no contact can stand for gets no form, for the server would refuse what it sends."""
    tenant.ingest(missed(at(1), dialled_number="anna@example.com"), missed(at(2), dialled_number="desk7"))
    desk.open_as(tenant)
    desk.counts(".row", 2)
    for row in (0, 1):
        run(desk.find(".details").nth(row).click())
        desk.reads(f".legs >> nth={row}", "1 attempt")

    desk.counts(".naming", 1)
    desk.reads(".naming", "Name of desk7")


def test_names_are_given_by_those_who_are_signed_in(tenant: Tenant) -> None:
    """No session, or another page's request, names nothing; what is no name or number is refused by its word."""
    wanted = {"number": "919100000000", "name": "Zoë"}
    assert tenant.house.http.post("/page/contact", json=wanted).status_code == 403
    assert tenant.house.http.post("/page/contact", json=wanted, headers={"X-Ringback-Page": "1"}).status_code == 401
    with signed_in(tenant) as client:
        for wrong in ({"number": "none", "name": "x"}, {"name": "x"}, {"number": "1", "name": "x" * 256}):
            assert client.post("/page/contact", json=wrong).status_code == 400
        assert client.post("/page/contact", json=wanted, headers={"Origin": "https://evil.example"}).status_code == 403


def name(desk: Desk, text: str) -> None:
    """Name the number of the first call."""
    run(desk.find(".details").first.click())
    desk.sees(".naming")
    run(desk.page.fill(".naming input", text))
    desk.press("Save")
