"""Starting `pouring.py` as another process and ending it. No assertions here."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POURING = Path(__file__).with_name("pouring.py")


@contextmanager
def pouring(url: str, how: str) -> Iterator[subprocess.Popen[str]]:
    """Run with another process that has begun to pour calls into the store, and is killed (-9) at the end."""
    with subprocess.Popen([sys.executable, _POURING, url, how], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()
