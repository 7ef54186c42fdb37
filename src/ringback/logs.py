"""How log lines look: one event name and its fields, as text or JSON, on standard error, masked."""

import logging
import sys
import time
from typing import Literal

import structlog

from ringback.masking import masked
from ringback.storage.auditing import AuditLine

_SAFE = ("timestamp", "level", "request_id", "client")  # fields of ours that hold no number

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


def _masked_fields(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask every text of an event, whoever logged it, but for those of ours that hold no number."""
    del logger, name
    for field, value in event.items():
        if isinstance(value, str) and field not in _SAFE:
            event[field] = masked(value)
    return event
