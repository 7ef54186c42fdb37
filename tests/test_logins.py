"""Guarded log-ins: guesses are held up wherever they come from, and the rightful agent is not held up for long."""

import asyncio
import random
from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from tests.loop import run
from tests.stores import Stores
from tests.web.house import PASSWORD, add_agent, with_store

from ringback import agents, logins
from ringback.errors import BadLogin, InvalidInput, TooManyLogins
from ringback.logins import Limits, Logins
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId

AGENT, COLLEAGUE = AgentId("103", 1111113), AgentId("104", 1111113)
OFFICE, HOME, EVIL = "192.0.2.7", "198.51.100.8", "203.0.113.9"
TRIES, WAIT = 3, 60
WRONG = "wrong"
A_DAY = 86_400


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def time_ns(self) -> int:
        return int(self.seconds * 1e9)


class Door:
    """Logs in at a store, by such a clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.passwords = agents.Passwords()
        self.logins = Logins(store, self.passwords, Limits(TRIES, WAIT), 30)

    def log_in(self, agent: AgentId | str = AGENT, password: str = WRONG, client: str = EVIL) -> int | str:
        """Return after how many seconds to try again, or what became of it."""
        try:
            run(self.logins.log_in(str(agent), password, client))
        except TooManyLogins as error:
            return error.retry_after_seconds
        except BadLogin:
            return "wrong"
        return "in"

    def guess(self, times: int, agent: AgentId | str = AGENT, client: Callable[[int], str] = lambda _: EVIL) -> int:
        """Guess so often; return how often the password was looked at."""
        return [self.log_in(agent, client=client(number)) for number in range(times)].count("wrong")


@pytest.fixture
def door(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The door of a store with two agents, whose passwords are looked at quickly."""
    clock = Clock()
    monkeypatch.setattr(logins, "time", clock)
    store = run(open_store(store_url))
    run(agents.add_app(store, AGENT.app_id))
    for agent in (AGENT, COLLEAGUE):
        run(add_agent(store, agent))
    door = Door(store, clock)
    monkeypatch.setattr(door.passwords, "verify", lambda password, kept: _verified(password, kept))
    yield door
    door.passwords.close()
    run(store.close())


async def _verified(password: str, kept: str | None) -> bool:
    return kept is not None and password == PASSWORD


def test_an_address_guesses_a_few_times_and_then_waits(door: Door) -> None:
    """After its tries an address is told how long to wait, is refused until then, and has one more then."""
    assert [door.log_in() for _ in range(5)] == ["wrong"] * TRIES + [WAIT, WAIT]
    door.clock.seconds += WAIT - 0.5
    assert door.log_in() == 1
    door.clock.seconds += 0.5
    assert [door.log_in() for _ in range(2)] == ["wrong", WAIT]


def test_the_right_password_is_not_looked_at_either(door: Door) -> None:
    """Who has to wait learns nothing of the right password; after the wait it logs in, and all is forgotten."""
    door.guess(TRIES)
    assert door.log_in(password=PASSWORD) == WAIT
    door.clock.seconds += WAIT
    assert door.log_in(password=PASSWORD) == "in"

    assert door.guess(9) == TRIES


@pytest.mark.parametrize("nobody", ["999_1111113", "103_9", "no form of an id", "'; DROP TABLE agent; --"])
def test_nobody_is_treated_as_an_agent_is(door: Door, nobody: str) -> None:
    """The answers to guesses at an agent that is not there are those at one that is, one by one."""
    seen = [[door.log_in(agent) for _ in range(6)] for agent in (AGENT, nobody)]

    assert seen[0] == seen[1]


def test_many_addresses_share_an_agents_tries(door: Door) -> None:
    """A thousand addresses that guess at one agent have a few tries together, and one more each so often."""
    assert door.guess(1000, client=lambda number: f"10.0.{number // 250}.{number % 250}") == 5 * TRIES
    assert door.log_in(client="10.9.9.9") == WAIT / 5


