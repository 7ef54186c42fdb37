"""Which flags are settings: variables and keys of ringback.toml as well; and what is said of keys that are none."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cyclopts import App, Argument, ArgumentCollection, CycloptsError, Parameter, Token
from cyclopts.config import Env, Toml

from ringback.errors import UnusableSetting
from ringback.settings import Settings

FILE = "ringback.toml"

# What holds for every run. What one act is told (--yes, --before, --from, an agent, a number) comes from its own line
# only: left over in an environment, it would say yes to another act, or mean something else to another command.
_OF_OTHER_COMMANDS = ("limit", "server", "secret_file", "every", "overlap")
SETTINGS = frozenset((*(field.name for field in fields(Settings)), *_OF_OTHER_COMMANDS))


class Variables(Env):
    """The variables RINGBACK_<SETTING>; other flags have none."""

    def __init__(self) -> None:
        super().__init__("RINGBACK_", command=False)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Read the variables of the settings that the command has."""
        super().__call__(app, commands, _settings_of(arguments))

    def _convert_argument(self, commands: tuple[str, ...], argument: Argument) -> str:
        """Name the variable for the help, which shows it for settings only."""
        if _name(argument) not in SETTINGS:
            argument.parameter = Parameter.combine(argument.parameter, Parameter(show_env_var=False))
        return super()._convert_argument(commands, argument)


class Standing(str):
    """The value of a setting that stands in a variable or in the file, for all commands: not meant for this run."""


def read_standing(kind: object, tokens: Sequence[Token]) -> str:
    """Return a text, a `Standing` one where it was not said on the command's own line; a converter of cyclopts."""
    del kind
    (token,) = tokens
    return token.value if token.source == "cli" else Standing(token.value)


def _settings_of(arguments: ArgumentCollection) -> ArgumentCollection:
    found = (argument for argument in arguments if _name(argument) in SETTINGS)
    return ArgumentCollection(found)  # type: ignore[no-untyped-call]


def _name(argument: Argument) -> str:
    return argument.name.removeprefix("--").replace("-", "_")


class SettingsFile(Toml):
    """The file of the working folder. One serves all commands: what some other command knows is passed over."""

    def __init__(self) -> None:
        super().__init__(FILE, allow_unknown=True, use_commands_as_keys=False)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Read the keys of the settings that the command has."""
        super().__call__(app, commands, _settings_of(arguments))

    def _load_config(self, path: Path) -> dict[str, Any]:
        try:
            return super()._load_config(path)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise CycloptsError(msg=f"{FILE} cannot be read: {error}") from error


class KnownKeys:
    """Refuses a key that is no setting: it was mistyped, and what it should have set would not be in force."""

    def __init__(self, file: SettingsFile) -> None:
        self._file = file

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Look through the file; raises `UnusableSetting`."""
        del app, commands, arguments
        for key in self._file.config:
            if key.replace("-", "_") not in SETTINGS:
                close = get_close_matches(key.replace("-", "_"), SETTINGS, n=1)
                meant = f"; did you mean {close[0]}?" if close else ""
                raise UnusableSetting(f"{FILE} has {key}, which is no setting of any command{meant}")
