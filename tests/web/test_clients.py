"""Who a request is from, behind proxies that are trusted and others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import UnusableSetting
from ringback.settings import Settings, networks_of
from ringback.web.clients import client_address, client_scheme, is_in

TRUSTED = networks_of("trusted_proxies", ("10.0.0.0/8", "::1", "192.0.2.7"))
ANY_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


def scope(peer: str | None, *forwarded: str, proto: str | None = None) -> dict[str, object]:
    """Return what ASGI tells of a request from this peer with these lines of X-Forwarded-For."""
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return {"client": (peer, 1234) if peer else None, "headers": headers, "scheme": "http"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("10.1.1.1", (), "10.1.1.1"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # no proxy of ours: it may write what it likes
        ("10.1.1.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.1.1.1", ("1.1.1.1, 198.51.100.1, 10.2.2.2",), "198.51.100.1"),  # what is left of it the client wrote
        ("10.1.1.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),  # a header that comes twice is one list
        ("10.1.1.1", ("10.3.3.3, 10.2.2.2",), "10.3.3.3"),
        ("10.1.1.1", ("198.51.100.1, unknown",), "10.1.1.1"),
        ("10.1.1.1", ("198.51.100.1, ",), "10.1.1.1"),
        ("10.1.1.1", ("198.51.100.1:5060",), "198.51.100.1"),
        ("10.1.1.1", ("[2001:db8::1]:443",), "2001:db8::1"),
        ("10.1.1.1", ("2001:db8:0::1",), "2001:db8::1"),
        ("::1", ("198.51.100.1",), "198.51.100.1"),
        ("::ffff:10.1.1.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        (None, ("198.51.100.1",), ""),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_trusted_proxys(
    peer: str | None, forwarded: tuple[str, ...], client: str
) -> None:
    """The list is read from the right, from a trusted peer on, past trusted proxies and no further."""
    assert client_address(scope(peer, *forwarded), TRUSTED) == client


@given(forged=st.lists(ANY_TEXT, max_size=4))
def test_nothing_that_a_client_writes_changes_who_it_is(forged: list[str]) -> None:
    """Whatever stands in the header when it comes to the proxy, the address that the proxy appended counts."""
    lines = [*forged[:-1], ", ".join([*forged[-1:], "198.51.100.1"])]

    assert client_address(scope("10.1.1.1", *lines), TRUSTED) == "198.51.100.1"
    assert client_address(scope("203.0.113.9", *lines), TRUSTED) == "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.1.1.1", "https", "https"),
        ("10.1.1.1", "gopher", "http"),
        ("10.1.1.1", "https, http", "http"),  # the last is the proxy's own; what is left of it the client wrote
        ("10.1.1.1", "gopher, https", "https"),
        ("10.1.1.1", "https, gopher", "http"),
        ("10.1.1.1", None, "http"),
        ("203.0.113.9", "https", "http"),
    ],
)
def test_the_scheme_is_believed_of_trusted_proxies_alone(peer: str, proto: str | None, scheme: str) -> None:
    """X-Forwarded-Proto of a trusted proxy counts when it is one of the two."""
    assert client_scheme(scope(peer, proto=proto), TRUSTED) == scheme


def test_what_is_no_address_is_in_no_network() -> None:
    """Neither an empty address nor a word is in any network."""
    everything = networks_of("metrics_from", ("0.0.0.0/0", "::/0"))

    assert is_in("198.51.100.1", everything)
    assert not is_in("", everything)
    assert not is_in("localhost", everything)


@pytest.mark.parametrize("setting", ["trusted_proxies", "metrics_from"])
@pytest.mark.parametrize("text", ["*", "proxy.example.org", "10.0.0.1/8", "10.0.0.0/40", ""])
def test_what_is_no_network_is_refused_at_the_start(setting: str, text: str) -> None:
    """A name, a mistyped network or a star is refused, by the setting's name."""
    with pytest.raises(UnusableSetting, match=f"^{setting} should be addresses or networks"):
        Settings(**{setting: (text,)}).checked()  # type: ignore[arg-type]


def test_half_of_a_certificate_is_refused() -> None:
    """A certificate without its key is said at the start."""
    with pytest.raises(UnusableSetting, match="--tls-cert and --tls-key"):
        Settings(tls_cert=__file__).checked()  # type: ignore[arg-type]
