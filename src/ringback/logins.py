"""Guarded log-ins: how often a password may be guessed, and how many are looked at at once. Passwords are agents.py's.

What a wrong log-in costs is remembered in the store, so that all workers and machines agree at once. Three things are
counted: an agent from one address, an agent from all addresses, an address for all agents. Each may fail a number of
times, then again once each wait; a try is counted before its password is looked at, and taken back when that is right.
Whoever named the agent is treated alike whether there is one or not: nothing here asks.

An address that an agent has logged in from is known for `_KNOWN_DAYS`: from there only the first of the three counts,
so that nobody's guessing from elsewhere, nor at other agents, keeps the rightful agent out.
"""

import ipaddress
import time
from hashlib import sha256
from typing import NamedTuple

from ringback import agents
from ringback.errors import InvalidInput, RefusedLogin, TooManyLogins
from ringback.storage.base import Store
from ringback.storage.records import Spending
from ringback.telephony.agent_id import AgentId
from ringback.waiting_room import WaitingRoom

_KNOWN_DAYS = 30
_DAY_MS = 86_400_000
_MANY = 5  # times as many tries, and as often, for all addresses of an agent and for all agents of an address
_DIGEST_BYTES = 16
_EVERYWHERE = b""  # stands for all addresses

# Each takes tens of milliseconds on one of two threads: two more look into the store meanwhile.
_AT_ONCE, _WAIT_SECONDS, _PLACES, _PLACES_OF_ADDRESS, _PLACES_OF_KNOWN = 4, 10.0, 64, 32, 4


class Limits(NamedTuple):
    """How many log-ins of an agent may fail from one address, and after how long it gets one more; 0 is no limit."""

    tries: int
    wait_seconds: int


class _Count(NamedTuple):
    """One of the things counted: what a wrong log-in costs it, and the most it may have spent."""

    subject: bytes
    address: bytes
    cost_ms: int
    most_ms: int

    def spending(self, times: int = 1) -> Spending:
        return Spending(self.subject, self.address, times * self.cost_ms)

    def check(self, ahead_ms: int) -> None:
        """Raise `TooManyLogins` where what is spent reaches too far ahead of now."""
        if ahead_ms > self.most_ms:  # by more than one try only for a moment, while others are being counted
            raise TooManyLogins(-(-min(ahead_ms - self.most_ms, self.cost_ms) // 1000))


class Logins:
    """Logs agents in, and holds up those who guess."""

    def __init__(self, store: Store, passwords: agents.Passwords, limits: Limits, token_days: int) -> None:
        self._store, self._passwords, self._limits, self._token_days = store, passwords, limits, token_days
        self._room = WaitingRoom(
            at_once=_AT_ONCE,
            seconds=_WAIT_SECONDS,
            places=_PLACES,
            each=_PLACES_OF_ADDRESS,
            each_known=_PLACES_OF_KNOWN,
        )

    async def log_in(self, agent_id: str, password: str, client: str) -> agents.Login:
        """Return a fresh token; `client` is the address that asks.

        Raises `BadLogin` as `agents.log_in` does, `TooManyLogins`, and `TooBusy`.
        """
        try:
            return await self._log_in(agent_id, password, client)
        except RefusedLogin as refused:
            refused.asked = agent_id, client
            raise

    async def _log_in(self, agent_id: str, password: str, client: str) -> agents.Login:
        agent, address = _agent(agent_id), _address(client)
        counts, is_known = await self._allowed(agent, address)
        async with self._room.turn(agent + address if is_known else address, is_known=is_known):
            await self._spend(counts)
            login = await agents.log_in(self._store, self._passwords, agent_id, password, self._token_days)
            if counts:
                await self._was_right(counts)
            return login

    async def _allowed(self, agent: bytes, address: bytes) -> tuple[list[_Count], bool]:
        """Return what this log-in counts towards, and whether the address is known; raises `TooManyLogins`."""
        if not self._limits.tries:
            return [], False
        now_ms = _now_ms()
        here, everywhere = await self._store.tries(agent, (address, _EVERYWHERE))
        counted = [(self._count(agent, address), here)]
        is_known = here.known_ms > now_ms
        if not is_known:
            (of_address,) = await self._store.tries(address, (_EVERYWHERE,))
            counted.append((self._count(agent, _EVERYWHERE, _MANY), everywhere))
            counted.append((self._count(address, _EVERYWHERE, _MANY), of_address))
        for count, tries in counted:
            count.check(tries.spent_ms - now_ms + count.cost_ms)
        return [count for count, _ in counted], is_known

    def _count(self, subject: bytes, address: bytes, times: int = 1) -> _Count:
        cost_ms = self._limits.wait_seconds * 1000 // times
        return _Count(subject, address, cost_ms, cost_ms * self._limits.tries * times)

    async def _spend(self, counts: list[_Count]) -> None:
        """Count this try, and find out by the same whether as many others were counted since it was looked at."""
        if not counts:
            return
        now_ms = _now_ms()
        spent = await self._store.spend_tries([count.spending() for count in counts], now_ms)
        try:
            later_ms = _now_ms()  # than the moment of whoever was counted before, though that began after this
            for count, spent_ms in zip(counts, spent, strict=True):
                count.check(spent_ms - later_ms)
        except TooManyLogins:
            await self._store.spend_tries([count.spending(-1) for count in counts], now_ms)
            raise

    async def _was_right(self, counts: list[_Count]) -> None:
        """Take this try back, and know the address. What others have spent stays, or one password would hide others."""
        here, *others = counts
        now_ms = _now_ms()
        await self._store.know_address(here.subject, here.address, now_ms + _KNOWN_DAYS * _DAY_MS)
        if others:
            await self._store.spend_tries([count.spending(-1) for count in others], now_ms)


async def unlock(store: Store, agent_id: AgentId, client: str | None = None) -> int:
    """Forget the wrong log-ins of an agent, and those of an address where one is given; return how many held it up.

    Raises `InvalidInput` for what is no address: nothing was ever counted of it.
    """
    subjects = [_agent(str(agent_id))]
    if client is not None:
        subjects.append(_address(_one_address(client)))
    return sum([await store.forget_tries(subject, _now_ms()) for subject in subjects])


def _one_address(text: str) -> str:
    """Return the address that is meant, of an IPv6 network of 64 bits any; raises `InvalidInput`."""
    try:
        found = ipaddress.ip_interface(text.partition("%")[0])
    except ValueError:
        found = None
    if found is None or found.network.num_addresses not in (1, 2**64):
        raise InvalidInput(
            f"an address should be an IP address, such as 192.0.2.7, or an IPv6 network of 64 bits, not {text[:60]!r}"
        )
    return str(found.ip)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _agent(agent_id: str) -> bytes:
    return _digest("agent", agent_id)


def _address(client: str) -> bytes:
    """Return what an address is counted as: of IPv6 its network, for one customer has as many addresses as it likes."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:  # a socket of this machine has none
        return _digest("address", client)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.IPv6Address(int(address) >> 64 << 64)
    return _digest("address", str(address))


def _digest(kind: str, text: str) -> bytes:
    return sha256(f"{kind} {text}".encode()).digest()[:_DIGEST_BYTES]
