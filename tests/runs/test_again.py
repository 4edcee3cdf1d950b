"""The searches that the log has noted: which are noted, and what `--again` makes of them."""

from __future__ import annotations

from datetime import datetime, timezone

from helpers import TILE, Place, in_one_line, l1c

from peps_maja.sandbox import Canned, Endpoint, Fault, Sandbox

MARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
ANOTHER = "31TDJ"


def noted(place: Place) -> list[str]:
    lines = place.log.read_text(encoding="utf-8").splitlines() if place.log.exists() else []
    return [line.partition("Z ")[2] for line in lines[1:] if line.startswith("#")]


def offer(peps: Sandbox, *names: str) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in names]


def test_what_is_noted(place: Place, peps: Sandbox) -> None:
    """Each search, once, also if there is nothing to do; none with -n, of a catalogue out of reach, or of --again."""
    offer(peps)
    place.process(*MARCH, "-n")
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(418)))
    assert place.process(*MARCH).status == 75
    assert noted(place) == []
    command = f"peps_maja_process.py {' '.join(MARCH)}"
    assert [place.process(*more).status for more in (MARCH, MARCH, ["--again"])] == [0, 0, 0]
    assert noted(place) == [command]
    place.process(*MARCH, "-o", "51")
    place.process(*MARCH)
    assert noted(place) == [command, f"{command} -o 51", command]


def test_each_search_once_more(place: Place, peps: Sandbox) -> None:
    """Of several for the same places the last, in the order of these; orbit and limit are those noted."""
    offer(peps)
    for more in (
        ("-t", ANOTHER, TILE, "-d", "2019-01-01", "-f", "2019-01-31"),
        (*MARCH, "-o", "51", "--limit", "1"),
        ("-t", f"T{TILE}", ANOTHER.lower(), "-d", "2019-02-01", "-f", "2019-02-28"),
        (*MARCH, "--theia", "only"),
    ):
        assert place.process(*more, GEODES_SERVER=peps.url).status == 0
    offer(
        peps,
        *(
            l1c(f"2019{month}{day}", tile=tile)
            for month in ("01", "02", "03")
            for tile in (TILE, ANOTHER)
            for day in ("01", "09")
        ),
    )
    assert place.process("--again", "-n", GEODES_SERVER=peps.url).status == 0
    assert peps.executed == []
    run = place.process("--again", "-q", GEODES_SERVER=peps.url)
    assert (run.status, run.err) == (0, "")
    february = [l1c(f"201902{day}", tile=tile) for day in ("01", "09") for tile in (TILE, ANOTHER)]
    assert (peps.executed[0], sorted(peps.executed[1:])) == (l1c(1), sorted(february))


def test_one_without_an_end_goes_on_to_today(place: Place, peps: Sandbox) -> None:
    place.write_log()
    with place.log.open("a", encoding="utf-8") as log:
        log.write("# 2019-02-01T06:00:00Z peps_maja_process.py -t 31TCJ -d 2019-01-01 -h -a other.txt -w ~nobody/l2a\n")
    today = datetime.now(timezone.utc).strftime("%Y%m%d")
    offer(peps, name := l1c(1).replace("20190301", today))
    assert place.process("--again").status == 0
    assert peps.executed == [name]


def test_trouble_of_one_stops_none(place: Place, peps: Sandbox) -> None:
    offer(peps)
    for tile in (ANOTHER, TILE):
        place.process("-t", tile, *MARCH[2:])
    with place.log.open("a", encoding="utf-8") as log:
        log.write("# 2019-02-01T06:00:00Z peps_maja_process.py -t 31TCJ -d 2019-02-30\n")
        log.write("# 2019-02-01T06:00:00Z peps_maja_process.py -t '31TCJ\n# a word of my own\n")
    offer(peps, l1c(1))
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(418)))  # the first of the two searches
    run = place.process("--again")
    assert (run.status, peps.executed) == (75, [l1c(1)])
    skipped = [line for line in run.err.splitlines() if "cannot be read" in line]
    assert ["2019-02-30 is not a valid date" in line for line in skipped] == [True, False]
    quiet = place.process("--again", "-q")
    assert (quiet.status, len(quiet.err.splitlines())) == (0, 2)


def test_a_quota_or_an_account_that_cannot_be_used_is_that_of_all(place: Place, peps: Sandbox) -> None:
    offer(peps)
    for tile, *more in ((ANOTHER,), (TILE,), (TILE, "--theia", "only")):
        place.process("-t", tile, *MARCH[2:], *more, GEODES_SERVER=peps.url)
    offer(peps, l1c(1), l1c(1, tile=ANOTHER))
    quota = Canned(200, '{"ErrorCode": 420, "ErrorMessage": "week|1"}')
    for number, (answer, status) in enumerate(((quota, 75), (Canned(401), 2)), 1):
        peps.faults.add(Fault(Endpoint.EXECUTE, answer, times=None))
        in_one_line(place.process("--again", GEODES_SERVER=peps.url), status)
        assert len(peps.asked(Endpoint.EXECUTE)) == number
        peps.faults.clear()
    (place.folder / "peps.txt").write_text("oneword\n")
    in_one_line(place.process("--again", GEODES_SERVER=peps.url), 2, "one word")
    assert len(peps.asked(Endpoint.GEODES_SEARCH)) == 4, "a search that needs no account is carried out"


def test_cron_hears_nothing_of_what_the_search_was_told(place: Place, peps: Sandbox) -> None:
    offer(peps)
    place.process(*MARCH[:2], "34WED", *MARCH[2:])  # of which one is beyond 60°
    with place.log.open("a", encoding="utf-8") as log:
        log.write("# 2019-02-01T06:00:00Z peps_maja_process.py --version\n")
    run = place.process("--again", "-q")
    assert (run.status, run.out) == (0, "")
    in_one_line(run, 0, "cannot be read", "--version")


def test_no_search_in_the_log(place: Place, peps: Sandbox) -> None:
    """Products by name and a resubmission are no searches; one with --series is noted, and never repeated."""
    offer(peps, l1c(1), l1c(28))
    for more in (
        ("--product", l1c(1)),
        ("--resubmit", "failed"),
        ("-t", TILE, "-d", "2019-03-01", "-f", "2019-05-01", "--series"),
    ):
        assert place.process(*more, GEODES_SERVER=peps.url).status == 0
    assert len(noted(place)) == 1
    in_one_line(place.process("--again"), 2, "no search to repeat")
