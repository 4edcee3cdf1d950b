"""Where jobs and dates stand: one word for each, and one advice, wherever it is shown."""

from __future__ import annotations

import csv
import html
from pathlib import Path

from helpers import STATUS_URL, TILE, Place, ago, begun, l1c, l2a, lines_of_dates, tiny

from peps_maja.sandbox import Sandbox

URL = "https://geodes-portal.cnes.fr/api/download/URN:FEATURE:DATA:gdh:0b8d4f1c-0000-0000-0000-000000000000:V1/files/0"
THEIAS = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V4-0"
PIECE = "SENTINEL2A_20190301-105441-000_L2A_T31TCJ_C_V4-0"


def table(place: Place, *options: str) -> list[dict[str, str]]:
    place.download("--dates", "--csv", "dates.csv", *options)
    with (place.folder / "dates.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def finished(
    job: str, *files: str, clouds: str = "", event: str = "submitted", detail: str = STATUS_URL
) -> list[tuple[str, ...]]:
    """Return the lines of a job that brought these files."""
    begin = [(ago(3), "submitting", job, clouds)] if event == "submitted" else []
    downloads = [(ago(1), "downloaded", job, file) for file in files]
    return [*begin, (ago(2), event, job, detail), *downloads, (ago(1), "finished", job, "")]


# -- the ledger ------------------------------------------------------------------------------------------------------


def test_both_services_their_parts_and_pieces_stand_side_by_side(place: Place) -> None:
    """Clouds and orbit come from the log; a date counts once, and under each state of its parts."""
    offers = {day: [name.replace("20190301", f"201903{day}") for name in (THEIAS, PIECE)] for day in (11, 16, 21)}
    lost = [(ago(), event, l1c(1, last="140000"), of) for event, of in (("submitted", STATUS_URL), ("failed", "x"))]
    place.write_log(
        *finished(l1c(1), l2a(1), clouds="12.4"),
        *lost,
        *finished(l1c(6)),  # as logs had it
        *finished(offers[11][0], event="available", detail=f"{URL} - - 51 99.6"),
        *finished(offers[16][0], event="available", detail=f"{URL} - -"),
        *finished(offers[16][1], event="available", detail=f"{URL} - -"),
        *finished(offers[21][0], f"{offers[21][0]}.zip", event="available", detail=f"{URL} - -"),
        *finished(l1c(21), l2a(21)),
    )
    for name in (l2a(1), f"{offers[21][0]}.zip", l2a(21)):
        (place.folder / name).write_bytes(tiny(name))
    rows = table(place)
    none = "not delivered"
    assert [(int(row["date"][-2:]), row["orbit"], row["clouds"], row["state"]) for row in rows] == [
        (1, "R051", "12.4", "on disk"), (1, "R051", "", "failed"), (6, "R051", "", none), (11, "R051", "99.6", none),
        (16, "", "", none), (16, "", "", none), (21, "R051", "", "on disk"), (21, "R051", "", "on disk"),
    ]  # fmt: skip
    assert [row["file"] for row in rows[-2:]] == [f"{offers[21][0]}.zip", l2a(21)]
    assert {row["folder"] for row in rows} == {"", str(place.folder)}
    out = place.download("--dates").out
    assert [line.split()[3:5] for line in lines_of_dates(out)][2:5] == [["R051", "?"], ["R051", "100%"], ["?", "?"]]
    assert out.splitlines()[-1].startswith(f"Total of {TILE}: 5 dates, 2 on disk (")
    assert out.splitlines()[-1].endswith("), 1 failed, 3 not delivered")


def test_a_period(place: Place) -> None:
    place.write_log(*(line for day in (1, 6, 11) for line in finished(l1c(day))))
    for options, days in (
        ("-d 2019-03-06", ["06", "11"]),
        ("-d 2019-03-02 -f 2019-03-10", ["06"]),
        ("-f 2019-03-06", ["01", "06"]),
    ):
        assert [row["date"][-2:] for row in table(place, *options.split())] == days


