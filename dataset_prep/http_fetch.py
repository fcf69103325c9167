"""Fetching one URL from an unknown server: bounded in time, size, redirects and addresses.

aiohttp does the work: its resolver is a public hook, so an address is judged exactly where the
connection is made, and a limit on the whole request covers servers that send a byte a second, in
the headers as well as in the body, which limits on single reads never notice.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from .optional_import import require
from .public_address import ends_in_number, is_address, is_public

aiohttp: Any = require("aiohttp", "Downloading images")
yarl: Any = require("yarl", "Downloading images")

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
# Answers that may be different a little later.
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_LONGEST_WAIT = 30.0
_BLOCK = 65_536


@dataclass(frozen=True)
class Limits:
    """Limits of a download.

    Attributes:
        concurrency: Requests at the same time.
        per_host: Requests at the same time to one host.
        connect_seconds: To make a connection.
        read_seconds: Between two pieces of an answer.
        total_seconds: For one try as a whole, redirects included.
        max_bytes: Of an image.
        tries: Of an image whose failure may pass.
        backoff_seconds: Before the second try; doubled before each further one.
        max_redirects: Of one try.
        allow_private_hosts: Whether addresses outside the public internet are allowed.
    """

    concurrency: int = 16
    per_host: int = 4
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0
    max_bytes: int = 20 * 2**20
    tries: int = 4
    backoff_seconds: float = 0.5
    max_redirects: int = 5
    allow_private_hosts: bool = False

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing."""
        for name in ("concurrency", "per_host", "max_bytes", "tries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} of a download must be at least 1")
        for name in ("connect_seconds", "read_seconds", "total_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} of a download must be above 0")


class FetchError(Exception):
    """There is no image at the URL; the text is the reason.

    Attributes:
        passing: Whether a later try may succeed.
        wait: Seconds that the server asks to wait.
        limit: Name of the limit that refuses what another value of it may allow.
    """

    def __init__(
        self, reason: str, passing: bool = False, wait: float = 0.0, limit: str | None = None
    ) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.passing = passing
        self.wait = wait
        self.limit = limit


class Session:
    """An HTTP client and the queue before each host.

    Attributes:
        client: An ``aiohttp.ClientSession``.
    """

    def __init__(self, client: Any, per_host: int) -> None:
        """Start with empty queues; see ``open_session``.

        Args:
            client: The client session.
            per_host: Requests at the same time to one host.
        """
        self.client = client
        self._queues: defaultdict[tuple[Any, Any], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(per_host)
        )

    def queue(self, place: Any) -> asyncio.Semaphore:
        """The queue before a host.

        The client has one too, but time spent in that counts as time of the request.

        Args:
            place: A URL as the client parsed it.

        Returns:
            The semaphore to hold during a request.
        """
        return self._queues[place.raw_host, place.port]

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def open_session(limits: Limits) -> Session:
    """Open a client session; must be called, used and closed inside one event loop.

    Args:
        limits: The limits.

    Returns:
        A session without cookies, proxies or credentials of the environment.
    """
    connector = aiohttp.TCPConnector(
        limit=limits.concurrency,
        limit_per_host=limits.per_host,
        resolver=_resolver(limits.allow_private_hosts),
    )
    client = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=limits.connect_seconds, sock_read=limits.read_seconds
        ),
        headers={
            "User-Agent": "recbole-cammsr-dataset-prep",
            "Accept": "image/*",
            # A compressed answer can unpack to far more than it seems.
            "Accept-Encoding": "identity",
        },
        auto_decompress=False,
        trust_env=False,
    )
    return Session(client, limits.per_host)


async def fetch(session: Session, url: str, limits: Limits) -> bytes:
    """Fetch a URL, trying again with growing pauses while the failure may pass.

    Args:
        session: As ``open_session`` made it.
        url: The URL.
        limits: The limits.

    Returns:
        The body.

    Raises:
        FetchError: With the reason why there is none.
    """
    place = _parsed(url)
    tries = 0
    while True:
        tries += 1
        try:
            async with session.queue(place):
                answer = _try(session.client, place, limits)
                return await asyncio.wait_for(answer, limits.total_seconds)
        except asyncio.TimeoutError:
            error = FetchError(f"no complete answer in {limits.total_seconds:g} s", passing=True)
        except FetchError as failure:
            error = failure
        if not error.passing:
            raise error
        if tries >= limits.tries:
            raise FetchError(f"{error} ({tries} tries)", passing=True)
        await asyncio.sleep(max(error.wait, limits.backoff_seconds * 2 ** (tries - 1)))


