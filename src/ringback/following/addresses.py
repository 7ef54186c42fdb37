"""Which database an address means, and who asks it with which password."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ringback.errors import UnusableSetting

_KINDS = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgresql", "postgres": "postgresql"}
_PORTS = {"mysql": 3306, "postgresql": 5432}
_OPTIONS = {"mysql": {"unix_socket", "ssl_ca"}, "postgresql": {"host", "sslmode", "sslrootcert"}}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is and who asks."""

    kind: str
    user: str
    password: str | None = field(repr=False)
    host: str
    port: int
    database: str
    options: dict[str, str]

    @property
    def name(self) -> str:
        """The address without its password."""
        return f"{self.kind}://{self.user}@{self.host}:{self.port}/{self.database}"

    def without_password(self) -> str:
        """Return the address as a library reads it, options and all, without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        options = f"?{urlencode(self.options)}" if self.options else ""
        return f"{self.kind}://{quote(self.user, '')}@{host}:{self.port}/{quote(self.database, '')}{options}"


def read_address(url: str) -> Address:
    """Return what an address such as mysql://user@host:3306/asteriskcdrdb says; raises `UnusableSetting`."""
    form = "mysql://user@host/database or postgresql://user@host/database"
    try:
        parts = urlsplit(url)
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UnusableSetting(f"the database should be given as {form}") from None
    kind = _KINDS.get(parts.scheme)
    database = unquote(parts.path[1:])
    if kind is None or not parts.username or not database or "/" in database:
        raise UnusableSetting(f"the database should be given as {form}")
    if unknown := sorted(options.keys() - _OPTIONS[kind]):
        known = ", ".join(sorted(_OPTIONS[kind]))
        raise UnusableSetting(f"there is no option {unknown[0][:40]} of a {kind} address; there are: {known}")
    return Address(
        kind=kind,
        user=unquote(parts.username),
        password=unquote(parts.password) if parts.password is not None else None,
        host=parts.hostname or "127.0.0.1",
        port=port or _PORTS[kind],
        database=database,
        options=options,
    )
