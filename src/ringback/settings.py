"""The one table of settings: name, type, default, help. It feeds the flags, RINGBACK_* and ringback.toml alike."""

import ipaddress
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ringback.calls import zone_named
from ringback.errors import UnusableSetting


def default_store() -> str:
    """Return the URL of the store in the user's data directory (XDG base directory specification)."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return f"sqlite:///{data / 'ringback' / 'ringback.db'}"


StoreUrl = Annotated[
    str,
    Parameter(
        help="Where calls are kept: sqlite:///path/ringback.db (four slashes for an absolute path), "
        "or postgresql://user@host/database."
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

    def checked(self) -> "Settings":
        """Return these settings, the store's default put in; raises `UnusableSetting` or `InvalidInput`."""
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most:
                raise UnusableSetting(f"{name} should be from {least} to {most}, not {value}")
        zone_named(self.timezone)  # found out here: refused at each delivery, calls would be lost
        for origin in self.cors_origins:
            if not _ORIGIN.match(origin):
                raise UnusableSetting(
                    f"cors_origins should be * or origins such as https://crm.example.org, not {origin!r}"
                )
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


_ORIGIN = re.compile(r"(\*|null|[a-z][a-z0-9+.-]*://[^\s/,]+)\Z", re.ASCII)  # as browsers send it, RFC 6454 section 6.2
_RANGES = (
    ("port", 0, 65_535),
    ("workers", 1, 64),
    ("max_limit", 1, 100_000),
    ("max_body", 1024, 2**30),
    ("max_delivery", 1024, 2**31),
    ("token_days", 1, 3650),
    ("retention_days", 0, 36_500),
    ("retention_leg_days", 0, 36_500),
)
