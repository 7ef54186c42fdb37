"""How SIP response codes and Q.850 causes are read."""

import pytest

from ringback.telephony.disposition import Disposition, from_q850_cause, from_sip_code

SIP = {  # RFC 3261 section 21, RFC 8197, RFC 8688
    "unknown": [0, 100, 180, 183, 199, 302, 399, 700],
    "answered": [200, 202, 299],
    "no_answer": [408, 480],
    "busy": [486, 600, 603, 607, 608],
    "cancelled": [487],
    "congestion": [500, 502, 503, 504],
    "failed": [400, 401, 403, 404, 410, 484, 488, 501, 513, 604, 606, 699],
}
Q850 = {  # ITU-T Q.850 table 1
    "unknown": [0, 16, 31, 127, 999],
    "no_answer": [18, 19, 102],
    "busy": [17, 21],
    "cancelled": [26],
    "congestion": [34, 38, 41, 42, 44],
    "failed": [1, 2, 3, 20, 22, 27, 28],
}


@pytest.mark.parametrize(("code", "word"), [(code, word) for word, codes in SIP.items() for code in codes])
def test_a_sip_response_is_read_as_a_disposition(code: int, word: str) -> None:
    """Final responses tell how a leg ended; what is not final tells nothing."""
    assert from_sip_code(code) == word


@pytest.mark.parametrize(("cause", "word"), [(cause, word) for word, causes in Q850.items() for cause in causes])
def test_a_q850_cause_is_read_as_a_disposition(cause: int, word: str) -> None:
    """Causes tell why a leg was not answered; normal clearing tells nothing of an unanswered leg."""
    assert from_q850_cause(cause) == word


def test_no_cause_ever_says_answered() -> None:
    """A hang-up cause alone never proves an answer."""
    assert Disposition.ANSWERED not in {from_q850_cause(cause) for cause in range(-1, 256)}


def test_dispositions_are_these_words() -> None:
    """The words are stored and sent; they never change."""
    assert list(Disposition) == ["answered", "no_answer", "busy", "cancelled", "congestion", "failed", "unknown"]
