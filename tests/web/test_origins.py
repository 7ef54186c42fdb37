"""Pages of other origins may call where they are named, and nowhere else."""

from tests.web.house import House, served

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
CRM = "https://crm.example.org"


def allowed(house: House, origin: str) -> tuple[str | None, str | None]:
    """Return the origins that a preflight and a request from this origin are told to be allowed."""
    preflight = house.http.options("/v1/agentLogin", headers={"Origin": origin, **PREFLIGHT})
    request = house.http.post("/v1/agentLogin", json={}, headers={"Origin": origin})
    name = "access-control-allow-origin"
    return preflight.headers.get(name), request.headers.get(name)


def test_other_origins_are_not_allowed_by_default(house: House) -> None:
    """Without the setting no page of another origin may call."""
    assert allowed(house, CRM) == (None, None)


def test_named_origins_may_call_and_others_may_not(store_url: str) -> None:
    """Pages of the named origins may call and see errors, others may not."""
    with served(store_url, cors_origins=(CRM,)) as house:
        assert allowed(house, CRM) == (CRM, CRM)
        assert allowed(house, "https://evil.example.org") == (None, None)


def test_a_star_allows_every_origin(store_url: str) -> None:
    """With * any page may call, its preflight included."""
    with served(store_url, cors_origins=("*",)) as house:
        assert allowed(house, "null") == ("*", "*")
        preflight = house.http.options("/v1/agentLogin", headers={"Origin": CRM, **PREFLIGHT})
        assert preflight.status_code == 200
        assert "content-type" in preflight.headers["access-control-allow-headers"]
