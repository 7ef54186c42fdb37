"""Small disks for a store alone, to be filled and cleared, and one that fails. No assertions here."""

import errno
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.switches.programs import refuse
from tests.web.house import Tenant, missed

_PIECE = bytes(1 << 20)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a file system of this size where other users get to it too, as `mounted` does."""
    with tempfile.TemporaryDirectory(prefix="ringback-disk-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with mounted(folder, megabytes) as disk:
            yield disk


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of this size at the folder; where that is not allowed skip the test, or fail it in CI."""
    command = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        refuse(f"a disk of its own needs leave to mount one: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


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


def deliver_a_lot(tenant: Tenant, start: int) -> httpx.Response:
    """Deliver a call, and half a megabyte that cannot be understood and so is kept as it is."""
    return tenant.ingest(missed(start), {"garbage": random.Random(start).randbytes(1 << 18).hex()})
