"""What can happen to a job, and where it then stands: the words of the log."""

from __future__ import annotations

from enum import Enum

DROPPED = "dropped by the user"


class Event(str, Enum):
    """What can happen to a job. The detail that goes with each stands behind it."""

    AVAILABLE = "available"  # address, size, MD5
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"  # status URL
    REJECTED = "rejected"  # reason
    POSTPONED = "postponed"  # reason
    NOVALD = "novald"  # the result's name
    DOWNLOADED = "downloaded"  # file name
    MISSING = "missing"  # the result's name, `absent` or `broken`, reason
    STALLED = "stalled"  # hours
    FINISHED = "finished"
    FAILED = "failed"  # the server's message
    CANCELLED = "cancelled"  # likewise


class Source(str, Enum):
    """Who makes the product of a job."""

    PEPS = "peps"
    THEIA = "theia"


class State(str, Enum):
    """Where a job stands by the log alone."""

    UNSURE = "unsure"  # a request left, and no answer is known; or only damaged lines or unknown events name the job
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Compared once a line, and a text compares faster than an enum's member.
AVAILABLE = Event.AVAILABLE.value
SUBMITTING, POSTPONED, DOWNLOADED = Event.SUBMITTING.value, Event.POSTPONED.value, Event.DOWNLOADED.value
EVENTS = frozenset(event.value for event in Event)
ENDS = {
    Event.REJECTED.value: State.REJECTED,
    Event.FINISHED.value: State.FINISHED,
    Event.FAILED.value: State.FAILED,
    Event.CANCELLED.value: State.CANCELLED,
}

TURNS = frozenset({*ENDS, AVAILABLE, SUBMITTING, POSTPONED, Event.SUBMITTED.value})
ABSENT, BROKEN = "absent", "broken"
NO_RESULTS = "-"  # stands for the name of a result where a job has none: for one of these two reasons
NONE_NAMED, NO_REPORT = "no results", "no report"
