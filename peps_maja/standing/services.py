"""The services that have the products of jobs, each connected when it is first needed."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from peps_maja.console import Console
from peps_maja.downloads.asking import POLLS_AT_ONCE
from peps_maja.downloads.service import Connect, Service
from peps_maja.joblog.events import Source
from peps_maja.network.credentials import read_credentials
from peps_maja.options import DownloaderOptions
from peps_maja.peps.following import Follower
from peps_maja.peps.service import Peps, Server
from peps_maja.run import read_timeout
from peps_maja.theia.jobs import TheiaJobs
from peps_maja.theia.service import Geodes, Key, Theia


def connect_with(options: DownloaderOptions, console: Console) -> Connect:
    """Return what connects with a service once in a run; only PEPS needs an account for that."""

    @cache
    def connect(source: Source) -> Service:
        settings: dict[str, Any] = {
            "connections": POLLS_AT_ONCE + 2 * options.jobs,
            "read_timeout": read_timeout(),
            "trace": console.debug,
        }
        if source is Source.THEIA:
            return TheiaJobs(Theia(Geodes.parse(options.geodes), Key(options.auth, os.environ), **settings))
        return Follower(Peps(Server.parse(options.server), read_credentials(options.auth, os.environ), **settings))

    return connect
