"""Real servers, proxies and carriers for the tests with real switches; all end with the test that asked for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.switches.server import Founded, found
from tests.switches.sip import need_sip
from tests.switches.town import Town, town


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """A store with an app and an agent, made once."""
    return found(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def quiet_town(tmp_path: Path, founded: Founded) -> Iterator[Town]:
    """A server that is not started yet, a carrier, and no proxy yet."""
    need_sip()
    with town(tmp_path, founded) as quiet:
        yield quiet
