"""What no log line and no error shows: credentials, and most digits of telephone numbers."""

import re

_CREDENTIALS = (
    (re.compile(r"\b(rb[a-z]_\d+_)\w+"), r"\1***"),  # tokens and secrets of ours
    (re.compile(r"\b(Bearer\s+)\S+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(://[^\s/@:]*:)[^\s/]*(?=@)"), r"\1***"),  # a password in a URL, even with an @ in it
    (re.compile(r"\b((?:ssl)?password|passwd|secret|token|key)=[^\s&'\"]+", re.IGNORECASE), r"\1=***"),
    (re.compile(r"""(["'](?:password|secret|token)["']\s*:\s*)(["']).*?\2""", re.IGNORECASE), r"\1\2***\2"),
)

# Seven digits or more, grouped by hand or not, but no date and no fraction: a telephone number may be in it.
_NUMBER = re.compile(r"(?<![\d.])(?!\d{4}-\d\d-\d\d)\+?\d(?:[ ()-]{0,2}\d){4,}(?:[ ()-]{0,2}\d{2})(?!\d)")


def without_credentials(text: str) -> str:
    """Return the text with the passwords, tokens and secrets in it masked."""
    for pattern, mask in _CREDENTIALS:
        text = pattern.sub(mask, text)
    return text


def masked(text: str) -> str:
    """Return the text as a log may show it: credentials masked, and of telephone numbers the last two digits alone."""
    return _NUMBER.sub(lambda number: f"***{number[0][-2:]}", without_credentials(text))
