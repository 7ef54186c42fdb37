"""Tokens end when they should, and show their own agent's calls alone."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.web.house import FROM, PASSWORD, House, Tenant, missed, with_store

from ringback import agents
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId


def fresh_token(tenant: Tenant) -> str:
    """Log the app's agent 103 in."""
    asked = {"id": tenant.agent_id, "password": PASSWORD}
    return str(tenant.house.http.post("/v1/agentLogin", json=asked).json()["token"])


def is_live(tenant: Tenant, token: str) -> bool:
    """Tell whether a token is taken; where not, it must be a 404."""
    response = tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked(token=token))
    assert response.status_code in (200, 404)
    return response.status_code == 200


def test_an_agent_may_hold_several_tokens(tenant: Tenant) -> None:
    """Each login gives another token and the earlier ones stay live."""
    tokens = {tenant.token, fresh_token(tenant), fresh_token(tenant)}

    assert len(tokens) == 3
    assert all(is_live(tenant, token) for token in tokens)


async def revoke(store: Store, agent: AgentId) -> None:
    """End the agent's tokens."""
    await store.delete_tokens(agent.app_id, agent.extension)


async def disable(store: Store, agent: AgentId) -> None:
    """Disable the agent."""
    await store.set_disabled(agent.app_id, agent.extension, is_disabled=True)


async def change_password(store: Store, agent: AgentId) -> None:
    """Give the agent another password."""
    passwords = agents.Passwords()
    await agents.change_password(store, passwords, agent, "another")
    passwords.close()


@pytest.mark.parametrize("end", [revoke, disable, change_password])
def test_tokens_end_at_once(tenant: Tenant, end: object) -> None:
    """Revoking, disabling and another password end all tokens of that agent, and no other's."""
    colleague, second = tenant.add_agent("104"), fresh_token(tenant)
    assert callable(end)

    with_store(tenant.house.store, lambda store: end(store, AgentId("103", tenant.app_id)))

    assert [is_live(tenant, token) for token in (tenant.token, second, colleague)] == [False, False, True]


def test_a_disabled_agent_cannot_log_in_until_enabled(tenant: Tenant) -> None:
    """A disabled agent is answered like a wrong password; enabled again it logs in, and old tokens stay dead."""
    asked = {"id": tenant.agent_id, "password": PASSWORD}
    wrong = tenant.house.http.post("/v1/agentLogin", json=asked | {"password": "wrong"})
    with_store(tenant.house.store, lambda store: disable(store, AgentId("103", tenant.app_id)))
    refused = tenant.house.http.post("/v1/agentLogin", json=asked)
    with_store(tenant.house.store, lambda store: store.set_disabled(tenant.app_id, "103", is_disabled=False))

    assert (refused.status_code, refused.text) == (404, wrong.text)
    assert is_live(tenant, fresh_token(tenant))
    assert not is_live(tenant, tenant.token)


def test_after_a_change_only_the_new_password_logs_in(tenant: Tenant) -> None:
    """The old password is refused at once and the new one taken."""
    with_store(tenant.house.store, lambda store: change_password(store, AgentId("103", tenant.app_id)))
    log_in = [
        tenant.house.http.post("/v1/agentLogin", json={"id": tenant.agent_id, "password": password}).status_code
        for password in (PASSWORD, "another")
    ]

    assert log_in == [404, 200]


def token_until(tenant: Tenant, expires_at: datetime) -> str:
    """Keep a token that dies at this time."""
    token = agents.new_credential(agents.TOKEN_PREFIX, tenant.app_id)

    async def work(store: Store) -> None:
        agent = await store.agent(tenant.app_id, "103")
        assert agent is not None
        digest = agents.digest_of(token)
        issued_at = expires_at - timedelta(days=1)
        assert await store.add_token(tenant.app_id, "103", digest, issued_at, expires_at, agent.password_hash)

    with_store(tenant.house.store, work)
    return token


def test_a_token_dies_at_its_time(tenant: Tenant) -> None:
    """A token past its time is refused like any other bad one, and one before it is taken."""
    now = datetime.now(UTC)

    assert not is_live(tenant, token_until(tenant, now))
    assert is_live(tenant, token_until(tenant, now + timedelta(minutes=1)))


@pytest.fixture(scope="module")
def three(house: House) -> list[tuple[Tenant, str]]:
    """Agents 103 and 104 of one app and 103 of another, each with a token and one missed call of its own."""
    first, second = house.tenant(), house.tenant()
    first.ingest(missed(FROM, name="first's 103"), missed(FROM, agent="104", name="first's 104"))
    second.ingest(missed(FROM, name="second's 103"))
    return [(first, first.token), (first, first.add_agent("104")), (second, second.token)]


@pytest.mark.parametrize(
    ("number", "agent", "name"),
    [(0, "103", "first's 103"), (1, "104", "first's 104"), (2, "103", "second's 103")],
)
def test_a_token_shows_its_own_agents_calls_alone(
    three: list[tuple[Tenant, str]], number: int, agent: str, name: str
) -> None:
    """Neither a colleague's calls nor those of the same extension elsewhere are shown, the same call key or not."""
    tenant, token = three[number]
    answer = tenant.page(token=token)

    assert answer["count"] == 1
    assert [(row["from"], row["name"]) for row in answer["cdr"]] == [(f"{agent}_{tenant.app_id}", name)]


def test_a_call_of_nobody_registered_is_kept_for_its_agent(tenant: Tenant) -> None:
    """Calls of an extension that is no agent yet are taken in, and shown once the agent is added."""
    tenant.ingest(missed(FROM, agent="777"))

    assert tenant.page()["count"] == 0
    assert tenant.page(token=tenant.add_agent("777"))["count"] == 1
