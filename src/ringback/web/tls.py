"""The server's certificate: loaded, and loaded again when its files change, with no connection dropped."""

import asyncio
import re
import signal
import ssl
from pathlib import Path
from typing import Any

import structlog

from ringback.errors import UnusableSetting

LOOK_SECONDS = 1.0  # between looks at the files

log = structlog.get_logger()


def loaded(cert: Path, key: Path) -> ssl.SSLContext:
    """Return what TLS needs to serve this certificate; raises `UnusableSetting` in one line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for name, path in (("tls_cert", cert), ("tls_key", key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise UnusableSetting(f"{name} {path} cannot be read: {error.strerror}") from error
    try:
        context.load_cert_chain(cert, key, password=_nobody_to_ask)
    except (ssl.SSLError, OSError) as error:
        raise UnusableSetting(_fault(cert, key, getattr(error, "reason", None))) from None
    return context


def _fault(cert: Path, key: Path, reason: str | None) -> str:
    """Say what is wrong with which file; of one that is none of its kind OpenSSL gives no reason."""
    if reason is not None:
        return f"tls_cert {cert} and tls_key {key} cannot be used: {reason.replace('_', ' ').lower()}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cert)
    except ssl.SSLError:
        name, path, kind = "tls_cert", cert, "CERTIFICATE"
    else:
        name, path, kind = "tls_key", key, "PRIVATE KEY"
    is_there = re.search(rf"-----BEGIN [A-Z ]*{kind}-----".encode(), path.read_bytes())
    fault = f"the {kind.lower()} in it is damaged" if is_there else f"it is no PEM file with a {kind.lower()}"
    return f"{name} {path} cannot be used: {fault}"


def _nobody_to_ask() -> str:
    raise UnusableSetting("tls_key is encrypted; a server that starts by itself needs a key that is not")


class Certificate:
    """The certificate that handshakes are made with, whichever is the newest that could be loaded."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self._seen = self._looked_at = self._look()
        self._newest = loaded(cert, key)
        self.context = loaded(cert, key)
        # Loading into the context that is served from could leave it with half of a new pair; this swaps all at once.
        self.context.sni_callback = self._hand_over

    def _hand_over(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        del name, context  # asked at every handshake, with a name or without
        connection.context = self._newest

    def _look(self) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(_mark(path) for path in (self._cert, self._key))

    def refresh(self) -> None:
        """Load the files; what cannot be used is logged, and the old certificate stays."""
        self._seen = self._looked_at = self._look()
        try:
            self._newest = loaded(self._cert, self._key)
        except UnusableSetting as error:
            log.error("certificate kept", said=str(error))  # noqa: TRY400  (the line says it all)
        else:
            log.info("certificate loaded", file=str(self._cert))

    def look(self) -> None:
        """Load the files if they changed, and not since the last look: of a pair, one is written first."""
        now = self._look()
        if now != self._seen and now == self._looked_at:
            self.refresh()
        self._looked_at = now


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def serve_certificate(config: object, default: object, *, cert: Path, key: Path) -> ssl.SSLContext:
    """Return the context for uvicorn, called in the serving process inside its loop; keep it up to date from now on."""
    del config, default
    certificate = Certificate(cert, key)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, certificate.refresh)

    def look(*_: Any) -> None:
        certificate.look()
        loop.call_later(LOOK_SECONDS, look)

    look()
    return certificate.context
