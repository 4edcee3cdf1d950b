"""Every form in which PEPS tells where a job stands, from tests/samples, and what the downloader makes of each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
import samples
from helpers import Place, Run, ago, l1c
from samples import (
    ENDED_BADLY,
    FINISHED,
    JOBLOGS,
    REFUSALS,
    STATUS,
    STATUS_URL,
    STATUS_URLS,
    UNDER_WAY,
    WITHOUT_RESULTS,
)

from peps_maja.sandbox import NOT_FOUND, Canned, Endpoint, Fault, Job, Sandbox

# What is shown of a job whose report says so, where it is not `running`.
SHOWN = {
    "pending": "waiting",
    "pending_flat": "waiting",
    "running": "running, 42 %",
    "running_flat": "running, 42 %",
    "running_as_text": "running, 42 %",
    "running_with_message": "running, 42 %: date 3 of 8",
    "stalled": "running, 97 %",
    "paused": "paused",
    "unknown": "HIBERNATING",
}
BAD_ENDS = {
    "failed": ("failed", "MAJA: no DEM"),
    "in_error": ("failed", "IN_ERROR"),
    "error": ("failed", "ERROR"),
    "canceled": ("cancelled", "CANCELED"),
    "killed": ("cancelled", "by the operator"),
}
FAILED_IN_FRENCH = '{"job_status": "FAILED", "message": "données absentes"}'


@dataclass(frozen=True)
class Form:
    """What the server says of one job; None: there is no such file (404). `refresh` answers PROCESSING_STATUS."""

    status: str | None = STATUS["reference_with_href"]
    report: str | None = FINISHED["wrapped"]
    joblog: str | None = None
    refresh: str = STATUS["succeeded_without_outputs"]
    status_url: str = STATUS_URL
    encoding: str = "utf-8"


# A job whose WPS process has not launched it yet, or that has no report yet, whatever came in its place.
NOT_LAUNCHED = {
    name: Form(STATUS[name], None) for name in ("accepted", "accepted_with_percentage", "started", "paused")
}
WAITING = {
    **NOT_LAUNCHED,
    "status 404": Form(None, None),
    "succeeded_without_outputs": Form(STATUS["succeeded_without_outputs"], None),
    "report 404": Form(report=None),
    "joblog without results": Form(None, None, JOBLOGS["under_way"]),
}
UNREADABLE = {
    "status empty": Form("", None),
    "status cut short": Form(STATUS["reference_with_href"][:700], None),
    **{f"status refused, {name}": Form(sample, None) for name, sample in REFUSALS.items()},
    "report empty": Form(report=""),
    "report with nothing inside": Form(report=samples.NOTHING_INSIDE),
}
OPEN = {
    **{name: (form, "waiting") for name, form in WAITING.items()},
    **{f"report {name}": (Form(report=report), SHOWN.get(name, "running")) for name, report in UNDER_WAY.items()},
    "literal_under_way": (Form(STATUS["literal_under_way"], None), "running, 42 %"),
}
DONE = {
    **{name: Form(sample) for name, sample in STATUS.items() if name.startswith("reference") and "disk" not in name},
    # The status document names no address that can be asked; the report is where reports are.
    **{name: Form(STATUS[name]) for name in ("reference_to_servers_disk", "literal_cut_short")},
    "literal_flat": Form(STATUS["literal_flat"], None),
    "literal_wrapped": Form(STATUS["literal_wrapped"], None),
    **{f"report {name}": Form(report=report) for name, report in FINISHED.items()},
    **{f"status URL {name}": Form(status_url=url) for name, url in STATUS_URLS.items()},
    "status 404": Form(None),
    "status empty": Form(""),
    **{f"status refused, {name}": Form(sample) for name, sample in REFUSALS.items()},
    **{f"refresh refused, {name}": Form(refresh=sample) for name, sample in REFUSALS.items()},
    "refresh HTML": Form(refresh=samples.HTML),
    "succeeded_without_outputs": Form(STATUS["succeeded_without_outputs"]),
    "status and report 404": Form(None, None, JOBLOGS["with_results"]),
    "report 404": Form(report=None, joblog=JOBLOGS["with_results"]),
}
# The layers, one behind the other.
LAYERS = [Endpoint.STATUS, Endpoint.REFRESH, Endpoint.REPORT, Endpoint.RESULT]
ASKED = {
    "reference_with_xlink_href": LAYERS,
    "status URL inside_host": LAYERS,
    "status 404": LAYERS,
    "status and report 404": [*LAYERS[:3], Endpoint.JOBLOG, Endpoint.RESULT],
}
FAILED = {
    "failed_wps_report": "Failed to execute WPS process [MAJA]: no space left",
    "failed_wps_report_without_text": "MissingParameterValue: product",
    "failed_all_in_wps": "launch of the job failed",
    "failed_ows_report": "Process execution failed: out of memory",
    "failed_ows_report_without_text": "NoApplicableCode",
    "failed_with_bare_text": "cannot reach the computing centre",
    "failed_without_a_word": "no reason given",
}
ENDED = {
    **{name: (Form(STATUS[name], None), "failed", why) for name, why in FAILED.items()},
    **{f"report {name}": (Form(report=report), *BAD_ENDS[name]) for name, report in ENDED_BADLY.items()},
    "report in Latin-1": (Form(report=FAILED_IN_FRENCH, encoding="latin-1"), "failed", "donn\ufffdes absentes"),
}


def product(number: int) -> str:
    return l1c(date(2019, 3, 1) + timedelta(days=number))


def report_id(job: Job) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, job.wps_id))


def filled(sample: str, job: Job, peps: Sandbox) -> str:
    return samples.filled(
        sample, server=peps.url, wps_id=job.wps_id, report=report_id(job), zip_name=job.results[0].name
    )


def tell(peps: Sandbox, job: Job, form: Form) -> None:
    """Let the server say of this job what the form has: the report where the status document has it, else by WPS id."""
    report = report_id(job) if "report-$report" in (form.status or "") else job.wps_id
    for endpoint, sample, match in (
        (Endpoint.STATUS, form.status, job.wps_id),
        (Endpoint.REPORT, form.report, f"report-{report}.json"),
        (Endpoint.REPORT, None, job.wps_id),
        (Endpoint.JOBLOG, form.joblog, job.wps_id),
        (Endpoint.REFRESH, form.refresh, job.wps_id),
    ):
        answer = NOT_FOUND if sample is None else Canned(200, filled(sample, job, peps).encode(form.encoding))
        peps.faults.add(Fault(endpoint, answer, times=None, match=match))


def submitted(place: Place, peps: Sandbox, forms: dict[str, Form]) -> dict[str, Job]:
    """Write a log with one job for each form; return the jobs by the forms' names."""
    jobs = {name: peps.add_job(product(number)) for number, name in enumerate(forms)}
    for name, form in forms.items():
        tell(peps, jobs[name], form)
    place.write_log(
        *((ago(), "submitted", job.product, filled(forms[name].status_url, job, peps)) for name, job in jobs.items())
    )
    return jobs