def test_what_is_in_the_folder_is_on_disk_whatever_the_log_lost(place: Place) -> None:
    """Its `downloaded` line, all but its name, or who brought it."""
    for name in (l2a(1), l2a(6), f"{THEIAS.replace('0301', '0311')}.zip", f"{THEIAS.replace('0301', '0316')}.zip"):
        (place.folder / name).write_bytes(tiny(name))
        (place.folder / f"copy of {name}").write_bytes(tiny(name))  # is somebody's own
    jobs = [*finished(l1c(1)), *finished(l1c(11), "elsewhere.zip")]
    expected = [
        ("2019-03-01", "on disk", l2a(1)),
        ("2019-03-06", "on disk", l2a(6)),
        ("2019-03-11", "on disk", f"{THEIAS.replace('0301', '0311')}.zip"),
        ("2019-03-16", "on disk", f"{THEIAS.replace('0301', '0316')}.zip"),
    ]
    place.write_log(*jobs, ("2019-04-02T09:12:44Z finished", l1c(6)))
    assert [(row["date"], row["state"], row["file"]) for row in table(place)] == expected
    # Where no line is damaged, what is of no job's date is another log's.
    place.write_log(*jobs, *finished(l1c(6)))
    assert [(row["date"], row["state"], row["file"]) for row in table(place)] == expected[:3]


def test_a_damaged_log_is_one_line_with_a_number(place: Place) -> None:
    place.write_log(*((f'"{ago(9)}"', "submitted", f"{l1c(day)};{STATUS_URL}") for day in range(1, 9)))
    run = place.download()
    assert (run.status, run.err.count("\n")) == (1, 2)
    assert "line 2 and 7 more cannot be read" in run.err
    assert place.download("-q").err == ""
    assert "stalled" not in place.log.read_text(encoding="utf-8")


def test_a_wrong_folder_is_asked_about(place: Place) -> None:
    place.write_log(*finished(l1c(1), l2a(1)), *finished(l1c(6), l2a(6)))
    folder = place.folder / "zips"
    for options, times in (((), 1), (("-q",), 0), ((), 0)):
        run = place.download("-w", "zips", *options)
        assert (run.status, run.out.count("none of the 2 zips"), run.out.count("is -w right?")) == (0, times, times)
        if options:
            (folder / l2a(6).removesuffix(".zip")).mkdir()


def test_peps_has_closed(place: Place) -> None:
    """Where its own address does not answer, message and page say so, and what works today."""
    place.write_log((ago(3), "submitting", l1c(1), ""), (ago(2), "submitted", l1c(1), STATUS_URL))
    away = {"PEPS_SERVER": "https://peps.cnes.fr", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    for options in ((), ("--dates",)):
        run = place.download(*options, "--page", "page", **away)
        page = html.unescape((place.folder / "page" / "index.html").read_text(encoding="utf-8"))
        assert run.status == 75
        for text in (run.err, page):
            assert text.count("PEPS has closed (March 2026): --theia only takes what Theia has already") == 1, text


# -- what to do about it ---------------------------------------------------------------------------------------------


def test_what_failed_twice_is_not_advised_to_be_tried_again(place: Place, peps: Sandbox) -> None:
    """The downloader and the page say the same, with a command that works as it is."""
    job = peps.add_job(l1c(1), status="FAILED", results=())
    place.write_log(*begun(job))
    first = place.download("--page", "page")
    page = Path(place.folder, "page", "index.html").read_text(encoding="utf-8")
    assert f"joblog-{job.wps_id}.log; trying again may help: " in first.out
    assert f"--resubmit failed --product {job.product}" in first.out
    assert "rying again may help" in page

    place.write_log(*begun(job), (ago(), "failed", job.product, "x"), *begun(job))
    second = place.download("--page", "page")
    page = html.unescape(Path(place.folder, "page", "index.html").read_text(encoding="utf-8"))
    for text in (second.out, page):
        assert "so trying again will not help" in text
        assert "--resubmit" not in text
    command = second.out.partition("not wanted any more: ")[2].splitlines()[0].split()
    assert place.process(*command[2:]).status == 0
    assert place.events()[-1] == ("cancelled", job.product, "dropped by the user")
    assert str(place.folder) not in page


def test_a_series_gets_the_hours_it_is_expected_to_take(place: Place, peps: Sandbox) -> None:
    """36 dates are expected in 90 days: one hour, and 35 times 25 minutes."""
    hours = {l1c(1): 25, l1c(6): 23, f"{TILE}_2019-01-01_2019-03-31": 40, f"{TILE}_2018-01-01_2018-03-31": 25}
    jobs = [peps.add_job(name, status="RUNNING", results=()) for name in hours]
    place.write_log(*(line for job in jobs for line in begun(job, hours=hours[job.product])))
    runs = [place.download("-q") for _ in range(2)]
    told = [line.partition(": still open after ")[0] for line in runs[0].out.splitlines()]
    assert (told, runs[1].out) == ([name for name, number in hours.items() if number in {25, 40}][:2], "")
    assert all("drop it if it is not wanted" in line for line in runs[0].out.splitlines())
