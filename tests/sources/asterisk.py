"""Records of Asterisk with names, for tests that change a column or two."""

import json

ROW = {
    "src": "103",
    "dst": "77010000001",
    "channel": "PJSIP/103-0000001a",
    "dstchannel": "PJSIP/carrier-0000001b",
    "start": "2024-05-13 09:00:00",
    "duration": "30",
    "billsec": "0",
    "disposition": "NO ANSWER",
    "uniqueid": "1715572800.26",
    "sequence": "26",
}


def row(**changed: object) -> bytes:
    """Return a record with names, some of them changed; None leaves one out."""
    record = {**ROW, **changed}
    return json.dumps({name: value for name, value in record.items() if value is not None}).encode()