async def _try(client: Any, place: Any, limits: Limits) -> bytes:
    """Fetch a URL once, following redirects."""
    for _ in range(limits.max_redirects + 1):
        _check_place(place, limits.allow_private_hosts)
        try:
            async with client.get(place, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTS:
                    return await _body(answer, limits.max_bytes)
                location = answer.headers.get("Location", "")
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            raise _reason(error) from error
        place = place.join(_parsed(location))
    raise FetchError(f"more than {limits.max_redirects} redirects")


def _parsed(url: str) -> Any:
    """Parse a URL with the client's own parser: two parsers may disagree on what the host is."""
    try:
        return yarl.URL(url)
    except ValueError:
        raise FetchError("not a URL") from None


def _check_place(place: Any, allow_private_hosts: bool) -> None:
    """Refuse a URL that is not http(s) or names an address that is not public."""
    if not place.scheme:
        raise FetchError(
            "not a link to http or https; files are given with --images FOLDER --file-field FIELD"
        )
    if place.scheme not in ("http", "https"):
        raise FetchError(f"scheme {place.scheme!r} is not http or https")
    host = place.raw_host or ""
    if not host:
        raise FetchError("no host in the URL")
    # Names are judged when they are resolved; an address is never resolved, and the same holds
    # in some versions of the client for other spellings of one, such as 127.1.
    if not is_address(host):
        if ends_in_number(host):
            raise FetchError(f"host {host} is an address in an unusual spelling")
    elif not (allow_private_hosts or is_public(host)):
        raise _not_public(f"address {host}")


def _not_public(what: str) -> FetchError:
    """Say that an address is refused, unless private ones are allowed."""
    return FetchError(f"{what} is not on the public internet", limit="allow_private_hosts")


async def _body(answer: Any, max_bytes: int) -> bytes:
    """Read the body of a good answer, or say what is wrong with it."""
    if answer.status != 200:
        passing = answer.status in _PASSING
        wait = answer.headers.get("Retry-After", "")
        seconds = min(float(wait), _LONGEST_WAIT) if wait.isdecimal() and passing else 0.0
        raise FetchError(f"HTTP status {answer.status}", passing, seconds)
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError("compressed although that was not asked for")
    too_large = FetchError(f"larger than {max_bytes} bytes", limit="max_bytes")
    if (answer.content_length or 0) > max_bytes:
        raise too_large
    data = bytearray()
    async for block in answer.content.iter_chunked(_BLOCK):
        data += block
        if len(data) > max_bytes:
            raise too_large
    return bytes(data)


def _reason(error: Exception) -> FetchError:
    """Say what a failure means, in words that are the same in every run."""
    if isinstance(error, asyncio.TimeoutError):
        return FetchError("no answer in time", passing=True)
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return FetchError("no trusted encrypted connection")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError("host name not found", passing=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError("cannot connect", passing=True)
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return FetchError("not a URL")
    if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, OSError)):
        return FetchError("connection broken off", passing=True)
    return FetchError(f"not a sound HTTP answer ({type(error).__name__})")


def _resolver(allow_private_hosts: bool) -> Any:
    """Make a resolver that returns public addresses only."""

    class PublicResolver(aiohttp.abc.AbstractResolver):  # type: ignore[misc]  # aiohttp is Any here
        """The system's resolver without what is not on the public internet."""

        def __init__(self) -> None:
            self._system = aiohttp.ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[Any]:
            found = await self._system.resolve(host, port, family)
            if allow_private_hosts:
                return list(found)
            public = [entry for entry in found if is_public(entry["host"])]
            if found and not public:
                raise _not_public(f"host {host}")
            return public

        async def close(self) -> None:
            await self._system.close()

    return PublicResolver()
