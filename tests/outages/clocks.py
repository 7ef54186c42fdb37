"""A clock of a server's own, which can be set while it runs, by Debian's libfaketime. No assertions here."""

import os
from pathlib import Path

from tests.switches.programs import refuse_without

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")


class Clock:
    """How many hours a server's clock is from the right one; what counts how long something takes is left alone."""

    def __init__(self, folder: Path) -> None:
        found = [path for place in _PLACES for path in Path("/").glob(place[1:])]
        refuse_without([] if found else ["libfaketime (faketime)"])
        self._told = folder / "clock"
        self.set(0)
        self.variables = {
            "LD_PRELOAD": os.fspath(found[0]),
            "FAKETIME_TIMESTAMP_FILE": os.fspath(self._told),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        }

    def set(self, hours: float) -> None:
        """Set the clock so many hours from the right time, at once."""
        new = self._told.with_suffix(".new")
        new.write_text(f"{hours * 3600:+.0f}\n")
        new.rename(self._told)
