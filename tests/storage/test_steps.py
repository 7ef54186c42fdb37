"""The steps of both schemas: what a store has once been made with is never changed, only added to."""

from hashlib import sha256

import pytest

from ringback.storage.postgresql import schema
from ringback.storage.sqlite import connection

# The first lost three columns of its lists for one, before this was looked at: `older_lists.py` makes up for it.
SQLITE = (
    "92d56db67dde945a",
    "25b2200a8f9ac019",
    "ac3be118d08ad5c4",
    "ab2e0b7411586d97",
    "d01ad29d0eb4320b",
    "05a834d951311c81",
    "e106756afe9ffdd9",
)
POSTGRESQL = (
    "f49e8d5ad59d82ae",
    "13505d805be8265b",
    "8859f6882c9379d3",
    "66e8905f8f3047b6",
    "934eed524c549385",
    "b079f432cbf66d58",
    "d586245dfa12304b",
    "561ea33d41ae95f2",
)


@pytest.mark.parametrize(
    ("steps", "known"),
    [(connection.schema_steps(), SQLITE), (schema.schema_steps(), POSTGRESQL)],
    ids=["sqlite", "postgresql"],
)
def test_a_step_is_never_changed(steps: list[str], known: tuple[str, ...]) -> None:
    """Stores stand on these steps as they are: a change of the schema is a step of its own, whose digest comes here."""
    assert [sha256(step.encode()).hexdigest()[:16] for step in steps] == list(known)