def told(run: Run, job: Job) -> list[str]:
    """Return what a run said of a job."""
    lines = [line for line in (run.out + run.err).splitlines() if job.product in line]
    return [line.partition(f"{job.product}: ")[2] for line in lines]


def asked_about(peps: Sandbox, job: Job) -> list[Endpoint]:
    """Return what the server was asked about a job, in order."""
    ids = (job.wps_id, report_id(job))
    texts = [(asked.endpoint, asked.path + asked.query.get("datainputs", "")) for asked in peps.requests]
    return [endpoint for endpoint, text in texts if any(wps_id in text for wps_id in ids)]


def news(place: Place) -> dict[str, list[tuple[str, str]]]:
    """Return the events after the submission, by job."""
    return {job: events for job, events in place.written().items() if events}


@pytest.fixture(autouse=True)
def patience(place: Place) -> None:
    place.environment["PEPS_TIMEOUT"] = "20"  # nothing here is silent, but the machine may be busy


def test_a_job_that_is_not_finished_stays_open_until_it_is(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, {name: form for name, (form, _) in OPEN.items()})
    run = place.download()
    assert (run.status, run.err) == (0, "")
    shown_of = {name: told(run, job) for name, job in jobs.items()}
    # Why a job waits is told behind the word; where it runs, all that is shown counts.
    assert {
        name: [line.partition(":")[0] if shown == "waiting" else line for line in shown_of[name]]
        for name, (_, shown) in OPEN.items()
    } == {name: [shown] for name, (_, shown) in OPEN.items()}
    assert news(place) == {}
    refreshed = {asked.query["datainputs"].removeprefix("wps_id=") for asked in peps.asked(Endpoint.REFRESH)}
    assert refreshed == {job.wps_id for job in jobs.values()}

    peps.faults.clear()
    run = place.download("-q")
    assert (run.status, run.err) == (0, "")
    assert news(place) == {
        job.product: [("downloaded", job.results[0].name), ("finished", "")] for job in jobs.values()
    }


