"""Naming a number on the page. Whoever is signed in may, for all agents of the app."""

from typing import Annotated

import msgspec
from starlette.types import Scope

from ringback import contacts
from ringback.storage.base import Store
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import ShownNumber
from ringback.web.page.guard import Session
from ringback.web.parameters import read_parameters


class Naming(msgspec.Struct, kw_only=True):
    """Who is behind a number; an empty name forgets who it is."""

    number: ShownNumber
    name: Annotated[str, msgspec.Meta(description="a name of at most 255 characters", max_length=255)] = ""


class Named(msgspec.Struct, frozen=True):
    """The name that a number has now; None for that which its calls came with, if any."""

    name: str | None


class NumberNaming:
    """Keeps the names that agents give."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def name(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """POST /page/contact."""
        asked = read_parameters(body, Naming)
        app_id = session.agent_id.app_id
        contact = await contacts.name_shown_number(self._store, app_id, asked.number, asked.name)
        return json_answer(Named(contact.name if contact else None))
