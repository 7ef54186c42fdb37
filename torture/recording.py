"""What a server really writes, syncs and answers, in the order of its system calls, as strace tells it.

Only the store's folder is heeded, and what goes out over TCP. What these calls mean for a disk is `disk.py`'s.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CALLS = "openat,pwrite64,write,writev,sendmsg,sendto,fdatasync,fsync,ftruncate,unlink,unlinkat,rename,renameat"


class Step(NamedTuple):
    """One system call: `what` is made, wrote, cut, removed, syncing, synced or answered.

    `name` is the file's within the folder ("" is the folder itself), or the client's port; `number` is the offset of
    what was written, the size of what was cut, or the process that syncs.
    """

    what: str
    name: str
    number: int = 0
    data: bytes = b""


class Unreadable(Exception):
    """The record holds a call that the model does not know: what it concluded would be worth nothing."""


def command(record: Path) -> list[str]:
    """Return the words to put before a command so that its calls, and its children's, are recorded."""
    how = ["-f", "--seccomp-bpf", "-yy", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(record)]
    return ["strace", *how, "--"]


_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(.*)\Z", re.S)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\((\d+)<((?:\\x[0-9a-f]{2})+)>")
_PORT = re.compile(r"\(\d+<TCP:\[[^>]*->127\.0\.0\.1:(\d+)\]>")
_PORT6 = re.compile(r"\(\d+<TCP(?:v6)?:")
_NAMING = ("unlink", "unlinkat", "rename", "renameat")
_RESULT = re.compile(r"\)\s*= (-?\d+)")


def steps(record: Path, folder: Path) -> Iterator[Step]:
    """Yield the steps of a record that concern the folder or a client, in order."""
    within = f"{folder}/"
    syncing: dict[str, str] = {}  # by process: which file
    waiting: dict[str, str] = {}  # by process: how the line of a call began whose end comes later
    with record.open() as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            process, call, rest = found.groups()
            if call in ("fsync", "fdatasync"):
                yield from _sync(process, line, rest, folder, syncing)
            elif call == "openat" or call in _NAMING:
                rest = _whole(process, rest, waiting)
                yield from _opened(rest, within) if call == "openat" else _renamed(call, rest, within)
            elif " resumed>" in line[:60]:
                _must_have_worked(call, rest)
            elif call in ("pwrite64", "ftruncate"):
                yield from _changed(call, rest, within)
            else:
                yield from _said(rest, within)


def _sync(process: str, line: str, rest: str, folder: Path, syncing: dict[str, str]) -> Iterator[Step]:
    """A sync may end after other calls were begun: it counts for what was written before it began."""
    if " resumed>" not in line[:60]:
        name = _name_of(rest, folder)
        if name is None:
            return
        syncing[process] = name
        yield Step("syncing", name, int(process))
    if "<unfinished" not in rest and process in syncing:
        result = _RESULT.search(rest)
        if result is None or result[1] != "0":
            raise Unreadable(f"a sync failed: {line[:300]}")
        yield Step("synced", syncing.pop(process), int(process))


def _whole(process: str, rest: str, waiting: dict[str, str]) -> str:
    """Return the whole line of a call whose result counts, once it has come; nothing until then."""
    if "<unfinished" in rest:
        waiting[process] = rest.partition("<unfinished")[0]
        return ""
    if rest.startswith(" resumed>"):
        return waiting.pop(process, "") + rest.removeprefix(" resumed>")
    return rest


def _opened(rest: str, within: str) -> Iterator[Step]:
    path = _text(rest)
    result = _RESULT.search(rest)
    if "O_CREAT" in rest and path.startswith(within) and result and int(result[1]) >= 0:
        yield Step("made", path.removeprefix(within))


def _renamed(call: str, rest: str, within: str) -> Iterator[Step]:
    paths = [bytes.fromhex(text.replace("\\x", "")).decode() for text in _TEXT.findall(rest)]
    ours = [path for path in paths if path.startswith(within)]
    result = _RESULT.search(rest)
    if not ours or (result and int(result[1]) < 0):
        return
    if "rename" in call:
        raise Unreadable(f"{call} {paths}")
    yield Step("removed", ours[0].removeprefix(within))


def _changed(call: str, rest: str, within: str) -> Iterator[Step]:
    path = _path_of(rest)
    if path is None or not path.startswith(within):
        return
    name = path.removeprefix(within)
    if call == "ftruncate":
        yield Step("cut", name, int(rest.partition(">, ")[2].partition(")")[0].partition(" ")[0]))
        return
    text = _TEXT.search(rest)
    if text is None:
        raise Unreadable(rest[:300])
    data = bytes.fromhex(text[1].replace("\\x", ""))
    length, offset = rest[text.end() :].removeprefix(", ").partition(")")[0].partition(" <")[0].split(", ")
    if int(length) != len(data):
        raise Unreadable(f"{length} bytes written, {len(data)} recorded")
    yield Step("wrote", name, int(offset), data)


def _said(rest: str, within: str) -> Iterator[Step]:
    port = _PORT.match(rest)
    if port is not None:
        data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(rest))
        yield Step("answered", port[1], 0, data)
        return
    path = _path_of(rest)
    if path is not None and path.startswith(within):
        raise Unreadable(f"written without saying where: {path}")


def _must_have_worked(call: str, rest: str) -> None:
    result = _RESULT.search(rest)
    if call in ("pwrite64", "ftruncate") and (result is None or int(result[1]) < 0):
        raise Unreadable(f"{call} failed: {rest[:300]}")


def _path_of(rest: str) -> str | None:
    found = _FILE.match(rest)
    return bytes.fromhex(found[2].replace("\\x", "")).decode() if found else None


def _name_of(rest: str, folder: Path) -> str | None:
    path = _path_of(rest)
    if path == str(folder):
        return ""
    return path.removeprefix(f"{folder}/") if path is not None and path.startswith(f"{folder}/") else None


def _text(rest: str) -> str:
    found = _TEXT.search(rest)
    return bytes.fromhex(found[1].replace("\\x", "")).decode() if found else ""
