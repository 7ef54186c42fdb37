"""Time tells nothing of secrets: they are compared to their end, whatever differs. Of agents: web/test_contract.py."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import msgspec
import pytest
from tests.loop import run
from tests.stores import SqliteStores

import ringback
from ringback import agents
from ringback.errors import BadSecret
from ringback.storage.base import Store
from ringback.storage.records import App

APP_ID = 1111113
SECRET_NAMES = {"secret", "secret_digest", "password", "password_hash", "token", "credential"}


class Unequalled(bytes):
    """Bytes that may not be compared with `==`, which stops at the first difference."""

    def __eq__(self, other: object) -> Never:
        pytest.fail("compared with ==")

    def __ne__(self, other: object) -> Never:
        pytest.fail("compared with !=")

    __hash__ = bytes.__hash__


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store: how it is kept is no matter here."""
    with SqliteStores(tmp_path).opened() as store:
        yield store


@pytest.mark.parametrize("differs_at", [None, 0, -1], ids=["right", "first", "last"])
def test_secrets_are_compared_to_the_end(store: Store, monkeypatch: pytest.MonkeyPatch, differs_at: int | None) -> None:
    """An app's secret is compared by its digest in constant time, right or wrong, wherever it differs."""
    secret = run(agents.add_app(store, APP_ID))
    kept = run(store.app(APP_ID))
    assert kept is not None
    digest = bytearray(kept.secret_digest)
    if differs_at is not None:
        digest[differs_at] ^= 1
    shown = msgspec.structs.replace(kept, secret_digest=Unequalled(digest))

    async def app(app_id: int) -> App:
        return shown

    monkeypatch.setattr(store, "app", app)
    if differs_at is None:
        assert run(agents.app_of_secret(store, secret)) is shown
    else:
        with pytest.raises(BadSecret):
            run(agents.app_of_secret(store, secret))


def test_nothing_secret_is_compared_otherwise() -> None:
    """No line of the server compares a secret, a password, a token or its like by `==`, `!=` or `in`."""
    package = Path(ringback.__file__).parent
    found = [
        f"{file.name}:{node.lineno}"
        for file in sorted(package.rglob("*.py"))
        if "cli" not in file.relative_to(package).parts  # who sits at the terminal types the same password twice
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(sign, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for sign in node.ops)
        and SECRET_NAMES.intersection(map(name_of, (node.left, *node.comparators)))
    ]

    assert found == []


def name_of(node: ast.expr) -> str:
    """Return the last part of a name, "" for what has none."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
