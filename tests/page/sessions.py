"""The page's own requests without a browser: signed in as an agent. No assertions here."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from tests.web.house import PASSWORD, Tenant, client_of

OWN = {"X-Ringback-Page": "1"}  # what tells the page's own requests from those of others


@contextmanager
def signed_in(tenant: Tenant) -> Iterator[httpx.Client]:
    """Run with a client that has signed in as the tenant's agent."""
    with client_of(tenant.house.url, headers=OWN) as client:
        client.post("/page/session", json={"id": tenant.agent_id, "password": PASSWORD}).raise_for_status()
        yield client
