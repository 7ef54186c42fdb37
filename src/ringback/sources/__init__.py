"""What each switch or feed sends, read as legs: payload in, legs out. Pure: no files, no network, no store.

The table of sources is here; adding one is described in docs/add-a-source.md.
"""

from ringback.errors import UnknownSource
from ringback.sources.asterisk import Asterisk
from ringback.sources.freeswitch import Freeswitch
from ringback.sources.generic import Generic
from ringback.sources.kamailio import Kamailio
from ringback.sources.reading import Context, Reading, Rejected, Source, read
from ringback.sources.telecmi import Telecmi

SOURCES: dict[str, Source] = {
    source.name: source for source in (Asterisk(), Freeswitch(), Generic(), Kamailio(), Telecmi())
}


def source_named(name: str) -> Source:
    """Return the source of this name; raises `UnknownSource` with the names there are."""
    try:
        return SOURCES[name]
    except KeyError:
        raise UnknownSource(f"There is no source {name[:40]!r}; there are: {', '.join(sorted(SOURCES))}") from None


__all__ = ["SOURCES", "Context", "Reading", "Rejected", "Source", "read", "source_named"]
