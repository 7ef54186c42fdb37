"""Commands about who may ask: apps, agents, tokens."""

import getpass
import sys
import warnings
from collections.abc import Mapping
from typing import Annotated

from cyclopts import App, Parameter

from ringback import agents, logins
from ringback.cli.telling import Common, Number, opened, run, tell, tell_table
from ringback.errors import InvalidInput, NoStore, UnknownAgent, UnknownApp
from ringback.settings import Settings
from ringback.storage.records import App as Tenant
from ringback.telephony.agent_id import AgentId, read_agent_id

app_commands = App(name="app", help="Tenants: each has a number and a secret.")
agent_commands = App(name="agent", help="Agents, such as 103_1111113: extension 103 of app 1111113.")
token_commands = App(name="token", help="Tokens that agents ask with.")

PasswordStdin = Annotated[
    bool, Parameter(help="Read the password from standard input instead of asking for it.", negative=())
]


Region = Annotated[str | None, Parameter(help="Region that reads the app's national numbers, ISO 3166, such as KZ.")]
Extensions = Annotated[
    str | None, Parameter(help="What the whole of an extension looks like, a regular expression; else 2 to 6 digits.")
]


@app_commands.command(name="add")
def app_add(app_id: int, *, region: Region = None, extensions: Extensions = None, common: Common | None = None) -> None:
    """Add an app and print its secret, which is shown this once."""
    common = common or Common()

    async def work() -> str:
        async with opened(common, make=True) as store:
            return await agents.add_app(store, app_id, region, extensions)

    secret = run(work())
    tell(common, {"app": app_id, "secret": secret}, f"App {app_id} added. Its secret, shown this once: {secret}")


@app_commands.command(name="list")
def app_list(*, common: Common | None = None) -> None:
    """List the apps."""
    common = common or Common()

    async def work() -> list[Tenant]:
        try:
            async with opened(common) as store:
                return await store.apps()
        except NoStore:
            return []  # whoever begins is told how to

    kept = run(work())
    apps = [
        {"app": app.app_id, "region": app.region, "extensions": app.extensions, "created_at": app.created_at}
        for app in kept
    ]
    if common.json:
        tell(common, {"apps": apps}, "")
    else:
        rows = ((app["app"], app["region"], app["extensions"], f"{app['created_at']:%Y-%m-%d}") for app in apps)
        tell_table(("App", "Region", "Extensions", "Added"), rows, "No apps yet; `ringback app add 1111113` makes one.")


@app_commands.command(name="set")
def app_set(
    app_id: Number, *, region: Region = None, extensions: Extensions = None, common: Common | None = None
) -> None:
    """Change how an app's numbers and extensions are read; an empty value takes a setting back.

    Numbers that lists show are read again at once. What an extension looks like counts for records from now on.
    """
    common = common or Common()

    async def work() -> Tenant:
        async with opened(common) as store:
            return await agents.change_app(store, app_id, region=region, extensions=extensions)

    app = run(work())
    facts = {"app": app.app_id, "region": app.region, "extensions": app.extensions}
    said = f"App {app.app_id}: region {app.region or 'none'}, extensions {app.extensions or '2 to 6 digits'}."
    tell(common, facts, said)


@app_commands.command(name="rotate")
def app_rotate(app_id: Number, *, common: Common | None = None) -> None:
    """Give an app a new secret; the old one ends, for a running server within 0.2 seconds."""
    common = common or Common()

    async def work() -> str:
        async with opened(common) as store:
            return await agents.rotate_secret(store, app_id)

    secret = run(work())
    tell(common, {"app": app_id, "secret": secret}, f"The new secret of app {app_id}, shown this once: {secret}")


@agent_commands.command(name="add")
def agent_add(
    agent_id: str,
    *,
    name: Annotated[
        str, Parameter(help="The agent's name, as log-in tells it.", show_default=lambda _: "the extension")
    ] = "",
    supervisor: Annotated[
        bool, Parameter(help="Let the agent see the calls of all agents of its app, on the page.", negative=())
    ] = False,
    password_stdin: PasswordStdin = False,
    common: Common | None = None,
) -> None:
    """Add an agent with a password."""
    common = common or Common()
    agent = read_agent_id(agent_id)

    async def work() -> None:
        async with opened(common) as store:
            if await store.app(agent.app_id) is None:
                raise UnknownApp(f"There is no app {agent.app_id}; `ringback app add {agent.app_id}` makes it")
            password = _password(agent, from_stdin=password_stdin)
            passwords = agents.Passwords()
            await agents.add_agent(store, passwords, agent, name or agent.extension, password, is_supervisor=supervisor)
            passwords.close()

    run(work())
    tell(common, {"agent": agent_id}, f"Agent {agent_id} added.")


@agent_commands.command(name="list")
def agent_list(
    *,
    app: Annotated[Number | None, Parameter(help="Only the agents of this app.")] = None,
    common: Common | None = None,
) -> None:
    """List the agents."""
    common = common or Common()

    async def work() -> list[dict[str, object]]:
        async with opened(common) as store:
            return [
                {
                    "agent": agent.agent_id,
                    "name": agent.name,
                    "disabled": agent.is_disabled,
                    "supervisor": agent.is_supervisor,
                }
                for agent in await store.agents(app)
            ]

    found = run(work())
    if common.json:
        tell(common, {"agents": found}, "")
    else:
        rows = ((agent["agent"], agent["name"], _state(agent)) for agent in found)
        tell_table(("Agent", "Name", ""), rows, "No agents yet; `ringback agent add 103_1111113` makes one.")


