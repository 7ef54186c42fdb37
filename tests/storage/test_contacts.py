"""Contacts in stores: names on old and new calls, numbers read by region, many of them, and who hears of them when."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.loop import run
from tests.storage.examples import AN_AGENT, AN_APP, ANOTHER_APP, NOW_MS, OUT_MISSED, add_token, texts, whole_list
from tests.telephony.examples import a_leg

from ringback.contacts import Told, import_contacts
from ringback.errors import UnknownApp
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.naming import MOST_CONTACTS, SECONDS
from ringback.storage.records import Contact, Range
from ringback.telephony.call import ListKind

APP = AN_APP.app_id
NUMBER = "77010000001"


def contact(number: str = NUMBER, name: str = "Zoë", given: str = "") -> Contact:
    """Return a contact."""
    return Contact(number=number, given=given or f"+{number}", name=name)


def names(store: Store) -> list[str | None]:
    """Return the names of the agent's calls; by token, page and walk alike."""
    page = run(store.page(APP, OUT_MISSED, Range(limit=100)))
    by_token = run(store.page_of_token(APP, b"digest", NOW_MS, ListKind.OUT_MISSED, Range(limit=100)))
    assert by_token is not None
    told = [text["name"] for text in texts(by_token)]
    assert told == [call.name for call in page.calls] == [call.name for call in whole_list(store, OUT_MISSED)]
    return told


@pytest.fixture
def called(store: Store) -> Store:
    """A store whose agent has called two numbers, one of them by the name that its source gave."""
    run(store.add_agent(AN_AGENT))
    assert add_token(store, AN_AGENT, b"digest")
    run(store.take_in(APP, [a_leg("a", name="Ann"), a_leg("b", seconds=60, dialled_number="77010000002")]))
    assert names(store) == [None, "Ann"]
    return store


def test_a_name_shows_on_old_and_new_calls(called: Store) -> None:
    """A contact's name goes before the one that the source gave, at once; forgotten, the source's is back."""
    run(called.set_contacts(APP, [contact()]))
    assert names(called) == [None, "Zoë"]
    run(called.take_in(APP, [a_leg("c", seconds=120)]))
    assert names(called) == ["Zoë", None, "Zoë"]

    run(called.set_contacts(APP, [contact(name="Zoë M."), contact("77010000002", "Bob")]))
    assert names(called) == ["Zoë M.", "Bob", "Zoë M."]
    assert run(called.drop_contact(APP, NUMBER))
    assert not run(called.drop_contact(APP, NUMBER))
    assert names(called) == [None, "Bob", "Ann"]
    assert run(called.check()).faults == []


def test_names_are_the_apps_own(called: Store) -> None:
    """Another app's contacts name nobody here."""
    run(called.add_app(ANOTHER_APP))
    run(called.set_contacts(ANOTHER_APP.app_id, [contact()]))

    assert names(called) == [None, "Ann"]
    assert run(called.contacts(APP)) == []
    with pytest.raises(UnknownApp):
        run(called.set_contacts(7, [contact()]))


def test_another_process_hears_of_names_in_a_moment(called: Store, store_url: str) -> None:
    """A server shows names that a command has taken in within a fraction of a second, the first as well."""
    other = run(open_store(store_url))
    assert names(called) == [None, "Ann"]
    run(other.set_contacts(APP, [contact()]))
    run(other.close())
    time.sleep(SECONDS + 0.05)

    names_of_either = {tuple(names(called)) for _ in range(3)}
    assert names_of_either == {(None, "Zoë")}


def test_numbers_of_contacts_are_read_by_the_region(called: Store) -> None:
    """When the region changes, contacts' numbers change as calls' do; of two that turn out to be one, one stays."""
    run(called.take_in(APP, [a_leg("n", seconds=180, dialled_number="8 701 000 00 09")]))
    run(
        called.set_contacts(
            APP, [contact("87010000009", "Nur", given="8 701 000 00 09"), contact("5", "Five", given="5")]
        )
    )
    assert names(called)[0] == "Nur"

    for region in ("KZ", None):
        run(called.change_app(APP, region=region, extensions=None))
        assert names(called)[0] == "Nur"
    run(called.set_contacts(APP, [contact("77010000009", "Older", given="+7 701 000 00 09")]))
    run(called.change_app(APP, region="KZ", extensions=None))
    assert [(one.number, one.name) for one in run(called.contacts(APP))] == [("5", "Five"), ("77010000009", "Nur")]


def test_an_imported_number_is_read_by_the_region_of_the_moment(called: Store, store_url: str) -> None:
    """The app's region changes after the import has begun: the contact is known by the number that lists now show."""
    run(called.take_in(APP, [a_leg("n", seconds=180, dialled_number="8 701 000 00 09")]))

    async def change_region() -> None:
        other = await open_store(store_url)
        await other.change_app(APP, region="KZ", extensions=None)
        await other.close()

    def told() -> Iterator[Told]:
        with ThreadPoolExecutor() as elsewhere:
            elsewhere.submit(asyncio.run, change_region()).result()
        yield Told("line 2", "8 701 000 00 09", "Nur")

    assert run(import_contacts(called, APP, told(), print)).new == 1
    assert [one.number for one in run(called.contacts(APP))] == ["77010000009"]
    assert names(called)[0] == "Nur"


def test_many_contacts_are_told_in_parts(store: Store) -> None:
    """Ten thousand at a time, by number, none twice; one that is given twice at once is there once."""
    many = [contact(f"{n:09}", f"n{n}") for n in range(MOST_CONTACTS + 2)]
    run(store.set_contacts(APP, [*many, contact("000000001", "last")]))
    first = run(store.contacts(APP))
    rest = run(store.contacts(APP, first[-1].number))

    assert [one.number for one in (*first, *rest)] == [one.number for one in many]
    assert first[1].name == "last"
