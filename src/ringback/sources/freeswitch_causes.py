"""How a FreeSWITCH leg ended: its hang-up causes as dispositions, and who hung up. Times and parties are elsewhere."""

import re

from ringback.sources.freeswitch_documents import Document
from ringback.telephony.disposition import Disposition, from_sip_code

# FreeSWITCH's own names (switch_channel.c). What is not here is a new word, hence unknown.
_DISPOSITIONS = {
    "NO_ANSWER": Disposition.NO_ANSWER,  # also the ring limit of a call: call_timeout
    "ALLOTTED_TIMEOUT": Disposition.NO_ANSWER,  # the ring limit of one leg: leg_timeout
    "NO_USER_RESPONSE": Disposition.NO_ANSWER,
    "NO_PICKUP": Disposition.NO_ANSWER,
    "PROGRESS_TIMEOUT": Disposition.NO_ANSWER,
    "RECOVERY_ON_TIMER_EXPIRE": Disposition.NO_ANSWER,
    "USER_BUSY": Disposition.BUSY,
    "BUSY_EVERYWHERE": Disposition.BUSY,
    "CALL_REJECTED": Disposition.BUSY,  # the person is there and will not talk, which is what busy tells an agent
    "DECLINE": Disposition.BUSY,
    "REJECT_ALL": Disposition.BUSY,
    "UNWANTED": Disposition.BUSY,
    "ORIGINATOR_CANCEL": Disposition.CANCELLED,
    "NORMAL_TEMPORARY_FAILURE": Disposition.CONGESTION,
    "NORMAL_CIRCUIT_CONGESTION": Disposition.CONGESTION,
    "SWITCH_CONGESTION": Disposition.CONGESTION,
    "NETWORK_OUT_OF_ORDER": Disposition.CONGESTION,
    "REQUESTED_CHAN_UNAVAIL": Disposition.CONGESTION,
    "GATEWAY_DOWN": Disposition.CONGESTION,
    **dict.fromkeys(
        (
            "UNALLOCATED_NUMBER",
            "NO_ROUTE_TRANSIT_NET",
            "NO_ROUTE_DESTINATION",
            "CHANNEL_UNACCEPTABLE",
            "SUBSCRIBER_ABSENT",
            "USER_NOT_REGISTERED",
            "NUMBER_CHANGED",
            "REDIRECTION_TO_NEW_DESTINATION",
            "EXCHANGE_ROUTING_ERROR",
            "DESTINATION_OUT_OF_ORDER",
            "INVALID_NUMBER_FORMAT",
            "DOES_NOT_EXIST_ANYWHERE",
            "FACILITY_REJECTED",
            "FACILITY_NOT_SUBSCRIBED",
            "FACILITY_NOT_IMPLEMENTED",
            "OUTGOING_CALL_BARRED",
            "INCOMING_CALL_BARRED",
            "BEARERCAPABILITY_NOTAUTH",
            "BEARERCAPABILITY_NOTAVAIL",
            "BEARERCAPABILITY_NOTIMPL",
            "SERVICE_UNAVAILABLE",
            "SERVICE_NOT_IMPLEMENTED",
            "CHAN_NOT_IMPLEMENTED",
            "INCOMPATIBLE_DESTINATION",
            "NOT_ACCEPTABLE",
            "MANDATORY_IE_MISSING",
            "PROTOCOL_ERROR",
            "INTERWORKING",
            "MEDIA_TIMEOUT",
            "SRTP_READ_ERROR",
            "USER_CHALLENGE",
            "INVALID_GATEWAY",
            "INVALID_PROFILE",
            "INVALID_URL",
            "CRASH",
            "SYSTEM_SHUTDOWN",
        ),
        Disposition.FAILED,
    ),
}
# FreeSWITCH has one word for several SIP codes (603 and 403, 408 and 504, 503 and 400): there the code says more.
_SAID_BETTER_BY_CODE = frozenset({"CALL_REJECTED", "RECOVERY_ON_TIMER_EXPIRE", "NORMAL_TEMPORARY_FAILURE"})
# Another leg of the same call was taken instead: this one was neither answered nor missed.
TAKEN_ELSEWHERE = frozenset({"LOSE_RACE", "PICKED_OFF"})
# These end any leg, answered or not, and do not say why an unanswered one ended.
SAY_NOTHING = frozenset(
    {
        "",
        "NONE",
        "SUCCESS",
        "NORMAL_CLEARING",
        "NORMAL_UNSPECIFIED",
        "MANAGER_REQUEST",
        "BLIND_TRANSFER",
        "ATTENDED_TRANSFER",
        "BOWOUT",
    }
)
# (which leg, sip_hangup_disposition): who ended it. None: how it ended tells.
_HUNG_UP_BY = {
    ("a", "recv_bye"): "caller",
    ("a", "recv_cancel"): "caller",
    ("a", "send_bye"): None,
    ("a", "send_refuse"): None,
    ("a", "recv_refuse"): "caller",  # of a click-to-call, whose first leg is dialled too
    ("a", "send_cancel"): "system",
    ("b", "recv_bye"): "callee",
    ("b", "send_bye"): "caller",
    ("b", "recv_refuse"): None,
    ("b", "send_cancel"): None,
}
_BLAMED = {Disposition.ANSWERED: "callee", Disposition.BUSY: "callee", Disposition.CANCELLED: "caller"}
_SIP_CODE = re.compile(r"(?:sip:)?([1-6]\d\d)\Z", re.ASCII)
_CODES = ("proto_specific_hangup_cause", "sip_term_status", "sip_invite_failure_status")