def _state(agent: Mapping[str, object]) -> str:
    return ", ".join(word for word in ("supervisor", "disabled") if agent[word])


@agent_commands.command(name="supervise")
def agent_supervise(
    agent_id: str,
    *,
    supervisor: Annotated[
        bool, Parameter(name="--yes", negative="--no", help="Whether the agent may; no takes it back.")
    ] = True,
    common: Common | None = None,
) -> None:
    """Let an agent see the calls of all agents of its app, on the page."""
    common = common or Common()
    agent = read_agent_id(agent_id)

    async def work() -> None:
        async with opened(common) as store:
            await store.set_supervisor(agent.app_id, agent.extension, is_supervisor=supervisor)

    run(work())
    said = "is a supervisor" if supervisor else "is no supervisor"
    tell(common, {"agent": agent_id, "supervisor": supervisor}, f"Agent {agent_id} {said}.")


@agent_commands.command(name="disable")
def agent_disable(agent_id: str, *, common: Common | None = None) -> None:
    """Refuse an agent's log-ins and end its tokens at once; its calls stay."""
    _set_disabled(agent_id, common or Common(), is_disabled=True)


@agent_commands.command(name="enable")
def agent_enable(agent_id: str, *, common: Common | None = None) -> None:
    """Let a disabled agent log in again."""
    _set_disabled(agent_id, common or Common(), is_disabled=False)


def _set_disabled(agent_id: str, common: Common, *, is_disabled: bool) -> None:
    agent = read_agent_id(agent_id)

    async def work() -> None:
        async with opened(common) as store:
            await store.set_disabled(agent.app_id, agent.extension, is_disabled=is_disabled)

    run(work())
    facts = {"agent": agent_id, "disabled": is_disabled}
    tell(common, facts, f"Agent {agent_id} is {'disabled; its tokens have ended' if is_disabled else 'enabled'}.")


@agent_commands.command(name="unlock")
def agent_unlock(
    agent_id: str,
    *,
    address: Annotated[
        str | None, Parameter(help="Forget the wrong log-ins from this address at all agents too.")
    ] = None,
    common: Common | None = None,
) -> None:
    """Forget an agent's wrong log-ins, so that it may try again at once."""
    common = common or Common()
    agent = read_agent_id(agent_id)

    async def work() -> int:
        async with opened(common) as store:
            if await store.agent(agent.app_id, agent.extension) is None:
                raise UnknownAgent(f"There is no agent {agent}")
            return await logins.unlock(store, agent, address)

    forgotten = run(work())
    said = "Its wrong log-ins are forgotten." if forgotten else "It had no wrong log-ins."
    tell(common, {"agent": agent_id, "forgotten": forgotten}, f"The agent {agent_id} may log in. {said}")


@agent_commands.command(name="password")
def agent_password(agent_id: str, *, password_stdin: PasswordStdin = False, common: Common | None = None) -> None:
    """Give an agent another password; its tokens end at once."""
    common = common or Common()
    agent = read_agent_id(agent_id)

    async def work() -> None:
        async with opened(common) as store:
            password = _password(agent, from_stdin=password_stdin)
            passwords = agents.Passwords()
            await agents.change_password(store, passwords, agent, password)
            passwords.close()

    run(work())
    tell(common, {"agent": agent_id}, f"The password of {agent_id} is changed; its tokens have ended.")


@token_commands.command(name="issue")
def token_issue(
    agent_id: str,
    *,
    token_days: Annotated[int, Parameter(help="Days after which the token dies.")] = Settings.token_days,
    common: Common | None = None,
) -> None:
    """Print a fresh token for an agent, without its password."""
    common = common or Common()
    agent = read_agent_id(agent_id)
    Settings(token_days=token_days).checked()

    async def work() -> agents.Login:
        async with opened(common) as store:
            return await agents.issue_token(store, agent, token_days)

    login = run(work())
    facts = {"agent": agent_id, "token": login.token, "expires_at": login.expires_at}
    tell(common, facts, f"{login.token}\nIt dies on {login.expires_at:%Y-%m-%d}.")


@token_commands.command(name="revoke")
def token_revoke(agent_id: str, *, common: Common | None = None) -> None:
    """End all tokens of an agent at once."""
    common = common or Common()
    agent = read_agent_id(agent_id)

    async def work() -> int:
        async with opened(common) as store:
            return await store.delete_tokens(agent.app_id, agent.extension)

    ended = run(work())
    tell(common, {"agent": agent_id, "revoked": ended}, f"{ended} tokens of {agent_id} have ended.")


def _password(agent: AgentId, *, from_stdin: bool) -> str:
    if from_stdin:
        return agents.checked_password(sys.stdin.readline().rstrip("\r\n"))
    password = agents.checked_password(_asked(f"Password for {agent}: "))
    if password != _asked("The same again: "):
        raise InvalidInput("the two passwords differ; nothing was changed")
    return password


def _asked(prompt: str) -> str:
    """Ask on the terminal; raises `InvalidInput` where there is none that can hide what is typed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            raise InvalidInput(
                "a password is asked for on a terminal; where there is none, say --password-stdin"
            ) from None
