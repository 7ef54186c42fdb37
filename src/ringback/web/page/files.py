"""The page's files: read once, sent with a strict policy, compressed where it is taken. What they do is theirs."""

import gzip
import hashlib
from importlib.resources import files
from typing import NamedTuple

from ringback.web.answers import Answer, Headers

# Nothing is loaded from elsewhere, nothing runs that is not a file of ours, nobody frames the page (CSP level 3).
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_KINDS = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
GUARDS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
INDEX = "index.html"


class File(NamedTuple):
    """A file as it is sent."""

    kind: bytes
    plain: bytes
    packed: bytes
    tag: bytes  # changes with what is in it (RFC 9110 section 8.8.3)

    @classmethod
    def of(cls, name: str, plain: bytes) -> "File":
        """Return the file of this name."""
        tag = b'"%b"' % hashlib.sha256(plain).hexdigest()[:16].encode()
        return cls(_KINDS[name.rpartition(".")[2]], plain, gzip.compress(plain, mtime=0), tag)

    def answer(self, known: bytes, *, takes_gzip: bool) -> Answer:
        """Return the file, or that the browser has it already: it asks each time, for a server may be renewed."""
        headers = [
            (b"etag", self.tag),
            (b"cache-control", b"no-cache"),
            (b"vary", b"accept-encoding"),
            (b"content-security-policy", _POLICY.encode()),
            *GUARDS,
        ]
        if self.tag in known.split(b", "):
            return Answer(304, self.kind, b"", headers)
        if takes_gzip:
            return Answer(200, self.kind, self.packed, [*headers, (b"content-encoding", b"gzip")])
        return Answer(200, self.kind, self.plain, headers)


def read_files() -> dict[str, File]:
    """Return all files of the page by name."""
    folder = files(__package__) / "static"
    return {one.name: File.of(one.name, one.read_bytes()) for one in folder.iterdir() if "." in one.name}
