"""Records that could not be understood: kept once, listed, and settled."""

from typing import Any

import msgspec
import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, ANOTHER_APP, NOW, OUT_MISSED, whole_list
from tests.telephony.examples import a_leg

from ringback.errors import UnknownApp, UnknownReject
from ringback.storage.base import Store
from ringback.storage.records import Intake, NewReject

APP = AN_APP.app_id


def a_reject(**facts: Any) -> NewReject:
    plain = NewReject(
        source="generic", origin="calls.csv:7", reason="no started_at", raw=b"\xff{", received_at=NOW, timezone="UTC"
    )
    return msgspec.structs.replace(plain, **facts)


def test_a_reject_is_kept_word_for_word(store: Store) -> None:
    """What could not be read is kept with its bytes, its reason and where it stood."""
    assert run(store.take_in(APP, [], [a_reject()])) == Intake(rejected=1)

    (kept,) = run(store.rejects(APP))
    facts = {field: getattr(kept, field) for field in NewReject.__struct_fields__}
    assert NewReject(**facts) == a_reject()
    assert run(store.reject(kept.reject_id)) == kept


def test_a_reject_sent_again_is_counted_and_kept_once(store: Store) -> None:
    """The same bytes of the same source are one reject, however often and from wherever they come."""
    again = a_reject(origin="calls.csv:9", reason="still no started_at")

    assert run(store.take_in(APP, [a_leg()], [a_reject(), again])) == Intake(new=1, rejected=2)
    assert run(store.take_in(APP, [], [again])) == Intake(rejected=1)

    assert [reject.origin for reject in run(store.rejects(APP))] == ["calls.csv:7"]


def test_other_bytes_sources_and_apps_are_other_rejects(store: Store) -> None:
    """Rejects are told apart by app, source and bytes, and listed oldest first."""
    run(store.add_app(ANOTHER_APP))
    run(store.take_in(APP, [], [a_reject(), a_reject(raw=b""), a_reject(source="asterisk")]))
    run(store.take_in(ANOTHER_APP.app_id, [], [a_reject()]))

    assert [reject.app_id for reject in run(store.rejects(None))] == [APP, APP, APP, ANOTHER_APP.app_id]
    assert [(reject.source, reject.raw) for reject in run(store.rejects(APP))] == [
        ("generic", b"\xff{"),
        ("generic", b""),
        ("asterisk", b"\xff{"),
    ]


def test_a_settled_reject_becomes_calls_and_is_gone(store: Store) -> None:
    """Settling takes the legs in and drops the reject in one step; a second time there is nothing to settle."""
    run(store.take_in(APP, [], [a_reject()]))
    (kept,) = run(store.rejects(APP))

    assert run(store.settle_reject(kept.reject_id, [a_leg("k1"), a_leg("k2")])) == Intake(new=2)

    assert len(whole_list(store, OUT_MISSED)) == 2
    assert run(store.rejects(None)) == []
    with pytest.raises(UnknownReject, match=str(kept.reject_id)):
        run(store.settle_reject(kept.reject_id, [a_leg("k3")]))
    assert len(whole_list(store, OUT_MISSED)) == 2


def test_a_number_is_never_given_to_a_second_reject(store: Store) -> None:
    """The number of a settled reject stays its own, so that a stale retry cannot settle another record."""
    run(store.take_in(APP, [], [a_reject()]))
    (first,) = run(store.rejects(APP))
    run(store.settle_reject(first.reject_id, []))

    run(store.take_in(APP, [], [a_reject()]))

    (second,) = run(store.rejects(APP))
    assert second.reject_id > first.reject_id
    assert run(store.reject(first.reject_id)) is None


def test_an_app_that_is_not_there_keeps_no_rejects(store: Store) -> None:
    """Rejects of an unknown app are refused like its legs."""
    with pytest.raises(UnknownApp):
        run(store.take_in(404, [], [a_reject()]))

    assert run(store.rejects(None)) == []
