"""Whether other processes see that somebody has a SQLite file open. No assertions here."""

import subprocess
import sys
from pathlib import Path

_TAKING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # the bytes that who has it open shares
    except BlockingIOError:
        print("held")
"""


def is_held(path: Path) -> bool:
    """Ask another process whether it could take the file for itself alone: to look here would drop our own locks."""
    return subprocess.run([sys.executable, "-c", _TAKING, path], capture_output=True, check=True).stdout == b"held\n"
