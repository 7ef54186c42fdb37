"""The systemd unit: systemd itself finds nothing wrong with it and little that it leaves open."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.switches.programs import DEADLINE_SECONDS, missing_programs, refuse_without
from tests.web.processes import RINGBACK

UNIT = Path(__file__).parents[2] / "contrib" / "systemd" / "ringback.service"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as installed, but that the program is where it is here."""
    refuse_without(missing_programs("systemd-analyze"))
    unit = tmp_path / "ringback.service"
    unit.write_text(UNIT.read_text().replace("/opt/ringback/bin/ringback serve", f"{RINGBACK} serve"))
    return unit


def analysed(*words: object) -> str:
    """Return what systemd says of a unit; raises when it finds fault with it."""
    command = ["systemd-analyze", *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    """Nothing in the unit is unknown to systemd or ignored by it."""
    assert "ringback.service" not in analysed("verify", "--man=no", unit)


def test_the_unit_leaves_little_open(unit: Path) -> None:
    """systemd's own measure of exposure is under 2 of 10."""
    said = analysed("security", "--offline=yes", "--threshold=20", unit)
    exposure = re.search(r"exposure level for ringback\.service: ([\d.]+)", said)

    assert exposure is not None
    assert float(exposure.group(1)) < 2


def test_the_unit_asks_for_no_more_time_than_it_gives() -> None:
    """systemd waits longer for the end than the server takes, also while its database stands still: docs/scale.md."""
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M)

    assert stop is not None
    assert int(stop.group(1)) >= 30
