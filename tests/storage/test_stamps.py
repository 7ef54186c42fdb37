"""Stamps: what tells whoever asks every second that a list has changed."""

from tests.loop import run
from tests.storage.examples import AN_APP, OUT_ANSWERED, OUT_MISSED
from tests.telephony.examples import a_leg

from ringback.storage.base import Store
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition


def test_a_list_that_changes_has_another_stamp(store: Store) -> None:
    """A call that comes to the end, one that comes late, and one that leaves: each shows in its list's stamp alone."""
    seen = [stamps_of(store)]
    for leg in (
        a_leg("first", seconds=60),
        a_leg("second", seconds=120),
        a_leg("late"),
        a_leg("first", seconds=60, source_record_id="b", disposition=Disposition.ANSWERED),
    ):
        run(store.take_in(AN_APP.app_id, [leg]))
        seen.append(stamps_of(store))
    missed, answered, others = ([stamps[at] for stamps in seen] for at in range(3))

    assert len(set(missed)) == len(seen)
    assert len(set(answered)) == 2
    assert set(others) == {""}


def test_what_changes_no_list_changes_no_stamp(store: Store) -> None:
    """The same leg again, and a call of another app, leave the stamps as they were."""
    run(store.take_in(AN_APP.app_id, [a_leg()]))
    before = stamps_of(store)

    run(store.take_in(AN_APP.app_id, [a_leg()]))
    assert stamps_of(store) == before
    assert stamps_of(store, app_id=7) == ["", "", ""]


def stamps_of(store: Store, app_id: int = AN_APP.app_id) -> list[str]:
    """Return the stamps of the agent's lists, and of another's that nobody has written to."""
    return run(store.stamps(app_id, [OUT_MISSED, OUT_ANSWERED, ListKey("102", ListKind.OUT_MISSED)]))
