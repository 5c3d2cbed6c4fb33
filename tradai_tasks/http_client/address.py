"""Rules for web addresses: which may be requested, and which may get credentials."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password, which is never shown."""

    username: str
    password: str = field(repr=False)


PORTS = {"http": 80, "https": 443}
NO_ADDRESS = "no web address that can be read; expected https://host/path"
_TOKEN = re.compile(r"[\x21-\x7e]+\Z", re.ASCII)


def address_fault(url: str, *, plain_http: bool = False) -> str | None:
    """Return why an address must not be used, without the address, which may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return NO_ADDRESS
    if parts.scheme not in PORTS:
        return "no web address; it must begin with https://"
    if not host or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return NO_ADDRESS
    if parts.scheme == "http" and not plain_http and not is_loopback_name(host):
        return "an http address of another machine; write https://, since http is for this one"
    return None


def is_loopback_name(host: str) -> bool:
    """Tell whether a host, without port, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_of(text: str) -> httpx.URL | None:
    """Parse an address with httpx; return None if it is invalid."""
    import httpx  # noqa: PLC0415 - takes 0.2 s to load

    try:
        url = httpx.URL(text)
        _ = url.host  # decoded only now, and httpx needs it for each request
    except (httpx.InvalidURL, ValueError):  # the latter of a name that IDNA does not allow
        return None
    return url


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address."""
    return url.scheme, host_of(url).rstrip("."), url.port or PORTS.get(url.scheme)


def host_of(url: httpx.URL) -> str:
    """Return the host of an address in its encoded form, since `URL.host` may fail to decode it."""
    return url.raw_host.decode("ascii")


def basic(user: str, password: str) -> str:
    """Return the Authorization header of a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def bearer(token: str) -> str | None:
    """Return the Authorization header of a token; None if a header cannot contain it."""
    return f"Bearer {token}" if _TOKEN.match(token) else None
