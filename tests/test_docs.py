"""The documents name every command, setting, route, source and error code, and what they link to is there."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import cyclopts
import pytest

from ringback import cli, errors
from ringback.settings import Settings
from ringback.sources import SOURCES
from ringback.web import call_legs, operations, receivers, ring_back, telecmi

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
ALL_PAGES = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def commands(app: cyclopts.App, *above: str) -> Iterator[str]:
    """Yield every command as it is typed: ringback app add."""
    for name in app:
        if not name.startswith("-"):
            below = list(commands(app[name], *above, name))
            yield from below or [" ".join(("ringback", *above, name))]


def codes(of: type[errors.RingbackError]) -> set[str]:
    """Return the codes of an error and of all below it."""
    return {of.code}.union(*(codes(below) for below in of.__subclasses__()))


@pytest.mark.parametrize("command", sorted(commands(cli.app)))
def test_every_command_is_documented(command: str) -> None:
    """The command stands in the documents as it is typed."""
    assert re.search(rf"{command}(?![\w-])", TEXT), f"nothing says `{command}`"


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_is_documented(name: str) -> None:
    """The setting stands in the documents as a flag or as code by its name."""
    flag = name.replace("_", "-")

    assert re.search(rf"--{flag}(?![\w-])|`{name}`|^{name} =|RINGBACK_{name.upper()}\b", TEXT, re.M), (
        f"nothing says --{flag} or `{name}`"
    )


@pytest.mark.parametrize(
    "route",
    [
        f"{operation.method.upper()} {operation.path}"
        for part in (telecmi, ring_back, call_legs, receivers, operations)
        for operation in part.OPERATIONS
    ],
)
def test_every_route_is_documented(route: str) -> None:
    """The route stands in the documents with its method."""
    assert re.search(rf"{re.escape(route)}(?![\w./-])", TEXT), f"nothing says `{route}`"


@pytest.mark.parametrize("code", sorted(codes(errors.RingbackError)))
def test_every_error_code_is_documented(code: str) -> None:
    """The error's code stands in the documents as code."""
    assert f"`{code}`" in TEXT, f"nothing says `{code}`"


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_is_documented(source: str) -> None:
    """The source's name stands in the documents as code."""
    assert f"`{source}`" in TEXT, f"nothing says `{source}`"


def anchors(page: Path) -> set[str]:
    """Return what a page's headings are linked by."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project finds that file, and the heading where it names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def test_the_readme_links_to_every_page() -> None:
    """From the README each page of docs/ is found in one step."""
    readme = (ROOT / "README.md").read_text()

    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in readme] == []


def test_no_flag_is_documented_that_is_not_there() -> None:
    """Each flag that stands behind `ringback` in an example is one the commands have."""
    known = {flag for words in flags(cli.app) for flag in words}
    used = {
        flag
        for line in re.findall(r"^\s*(?:\$ )?ringback .*$", TEXT, re.M)
        for flag in re.findall(r"(?<!\S)(--[a-z-]+)", line)
    }

    assert used - known - {"--help", "--version"} == set()


def flags(app: cyclopts.App) -> Iterator[list[str]]:
    """Yield the flags of each command."""
    for name in app:
        if not name.startswith("-"):
            yield from flags(app[name])
    if app.default_command is not None:
        for argument in app.assemble_argument_collection():
            yield [str(flag) for flag in argument.names]