def test_an_address_shares_its_tries_among_agents(door: Door) -> None:
    """An address that tries one password at many agents has a few tries for all of them."""
    looked_at = [door.log_in(f"{number}_1111113") for number in range(200, 300)].count("wrong")

    assert looked_at == 5 * TRIES
    assert door.log_in(COLLEAGUE, PASSWORD) == WAIT / 5
    assert door.log_in(COLLEAGUE, PASSWORD, OFFICE) == "in"


def test_a_guesser_cannot_lock_out_an_address_that_is_known(door: Door) -> None:
    """Where an agent has logged in before, it logs in while guesses at it come from everywhere, and at all others."""
    assert door.log_in(password=PASSWORD, client=OFFICE) == "in"
    door.guess(100, client=lambda number: f"10.0.0.{number}")
    for number in range(200, 300):
        door.log_in(f"{number}_1111113", client=OFFICE)

    assert door.log_in(password=PASSWORD, client=HOME) == WAIT / 5
    assert [door.log_in(password=PASSWORD, client=OFFICE) for _ in range(50)] == ["in"] * 50


def test_a_known_address_is_no_licence_to_guess(door: Door) -> None:
    """From a known address too a password can be guessed only so often."""
    door.log_in(password=PASSWORD, client=OFFICE)

    assert door.guess(100, client=lambda _: OFFICE) == TRIES


def test_an_address_is_known_for_a_month(door: Door) -> None:
    """An address is no longer known thirty days after the last log-in from there."""
    door.log_in(password=PASSWORD, client=OFFICE)
    door.clock.seconds += 29 * A_DAY
    door.guess(100, client=lambda number: f"10.0.0.{number}")
    assert door.log_in(password=PASSWORD, client=OFFICE) == "in"

    door.clock.seconds += 31 * A_DAY
    door.guess(100, client=lambda number: f"10.0.0.{number}")
    assert door.log_in(password=PASSWORD, client=OFFICE) == WAIT / 5


def test_ones_own_password_hides_no_guesses_at_others(door: Door) -> None:
    """Logging in rightly in between gives an address no more tries at other agents."""
    looked_at = 0
    for number in range(200, 300):
        door.log_in(COLLEAGUE, PASSWORD)
        looked_at += door.log_in(f"{number}_1111113") == "wrong"

    assert looked_at == 5 * TRIES


def test_all_is_forgotten_in_time(door: Door) -> None:
    """However long somebody guessed, the agent waits no longer than for one try, and later not at all."""
    door.guess(1000)
    door.guess(1000, client=lambda number: f"10.0.0.{number % 250}")
    door.clock.seconds += WAIT / 5
    assert door.log_in(password=PASSWORD, client=HOME) == "in"
    door.clock.seconds += TRIES * WAIT

    assert door.guess(9) == TRIES


def test_an_ipv6_network_is_one_address(door: Door) -> None:
    """Whoever has a network of IPv6 addresses has the tries of one; an IPv4 address is the same in either form."""
    networks = ["2001:db8:1:2", "2001:db8:1:3"]
    looked_at = [door.guess(20, client=lambda number, net=net: f"{net}:{number:x}::1") for net in networks]  # type: ignore[misc]

    assert looked_at == [TRIES, TRIES]
    assert door.guess(20, client=lambda number: ("::ffff:192.0.2.1", "192.0.2.1", "")[number % 2]) == TRIES


