"""`contact import|list|forget` as processes, and what they change of what the API serves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores import Stores
from tests.web.house import FROM, SEED_APP, TO, House, Tenant, missed, served
from tests.web.processes import ringback

BOOK = "name,number\nAdams,+91 91000 00000\nBob,\nNobody,none\nAdams B.,+919100000000\nEve,5551234\n"


@pytest.fixture(scope="module")
def house(stores: Stores) -> Iterator[House]:
    """A server that runs beside the commands."""
    with served(stores.made()) as house:
        yield house


@pytest.fixture
def tenant(house: House) -> Tenant:
    """A fresh app with missed calls of agent 103."""
    tenant = house.tenant()
    tenant.ingest(missed(FROM + 1), missed(FROM + 2, dialled_number="5551234", name="Source"))
    return tenant


def asked(tenant: Tenant, folder: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Run a command on the tenant's contacts; return its status and what it said."""
    app = ("--app", str(tenant.app_id), "--store", tenant.house.store)
    ended = ringback(folder, "contact", *words, *app, stdin=stdin.encode())
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def test_names_from_an_address_book_show_in_the_api(tenant: Tenant, tmp_path: Path) -> None:
    """Imported names stand in `agentOutMissed` on calls that were there before; the counts say what became of each."""
    (tmp_path / "book.csv").write_text(BOOK)
    status, said, complaints = asked(tenant, tmp_path, "import", "book.csv")
    assert (status, said) == (0, "4 numbers read: 2 new, 1 renamed, 0 known already, 1 rejected.\n")
    assert complaints == "line 4: a number should have 1 to 64 characters and a digit, not 'none'\n"

    assert [row["name"] for row in tenant.page(from_=FROM, to=TO)["cdr"]] == ["Eve", "Adams B."]
    again = json.loads(asked(tenant, tmp_path, "import", "-", "--json", stdin=BOOK)[1])
    assert again == {"read": 4, "new": 0, "renamed": 2, "same": 1, "rejected": 1}


def test_contacts_are_listed_and_forgotten(tenant: Tenant, tmp_path: Path) -> None:
    """The list is by number; a forgotten name leaves the one that the source gave."""
    asked(tenant, tmp_path, "import", "-", stdin=BOOK)
    kept = json.loads(asked(tenant, tmp_path, "list", "--json")[1])["contacts"]
    assert [(one["number"], one["name"]) for one in kept] == [("5551234", "Eve"), ("919100000000", "Adams B.")]
    assert "Adams B." in asked(tenant, tmp_path, "list")[1]

    assert asked(tenant, tmp_path, "forget", "555-1234")[0] == 0
    assert [row["name"] for row in tenant.page(from_=FROM, to=TO)["cdr"]] == ["Source", "Adams B."]
    assert asked(tenant, tmp_path, "forget", "555-1234") == (1, "", "ringback: Nobody is known by 555-1234\n")


def test_an_erased_number_has_no_name_left(tenant: Tenant, tmp_path: Path) -> None:
    """`erase` forgets who is behind the number, too, and says so."""
    asked(tenant, tmp_path, "import", "-", stdin=BOOK)
    words = ("+91 91000 00000", "--app", str(tenant.app_id), "--store", tenant.house.store, "--yes", "--json")
    told = json.loads(ringback(tmp_path, "erase", *words).stdout)

    assert (told["calls"], told["contacts"]) == (1, 1)
    assert [one["name"] for one in json.loads(asked(tenant, tmp_path, "list", "--json")[1])["contacts"]] == ["Eve"]


@pytest.mark.one_store
def test_what_cannot_be_imported_says_why(tenant: Tenant, tmp_path: Path) -> None:
    """A file that is not there, that is no address book, or has no number of use; an app that is not there."""
    (tmp_path / "calls.csv").write_text("a,b\n1,2\n")
    assert asked(tenant, tmp_path, "import", "gone.csv")[0] == 2
    assert "headings" in asked(tenant, tmp_path, "import", "calls.csv")[2]
    assert asked(tenant, tmp_path, "import", "-", stdin="name,number\nx,none\n")[0] == 1
    elsewhere = ("--app", str(SEED_APP + 5), "--store", tenant.house.store)
    assert b"There is no app" in ringback(tmp_path, "contact", "list", *elsewhere).stderr
