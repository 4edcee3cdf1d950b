"""Which addresses belong to a service, and which of them may see its secret."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from peps_maja.errors import ServerTrouble, UsageError
from peps_maja.text import one_line

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Site:
    """A service by its base address, without a slash at its end. Each kind of service is a subclass."""

    base: str
    option: ClassVar[str]  # of both scripts, that names the base
    example: ClassVar[str]
    own_hosts: ClassVar[re.Pattern[str]]  # addresses on these are brought back to the base
    what_it_asks: ClassVar[str]  # the secret, in the words of a message

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read what a user gave; raise UsageError for an address to which a secret cannot be sent safely."""
        if "@" in address:  # anywhere: the password may have a `/`, `?` or `#` that is not escaped
            raise UsageError(f"{cls.option} has an account in it: write that into the credentials file instead")
        try:
            parts = urlsplit(address.strip())
            scheme, host, _ = _origin(parts)
        except ValueError:  # of the port, or half an IPv6 address
            scheme = host = ""
        if scheme not in _PORTS or not host or parts.query or parts.fragment:
            raise UsageError(f"{cls.option} {address!r} is not an address: write it as {cls.example}")
        is_loopback = host == "localhost"
        with suppress(ValueError):  # a name, and no address of IP
            is_loopback = is_loopback or ipaddress.ip_address(host).is_loopback
        if scheme == "http" and not is_loopback:
            raise UsageError(
                f"{cls.option} {address}: {cls.what_it_asks} is sent over https only; write https://{parts.netloc}"
            )
        return cls(urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")))

    def reach(self, address: str, seen_at: str | None = None) -> str:
        """Return the address under which something that an answer names can be reached from outside.

        Addresses on the service's own hosts, on plain http and of files on its disk are brought back to this site. An
        address without a host is relative to `seen_at`. Raises ServerTrouble for any other.
        """
        try:
            joined = urljoin(seen_at or self.base + "/", address.strip())
            parts = urlsplit(without_account(joined))._replace(fragment="")
            origin = _origin(parts)
        except ValueError:
            raise ServerTrouble(f"the server names something that is not an address: {shown(address)!r}") from None
        is_file = parts.scheme == "file" and "/outputs/" in parts.path  # PyWPS's default
        if not is_file and (parts.scheme not in _PORTS or not parts.hostname):
            raise ServerTrouble(f"the server names an address that is neither http nor https: {shown(address)!r}")
        is_elsewhere = parts.scheme == "https" and not self.own_hosts.fullmatch(origin[1])
        if is_elsewhere or origin == _origin(urlsplit(self.base)):
            return urlunsplit(parts)
        return self.base + urlunsplit(("", "", self.public_path(parts.path), parts.query, ""))

    def public_path(self, path: str) -> str:
        """Return the path from outside of what has `path` on another machine of the service."""
        return path

    def may_see_secret(self, address: str) -> bool:
        """Return True if `address` is on this very site: same scheme, host and port."""
        return _origin(urlsplit(address)) == _origin(urlsplit(self.base))


def without_account(address: str) -> str:
    """Return an address that a server names without the account in it; raise ValueError for what is none."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def shown(address: str) -> str:
    """Return an address as messages show it: without account and query."""
    return one_line(re.sub(r"//\S*@", "//", address).partition("?")[0], 300)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
