"""The order in which both scripts bring things to disk, read from system-call traces of real runs.

A killed process loses nothing that it has written; a machine without power loses all that was not synced. So only
the order of writes, syncs, renames and requests tells whether the log could ever promise more than there is.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, Place, needs_strace, under_strace

from peps_maja.sandbox import Sandbox

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
CLOUDY = "S2B_MSIL1C_20190303T103454_N0207_R008_T31TCJ_20190303T134351"
ZIP = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"

# The calls of each kind; a `?` lets strace skip what this machine does not have.
KINDS = {
    "write": ("write", "pwrite64", "writev", "pwritev", "pwritev2"),
    "sync": ("fsync", "fdatasync"),
    "rename": ("rename", "renameat", "renameat2"),
    "create": ("open", "openat", "creat"),
    "mkdir": ("mkdir", "mkdirat"),
    "send": ("sendto", "sendmsg"),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
TRACE = ["-y", "-s", "400", "-e", "signal=none", "-e", "trace=" + ",".join(f"?{name}" for name in KIND_OF)]

_BEGUN = re.compile(r"(\d+) +(\w+)\((.*)")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ORDER = re.compile(r"GET [^ ]*identifier=MAJA&datainputs=product=([^& ]+)")


pytestmark = needs_strace


# -- traces ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A system call that did its work: its kind, the file it is about, and what it wrote, sent, or renamed to."""

    kind: str
    path: str
    text: str = ""

    def is_line(self, event: str) -> bool:
        return self.kind == "write" and f"\t{event}\t" in self.text

    def ordered(self) -> str | None:
        """Return the product for which this sends an order, or None."""
        order = _ORDER.match(self.text) if self.kind == "send" else None
        return order[1] if order else None


def read_trace(text: str, cwd: Path) -> list[Call]:
    """Return the calls of a trace that send, where they began, and those below `cwd`, where they were done."""
    calls = [call for line in _whole_calls(text) if (call := _call(line, cwd))]
    return [call for call in calls if call.kind == "send" or Path(call.path).is_relative_to(cwd)]