def test_workers_agree(door: Door, store_url: str) -> None:
    """Guesses spread over servers, all at once, are held up as those at one: not one try more."""

    async def guessed() -> int:
        stores = [await open_store(store_url) for _ in range(3)]
        doors = [Logins(store, door.passwords, Limits(TRIES, WAIT), 30) for store in stores]
        tries = [random.choice(doors).log_in(str(AGENT), "wrong", EVIL) for _ in range(60)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        for store in stores:
            await store.close()
        return sum(isinstance(outcome, BadLogin) for outcome in outcomes)

    assert run(guessed()) == TRIES


class OvertakenClock(Clock):
    """A clock that others come in by after its second reading from now on, before that moment is used."""

    def __init__(self, others: Callable[[], None]) -> None:
        super().__init__()
        self._others, self._readings = others, 0

    def time_ns(self) -> int:
        moment = super().time_ns()
        self._readings += 1
        if self._readings == 2:
            overtaking = Thread(target=self._others)
            overtaking.start()
            overtaking.join()
        return moment


@pytest.mark.parametrize(("guesses", "outcome"), [(TRIES - 1, "wrong"), (TRIES, WAIT)])
def test_who_is_overtaken_has_the_tries_that_are_left(
    door: Door, store_url: str, monkeypatch: pytest.MonkeyPatch, guesses: int, outcome: int | str
) -> None:
    """A log-in that others overtake a wait later, on another worker, is the last of the tries, or one too many."""

    def guess_elsewhere() -> None:
        clock.seconds += WAIT
        said = with_store(store_url, lambda store: guessed(store, guesses))
        assert [type(one) for one in said] == [BadLogin] * guesses

    clock = OvertakenClock(guess_elsewhere)
    monkeypatch.setattr(logins, "time", clock)

    assert door.log_in() == outcome
    clock.seconds += WAIT
    assert door.log_in() == "wrong"


async def guessed(store: Store, times: int) -> list[object]:
    """Guess so often, one after the other; return what was said."""
    passwords = agents.Passwords()
    elsewhere = Logins(store, passwords, Limits(TRIES, WAIT), 30)
    said: list[object] = [
        (await asyncio.gather(elsewhere.log_in(str(AGENT), WRONG, EVIL), return_exceptions=True))[0]
        for _ in range(times)
    ]
    passwords.close()
    return said


def test_the_owner_unlocks(door: Door) -> None:
    """Unlocked, an agent may try at once; with an address, that address may too."""
    door.guess(100, client=lambda number: f"10.0.0.{number}")
    for number in range(200, 300):
        door.log_in(f"{number}_1111113", client=HOME)
    assert run(logins.unlock(door.store, AGENT)) > 0
    assert door.log_in(password=PASSWORD, client=HOME) == WAIT / 5

    assert run(logins.unlock(door.store, AGENT, HOME)) == 1
    assert door.log_in(password=PASSWORD, client=HOME) == "in"


def test_the_owner_unlocks_addresses_only(door: Door) -> None:
    """What is no address was never counted and is refused; of an IPv6 network any address stands for it."""
    door.log_in("200_1111113", client="2001:db8::7")
    for text in ("foo", "", "192.0.2.0/24", "2001:db8::/48", "192.0.2.7.1"):
        with pytest.raises(InvalidInput, match="an address should be an IP address"):
            run(logins.unlock(door.store, AGENT, text))

    assert run(logins.unlock(door.store, AGENT, "2001:db8::/64")) == 1


def test_what_is_kept_of_guesses_is_over_soon(door: Door, stores: Stores, store_url: str) -> None:
    """Nothing that was guessed is readable in the store, and nothing of it outlives its time."""
    for number in range(40):
        door.log_in(f"{number}_{number + 1}", client=f"10.0.0.{number}")
    rows = stores.ask(store_url, "SELECT subject, address, spent_ms, known_ms FROM login_try")

    assert len(rows) == 120
    assert all(len(row[0]) == 16 and len(row[1]) in (0, 16) for row in rows)
    assert max(max(row[2:]) for row in rows) <= (door.clock.seconds + TRIES * WAIT) * 1000


def test_no_limits_means_none(store_url: str) -> None:
    """With no tries to count nothing is counted."""

    async def guessed() -> set[type[BaseException]]:
        store = await open_store(store_url)
        passwords = agents.Passwords()
        door = Logins(store, passwords, Limits(0, WAIT), 30)
        outcomes: list[object] = []
        for _ in range(4):  # a dozen at once may have to wait for too long, where others have the cores
            tries = [door.log_in("103_1", "wrong", EVIL) for _ in range(3)]
            outcomes += await asyncio.gather(*tries, return_exceptions=True)
        passwords.close()
        await store.close()
        return {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)}

    assert run(guessed()) == {BadLogin}
