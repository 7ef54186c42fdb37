"""ringback.toml: what may stand in it, and what is said of what may not."""

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, CycloptsError
from cyclopts.config import Toml

from ringback.errors import UnusableSetting

FILE = "ringback.toml"


class SettingsFile(Toml):
    """The file of the working folder. One serves all commands: what some other command knows is passed over."""

    def __init__(self) -> None:
        super().__init__(FILE, allow_unknown=True, use_commands_as_keys=False)

    def _load_config(self, path: Path) -> dict[str, Any]:
        try:
            return super()._load_config(path)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise CycloptsError(msg=f"{FILE} cannot be read: {error}") from error


class KnownKeys:
    """Refuses a key that no command knows: it was mistyped, and what it should have set would not be in force."""

    def __init__(self, app: App, file: SettingsFile) -> None:
        self._app, self._file = app, file

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Look through the file; raises `UnusableSetting`."""
        del app, commands, arguments
        given = self._file.config
        known = set(_names(self._app)) if given else set()
        for key in given:
            if key.replace("_", "-") not in known:
                close = get_close_matches(key.replace("_", "-"), known, n=1)
                meant = f"; did you mean {close[0].replace('-', '_')}?" if close else ""
                raise UnusableSetting(f"{FILE} has {key}, which is no setting of any command{meant}")


def _names(app: App) -> Iterator[str]:
    """Yield the flags of all commands, without their dashes."""
    if app.default_command is not None:
        for argument in app.assemble_argument_collection():
            yield from (name.removeprefix("--") for name in argument.names if name.startswith("--"))
    for name in app:
        if not name.startswith("-"):
            yield from _names(app[name])