def _whole_calls(text: str) -> Iterator[str]:
    """Yield `name(arguments) = result` for each call, put together where another thread's calls lie between."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        if resumed := _RESUMED.fullmatch(line):
            if start := begun.pop(resumed[1], None):
                yield start + resumed[2]
        elif call := _BEGUN.fullmatch(line):
            whole = f"{call[2]}({call[3]}"
            if not whole.endswith(_UNFINISHED):
                yield whole
            elif KIND_OF.get(call[2]) == "send":
                yield whole.removesuffix(_UNFINISHED) + ") = 1"
            else:
                begun[call[1]] = whole.removesuffix(_UNFINISHED)


def _call(line: str, cwd: Path) -> Call | None:
    name, _, rest = line.partition("(")
    arguments, _, result = rest.rpartition(" = ")
    kind = KIND_OF.get(name)
    if kind is None or not result[:1].isdecimal():
        return None
    quoted = [text.encode().decode("unicode_escape") for text in _QUOTED.findall(arguments)]
    if kind in {"write", "sync", "send"}:
        descriptor = _DESCRIPTOR.match(arguments)
        return Call(kind, descriptor[1] if descriptor else "", "".join(quoted[:1]))
    if kind == "create" and name != "creat" and "O_CREAT" not in arguments:
        return None
    paths = [str(cwd / path) for path in quoted]
    return Call(kind, paths[0], "".join(paths[1:2]))


# -- the checker -------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """Follows a trace, and complains of each step that relies on more than a loss of power would leave.

    `safe` are the files that were on disk before, with their names; `nameless` are those whose entry in their folder
    is not on disk.
    """

    log: str
    safe: set[str] = field(default_factory=set)
    nameless: set[str] = field(default_factory=set)
    unsynced: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)
    announced: str | None = None  # the product whose `submitting` is the last line, until its order has left
    complaints: list[str] = field(default_factory=list)

    def follow(self, calls: Iterable[Call]) -> list[str]:
        """Return the complaints about these calls."""
        self.there |= self.safe | self.nameless
        for call in calls:
            match call.kind:
                case "create" | "mkdir" if call.path not in self.there:
                    self.nameless.add(call.path)
                    self.there.add(call.path)
                case "sync":
                    self.unsynced.discard(call.path)
                    self.nameless = {name for name in self.nameless if str(Path(name).parent) != call.path}
                case "rename":
                    self._rename(call.path, call.text)
                case "write":
                    self._write(call)
                case "send" if product := call.ordered():
                    self._order(product)
        self._needs(self.log, "the run ends")
        return self.complaints

    def _needs(self, path: str, step: str) -> None:
        """Complain if a file, its name, or that of a folder above it is not on disk at this step."""
        if path in self.unsynced:
            self.complaints.append(f"{step} while {Path(path).name} is not synced")
        for name in (path, *map(str, Path(path).parents)):
            if name in self.nameless:
                self.complaints.append(f"{step} while the folder of {Path(name).name} is not synced")

    def _rename(self, old: str, new: str) -> None:
        if old in self.unsynced:
            self.complaints.append(f"{Path(old).name} is renamed while it is not synced")
        self.nameless.discard(old)
        self.nameless.add(new)
        self.there.add(new)

    def _write(self, call: Call) -> None:
        if call.path == self.log:
            *lines, end = call.text.split("\n")
            if end or not lines or len([line for line in lines if line[:1] != "#"]) > 1:
                self.complaints.append(f"not one whole line is appended: {call.text!r}")
            _, event, job, detail, *_ = [*lines[-1].split("\t"), "", "", ""]
            if self.log in self.unsynced:
                self.complaints.append(f"{event} is logged while the line before is not synced")
            self.announced = job if event == "submitting" else None
            if event == "downloaded":
                finals = [path for path in self.there if Path(path).name == detail]
                if not finals:
                    self.complaints.append(f"downloaded is logged before {detail} is there")
                for final in finals:
                    self._needs(final, "downloaded is logged")
        self.unsynced.add(call.path)

    def _order(self, product: str) -> None:
        if self.announced != product:
            self.complaints.append(f"{product} is ordered without a submitting of its own")
        self.announced = None
        self._needs(self.log, f"{product} is ordered")


# -- real runs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Traces:
    """What a new log, two orders, and then a download and a result too cloudy looked like to the kernel."""

    log: str
    zips: str
    process: list[Call]
    downloader: list[Call]

    def complaints(self, script: str, calls: Sequence[Call]) -> list[str]:
        safe = {self.log} if script == "downloader" else set()
        return Disk(self.log, safe=safe).follow(calls)


def traced(
    place: Place,
    script: str,
    *arguments: str,
    kill_at: tuple[str, Path] | None = None,
    statuses: Collection[int] = (0,),
) -> list[Call]:
    """Run a script under strace and return its calls; it is killed at a call (`write:2`: the second) for a file."""
    options = TRACE
    if kill_at:
        call, _, number = kill_at[0].partition(":")
        kill = f"inject={call}:signal=KILL:when={number or 1}"
        options = ["-P", str(kill_at[1]), "-e", f"trace={call}", "-e", kill]
    expected = (-signal.SIGKILL,) if kill_at else statuses
    return read_trace(run_traced(place, options, script, *arguments, statuses=expected), place.folder)


def run_traced(place: Place, options: list[str], script: str, *arguments: str, statuses: Collection[int] = (0,)) -> str:
    """Run a script under strace with these options and return the trace."""
    trace = place.folder.parent / f"{script}.trace"
    run = under_strace(place, options, script, *arguments, trace=str(trace))
    assert run.status in statuses, run.err
    return trace.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Both scripts, one after the other, as nothing disturbs them."""
    home = tmp_path_factory.mktemp("traces")
    folder = home / "work"
    folder.mkdir()
    with Sandbox(accounts={EMAIL: PASSWORD}) as peps:
        environment = {"HOME": str(home), "LANG": "C.UTF-8", "PEPS_USER": EMAIL, "PEPS_PASSWORD": PASSWORD}
        place = Place(folder, environment | {"PEPS_SERVER": peps.url})
        process = traced(place, "process", "--product", PRODUCT, CLOUDY)
        zips = folder / "zips"
        zips.mkdir()
        return Traces(str(place.log), str(zips), process, traced(place, "downloader", "-w", str(zips)))


# -- tests -------------------------------------------------------------------------------------------------------


def test_an_order_leaves_when_its_line_is_on_disk(traces: Traces) -> None:
    assert traces.complaints("process", traces.process) == []
    orders = [call.ordered() for call in traces.process if call.ordered()]
    assert orders == [PRODUCT, CLOUDY]
    assert sum(call.is_line("submitting") for call in traces.process) == 2
    assert sum(call.is_line("submitted") for call in traces.process) == 2


def test_a_zip_is_logged_when_it_and_its_name_are_on_disk(traces: Traces) -> None:
    assert traces.complaints("downloader", traces.downloader) == []
    assert [Path(call.text).name for call in traces.downloader if call.kind == "rename"] == [ZIP]
    for event, number in {"downloaded": 1, "novald": 1, "finished": 2}.items():
        assert sum(call.is_line(event) for call in traces.downloader) == number, event


@pytest.mark.parametrize(("script", "least"), [("process", 4), ("downloader", 6)])
def test_no_sync_can_be_taken_away(traces: Traces, script: str, least: int) -> None:
    calls: list[Call] = getattr(traces, script)
    part = str(Path(traces.zips) / f"{ZIP}.part")
    watched = {traces.log, part, traces.zips} if script == "downloader" else {traces.log}
    syncs = [place for place, call in enumerate(calls) if call.kind == "sync" and call.path in watched]
    assert len(syncs) >= least
    unnoticed = [calls[at] for at in syncs if not traces.complaints(script, calls[:at] + calls[at + 1 :])]
    assert unnoticed == []


