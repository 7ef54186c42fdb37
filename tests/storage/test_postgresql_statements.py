"""Every statement of the PostgreSQL store is of one app, so that a cluster sharded by app sends it to one worker."""

import pytest
from tests.storage.statements import EVERY_APP, is_of_one_app, loose_statements, statements

STATEMENTS = statements()


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_its_app(name: str) -> None:
    """Each table that a statement reads or writes is bound to the app by the plain parameter $1."""
    assert is_of_one_app(STATEMENTS[name]) is (name.partition(".")[2] not in EVERY_APP)


def test_no_statement_stands_in_the_midst_of_code() -> None:
    """All SQL has a name in its module, where these tests find it."""
    assert loose_statements() == []
    assert len(STATEMENTS) > 40


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT x FROM token WHERE digest = $1",
        "SELECT x FROM token WHERE app_id = any($1)",
        "SELECT x FROM token t, agent a WHERE t.app_id = $1 AND a.app_id = t.app_id",
        "SELECT (SELECT c.n FROM listed_call c WHERE c.app_id = $1), c.m FROM listed_call c WHERE c.n = $2",
        "INSERT INTO token (digest, app_id) VALUES ($1, $2)",
        "INSERT INTO leg (app_id, n) SELECT $1, n FROM unnest($2::bigint[]) AS k (n)",
        "DELETE FROM token USING agent a WHERE a.app_id = $1",
        "UPDATE app SET region = $1 WHERE app_id = $2",
    ],
)
def test_one_of_many_apps_would_be_seen(statement: str) -> None:
    """The test above knows what cannot be sent to one worker."""
    assert not is_of_one_app(statement)
