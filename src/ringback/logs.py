"""How log lines look: one event name and its fields, as text or JSON, on standard error."""

import logging
import sys
import time
from typing import Literal

import structlog


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
    handler.addFilter(_Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _without_internals(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop the two fields that structlog keeps for itself."""
    del logger, name
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(None, "", event)


class _Seldom(logging.Filter):
    """Passes a library's warning at most once a second: clients that send nonsense must not fill the log."""

    _MOST = 100

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is to be written."""
        said, now = str(record.msg), time.monotonic()
        if record.exc_info or record.levelno > logging.WARNING:
            return True
        if now < self._quiet_until.get(said, now):
            return False
        if len(self._quiet_until) >= self._MOST:
            self._quiet_until.clear()
        self._quiet_until[said] = now + 1.0
        return True