def why_unanswered(document: Document, side: str) -> tuple[Disposition, str]:
    """Return why a leg that nobody answered ended, and FreeSWITCH's word for it.

    The leg towards the caller ends as the caller's phone does (NORMAL_CLEARING after an announcement); what became of
    the party called stands in `originate_disposition`, and in `originate_causes` for each attempt.
    """
    own = document.text("hangup_cause")
    if own in TAKEN_ELSEWHERE:
        return Disposition.UNKNOWN, own
    causes = [own]
    if side == "a":
        causes = [document.text("originate_disposition"), own, document.text("last_bridge_hangup_cause")]
        causes += reversed(attempts(document))
    code = sip_code(document) or 0
    by_code = from_sip_code(code) if code >= 400 else Disposition.UNKNOWN
    for cause in causes:
        if cause in _SAID_BETTER_BY_CODE and by_code is not Disposition.UNKNOWN:
            return by_code, cause
        if cause in _DISPOSITIONS:
            return _DISPOSITIONS[cause], cause
    if document.text("sip_hangup_disposition") in ("recv_cancel", "send_cancel"):
        return Disposition.CANCELLED, own
    return by_code, own


def says_failure(cause: str) -> bool:
    """Tell whether a hang-up cause says by itself that a leg was not answered."""
    return cause in _DISPOSITIONS


def attempts(document: Document) -> list[str]:
    """Return how each attempt ended, first to last: of `ARRAY::uuid;USER_BUSY|:uuid;NONE` USER_BUSY and NONE."""
    listed = document.text("originate_causes").removeprefix("ARRAY::")
    return [attempt.rpartition(";")[2] for attempt in listed.split("|:")]


def hung_up_by(document: Document, side: str, disposition: Disposition) -> str | None:
    """Return who ended the leg: the caller, the callee, or the system where neither did (the ring limit)."""
    way = side, document.text("sip_hangup_disposition")
    if way not in _HUNG_UP_BY:
        return None
    return _HUNG_UP_BY[way] or _BLAMED.get(disposition, "system")


def sip_code(document: Document) -> int | None:
    """Return the SIP status that ended the leg, None where there was none."""
    for name in _CODES:
        if found := _SIP_CODE.match(document.text(name)):
            return int(found.group(1))
    return None


def q850_cause(document: Document) -> int | None:
    """Return the Q.850 cause; FreeSWITCH's own causes are numbered above 127 and are none."""
    text = document.text("hangup_cause_q850")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= 127 else None
