"""A running server as the place where followed rows go, told over HTTP. When to try again is the callers'."""

import io
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from ringback import agents
from ringback.calls import Delivery
from ringback.errors import BadSecret, InvalidInput, RingbackError
from ringback.following.pace import Away
from ringback.sources import Source

_RESEND = frozenset({408, 425, 429})  # and all of 5xx
_TIMEOUT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 300.0


class ServerSink:
    """A running server, told over HTTP with the app's secret."""

    def __init__(self, url: str, secret: str, app_id: int, source: Source) -> None:
        self.name = f"the server {url}"
        self._source = source
        credential = agents.read_credential(agents.SECRET_PREFIX, secret)
        if credential is None:
            raise BadSecret("this is no app's secret: it should be rbs_, the app's number, _ and 40 characters")
        if credential.app_id != app_id:
            raise InvalidInput(f"the secret is of app {credential.app_id}, not of app {app_id} that --app names")
        self._address = f"{_checked(url)}/ingest/{source.name}"
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {secret}"}, timeout=_TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()

    async def deliver(self, rows: bytes, origin: str) -> Delivery:
        """Post the rows; raises `RingbackError` where sending them again cannot help and they were not kept."""
        try:
            response = await self._http.post(self._address, content=rows)
        except httpx.TransportError as error:
            raise Away(str(error) or type(error).__name__) from error
        status = response.status_code
        if status in _RESEND or status >= 500:
            raise Away(f"it answered {status}", _seconds_to_wait(response))
        delivery = _counts(response)
        if delivery and (status == 200 or (status == 400 and delivery.read)):  # 400 with counts: kept there as rejects
            return delivery
        if status == 400 and not any(self._source.records(io.BytesIO(rows))):
            return Delivery()  # blank lines, a row of headings: nothing to take in
        raise _refusal(response, origin)


def _checked(url: str) -> str:
    address = httpx.URL(url)
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidInput(f"--server should be an address such as https://ringback.example.com, not {url[:80]!r}")
    return url.rstrip("/")


def _counts(response: httpx.Response) -> Delivery | None:
    try:
        return msgspec.convert({"read": None, **response.json()}, Delivery)
    except (ValueError, TypeError, msgspec.ValidationError):
        return None


def _refusal(response: httpx.Response, origin: str) -> RingbackError:
    status, address = response.status_code, response.request.url
    if status == 401:
        return BadSecret("the server does not know the app's secret; was it rotated?")
    if status == 404:
        return RingbackError(f"there is nothing at {address}: is it the address of a Ringback server?")
    if status == 200:
        return RingbackError(f"what answers at {address} is no Ringback server")
    said = response.text[:200] if "json" in response.headers.get("content-type", "") else response.reason_phrase
    return RingbackError(f"the server refused the rows of {origin} ({status}): {said}")


def _seconds_to_wait(response: httpx.Response) -> float:
    """Return what Retry-After says, seconds or a date (RFC 9110 section 10.2.3), within reason."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT_SECONDS)
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, min(seconds, _LONGEST_WAIT_SECONDS))
