"""What is refused and how it is said: one envelope, whatever was wrong."""

import pytest
from tests.web.house import Tenant, served

BAD_REQUESTS = [
    ("POST", "/v1/agentOutMissed", {"token": "no-token"}, 404),
    ("POST", "/v1/agentOutMissed", {"page": 0}, 400),
    ("POST", "/v1/agentLogin", {"id": "103_1", "password": "x"}, 404),
    ("POST", "/v1/agentLogin", {}, 400),
    ("GET", "/v1/agentOutMissed", None, 405),
    ("PUT", "/v1/agentLogin", {}, 405),
    ("DELETE", "/healthz", None, 405),
    ("POST", "/v1/agentoutmissed", {}, 404),
    ("GET", "/nothing/here", None, 404),
    ("POST", "/ingest/generic", {}, 401),
]


@pytest.mark.parametrize(("method", "path", "changes", "status"), BAD_REQUESTS)
def test_an_error_wears_one_envelope(
    resident: Tenant, method: str, path: str, changes: dict[str, object] | None, status: int
) -> None:
    """Whatever is wrong, HTTP status and body agree, and code, error, msg and message come in this order."""
    body = resident.asked(**changes) if changes and "Login" not in path else changes
    response = resident.house.http.request(method, path, json=body)

    answer = response.json()
    assert response.status_code == answer["code"] == status
    assert list(answer) == ["code", "error", "msg", "message"]
    assert answer["error"] is True
    assert answer["msg"] == answer["message"] != ""


def test_a_method_not_allowed_says_which_is(resident: Tenant) -> None:
    """A 405 names the methods that the path takes."""
    assert resident.house.http.get("/v1/agentLogin").headers["allow"] == "POST"


def test_errors_can_stand_in_the_body_alone(store_url: str, resident: Tenant) -> None:
    """With error_status=body the same body comes under HTTP 200."""
    with served(store_url, error_status="body") as house:
        for path, body in (
            ("/v1/agentOutMissed", resident.asked(token="no-token")),
            ("/v1/agentOutMissed", resident.asked(page=0)),
            ("/v1/agentLogin", {"id": "103_1", "password": "x"}),
        ):
            inside, outside = (kind.http.post(path, json=body) for kind in (house, resident.house))

            assert (inside.status_code, inside.text) == (200, outside.text)
            assert outside.status_code == outside.json()["code"] != 200


def test_a_large_body_is_refused_before_it_is_read(resident: Tenant) -> None:
    """A body over max_body is a 413, announced or sent in chunks."""
    big = b'{"token": "' + b"x" * 10_000_000 + b'"}'
    for body in (big, (big[start : start + 10_000] for start in range(0, len(big), 10_000))):
        response = resident.house.http.post("/v1/agentOutMissed", content=body)

        assert (response.status_code, response.json()["code"]) == (413, 413)
        assert "65536" in response.json()["message"]


def test_max_body_and_max_limit_are_settings(store_url: str) -> None:
    """A page may have max_limit rows and no more, a body max_body bytes and no more."""
    with served(store_url, max_limit=3, max_body=1024) as house:
        tenant = house.tenant()
        assert tenant.page(limit=3)["code"] == 200
        over = house.http.post("/v1/agentOutMissed", json=tenant.asked(limit=4))
        large = house.http.post("/v1/agentOutMissed", json=tenant.asked(padding="x" * 1024))

        assert (over.status_code, over.json()["message"]) == (400, "limit should be a whole number from 1 to 3, not 4")
        assert large.status_code == 413
