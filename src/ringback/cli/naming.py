"""Commands about who is behind numbers: `contact import|list|forget`."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from ringback import contacts
from ringback.cli.telling import Common, Number, opened, refuse_own, run, tell, tell_table
from ringback.errors import InvalidInput
from ringback.storage.records import Contact

contact_commands = App(name="contact", help="Names of the people behind numbers.")

_SHOWN_REASONS = 5

OfApp = Annotated[Number, Parameter(help="The app whose contacts these are.")]


@contact_commands.command(name="import")
def contact_import(
    file: Annotated[
        str, Parameter(help="CSV with headings, or vCard; - is standard input.", allow_leading_hyphen=True)
    ],
    *,
    app: OfApp,
    common: Common | None = None,
) -> int:
    """Take names from an address book; a number that is known is renamed.

    Names show at once, on old calls too. Exit status 1 where no number at all was taken.
    """
    common = common or Common()
    refused: list[contacts.Refused] = []

    async def work() -> contacts.Named:
        async with opened(common) as store:
            refuse_own(store, file)
            return await contacts.import_contacts(store, app, contacts.read_file(_bytes_of(file)), refused.append)

    named = run(work())
    if not common.json:
        _tell_refused(refused)
    tell(
        common,
        msgspec.structs.asdict(named),
        f"{named.read:,} numbers read: {named.new:,} new, {named.renamed:,} renamed, {named.same:,} known already, "
        f"{named.rejected:,} rejected.",
    )
    return 1 if named.rejected and named.rejected == named.read else 0


@contact_commands.command(name="list")
def contact_list(*, app: OfApp, common: Common | None = None) -> None:
    """List the contacts of an app, by number."""
    common = common or Common()

    async def work() -> list[Contact]:
        async with opened(common) as store:
            return [contact async for contact in contacts.all_contacts(store, app)]

    kept = run(work())
    if common.json:
        tell(common, {"contacts": [msgspec.structs.asdict(contact) for contact in kept]}, "")
    else:
        rows = ((contact.number, contact.name) for contact in kept)
        tell_table(("Number", "Name"), rows, f"No contacts yet; `ringback contact import FILE --app {app}` takes some.")


@contact_commands.command(name="forget")
def contact_forget(
    number: Annotated[str, Parameter(help="The number, in any spelling that the app's region reads.")],
    *,
    app: OfApp,
    common: Common | None = None,
) -> None:
    """Forget who is behind a number; its calls stay. To drop those too there is `ringback erase`."""
    common = common or Common()

    async def work() -> None:
        async with opened(common) as store:
            await contacts.forget_number(store, app, number)

    run(work())
    tell(common, {"forgotten": True}, "Forgotten.")


def _bytes_of(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(contacts.MAX_FILE_BYTES)
    try:
        path = Path(file)
        if path.stat().st_size > contacts.MAX_FILE_BYTES:
            raise InvalidInput(f"{file} has more than {contacts.MAX_FILE_BYTES} bytes: import it in parts")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None


def _tell_refused(refused: list[contacts.Refused]) -> None:
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for one in refused[:_SHOWN_REASONS]:
        console.print(f"{one.where}: {one.reason}")
    if len(refused) > _SHOWN_REASONS:
        console.print(f"... and {len(refused) - _SHOWN_REASONS:,} more")
