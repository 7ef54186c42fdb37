"""Tells the machine's own log what was done to a store, as `sudo` does of commands."""

import socket
from contextlib import suppress
from pathlib import Path

from ringback.storage.auditing import AuditLine

SYSTEM_LOG = Path("/dev/log")
_AUTH_NOTICE = 10 * 8 + 5  # facility authpriv, severity notice: RFC 5424 section 6.2.1


def tell_system_log(line: AuditLine) -> None:
    """Tell it of a line of the audit; where there is none, nobody."""
    if not SYSTEM_LOG.is_socket():
        return
    facts = " ".join(f"{name}={value}" for name, value in line.facts.items() if value is not None)
    said = f"ringback: audit: {line.act} app={line.app_id} by={line.actor} {line.subject} {facts}"
    message = f"<{_AUTH_NOTICE}>{' '.join(said.split())}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to, suppress(OSError):
        to.settimeout(1)
        to.connect(str(SYSTEM_LOG))
        to.send(message.encode())
