"""What to do about a job: worded once, by what has become of it and how often."""

from __future__ import annotations

import pytest

from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.standing.advice import task_for

L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SERIES = "31TCJ_2018-01-01_2018-12-31"
THEIA = "SENTINEL2A_20250630-105426-459_L2A_T31TCJ_C_V4-0"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
BEGIN = {
    L1C: f"submitted\t{L1C}\t{URL}",
    SERIES: f"submitted\t{SERIES}\t{URL}",
    THEIA: f"available\t{THEIA}\thttps://x - -",
}
# Job, its events after the first with their details, trouble; what the advice says, and its first command.
CASES = {
    "unsure": (L1C, [], "unsure", "My processing", "--adopt NAME URL"),
    "rejected": (L1C, ["rejected no"], "rejected", "when that reason is gone", "--resubmit rejected --product NAME"),
    "failed": (L1C, ["failed x"], "failed", "may help", "--resubmit failed --product NAME"),
    "cancelled": (L1C, ["cancelled x"], "cancelled", "may help", "--resubmit cancelled --product NAME"),
    "a series failed": (SERIES, ["failed x"], "failed", "may help", "--resubmit failed"),
    "failed again": (L1C, ["failed x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "failed after cancelled": (L1C, ["cancelled x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "Theia's failed": (THEIA, ["failed x"], "failed", "portal of GEODES", "--theia only --product NAME"),
    "Theia's failed again": (THEIA, ["failed x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "gone": (THEIA, ["missing z.zip absent gone (404)"], "missing", "newer version", "--drop NAME"),
    "on tape": (THEIA, ["missing z.zip absent on tape (410): restore it"], "missing", "restored", "--drop NAME"),
    "licence": (THEIA, ["missing z.zip absent its licence (423), at x"], "missing", "licence at", "--drop NAME"),
    "another host": (THEIA, ["missing z.zip absent not given (403)"], "missing", "another server", "--drop NAME"),
    "broken": (THEIA, ["missing z.zip broken cut"], "missing", "each run", "--drop NAME"),
    "404 of PEPS": (L1C, ["missing z.zip absent not there (404)"], "missing", "each run of", "--drop NAME"),
    "without results": (L1C, ["missing - absent no results"], "missing", "24 hours", "--drop NAME"),
    "stalled": (L1C, ["stalled 24"], "stalled", "My processing", "--drop NAME"),
    "Theia's stalled": (THEIA, ["stalled 72"], "stalled", "--check", "--drop NAME"),
}


@pytest.mark.parametrize(("name", "events", "trouble", "says", "command"), CASES.values(), ids=CASES)
def test_advice(name: str, events: list[str], trouble: str, says: str, command: str) -> None:
    lines = [HEADER, f"2019-04-02T09:12:44Z\t{BEGIN[name]}"]
    for word, _, detail in (event.partition(" ") for event in events):
        line = BEGIN[name] if word == "again" else f"{word}\t{name}\t{detail}"
        lines.append(f"2019-04-02T09:12:45Z\t{line}")
    what, advice, options = task_for(Jobs.replay("\n".join([*lines, ""]))[name], trouble)
    assert (what, options[0]) == (trouble, command)
    assert says in advice