def test_what_is_no_answer_says_nothing(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, UNREADABLE)
    run = place.download()
    assert (run.status, news(place)) == (75, {})
    assert {name: len(told(run, job)) for name, job in jobs.items()} == dict.fromkeys(UNREADABLE, 1)
    assert "waiting" not in run.out + run.err
    quiet = place.download("-q")
    assert (quiet.status, quiet.out + quiet.err) == (75, "")


def test_a_finished_job_is_fetched_and_not_asked_for_again(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, DONE)
    run = place.download()
    assert (run.status, run.err) == (0, "")
    events = news(place)
    assert {name: events.get(job.product) for name, job in jobs.items()} == {
        name: [("downloaded", job.results[0].name), ("finished", "")] for name, job in jobs.items()
    }
    assert place.zips() == sorted(job.results[0].name for job in jobs.values())
    shown_of = {name: " ".join(told(run, job)) for name, job in jobs.items()}
    assert {name for name, job in jobs.items() if job.results[0].name in shown_of[name]} == set(DONE)
    assert {name: asked_about(peps, jobs[name]) for name in ASKED} == ASKED

    requests = len(peps.requests)
    run = place.download()
    assert (run.status, run.err) == (0, "")
    assert len(peps.requests) == requests
    assert news(place) == events


def test_a_job_that_ended_badly_is_told_once(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, {name: form for name, (form, *_) in ENDED.items()})
    run = place.download("-q")
    assert run.status == 1
    for name, job in jobs.items():
        _, event, why = ENDED[name]
        [(logged, detail)] = news(place)[job.product]
        assert (logged, why in detail) == (event, True), name
        [line] = told(run, job)
        assert line.startswith(f"{event}: {detail}")
        assert f"--resubmit {event}" in line

    requests = len(peps.requests)
    assert place.download("-q") == Run(0, "", "")
    assert len(peps.requests) == requests


@pytest.mark.parametrize("joblog", [None, JOBLOGS["with_results"]], ids=["no joblog", "joblog with results"])
def test_finished_without_results_is_missing_until_there_are_some(
    place: Place, peps: Sandbox, joblog: str | None
) -> None:
    forms = {name: Form(report=report, joblog=joblog) for name, report in WITHOUT_RESULTS.items()}
    jobs = submitted(place, peps, forms)
    run = place.download("-q")
    assert run.status == 1
    assert news(place) == {job.product: [("missing", "- absent no results")] for job in jobs.values()}
    assert {name: len(told(run, job)) for name, job in jobs.items()} == dict.fromkeys(forms, 1)

    assert place.download("-q").out == ""
    assert len(place.events("missing")) == len(forms)

    peps.faults.clear()
    assert place.download("-q").status == 0
    assert place.zips() == sorted(job.results[0].name for job in jobs.values())
