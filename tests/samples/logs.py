"""Lines of a log, and what they say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog

HEADER = "# peps_maja job log 1"
JOB = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
OTHER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
UUID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
STATUS_URL = f"https://peps.cnes.fr/resto/wps/outputs/pywps-{UUID}.xml"
ZIP = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
SECOND_ZIP = "SENTINEL2A_20190306-105426-459_L2A_T31TCJ_D.zip"
ZIP_URL = (
    "https://geodes-portal.cnes.fr/api/download/URN:FEATURE:DATA:1:8e99b3de-3f20-11e9-81a5-0242ac110002:V1/files/a"
)
MD5 = "0123456789abcdef0123456789abcdef"
OFFER = f"{ZIP_URL} 1234 {MD5}"
Row = tuple[str, str]  # event and detail
SUBMITTED: list[Row] = [("submitting", ""), ("submitted", STATUS_URL)]


def at(minutes: int) -> str:
    moment = datetime(2019, 4, 2, 9, 0, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def when(minutes: int) -> datetime:
    return datetime.fromisoformat(at(minutes).replace("Z", "+00:00"))


def lines(*rows: Row, job: str = JOB) -> str:
    """Return log lines of one job, a minute apart."""
    return "".join(f"{at(minute)}\t{event}\t{job}\t{detail}\n" for minute, (event, detail) in enumerate(rows))


def written(folder: Path, text: str) -> JobLog:
    log = JobLog(folder / "peps_maja.log")
    log.path.write_bytes(text.encode())
    return log


def replayed(text: str) -> Jobs:
    return Jobs.replay(f"{HEADER}\n{text}")


def snapshot(jobs: Jobs) -> list[Job]:
    return list(jobs.values())