def test_a_log_left_by_a_killed_run_has_its_name_on_disk_before_the_next_order(place: Place) -> None:
    traced(place, "process", "--product", PRODUCT, kill_at=("fsync", place.folder))
    assert place.log.exists()
    calls = traced(place, "process", "--product", CLOUDY, statuses=(0, 1))
    assert any(call.ordered() for call in calls)
    assert Disk(str(place.log), nameless={str(place.log)}).follow(calls) == []


def test_a_zip_left_by_a_killed_run_has_its_name_on_disk_before_it_is_logged(place: Place, peps: Sandbox) -> None:
    log, zips = str(place.log), place.folder / "zips"
    zips.mkdir()
    place.write_log(("2019-04-02T09:12:45Z", "submitted", PRODUCT, peps.add_job(PRODUCT).status_url))
    traced(place, "downloader", "-w", str(zips), kill_at=("fsync", zips))
    assert [path.name for path in zips.glob("*.zip")] == [ZIP]
    assert place.events("downloaded") == []
    calls = traced(place, "downloader", "-w", str(zips))
    assert place.events("downloaded") == [("downloaded", PRODUCT, ZIP)]
    assert Disk(log, safe={log}, nameless={str(zips / ZIP)}).follow(calls) == []


def test_a_folder_made_for_the_zips_is_on_disk_before_they_are_logged(place: Place, peps: Sandbox) -> None:
    log = str(place.log)
    place.write_log(("2019-04-02T09:12:45Z", "submitted", PRODUCT, peps.add_job(PRODUCT).status_url))
    calls = traced(place, "downloader", "-w", str(place.folder / "new" / "zips"))
    assert sum(call.kind == "mkdir" for call in calls) == 2
    assert Disk(log, safe={log}).follow(calls) == []


@pytest.mark.parametrize(
    ("kill_at", "events", "is_executed"),
    [
        pytest.param("fsync:1", ["submitting"], False, id="before submitting is synced"),
        pytest.param("write:2", ["submitting"], True, id="before submitted"),
        pytest.param("fsync:2", ["submitting", "submitted"], True, id="before submitted is synced"),
    ],
)
def test_a_submitter_killed_at_a_log_line(
    place: Place, peps: Sandbox, *, kill_at: str, events: list[str], is_executed: bool
) -> None:
    traced(place, "process", "--product", PRODUCT, kill_at=(kill_at, place.log))
    assert [event for event, *_ in place.events()] == events
    assert peps.executed == [PRODUCT] * is_executed
    is_unsure = events == ["submitting"]
    again = place.process("--product", PRODUCT)
    assert again.status == (1 if is_unsure else 0), again.err
    assert peps.executed == [PRODUCT] * (is_executed or not is_unsure)
    assert [event for event, *_ in place.events()] == (events if is_unsure else ["submitting", "submitted"])


@pytest.mark.parametrize(
    ("kill_at", "file", "whole", "events"),
    [
        pytest.param("rename", f"zips/{ZIP}.part", [], [], id="before the rename"),
        pytest.param("fsync", "zips", [ZIP], [], id="before the zip's name is synced"),
        pytest.param("write:1", "peps_maja.log", [ZIP], [], id="before downloaded"),
        pytest.param("write:2", "peps_maja.log", [ZIP], ["downloaded"], id="before finished"),
    ],
)
def test_a_downloader_killed_at_the_end_of_a_download(
    place: Place, peps: Sandbox, *, kill_at: str, file: str, whole: list[str], events: list[str]
) -> None:
    job = peps.add_job(PRODUCT)
    zips = place.folder / "zips"
    zips.mkdir()
    place.write_log(("2019-04-02T09:12:45Z", "submitted", PRODUCT, job.status_url))
    traced(place, "downloader", "-w", str(zips), kill_at=(kill_at, place.folder / file))
    assert [path.name for path in zips.glob("*.zip")] == whole
    assert [event for event, *_ in place.events()] == ["submitted", *events]
    assert place.download("-w", zips).status == 0
    assert [event for event, *_ in place.events()] == ["submitted", "downloaded", "finished"]
    assert (zips / ZIP).read_bytes() == job.results[0].content
    assert [path.name for path in zips.iterdir()] == [ZIP]


def test_a_read_error_of_the_disk_makes_no_result_missing(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(PRODUCT)
    place.write_log(("2019-04-02T09:12:45Z", "submitted", PRODUCT, job.status_url))
    fail = ["-P", str(place.folder / f"{ZIP}.part"), "-e", "trace=?read,?pread64"]
    trace = run_traced(place, [*fail, "-e", "inject=?read,?pread64:error=EIO"], "downloader", "-q", statuses=(1,))
    assert "EIO" in trace
    assert place.events("missing", "downloaded") == []
    assert [path.name for path in place.folder.glob("*.part")] == [f"{ZIP}.part"]
    assert place.download().status == 0
    assert len([asked for asked in peps.requests if asked.path.endswith(".zip") and "range" not in asked.headers]) == 1
