"""How log lines look: one event name and its fields, as text or JSON, on standard error."""

import logging
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

import structlog

from ringback.storage.auditing import AuditLine

SYSTEM_LOG = Path("/dev/log")
_AUTH_NOTICE = 10 * 8 + 5  # facility authpriv, severity notice: RFC 5424 section 6.2.1

log = structlog.get_logger()


def set_up_logs(form: Literal["text", "json"]) -> None:
    """Send our events and the libraries' warnings to standard error in this form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[*shared, last],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_internals, last])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def log_audit(line: AuditLine) -> None:
    """Log a line of the audit, as a server does."""
    facts = {name: value for name, value in line.facts.items() if value is not None}
    log.info("audit", act=line.act.value, app=line.app_id, by=line.actor, subject=line.subject, **facts)


def tell_system_log(line: AuditLine) -> None:
    """Tell the machine's own log of a line of the audit, as `sudo` does of commands; where there is none, nobody."""
    if not SYSTEM_LOG.is_socket():
        return
    facts = " ".join(f"{name}={value}" for name, value in line.facts.items() if value is not None)
    said = f"ringback: audit: {line.act} app={line.app_id} by={line.actor} {line.subject} {facts}"
    message = f"<{_AUTH_NOTICE}>{' '.join(said.split())}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to, suppress(OSError):
        to.settimeout(1)
        to.connect(str(SYSTEM_LOG))
        to.send(message.encode())


def _without_internals(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop the two fields that structlog keeps for itself."""
    del logger, name
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(None, "", event)
