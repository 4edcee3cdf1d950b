"""What a person has to do about the jobs of a log."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from peps_maja.joblog.events import NO_RESULTS, Source, State
from peps_maja.joblog.jobs import Job
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.standing.dates import FAILED, UNSURE, Entry
from peps_maja.text import one_line

MISSING, STALLED = "missing", "stalled"
_REFUSED = (State.FAILED, State.REJECTED, State.CANCELLED)


@dataclass(frozen=True)
class Task:
    """Jobs in one state, each with what is the matter; what a person can do about them, and the commands for it."""

    state: str
    advice: str
    commands: tuple[str, ...]
    jobs: tuple[tuple[str, str], ...]


_LOOK = 'look at PEPS\'s page "My processing"'
_DROP = "drop it if it is not wanted any more"
_TRIED = "each run of the downloader tries again, for seven days"
# By state, the most urgent first, and by who makes the product: what to do, and the submitter's options for it.
_ADVICE: dict[tuple[str, Source], tuple[str, tuple[str, ...]]] = {
    (UNSURE, Source.PEPS): (
        f"it is not known whether PEPS took it: {_LOOK}; adopt it if it is there, else submit it again or drop it",
        ("--adopt {name} URL", "--resubmit unsure", "--drop {name}"),
    ),
    **{
        (state.value, Source.PEPS): ("submit it again, or drop it", (f"--resubmit {state.value}", "--drop {name}"))
        for state in _REFUSED
    },
    (FAILED, Source.THEIA): (
        f"search again, with --theia only (to fetch it) or --theia first (to have PEPS make it), or {_DROP}",
        ("--drop {name}",),
    ),
    (MISSING, Source.PEPS): (f"{_TRIED}; {_DROP}", ("--drop {name}",)),
    (MISSING, Source.THEIA): (
        f"{_TRIED}; on the page of the GEODES portal, have it restored from tape or accept its licence, or {_DROP}",
        ("--drop {name}",),
    ),
    (STALLED, Source.PEPS): (f"open for too long: {_LOOK}, and {_DROP}", ("--drop {name}",)),
}


def tasks(jobs: Mapping[str, Job], entries: Iterable[Entry], submit: str) -> list[Task]:
    """Return what a person has to do, the most urgent first; `submit` begins the submitter's commands for the log."""
    shown = {entry.job for entry in entries}
    found: dict[tuple[str, Source], list[tuple[str, str]]] = {key: [] for key in _ADVICE}
    for job in jobs.values():
        for state, message in () if _is_replaced(job, shown) else _troubles(job):
            found.setdefault((state, job.source), []).append((plain(job.name), plain(message)))
    return [_task(state, source, of_state, submit) for (state, source), of_state in found.items() if of_state]


def plain(text: str) -> str:
    """Return a text of a server or a file system as one line that any page can hold."""
    return one_line(text).encode(errors="replace").decode()


def _task(state: str, source: Source, jobs: list[tuple[str, str]], submit: str) -> Task:
    advice, options = _ADVICE.get((state, source), (_DROP, ("--drop {name}",)))
    name = jobs[0][0] if len({name for name, _ in jobs}) == 1 else "NAME"
    return Task(state, advice, tuple(f"{submit} {option.format(name=name)}" for option in options), tuple(jobs))


def _is_replaced(job: Job, shown: Container[str]) -> bool:
    """Return True for a refused or failed job for one product if the ledger shows another job for its date."""
    is_for_one = bool(L1CProduct.parse(job.name) or L2AProduct.find(job.name))
    return job.state in _REFUSED and is_for_one and job.name not in shown


def _troubles(job: Job) -> Iterable[tuple[str, str]]:
    """Yield what is the matter with a job: a state that needs a person, and a message."""
    if job.state in _REFUSED and not job.was_dropped:
        yield job.state.value, job.detail
    elif job.state is State.UNSURE:
        yield UNSURE, ""
    elif job.state is State.OPEN and job.missing:
        for name, missing in job.missing.items():
            what = "" if name == NO_RESULTS else f"{name} "
            since = f" since {missing.since:%Y-%m-%d}" if missing.since else ""
            yield MISSING, f"{what}{missing.kind}{since}: {missing.reason}"
    elif job.state is State.OPEN and job.stalled:
        yield STALLED, f"open for {job.open_for().total_seconds() / 3600:.0f} hours"
