"""Lines of the audit: what was done to a store, to what of it, by whom and when. Written by the stores; no SQL here."""

import os
import pwd
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache

import msgspec

THE_STORE = 0  # in an app's place: the line is about the store as a whole


class Act(StrEnum):
    """What was done. `..._begun` stands where the work is done in several steps, before the line with its outcome."""

    APP_ADDED = "app_added"
    APP_CHANGED = "app_changed"
    SECRET_ROTATED = "secret_rotated"  # noqa: S105  (an act)
    AGENT_ADDED = "agent_added"
    AGENT_DISABLED = "agent_disabled"
    AGENT_ENABLED = "agent_enabled"
    SUPERVISOR_MADE = "supervisor_made"
    SUPERVISOR_UNMADE = "supervisor_unmade"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    TOKEN_ISSUED = "token_issued"  # noqa: S105
    TOKENS_REVOKED = "tokens_revoked"
    PURGE_BEGUN = "purge_begun"
    PURGED = "purged"
    RETENTION_BEGUN = "retention_begun"
    RETENTION = "retention"
    CONDENSING_BEGUN = "condensing_begun"
    LEGS_CONDENSED = "legs_condensed"
    ERASE_BEGUN = "erase_begun"
    ERASED = "erased"
    BACKED_UP = "backed_up"
    COPIED = "copied"
    MIGRATED = "migrated"
    DISTRIBUTED = "distributed"


def supervising(*, is_supervisor: bool) -> Act:
    """Return the act of making an agent a supervisor, or of taking that back."""
    return Act.SUPERVISOR_MADE if is_supervisor else Act.SUPERVISOR_UNMADE


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """One act: never changed, never dropped. It holds no secret, token, password nor whole number of a caller.

    `app_id` is 0 where it is about the store as a whole, `subject` an agent, a file or a masked number, `line_key`
    random bytes by which a line that is copied into another store is known again.
    """

    app_id: int
    done_at: datetime
    act: Act
    actor: str
    subject: str = ""
    facts: dict[str, str | int | None] = {}
    line_key: bytes = b""


@cache
def acting_user() -> str:
    """Return who runs this process, as the operating system knows it: asha@host."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's made-up user
        name = str(uid)
    behind = os.environ.get("SUDO_USER") if uid == 0 else None
    return f"{name}@{os.uname().nodename}" + (f" for {behind}" if behind else "")


def new_line(act: Act, app_id: int, subject: str = "", **facts: str | int | None) -> AuditLine:
    """Return the line of an act done now by whoever runs this process."""
    return AuditLine(
        app_id=app_id,
        done_at=datetime.now(UTC),
        act=act,
        actor=acting_user(),
        subject=subject,
        facts=facts,
        line_key=secrets.token_bytes(12),
    )
