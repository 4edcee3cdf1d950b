"""The JSON report of a job, which is PEPS's own form: the state of MAJA, and where its results are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from peps_maja.downloads.naming import is_of_zip
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import ServerTrouble
from peps_maja.network.documents import array, percentage, read_json, text
from peps_maja.text import one_line

_LONGEST_ADDRESS = 1000  # bytes

# Every job_status that PEPS was seen to give. "Stalled" is normal: the percentage goes fast at the start and then
# hardly moves.
_PHASES = {
    "PENDING": Phase.WAITING,
    "RUNNING": Phase.RUNNING,
    "STALLED": Phase.RUNNING,
    "PAUSED": Phase.PAUSED,
    "FINISHED": Phase.FINISHED,
    "CANCELED": Phase.CANCELLED,
    "CANCELLED": Phase.CANCELLED,
    "KILLED": Phase.CANCELLED,
    "FAILED": Phase.FAILED,
    "IN_ERROR": Phase.FAILED,
    "ERROR": Phase.FAILED,
}


def read_report(body: bytes | str) -> JobReport:
    """Return what a job's JSON report says, in either of its forms; raise ServerTrouble for anything else."""
    report = read_json(body)
    report = report.get("USER_INFO", report) if isinstance(report, dict) else report
    if not isinstance(report, dict) or not isinstance(report.get("job_status"), str):
        raise ServerTrouble("a report without a job_status")
    status = one_line(report["job_status"], 80)
    percent = percentage(report.get("process"))
    return JobReport(
        phase=_PHASES.get(status.upper(), Phase.UNKNOWN),
        status=status,
        percent=percentage(report.get("percentCompleted")) if percent is None else percent,
        message=one_line(text(report.get("message"))),
        results=_addresses(report.get("results")),
        unprocessed=_count(report.get("unprocessed")),
    )


def results_in_joblog(chunks: Iterable[bytes], wps_id: str) -> tuple[str, ...]:
    """Return the result addresses that the computing centre's log of a job names, each once, in their order.

    The log may have any length. Only the end of what was read is kept, for an address may be split over two chunks.
    """
    part = rb"[^\s\"'<>,;]{1,300}?"  # no longer, so that the time taken stays in proportion whatever comes
    folder = re.escape(f"/mapcache_results/maja/{wps_id}/".encode())
    address = re.compile(rb"https?://" + part + folder + part + rb"\.zip")
    found: dict[str, None] = {}
    read = b""
    for chunk in chunks:
        read = read[-_LONGEST_ADDRESS:] + chunk
        found |= {name.decode(errors="replace"): None for name in address.findall(read)}
    return tuple(found)


def _count(value: object) -> int:
    """Return a number of dates that came as a number or as a text; 0 for anything else, such as `none`."""
    digits = str(value).strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0


def _addresses(value: object) -> tuple[str, ...]:
    """Return the addresses of zips; `none`, `null`, `[]` and files beside a zip (`.jpg`, `.md5`) are no results."""
    values = [value] if isinstance(value, str) else array(value)
    return tuple(dict.fromkeys(address for value in values if is_of_zip(address := text(value).strip())))
