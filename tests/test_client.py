"""The client against the real server: what it returns and when it raises."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

import httpx
import pytest
from tests.stores import Stores
from tests.web.house import FROM, PASSWORD, TO, Tenant, missed, served

from ringback.client import ApiError, Client


@pytest.fixture(scope="module", params=["http", "body"])
def tenant(request: pytest.FixtureRequest, stores: Stores) -> Iterator[Tenant]:
    """An app with 25 missed calls on a server that tells errors either way."""
    with served(stores.made(), error_status=request.param) as house:
        tenant = house.tenant()
        tenant.ingest(*(missed(FROM + number) for number in range(25)))
        yield tenant


def test_it_logs_in_and_lists(tenant: Tenant) -> None:
    """After a login a page comes as the API has it."""

    async def asked() -> dict[str, Any]:
        async with Client(tenant.house.url + "/") as client:
            assert await client.log_in(tenant.agent_id, PASSWORD) == client.token
            return await client.out_missed(FROM, TO, page=3)

    page = asyncio.run(asked())
    assert (page["count"], [row["time"] for row in page["cdr"]]) == (25, [FROM + number for number in range(4, -1, -1)])


@pytest.mark.parametrize("limit", [1, 7, 25, 100])
def test_all_calls_of_a_range_come_once_and_in_order(tenant: Tenant, limit: int) -> None:
    """Whatever the size of a page, all calls are yielded, newest first."""

    async def asked() -> list[int]:
        async with Client(tenant.house.url, tenant.token) as client:
            return [call["time"] async for call in client.all_out_missed(FROM + 2, TO, limit)]

    assert asyncio.run(asked()) == [FROM + number for number in range(24, 1, -1)]


async def refused(url: str, token: str, agent_id: str | None = None, page: int = 1) -> ApiError:
    """Return the error that a request ends with."""
    async with Client(url, token) as client:
        asked: Awaitable[object] = client.log_in(agent_id, "wrong") if agent_id else client.out_missed(FROM, TO, page)
        with pytest.raises(ApiError) as caught:
            await asked
        return caught.value


def test_it_lists_whom_to_ring_back(tenant: Tenant) -> None:
    """A number with its tries, as the API tells it."""

    async def asked() -> dict[str, Any]:
        async with Client(tenant.house.url, tenant.token) as client:
            return await client.ring_back(FROM, TO, limit=5)

    answer = asyncio.run(asked())
    assert (answer["count"], [row["tries"] for row in answer["cdr"]]) == (1, [25])


def test_a_refusal_is_an_error_with_its_code(tenant: Tenant) -> None:
    """A bad token, a wrong password and a bad page raise with the API's own code and words, wherever it tells them."""
    bad_token = asyncio.run(refused(tenant.house.url, "bad"))
    bad_login = asyncio.run(refused(tenant.house.url, "", tenant.agent_id))
    bad_page = asyncio.run(refused(tenant.house.url, tenant.token, page=0))

    assert [error.code for error in (bad_token, bad_login, bad_page)] == [404, 404, 400]
    assert str(bad_token) == "404: Failed to authenticate token: log in again."
    assert "page should be" in str(bad_page)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (502, "<html>Bad gateway</html>", 502),
        (200, "<html>Log in to the hotel</html>", 502),
        (200, "[]", 502),
        (200, '{"code": "cmi-400", "msg": "no"}', 502),
        (500, "", 500),
    ],
)
def test_what_is_no_answer_of_the_api_is_an_error(status: int, body: str, code: int) -> None:
    """A proxy's page or an answer of another kind raises `ApiError`, whatever its HTTP status; never a KeyError."""

    async def asked() -> int:
        far_end = httpx.MockTransport(lambda _: httpx.Response(status, text=body))
        async with Client("http://far.example", "t", http=httpx.AsyncClient(transport=far_end)) as client:
            with pytest.raises(ApiError) as caught:
                await client.out_missed(FROM, TO)
            return caught.value.code

    assert asyncio.run(asked()) == code


def test_a_server_that_is_away_is_an_httpx_error(store_url: str) -> None:
    """Where nothing listens httpx's own error is raised."""
    with served(store_url) as house:
        url = house.url

    async def asked() -> None:
        async with Client(url, "t") as client:
            await client.out_missed(FROM, TO)

    with pytest.raises(httpx.ConnectError):
        asyncio.run(asked())
