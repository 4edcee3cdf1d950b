"""The JSON report of a job, which is PEPS's own form: the state of MAJA, and where its results are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from peps_maja.downloads.naming import is_of_zip
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import ServerTrouble
from peps_maja.network.documents import HTML, array, instead_of, kind_of, mapping, percentage, read_json, text
from peps_maja.text import one_line

_LONGEST_ADDRESS = 1000  # bytes

# Every job_status that PEPS was seen to give. "Stalled" is normal.
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
    report = mapping(read_json(body))
    report = mapping(report.get("USER_INFO", report))
    if not isinstance(report.get("job_status"), str):
        raise ServerTrouble("a report without a job_status")
    status = one_line(text(report["job_status"]), 80)
    percent, unprocessed = percentage(report.get("process")), str(report.get("unprocessed")).strip()
    results = report.get("results")
    addresses = (text(result).strip() for result in ([results] if isinstance(results, str) else array(results)))
    return JobReport(
        phase=_PHASES.get(status.upper(), Phase.UNKNOWN),
        status=status,
        percent=percentage(report.get("percentCompleted")) if percent is None else percent,
        message=one_line(text(report.get("message"))),
        # `none`, `null` and what lies beside a zip (`.jpg`, `.md5`) are no results
        results=tuple(dict.fromkeys(filter(is_of_zip, addresses))),
        unprocessed=int(unprocessed) if re.fullmatch("[0-9]{1,5}", unprocessed) else 0,
    )


def results_in_joblog(chunks: Iterable[bytes], wps_id: str) -> tuple[str, ...]:
    """Return the result addresses that the computing centre's log of a job names, each once, in their order.

    The log may have any length. Only the end of what was read is kept, for an address may be split over two chunks.
    Raises ServerTrouble for an HTML page.
    """
    part = rb"[^\s\"'<>,;]{1,300}?"  # no longer, so that the time taken stays in proportion whatever comes
    folder = re.escape(f"/mapcache_results/maja/{wps_id}/".encode())
    address = re.compile(rb"https?://" + part + folder + part + rb"\.zip")
    found: dict[str, None] = {}
    read = b""
    for chunk in chunks:
        if not read and kind_of(chunk) == HTML:
            raise ServerTrouble(instead_of("a joblog", chunk))
        read = read[-_LONGEST_ADDRESS:] + chunk
        found |= {name.decode(errors="replace"): None for name in address.findall(read)}
    return tuple(found)
