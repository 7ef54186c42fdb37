"""How log lines look: one event name and its fields, as text or JSON, on standard error; and what they never show."""

import logging
import re
import socket
import sys
import time
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
        _masked_fields,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[*shared, last],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one piece, whoever else writes there
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_internals, last])
    )
    handler.addFilter(_LibrariesSeldom())
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


class Seldom:
    """Tells what is due to be said again: clients that send nonsense must not fill the log."""

    def __init__(self, most: int) -> None:
        """Remember so many things; beyond, all are forgotten."""
        self._most = most
        self._quiet_until: dict[str, float] = {}

    def is_due(self, said: str, seconds: float) -> bool:
        """Return whether this has not been said for so long, and take it as said now."""
        now = time.monotonic()
        if now < self._quiet_until.get(said, now):
            return False
        if len(self._quiet_until) >= self._most:
            self._quiet_until.clear()
        self._quiet_until[said] = now + seconds
        return True


class _LibrariesSeldom(logging.Filter):
    """Passes a library's warning at most once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom(100)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is to be written."""
        if record.exc_info or record.levelno > logging.WARNING:
            return True
        return self._seldom.is_due(str(record.msg), 1.0)


# --- what is masked ------------------------------------------------------------------------------------------------

_SAFE = ("timestamp", "level", "request_id", "client")

_CREDENTIALS = (
    (re.compile(r"\b(rb[a-z]_\d+_)\w+"), r"\1***"),  # tokens and secrets of ours
    (re.compile(r"\b(Bearer\s+)\S+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(://[^\s/@:]*:)[^\s/]*(?=@)"), r"\1***"),  # a password in a URL, even with an @ in it
    (re.compile(r"\b((?:ssl)?password|passwd|secret|token|key)=[^\s&'\"]+", re.IGNORECASE), r"\1=***"),
    (re.compile(r"""(["'](?:password|secret|token)["']\s*:\s*)(["']).*?\2""", re.IGNORECASE), r"\1\2***\2"),
)

# Seven digits or more, grouped by hand or not, but no date and no fraction: a telephone number may be in it.
_NUMBER = re.compile(r"(?<![\d.])(?!\d{4}-\d\d-\d\d)\+?\d(?:[ ()-]{0,2}\d){4,}(?:[ ()-]{0,2}\d{2})(?!\d)")


def without_credentials(text: str) -> str:
    """Return the text with the passwords, tokens and secrets in it masked."""
    for pattern, mask in _CREDENTIALS:
        text = pattern.sub(mask, text)
    return text


def masked(text: str) -> str:
    """Return the text as a log may show it: credentials masked, and of telephone numbers the last two digits alone."""
    return _NUMBER.sub(lambda number: f"***{number[0][-2:]}", without_credentials(text))


def _masked_fields(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask every text of an event, whoever logged it, but for those of ours that hold no number."""
    del logger, name
    for field, value in event.items():
        if isinstance(value, str) and field not in _SAFE:
            event[field] = masked(value)
    return event
