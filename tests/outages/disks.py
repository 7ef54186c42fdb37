"""A small disk of its own for a database, to be filled and cleared. No assertions here."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PIECE = bytes(1 << 20)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a file system of this size; where that is not allowed skip the test, or fail it in CI."""
    with tempfile.TemporaryDirectory(prefix="ringback-disk-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        options = f"size={megabytes}m"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", name], capture_output=True, check=False
        )
        if mounted.returncode:
            refuse(f"a disk of its own needs leave to mount one: {mounted.stderr.decode().strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@contextmanager
def failing_disk(folder: Path, megabytes: int = 16) -> Iterator[Path]:
    """Mount a real file system in a file; `fail` has it give up as it does when its device fails."""
    image, disk = folder / "image", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    for command in (("mkfs.ext4", "-q", image), ("mount", "-o", "loop", image, disk)):
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            refuse(f"{command[0]} not found; on Debian: apt-get install e2fsprogs")
        if done.returncode:
            refuse(f"a disk that fails needs leave to mount one: {done.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fail(disk: Path) -> None:
    """Have the file system do what it does when its device fails: from now on it can only be read."""
    subprocess.run(["mount", "-o", "remount,abort", disk], check=True, capture_output=True)


def refuse(said: str) -> None:
    """Skip the test, or fail it where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Run while there is no room left on the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = len(_PIECE)
        while size:
            try:
                file.write(_PIECE[:size])
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
    try:
        yield
    finally:
        ballast.unlink()
