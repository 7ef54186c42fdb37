"""Asterisk's rows for tests, each of a call of its own, and the files they are written to. No assertions here."""

import gzip
import shutil
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

APP = 1111113
ZONE = "Asia/Kolkata"
FIRST = datetime(2019, 10, 1, 13, 30)  # noqa: DTZ001  (the switch's clock)

Record = dict[str, object]
_CSV = (
    *(
        "accountcode",
        "src",
        "dst",
        "dcontext",
        "clid",
        "channel",
        "dstchannel",
        "lastapp",
        "lastdata",
        "start",
        "answer",
    ),
    *("end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield"),
    *("peeraccount", "linkedid", "sequence"),
)
_BARE = {"duration", "billsec", "sequence"}


def number_of(call: int) -> str:
    """Return the number that the call of this number dials."""
    return str(77010000000 + call)


def record(call: int, *, leg: int = 0, start: datetime | None = None, answered: bool = False) -> Record:
    """Return a row of agent 103's call, which nobody picked up unless it was answered."""
    begun = start or FIRST + timedelta(seconds=call)
    key = f"1569916800.{call}"
    return {
        "accountcode": "",
        "src": "103",
        "dst": number_of(call),
        "dcontext": "from-internal",
        "clid": '"Asha" <103>',
        "channel": f"PJSIP/103-{call:08x}",
        "dstchannel": f"PJSIP/trunk{leg}-{call:08x}",
        "lastapp": "Dial",
        "lastdata": f"PJSIP/{number_of(call)}@trunk{leg}",
        "start": begun,
        "answer": begun if answered else None,
        "end": begun + timedelta(seconds=9),
        "duration": 9,
        "billsec": 9 if answered else 0,
        "disposition": "ANSWERED" if answered else "NO ANSWER",
        "amaflags": "DOCUMENTATION",
        "uniqueid": key,
        "userfield": "",
        "peeraccount": "",
        "linkedid": key,
        "sequence": 10 * call + leg,
    }


def line(row: Record) -> bytes:
    """Return a row as cdr_csv writes it."""
    cells = (_cell(name, row[name]) for name in _CSV)
    return (",".join(cells) + "\n").encode()


def lines(*calls: int) -> bytes:
    """Return a row each of these calls."""
    return b"".join(line(record(call)) for call in calls)


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if name in _BARE else '"' + text.replace('"', '""') + '"'


class Log:
    """A log as Asterisk writes it and logrotate rotates it."""

    def __init__(self, folder: Path, *, is_dated: bool = False) -> None:
        self.path = folder / "Master.csv"
        self._is_dated = is_dated
        self._days = count(20191001)
        self._kept = 0

    def write(self, data: bytes) -> None:
        """Append, as Asterisk does: opened anew for each write."""
        with self.path.open("ab") as file:
            file.write(data)

    def rename(self, *, create: bool = True) -> Path:
        """Rotate by renaming."""
        old = self._name()
        if self.path.exists():
            self.path.rename(old)
        if create:
            self.path.touch()
        return old

    def copy_and_truncate(self) -> Path:
        """Rotate by copying and emptying."""
        old = self._name()
        shutil.copy(self.path, old)
        with self.path.open("r+b") as file:
            file.truncate()
        return old

    def pack(self, old: Path) -> None:
        """Pack a rotated file as gzip does: the packed one is whole before the other goes, its time is kept."""
        packed = old.with_name(f"{old.name}.gz")
        packed.write_bytes(gzip.compress(old.read_bytes(), 1))
        shutil.copystat(old, packed)
        old.unlink()

    def _name(self) -> Path:
        """Return the name of the next rotated file, the others moved on."""
        if self._is_dated:
            return self.path.with_name(f"Master.csv-{next(self._days)}")
        self._kept += 1
        for number in range(self._kept, 1, -1):
            for suffix in ("", ".gz"):
                older = self.path.with_name(f"Master.csv.{number - 1}{suffix}")
                if older.exists():
                    older.rename(self.path.with_name(f"Master.csv.{number}{suffix}"))
        return self.path.with_name("Master.csv.1")
