"""The one table of settings: name, type, default, help. It feeds the flags, RINGBACK_* and ringback.toml alike."""

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from ringback.errors import UnusableSetting
from ringback.zones import zone_named


def default_store() -> str:
    """Return the URL of the store in the user's data directory (XDG base directory specification)."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return f"sqlite:///{data / 'ringback' / 'ringback.db'}"


StoreUrl = Annotated[
    str,
    Parameter(
        help="Where calls are kept: sqlite:///path/ringback.db (four slashes for an absolute path), "
        "or postgresql://user@host/database.",
        show_default=lambda _: "ringback.db in the user's data directory",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server can be told. Every field is a flag, a variable RINGBACK_<FLAG> and a key of ringback.toml."""

    store: StoreUrl = ""
    host: Annotated[str, Parameter(help="Address to listen on; 0.0.0.0 is every address of this machine.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Parameter(help="TCP port to listen on; 0 takes a free one.")] = 8080
    workers: Annotated[int, Parameter(help="Server processes; they share the store and the port.")] = 1
    max_limit: Annotated[int, Parameter(help="The most rows a page may have.")] = 1000
    max_body: Annotated[int, Parameter(help="The largest body of an API request, in bytes.")] = 65_536
    max_delivery: Annotated[
        int, Parameter(help="The largest body of a delivery to /ingest, in bytes, after unpacking.")
    ] = 33_554_432
    token_days: Annotated[int, Parameter(help="Days after which a token dies.")] = 30
    client_timeout: Annotated[
        int, Parameter(help="Seconds that a client may take to send a request, to take its answer, or to stay silent.")
    ] = 20
    max_connections: Annotated[int, Parameter(help="The most connections that a server process has open.")] = 10_000
    login_tries: Annotated[
        int,
        Parameter(help="Wrong log-ins of an agent from one address before it has to wait; 0 is no limit."),
    ] = 10
    login_wait: Annotated[int, Parameter(help="Seconds until it may try once more.")] = 300
    retention_days: Annotated[
        int, Parameter(help="Days after which calls are dropped, with their legs; 0 keeps them for ever.")
    ] = 0
    retention_leg_days: Annotated[
        int, Parameter(help="Days after which legs are reduced to what their call shows; 0 keeps them whole.")
    ] = 0
    timezone: Annotated[
        str | None, Parameter(help="IANA time zone of delivered times that name none, such as Asia/Almaty.")
    ] = None
    error_status: Annotated[
        Literal["http", "body"],
        Parameter(help="Where an API error's code stands: in the HTTP status too, or only in the body (HTTP 200)."),
    ] = "http"
    cors_origins: Annotated[
        tuple[str, ...], Parameter(help="Origins whose pages may call the API from a browser; * is any.", negative=())
    ] = ()
    log_format: Annotated[Literal["text", "json"], Parameter(help="Form of the log lines on standard error.")] = "text"
    access_log: Annotated[bool, Parameter(help="Log each request in a line, without its query.", negative=())] = False
    tls_cert: Annotated[
        Path | None, Parameter(help="PEM file of the certificate and its chain; speak HTTPS. Changes are noticed.")
    ] = None
    tls_key: Annotated[Path | None, Parameter(help="PEM file of the certificate's private key, not encrypted.")] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Parameter(help="Addresses or networks of proxies whose X-Forwarded-For is believed.", negative=()),
    ] = ()
    metrics_from: Annotated[
        tuple[str, ...], Parameter(help="Addresses or networks that may read /metrics.", negative=())
    ] = ("127.0.0.0/8", "::1/128")

    def checked(self) -> "Settings":
        """Return these settings, the store's default put in; raises `UnusableSetting` or `InvalidInput`."""
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most:
                raise UnusableSetting(f"{name} should be from {least} to {most}, not {value}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UnusableSetting("TLS needs both files: --tls-cert and --tls-key")
        networks_of("trusted_proxies", self.trusted_proxies)
        networks_of("metrics_from", self.metrics_from)
        zone_named(self.timezone)  # found out here: refused at each delivery, calls would be lost
        _check_origins(self.cors_origins)
        if self.workers > 1 and self.port == 0:
            raise UnusableSetting("several workers need a port of their own choice: --port 8080")
        return self if self.store else Settings(**{**self.as_dict(), "store": default_store()})  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        """Return the settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address listened on."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(name: str, texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks (an address is one of its own) that a setting lists; raises `UnusableSetting`."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise UnusableSetting(f"{name} should be addresses or networks such as 10.0.0.0/8: {error}") from None


def _check_origins(origins: Iterable[str]) -> None:
    for origin in origins:
        if not _ORIGIN.match(origin):
            raise UnusableSetting(
                f"cors_origins should be * or origins such as https://crm.example.org, not {origin!r}"
            )


_ORIGIN = re.compile(r"(\*|null|[a-z][a-z0-9+.-]*://[^\s/,]+)\Z", re.ASCII)  # as browsers send it, RFC 6454 section 6.2
_RANGES = (
    ("port", 0, 65_535),
    ("workers", 1, 64),
    ("max_limit", 1, 100_000),
    ("max_body", 1024, 2**30),
    ("max_delivery", 1024, 2**31),
    ("token_days", 1, 3650),
    ("client_timeout", 1, 3600),
    ("max_connections", 1, 1_000_000),
    ("login_tries", 0, 10_000),
    ("login_wait", 1, 86_400),
    ("retention_days", 0, 36_500),
    ("retention_leg_days", 0, 36_500),
)
