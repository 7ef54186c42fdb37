"""The kept place: whole whatever happens, and known again by what stands before it."""

from pathlib import Path

import pytest

from ringback.errors import RingbackError
from ringback.following.place import FilePlace, PlaceFile, TablePlace, Trail, beginning


def test_a_kept_place_is_read_again(tmp_path: Path) -> None:
    """What was saved last is loaded, by another process too; before that there is none."""
    places = PlaceFile(tmp_path / "new" / "place.json", TablePlace)
    assert places.load() is None
    for hour in (9, 10):
        places.save(TablePlace(highest=f"2019-10-04T{hour:02}:00:00"))

    assert PlaceFile(places.path, TablePlace).load() == TablePlace(highest="2019-10-04T10:00:00")
    assert [file.name for file in places.path.parent.iterdir()] == ["place.json"]


def test_a_place_that_was_half_written_is_not_taken(tmp_path: Path) -> None:
    """What a crash left of the next place beside the kept one changes nothing."""
    places = PlaceFile(tmp_path / "place.json", FilePlace)
    place = beginning()
    places.save(place)
    (tmp_path / "place.json.new").write_bytes(b'{"offset": 7')

    assert places.load() == place


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"offset": "x"}', "\x00"])
def test_a_broken_place_is_refused(tmp_path: Path, text: str) -> None:
    """A file that holds no place is refused by its name, and never read as the beginning."""
    (tmp_path / "place.json").write_text(text)

    with pytest.raises(RingbackError, match=r"place\.json cannot be read"):
        PlaceFile(tmp_path / "place.json", FilePlace).load()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 4096, 4097, 20_000])
def test_a_trail_gives_the_same_place_in_one_go_and_in_pieces(size: int) -> None:
    """The place depends on the bytes before it, not on how they were read."""
    data = bytes(number % 251 for number in range(size))
    whole, pieces = Trail(), Trail()
    whole.passed(data)
    for start in range(0, size, 97):
        pieces.passed(data[start : start + 97])

    assert whole.place(0.0) == pieces.place(0.0)
    assert Trail.before(whole.place(0.0), data[:4096], data[-256:]) is not None
    assert Trail.before(whole.place(0.0), data[:4096], b"x" + data[-255:]) is None
