"""Apps and agents: their secrets, passwords and tokens, and who a request is from. No calls, no HTTP."""

import asyncio
import base64
import hmac
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ringback.errors import BadLogin, BadSecret, BadToken, InvalidInput, UnknownAgent, UnknownApp
from ringback.storage.base import Store
from ringback.storage.records import Agent, App
from ringback.telephony.agent_id import MAX_APP_ID, AgentId, find_agent_id
from ringback.telephony.numbers import is_region

MAX_PASSWORD = 1024
TOKEN_PREFIX = "rbt"  # noqa: S105  (what secret scanners look for, not a secret)
SECRET_PREFIX = "rbs"  # noqa: S105
SECRET_SECONDS = 0.2  # how long a secret that was found right is taken for right
_RANDOM_BYTES = 20
_MOST_PROVEN = 1000
_MOST_READ = 1000
_TOO_LONG = 100  # letters: what is remembered stays small

_APP_ID = re.compile(r"[1-9]\d{0,15}\Z", re.ASCII)


# --- tokens and secrets --------------------------------------------------------------------------------------------


class Credential(NamedTuple):
    """What a presented token or secret says of itself: the app it is for, and the digest it is kept as."""

    app_id: int
    digest: bytes


def new_credential(prefix: str, app_id: int) -> str:
    """Return a fresh token or secret, 160 random bits; it carries its app, so that one look-up finds its shard."""
    return f"{prefix}_{app_id}_{secrets.token_hex(_RANDOM_BYTES)}"


def read_credential(prefix: str, text: str) -> Credential | None:
    """Return what a token or secret says of itself, or None when it has not the form of one."""
    kind, _, rest = text.partition("_")
    app_id, _, random = rest.partition("_")
    if kind != prefix or len(random) != 2 * _RANDOM_BYTES or not _APP_ID.match(app_id) or not text.isascii():
        return None
    return Credential(int(app_id), digest_of(text))


_credential_again = lru_cache(_MOST_READ)(read_credential)  # its form and digest only: whether it lives, the store says


def read_token(token: str) -> Credential:
    """Return what a presented token says of itself; raises `BadToken` when it has not the form of one."""
    credential = _credential_again(TOKEN_PREFIX, token) if len(token) < _TOO_LONG else None
    if credential is None:
        raise BadToken
    return credential


def digest_of(credential: str) -> bytes:
    """Return the digest that is kept in a credential's place. Plain SHA-256 will do: there is nothing to guess at."""
    return sha256(credential.encode()).digest()


# --- apps ----------------------------------------------------------------------------------------------------------


async def add_app(store: Store, app_id: int, region: str | None = None, extensions: str | None = None) -> str:
    """Add an app and return its secret, which is shown this once; raises `AlreadyThere` or `InvalidInput`."""
    if not 1 <= app_id <= MAX_APP_ID:
        raise InvalidInput(f"an app's number should be from 1 to {MAX_APP_ID}, not {app_id}")
    _check_reading(region, extensions)
    secret = new_credential(SECRET_PREFIX, app_id)
    await store.add_app(
        App(
            app_id=app_id,
            secret_digest=digest_of(secret),
            region=region,
            extensions=extensions,
            created_at=datetime.now(UTC),
        )
    )
    return secret


async def change_app(store: Store, app_id: int, *, region: str | None, extensions: str | None) -> App:
    """Change what an app says of its numbers and extensions; None leaves it, "" takes it back. Return the app.

    Raises `UnknownApp` or `InvalidInput`.
    """
    app = await store.app(app_id)
    if app is None:
        raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
    region = app.region if region is None else region or None
    extensions = app.extensions if extensions is None else extensions or None
    _check_reading(region, extensions)
    await store.change_app(app_id, region=region, extensions=extensions)
    _proven.pop(store, None)
    return msgspec.structs.replace(app, region=region, extensions=extensions)


def _check_reading(region: str | None, extensions: str | None) -> None:
    if region is not None and not is_region(region):
        raise InvalidInput(f"a region should be two capital letters of ISO 3166, such as KZ, not {region[:20]!r}")
    try:
        re.compile(extensions or "")
    except re.error as error:
        raise InvalidInput(f"extensions should be a regular expression, such as [1-4]\\d\\d: {error}") from None


async def rotate_secret(store: Store, app_id: int) -> str:
    """Give an app a new secret and return it; raises `UnknownApp`.

    The old one ends at once, in other processes within `SECRET_SECONDS`.
    """
    secret = new_credential(SECRET_PREFIX, app_id)
    await store.set_secret(app_id, digest_of(secret))
    _proven.pop(store, None)
    return secret


