"""The pictures that GEODES shows of its products, asked for as long as that makes sense."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

from peps_maja.errors import CredentialsError, PepsError, QuotaReached, ServerAway, ServerSilent
from peps_maja.theia.service import Theia

LARGEST = 20_000_000  # bytes; a picture has 0.6 MB
PATIENCE = 3  # pictures in a row for which a server stays silent, before it is asked no more


class Quicklooks:
    """Fetches pictures, with the key where it is needed. Threads may share it.

    `ended` has the error of each host that is asked no more: it refuses the key, has a quota, or does not answer.
    """

    def __init__(self, theia: Theia) -> None:
        self.ended: dict[str, PepsError] = {}
        self._theia = theia
        self._silent: Counter[str] = Counter()

    def fetch(self, address: str) -> bytes:
        """Return the picture at this address; raise the PepsError why it does not come."""
        reached = self._theia.site.reach(address)
        host = urlsplit(reached).netloc
        if host in self.ended:
            raise self.ended[host]
        try:
            content = self._theia.client.ask(reached, limit=LARGEST).body
        except PepsError as error:
            self._silent[host] = self._silent[host] + 1 if isinstance(error, ServerSilent) else 0
            if isinstance(error, (CredentialsError, QuotaReached, ServerAway)) or self._silent[host] == PATIENCE:
                self.ended.setdefault(host, error)
            raise
        self._silent[host] = 0
        return content
