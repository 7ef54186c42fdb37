"""The command line: every command by name, and how errors end. What the commands do is in the layers below."""

import sys

from cyclopts import App, CycloptsError
from rich.console import Console

import ringback
from ringback.cli.configuring import KnownKeys, SettingsFile, Variables
from ringback.cli.telling import visible
from ringback.errors import InvalidInput, RingbackError, UnusableSetting
from ringback.masking import without_credentials

DONE, REFUSED, USED_WRONGLY = 0, 1, 2

app = App(
    name="ringback",
    help="A self-hosted server of agents' call history: lists the calls nobody picked up, to ring them back.",
    version=ringback.__version__,
    default_parameter=None,
)
_file = SettingsFile()
app.config = (Variables(), _file, KnownKeys(_file))
# Each is loaded when it is run: a command waits for no other's libraries.
COMMANDS = {
    "serve": "serving:serve",
    "demo": "serving:demo",
    "import": "importing:import_files",
    "follow": "following:follow_commands",
    "list": "listing:list_calls",
    "export": "listing:export_calls",
    "legs": "listing:show_legs",
    "contact": "naming:contact_commands",
    "rejects": "rejecting:rejects_commands",
    "app": "owning:app_commands",
    "agent": "owning:agent_commands",
    "token": "owning:token_commands",
    "purge": "keeping:purge",
    "check": "keeping:check",
    "migrate": "keeping:migrate",
    "backup": "keeping:backup",
    "erase": "erasing:erase",
    "audit": "auditing:audit_commands",
    "copy": "copying:copy",
}
for _name, _path in COMMANDS.items():
    app.command(f"{__name__}.{_path}", name=_name)


def main() -> None:
    """Run the command line: exit status 0 done, 1 refused or faults found, 2 used wrongly; errors on one line."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command and return its exit status."""
    if not words or words[0] in app.help_flags:
        for name in COMMANDS:
            app[name]  # loads it: help shows what each says of itself
    try:
        status = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _refuse(str(error), USED_WRONGLY)
    except (InvalidInput, UnusableSetting) as error:
        return _refuse(str(error), USED_WRONGLY)
    except RingbackError as error:
        return _refuse(str(error), REFUSED)
    except BrokenPipeError:  # the reader of our output had enough
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt:
        return _refuse("stopped", 130)
    return status if isinstance(status, int) else DONE


def _refuse(said: str, status: int) -> int:
    said = visible(f"ringback: {' '.join(without_credentials(said).split())}")
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(said)
    return status
