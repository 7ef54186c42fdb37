"""Signing in and out, in a real browser: what opens the page, what ends it, and what to do when it does not open."""

import httpx
import pytest
from tests.loop import run
from tests.page.desk import Browsers, Desk
from tests.page.sessions import OWN
from tests.stores import Stores
from tests.web.house import NAME, PASSWORD, Tenant, served, with_store


@pytest.fixture
def signed(desk: Desk, tenant: Tenant) -> Desk:
    """A window where the tenant's agent has signed in by the form."""
    return desk.sign_in(tenant.agent_id)


def test_an_agent_signs_in_and_out(desk: Desk, tenant: Tenant) -> None:
    """The page says who is signed in; after signing out, the token is worth nothing, whoever kept it."""
    desk.sign_in(tenant.agent_id)
    desk.reads("#who", f"{NAME} · {tenant.agent_id}")
    cookies = {cookie["name"]: cookie["value"] for cookie in run(desk.page.context.cookies())}
    assert calls(tenant, cookies).status_code == 200

    desk.press("Sign out")
    desk.sees("#sign-in")
    assert run(desk.page.context.cookies()) == []
    assert calls(tenant, cookies).status_code == 401
    assert tenant.page()["count"] == 0  # its other tokens live on


def test_no_script_can_read_the_token(signed: Desk) -> None:
    """The token stands in a cookie that scripts do not see and other sites do not send, and nowhere else."""
    (cookie,) = run(signed.page.context.cookies())

    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie["value"].startswith("rbt_")
    assert signed.ask("() => [document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert cookie["value"] not in run(signed.page.content())


def test_a_session_outlives_a_reload(signed: Desk) -> None:
    """Reloading asks for no password."""
    run(signed.page.reload())

    signed.sees("#workplace")
    signed.misses("#signing")


def test_a_wrong_password_says_what_to_do(desk: Desk, tenant: Tenant) -> None:
    """The form says that the two do not go together, whichever is wrong, and the password is ready to be typed anew."""
    desk.go()
    for agent_id, password in ((tenant.agent_id, "wrong"), ("999_9", PASSWORD), ("nonsense", PASSWORD)):
        desk.enter(agent_id, password)
        desk.reads("#sign-in-said", "do not go together")
        assert desk.ask("() => document.activeElement.id") == "password"

    desk.enter(tenant.agent_id)
    desk.sees("#workplace")


def test_what_is_left_out_is_asked_for(desk: Desk) -> None:
    """An empty field is named without asking the server."""
    desk.go()
    desk.press("Sign in")

    desk.reads("#sign-in-said", "Enter your agent id and your password.")
    assert desk.ask("() => document.activeElement.id") == "agent"
    assert desk.refusals == []


def test_who_guesses_is_told_how_long_to_wait(browsers: Browsers, stores: Stores) -> None:
    """Where the password was guessed at too often, the form says for how long to wait."""
    with served(stores.made(), login_tries=2, login_wait=120) as house, browsers.desk(house.url) as desk:
        tenant = house.tenant()
        desk.go()
        for _ in range(2):
            desk.enter(tenant.agent_id, "wrong")
            desk.reads("#sign-in-said", "do not go together")
        desk.enter(tenant.agent_id)

        desk.reads("#sign-in-said", "Too many wrong tries. Wait 2 minutes")


def test_an_ended_session_leads_back_to_where_it_was(desk: Desk, tenant: Tenant) -> None:
    """A session that ended elsewhere says so at the next step; after signing in, the same page is shown."""
    desk.sign_in(tenant.agent_id, path="/?range=30&find=ann").settle()
    end_tokens(tenant)
    desk.press("Today")

    desk.reads("#sign-in-said", "Your session has ended")
    assert desk.path == "/?list=out_missed&range=today&find=ann"
    desk.enter(tenant.agent_id)
    desk.sees("#workplace")
    assert desk.path == "/?list=out_missed&range=today&find=ann"
    desk.reads("#said", "No call in this range has “ann”")


def test_another_tab_may_sign_in_as_another_agent(signed: Desk, tenant: Tenant) -> None:
    """Of two agents in one browser the first one's page ends: it shows and marks nothing of the other's."""
    tenant.add_agent("104")
    signed.reads("#live", "Live")
    other = Desk(run(signed.page.context.new_page()), signed.url)
    run(signed.page.context.clear_cookies())
    other.sign_in(f"104_{tenant.app_id}")

    signed.press("7 days")
    signed.reads("#sign-in-said", "Your session has ended")
    other.press("7 days")
    other.reads("#who", "104_")


def test_a_disabled_agent_is_out(signed: Desk, tenant: Tenant) -> None:
    """A disabled agent's page ends at its next request, and signing in is refused as for a wrong password."""
    signed.settle()
    with_store(tenant.house.store, lambda store: store.set_disabled(tenant.app_id, "103", is_disabled=True))
    signed.press("Today")
    signed.reads("#sign-in-said", "Your session has ended")

    signed.enter(tenant.agent_id)
    signed.reads("#sign-in-said", "do not go together")


def test_signing_in_with_the_server_away_says_so(browsers: Browsers, stores: Stores) -> None:
    """Where the server has gone, the form says so and works again once it is back."""
    with browsers.context() as context, served(stores.made()) as house:
        desk = Desk(run(context.new_page()), house.url).go()
        run(context.set_offline(True))
        desk.enter("103_7", "x")
        desk.reads("#sign-in-said", "The server cannot be reached")

        run(context.set_offline(False))
        desk.enter("103_7", "x")
        desk.reads("#sign-in-said", "do not go together")


def test_behind_tls_the_cookie_is_for_tls_alone(stores: Stores) -> None:
    """Where a trusted proxy says that the client spoke TLS, the cookie is Secure and bound to the host."""
    with served(stores.made(), trusted_proxies=("127.0.0.1",)) as house:
        tenant = house.tenant()
        headers = {**OWN, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        who = {"id": tenant.agent_id, "password": PASSWORD}
        told = house.http.post("/page/session", json=who, headers=headers).headers["set-cookie"]

    assert told.startswith("__Host-ringback=rbt_")
    assert all(part in told for part in ("; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Secure"))


def calls(tenant: Tenant, cookies: dict[str, str]) -> httpx.Response:
    """Ask for the list with these cookies."""
    return httpx.get(f"{tenant.house.url}/page/calls?from=0&to=1", cookies=cookies, headers=OWN)


def end_tokens(tenant: Tenant) -> None:
    """End all tokens of the agent, as its owner would."""
    with_store(tenant.house.store, lambda store: store.delete_tokens(tenant.app_id, "103"))
