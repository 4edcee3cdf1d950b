"""Where things are on a server, and which addresses get to see a secret."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from peps_maja.errors import NotPeps, UsageError

# For a while the server gave out addresses of machines inside CNES, such as http://peps-vizo.cnes.fr:8081.
_CNES_HOST = re.compile(r"peps[^.]*\.cnes\.fr", re.IGNORECASE)
_OUTPUTS = "/wps/outputs/"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Server:
    """A PEPS server by its base address, `https://peps.cnes.fr`, without a slash at its end."""

    base: str

    @classmethod
    def parse(cls, address: str) -> Server:
        """Read what a user gave; raise UsageError for an address that would not keep a password safe."""
        if "@" in address.partition("?")[0]:
            raise UsageError("--server holds an account: put e-mail and password into the credentials file instead")
        try:
            parts = urlsplit(address.strip())
            origin = _origin(parts)
        except ValueError as error:
            raise UsageError(f"--server {address!r} is no address: {error}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(f"--server {address!r} is no address: write it as https://peps.cnes.fr")
        if parts.query or parts.fragment:
            raise UsageError(f"--server {address!r} goes on after the path: write it as https://peps.cnes.fr")
        if parts.scheme == "http" and not _is_loopback(origin[1]):
            raise UsageError(f"--server {address}: a password is sent over https only; write https://{parts.netloc}")
        return cls(urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")))

    @property
    def catalogue(self) -> str:
        """Where single-tile Sentinel-2 products are searched."""
        return f"{self.base}/resto/api/collections/S2ST/search.json"

    @property
    def wps(self) -> str:
        """Where jobs are submitted and brought up to date."""
        return f"{self.base}/resto/wps"

    def report(self, wps_id: str) -> str:
        """Where the report of a job lies."""
        return f"{self.base}/resto{_OUTPUTS}report-{wps_id}.json"

    def result(self, wps_id: str, name: str) -> str:
        """Where a result of a job is."""
        return f"{self.base}/cgi-bin/mapcache_results/maja/{wps_id}/{quote(name)}"

    def joblog(self, wps_id: str) -> str:
        """Where the computing centre's own log of a job lies, once there is one."""
        return f"{self.base}/cgi-bin/mapcache_results/logs/joblog-{wps_id}.log"

    def reach(self, address: str, seen_at: str | None = None) -> str:
        """Return the address under which something that an answer names can be had from outside.

        Addresses on peps*.cnes.fr and on plain http are brought back to this server; status documents and
        reports lie under /resto/wps/outputs/ here, whatever the path on an inside machine was. An address
        without a host counts from `seen_at`. Raises NotPeps for what no http client can fetch.
        """
        try:
            reached = self._reached(urlsplit(urljoin(seen_at or self.base + "/", address.strip())))
            _origin(urlsplit(reached))
        except ValueError:
            raise NotPeps(f"the server names an address that is none: {address!r}") from None
        return reached

    def _reached(self, parts: SplitResult) -> str:
        if parts.scheme not in _PORTS or not parts.hostname:
            raise NotPeps(f"the server names an address that is neither http nor https: {parts.geturl()!r}")
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        is_here = _origin(parts) == _origin(urlsplit(self.base))
        if is_here or (parts.scheme == "https" and not _CNES_HOST.fullmatch(parts.hostname)):
            return urlunsplit(bare)
        path = parts.path
        if _OUTPUTS in path:
            path = f"/resto{_OUTPUTS}" + path.rpartition("/")[2]
        return self.base + urlunsplit(("", "", path, parts.query, ""))

    def may_see_password(self, address: str) -> bool:
        """Tell whether `address` lies on this very server: same scheme, host and port."""
        return _origin(urlsplit(address)) == _origin(urlsplit(self.base))


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
