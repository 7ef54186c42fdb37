"""The table of settings: what is out of range is refused by name, and each has its help."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest

from ringback.errors import InvalidInput, UnusableSetting
from ringback.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", -1),
        ("port", 65536),
        ("workers", 0),
        ("workers", 65),
        ("max_limit", 0),
        ("max_limit", 100001),
        ("max_body", 1023),
        ("max_delivery", 0),
        ("token_days", 0),
        ("token_days", 3651),
        ("client_timeout", 0),
        ("max_connections", 0),
        ("login_tries", -1),
        ("login_wait", 0),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(name: str, value: int) -> None:
    """The message names the setting, its range and the value."""
    with pytest.raises(UnusableSetting, match=f"^{name} should be from .* to .*, not {value}$"):
        Settings(**{name: value}).checked()  # type: ignore[arg-type]


def test_a_time_zone_that_is_none_is_refused_at_the_start() -> None:
    """A misspelt zone is found before anything is taken in: refused at each delivery, calls would be lost."""
    with pytest.raises(InvalidInput, match="Asia/Almati"):
        Settings(timezone="Asia/Almati").checked()


def test_several_workers_need_a_port_of_their_own() -> None:
    """Workers cannot share a port that is chosen when the first starts."""
    with pytest.raises(UnusableSetting, match="--port 8080"):
        Settings(workers=2, port=0).checked()


def test_the_default_store_is_in_the_users_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_DATA_HOME counts where it is set, else ~/.local/share."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings().checked().store == f"sqlite:///{tmp_path}/ringback/ringback.db"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().checked().store == f"sqlite:///{tmp_path}/.local/share/ringback/ringback.db"


@pytest.mark.parametrize(
    "origin", ["https://a,https://b", "https://a/", "https://a/crm", "a.example", "", "https://a b"]
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    """What could never match is said at the start: two origins in one, a path or slash behind one, or no scheme."""
    with pytest.raises(UnusableSetting, match="cors_origins should be"):
        Settings(cors_origins=(origin,)).checked()
    assert Settings(cors_origins=("*", "null", "https://a.example:8443", "http://[::1]:80")).checked()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.1.2.3", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.5", False),
        ("calls.example.org", False),
    ],
)
def test_local_addresses_are_known(host: str, local: bool) -> None:
    """What only this machine can reach is local; everything else is warned about."""
    assert Settings(host=host).is_local is local


def test_every_setting_has_help() -> None:
    """Each setting carries the words that --help prints."""
    hints = get_type_hints(Settings, include_extras=True)
    for field in fields(Settings):
        hint = hints[field.name]
        assert get_origin(hint) is Annotated, field.name
        assert get_args(hint)[1].help, field.name
