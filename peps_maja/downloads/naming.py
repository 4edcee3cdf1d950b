"""The name under which a zip is saved: harmless, ending in `.zip`, and no other job's."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from peps_maja.joblog.jobs import Job
from peps_maja.text import one_line

_LONGEST = 200  # bytes; a file system takes 255, and `.12345678.zip.part.json` comes behind


def result_name(job: Job, address: str) -> str:
    """Return the name of a result: that of its job if the product was ready from the start, else of its address."""
    return bare_name(job.name, job.mark) if job.offer else bare_name(address, job.wps_id)


def names_to_save(job: Job, result: str, owners: dict[str, str]) -> dict[str, bool]:
    """Return the names for a result, the best first, and whether it may get each: not one of another job of the log.

    The second one has the job's mark in it. The job becomes the owner of the first that it may have.
    """
    names = {name: owners.get(name, job.name) == job.name for name in (result, job.own_file_name(result))}
    owners |= dict.fromkeys([name for name, is_free in names.items() if is_free][:1], job.name)
    return names


def is_of_zip(address: str) -> bool:
    """Return True if an address is that of a zip: what else a report lists is no result."""
    return _last_part(address).lower().endswith(".zip")


def bare_name(address: str, otherwise: str) -> str:
    """Return the last part of an address as a file name that cannot leave the folder, hide or upset a file system.

    `otherwise` serves where nothing is left of it.
    """
    name = re.sub(r'[\s<>:"|?*]+', "_", one_line(_last_part(address), 1000)).strip("._")
    stem = name[:-4] if name.lower().endswith(".zip") else name
    return (stem.encode()[:_LONGEST].decode(errors="ignore").strip("._") or otherwise) + ".zip"


def _last_part(address: str) -> str:
    try:
        return re.split(r"[/\\]", unquote(urlsplit(address).path))[-1]
    except ValueError:  # not an address at all
        return ""
