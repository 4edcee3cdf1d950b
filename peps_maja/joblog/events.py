"""What can happen to a job, and where it stands then. The words here are part of the log's format."""

from __future__ import annotations

from enum import Enum


class Event(str, Enum):
    """What can happen to a job. The comment behind each says what its detail is."""

    AVAILABLE = "available"  # address, size, MD5, orbit, clouds
    SUBMITTING = "submitting"  # clouds, or a series' dates
    SUBMITTED = "submitted"  # status URL
    REJECTED = "rejected"  # reason
    POSTPONED = "postponed"  # reason
    NOVALD = "novald"  # the result's name
    DOWNLOADED = "downloaded"  # file name
    MISSING = "missing"  # the result's name, `absent`, `broken` or `back`, reason
    STALLED = "stalled"  # hours
    FINISHED = "finished"
    FAILED = "failed"  # the server's message
    CANCELLED = "cancelled"  # likewise, or DROPPED


class Source(str, Enum):
    """Who makes the product of a job."""

    PEPS = "peps"
    THEIA = "theia"


class State(str, Enum):
    """Where a job stands, by the log alone."""

    UNSURE = "unsure"  # a request left, and no answer is known; or only damaged lines or unknown events name the job
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


EVENTS = {event.value: event for event in Event}
BEGINNINGS = frozenset({Event.AVAILABLE, Event.SUBMITTING, Event.SUBMITTED})
ENDS = frozenset({Event.REJECTED, Event.FINISHED, Event.FAILED, Event.CANCELLED})
TURNS = BEGINNINGS | ENDS | {Event.POSTPONED}
DROPPED = "dropped by the user"
ABSENT, BROKEN, BACK = "absent", "broken", "back"
NO_RESULTS = "-"  # in place of a result's name where a job has none, for one of these two reasons
NONE_NAMED, NO_REPORT = "no results", "no report"