async def app_of_secret(store: Store, secret: str | None) -> App:
    """Return the app whose secret this is; raises `BadSecret`.

    What another process changes of an app is heeded within `SECRET_SECONDS`.
    """
    proven = _proven.setdefault(store, {})
    found = proven.get(secret or "")
    if found is not None and found.until > time.monotonic():
        return found.app
    credential = read_credential(SECRET_PREFIX, secret or "")
    app = await store.app(credential.app_id) if credential else None
    if credential is None or app is None or not hmac.compare_digest(app.secret_digest, credential.digest):
        raise BadSecret
    if len(proven) >= _MOST_PROVEN:
        proven.clear()
    proven[secret or ""] = _Proven(app, time.monotonic() + SECRET_SECONDS)
    return app


class _Proven(NamedTuple):
    app: App
    until: float


# Busy senders show the same secret with every call: looking it up each time would cost as much as reading the call.
_proven: WeakKeyDictionary[Store, dict[str, _Proven]] = WeakKeyDictionary()


# --- passwords -----------------------------------------------------------------------------------------------------


class Passwords:
    """Hashes and verifies with argon2id (RFC 9106) on threads of its own: each takes tens of milliseconds."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ringback-passwords")
        self._nobodys = self._hash_of_nobody()

    async def hash(self, password: str) -> str:
        """Return the password's hash in argon2's own text form."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password has this hash; for no hash, false after the same time."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._matches, password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with weaker settings than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hash_of_nobody(self) -> str:
        """Return a hash, in RFC 9106's form, that nobody knows a password for: it is drawn, not computed."""
        hasher = self._hasher
        cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        salt, digest = (
            base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
            for size in (hasher.salt_len, hasher.hash_len)
        )
        return f"$argon2id$v=19${cost}${salt}${digest}"

    def _matches(self, password: str, password_hash: str | None) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


# --- agents --------------------------------------------------------------------------------------------------------


class Login(msgspec.Struct, frozen=True):
    """A fresh token, whose it is, and when it dies."""

    token: str
    agent_id: AgentId
    agent_name: str
    expires_at: datetime


async def add_agent(
    store: Store, passwords: Passwords, agent_id: AgentId, name: str, password: str, *, is_supervisor: bool = False
) -> None:
    """Add an agent; raises `AlreadyThere`, `UnknownApp` or `InvalidInput`."""
    agent = Agent(
        app_id=agent_id.app_id,
        extension=agent_id.extension,
        name=name,
        password_hash=await passwords.hash(checked_password(password)),
        is_disabled=False,
        created_at=datetime.now(UTC),
        is_supervisor=is_supervisor,
    )
    await store.add_agent(agent)


async def change_password(store: Store, passwords: Passwords, agent_id: AgentId, password: str) -> None:
    """Give an agent another password; all its tokens end. Raises `UnknownAgent` or `InvalidInput`."""
    password_hash = await passwords.hash(checked_password(password))
    await store.set_password(agent_id.app_id, agent_id.extension, password_hash)


def checked_password(password: str) -> str:
    """Return the password if it can be one; raises `InvalidInput`."""
    if not password or len(password) > MAX_PASSWORD:
        raise InvalidInput(f"a password should have 1 to {MAX_PASSWORD} characters")
    return password


async def log_in(store: Store, passwords: Passwords, agent_id: str, password: str, token_days: int) -> Login:
    """Return a fresh token; raises `BadLogin`, the same after the same time for whatever was wrong."""
    found = find_agent_id(agent_id)
    agent = await store.agent(found.app_id, found.extension) if found else None
    is_right = await passwords.verify(password[:MAX_PASSWORD], agent.password_hash if agent else None)
    if agent is None or not is_right or agent.is_disabled:
        raise BadLogin
    if passwords.is_outdated(agent.password_hash):
        renewed = await passwords.hash(password)
        await store.renew_hash(agent.app_id, agent.extension, agent.password_hash, renewed)
        agent = msgspec.structs.replace(agent, password_hash=renewed)
    return await _new_token(store, agent, token_days)


async def issue_token(store: Store, agent_id: AgentId, token_days: int) -> Login:
    """Return a fresh token without a password, for whoever owns the store; raises `UnknownAgent` or `BadLogin`."""
    agent = await store.agent(agent_id.app_id, agent_id.extension)
    if agent is None:
        raise UnknownAgent(f"There is no agent {agent_id}")
    if agent.is_disabled:
        raise BadLogin(f"The agent {agent_id} is disabled; `ringback agent enable {agent_id}`")
    return await _new_token(store, agent, token_days, is_noted=True)


async def _new_token(store: Store, agent: Agent, token_days: int, *, is_noted: bool = False) -> Login:
    token = new_credential(TOKEN_PREFIX, agent.app_id)
    issued_at = datetime.now(UTC)
    expires_at = issued_at + timedelta(days=token_days)
    was_kept = await store.add_token(
        agent.app_id,
        agent.extension,
        digest_of(token),
        issued_at,
        expires_at,
        agent.password_hash,
        is_noted=is_noted,
    )
    if not was_kept:  # disabled, or another password, between the look and the write
        raise BadLogin
    return Login(token, AgentId(agent.extension, agent.app_id), agent.name, expires_at)
