"""How a leg ended, and how SIP codes and Q.850 causes are read as that. No source's own words: they stay there."""

from enum import StrEnum


class Disposition(StrEnum):
    """How a leg, or a whole call, ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CANCELLED = "cancelled"
    CONGESTION = "congestion"
    FAILED = "failed"
    UNKNOWN = "unknown"


# SIP final responses, RFC 3261 section 21. What is not here is FAILED from 400 up.
_BY_SIP_CODE = {
    408: Disposition.NO_ANSWER,
    480: Disposition.NO_ANSWER,
    486: Disposition.BUSY,
    487: Disposition.CANCELLED,
    500: Disposition.CONGESTION,
    502: Disposition.CONGESTION,
    503: Disposition.CONGESTION,
    504: Disposition.CONGESTION,
    600: Disposition.BUSY,
    603: Disposition.BUSY,  # declined: the person is there and will not talk, which is what busy tells an agent
    607: Disposition.BUSY,  # RFC 8197, unwanted
    608: Disposition.BUSY,  # RFC 8688, rejected by an intermediary
}

# ITU-T Q.850 (2018) table 1. 16 (normal clearing) and 31 (normal, unspecified) say nothing about an unanswered leg.
_BY_Q850_CAUSE = {
    1: Disposition.FAILED,
    2: Disposition.FAILED,
    3: Disposition.FAILED,
    17: Disposition.BUSY,
    18: Disposition.NO_ANSWER,
    19: Disposition.NO_ANSWER,
    20: Disposition.FAILED,  # subscriber absent: the phone is off or out of reach
    21: Disposition.BUSY,
    22: Disposition.FAILED,
    26: Disposition.CANCELLED,  # non-selected user: another phone of the same call took it
    27: Disposition.FAILED,
    28: Disposition.FAILED,
    34: Disposition.CONGESTION,
    38: Disposition.CONGESTION,
    41: Disposition.CONGESTION,
    42: Disposition.CONGESTION,
    44: Disposition.CONGESTION,
    102: Disposition.NO_ANSWER,  # recovery on timer expiry
}


def from_sip_code(code: int) -> Disposition:
    """Read a SIP final response code (RFC 3261 section 21) as a disposition; provisional codes are UNKNOWN."""
    if 200 <= code < 300:
        return Disposition.ANSWERED
    if code < 400 or code > 699:
        return Disposition.UNKNOWN
    return _BY_SIP_CODE.get(code, Disposition.FAILED)


def from_q850_cause(cause: int) -> Disposition:
    """Read a Q.850 cause value (1 to 127) of an unanswered leg as a disposition; what tells nothing is UNKNOWN."""
    return _BY_Q850_CAUSE.get(cause, Disposition.UNKNOWN)
