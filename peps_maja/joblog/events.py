"""What can happen to a job, and where it stands then: the words of the log.

The values of Event, DROPPED, ABSENT, BROKEN and the names below them are part of the file format.
"""

from __future__ import annotations

from enum import Enum

DROPPED = "dropped by the user"


class Event(str, Enum):
    """What can happen to a job. The comment behind each says what its detail is."""

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
    """Where a job stands, by the log alone."""

    UNSURE = "unsure"  # a request left, and no answer is known; or only damaged lines or unknown events name the job
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Compared once for each line, and a text compares faster than a member of an enum.
AVAILABLE = Event.AVAILABLE.value
SUBMITTING, SUBMITTED = Event.SUBMITTING.value, Event.SUBMITTED.value
POSTPONED, DOWNLOADED = Event.POSTPONED.value, Event.DOWNLOADED.value
EVENTS = frozenset(event.value for event in Event)
ENDS = {
    Event.REJECTED.value: State.REJECTED,
    Event.FINISHED.value: State.FINISHED,
    Event.FAILED.value: State.FAILED,
    Event.CANCELLED.value: State.CANCELLED,
}
# Events with which a job begins or ends.
TURNS = frozenset({*ENDS, AVAILABLE, SUBMITTING, SUBMITTED, POSTPONED})
ABSENT, BROKEN, BACK = "absent", "broken", "back"
NO_RESULTS = "-"  # in place of a result's name where a job has none, for one of these two reasons
NONE_NAMED, NO_REPORT = "no results", "no report"
