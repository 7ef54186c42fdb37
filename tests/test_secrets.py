"""How long an app's secret is taken for right: one that is replaced here ends at once, elsewhere a moment later."""

from asyncio import run
from pathlib import Path

import pytest

from ringback import agents
from ringback.errors import BadSecret, BadToken
from ringback.storage import open_store
from ringback.storage.base import Store

APP_ID = 1111113


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which secrets are taken for right."""
    clock = Clock()
    monkeypatch.setattr(agents, "time", clock)
    return clock


async def opened(tmp_path: Path) -> Store:
    return await open_store(f"sqlite:///{tmp_path / 'calls.db'}")


def test_a_secret_replaced_here_ends_at_once(tmp_path: Path, clock: Clock) -> None:
    """A secret just found right is refused as soon as another takes its place."""

    async def rotated() -> None:
        store = await opened(tmp_path)
        old = await agents.add_app(store, APP_ID)
        await agents.app_of_secret(store, old)
        new = await agents.rotate_secret(store, APP_ID)

        with pytest.raises(BadSecret):
            await agents.app_of_secret(store, old)
        assert (await agents.app_of_secret(store, new)).app_id == APP_ID
        await store.close()

    run(rotated())


def test_a_secret_replaced_elsewhere_ends_a_moment_later(tmp_path: Path, clock: Clock) -> None:
    """What another process replaced is refused once the moment is over that a secret is taken for right."""

    async def rotated() -> None:
        store, elsewhere = await opened(tmp_path), await opened(tmp_path)
        old = await agents.add_app(store, APP_ID)
        await agents.app_of_secret(store, old)
        await agents.rotate_secret(elsewhere, APP_ID)
        clock.now += agents.SECRET_SECONDS

        with pytest.raises(BadSecret):
            await agents.app_of_secret(store, old)
        await store.close()
        await elsewhere.close()

    run(rotated())


def test_what_an_app_says_of_itself_counts_at_once(tmp_path: Path, clock: Clock) -> None:
    """An app changed here is read as changed with the next delivery."""

    async def changed() -> str | None:
        store = await opened(tmp_path)
        secret = await agents.add_app(store, APP_ID)
        await agents.app_of_secret(store, secret)
        await agents.change_app(store, APP_ID, region="KZ", extensions=None)
        app = await agents.app_of_secret(store, secret)
        await store.close()
        return app.region

    assert run(changed()) == "KZ"


def test_no_long_text_is_remembered() -> None:
    """Whoever sends long texts for tokens fills no memory with them: each is refused unread."""
    before = agents._credential_again.cache_info().currsize
    for number in range(10):
        with pytest.raises(BadToken):
            agents.read_token(f"rbt_1_{number}" + "0" * 60_000)

    assert agents._credential_again.cache_info().currsize == before
