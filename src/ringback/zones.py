"""Time zones by name."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ringback.errors import InvalidInput


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return the IANA time zone of this name; raises `InvalidInput`."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"there is no time zone {name[:60]!r}; name one such as Asia/Almaty or UTC") from None
