"""Look before you take: the page that `peps_maja_process.py -n --page` writes of what a search found."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, TILE, Place, in_one_line, l1c, on_terminal, until
from samples.geodes import GEODES, feature

from peps_maja.sandbox import HTML_PAGE, NOT_FOUND, TOO_MANY, Canned, Cut, Delay, Endpoint, Fault, Sandbox, Stall
from peps_maja.sandbox.exchange import Recorded
from peps_maja.sandbox.faults import Answer
from peps_maja.sandbox.geodes.refusals import NOT_READY, QUOTA, WRONG_KEY
from peps_maja.sandbox.geodes.service import KEY

SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31", "--theia", "first", "-n", "--page", "page")
NAMES = [f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_C" for day in (1, 11, 21)]
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
PICTURE = Canned(200, JPEG, {"Content-Type": "image/jpeg"})
LOOK = Endpoint.GEODES_QUICKLOOK


@pytest.fixture
def place(nowhere: Place, peps: Sandbox) -> Place:
    """A user's folder with a key, and `peps` for both servers: three items at Theia, and one more date at PEPS."""
    (nowhere.folder / "peps.txt").write_text(f"geodes {KEY}\n", encoding="utf-8")
    (nowhere.folder / "peps.txt").chmod(0o600)
    days = (1, 6, 11, 21)
    peps.catalogue = [{"properties": {"productIdentifier": l1c(day), "cloudCover": 8.4}} for day in days]
    peps.geodes.items = [feature(name, eo__cloud_cover=-1 if name is NAMES[1] else 12.5) for name in NAMES]
    return Place(nowhere.folder, nowhere.environment | {"PEPS_SERVER": peps.url, "GEODES_SERVER": peps.url})


@pytest.fixture
def other(place: Place, secure: Sandbox, tmp_path: Path) -> Sandbox:
    """Another host, which has a picture at every address."""
    place.environment["REQUESTS_CA_BUNDLE"] = str(tmp_path / "ca.pem")
    secure.faults.add(Fault(None, PICTURE, times=None))
    return secure


def look_at(peps: Sandbox, number: int, address: str) -> None:
    """Have an item name this address for its quicklook."""
    (peps.geodes.items or [])[number]["assets"]["quicklook.jpg"]["href"] = address


def page_of(place: Place) -> str:
    return (place.folder / "page" / "index.html").read_text(encoding="utf-8")


def pictures(place: Place) -> list[str]:
    return sorted(path.name for path in (place.folder / "page" / "quicklooks").iterdir())


def placeholders(place: Place) -> int:
    return page_of(place).count('<div class="none">No picture: ')


def asked(peps: Sandbox) -> list[Recorded]:
    return [request for request in peps.requests if request.endpoint is LOOK]


def test_page_shows_each_product_with_what_would_be_done_with_it(place: Place, peps: Sandbox) -> None:
    peps.geodes.items = [*(peps.geodes.items or []), feature(NAMES[0].removesuffix("C") + "D", "1.4")]
    run = place.process(*SEARCH)
    assert (run.status, run.err) == (0, "")
    assert run.out.endswith("the page: page/index.html\n")
    page = page_of(place)
    words = [
        '<meta name="generator" content="peps_maja">',
        "<title>MAJA products found for peps_maja.log</title>",
        "1 to submit, 3 at Theia, 3 from Theia, 1 older version; 2.3 GB to download from Theia",
        "4 dates:</span> <span>3 <span",
        "2019-03-01 S2A R051",
        f"{NAMES[0]}_V4-0.zip, 777 MB, by Theia",
        '<span class="faint">12 % clouds</span>',
        '<span class="word state-from-Theia">from Theia</span>',
        '<span class="word state-submit">submit</span>',
        f'<p class="job">{l1c(6)}',  # of PEPS: a card, and no picture
        '<span class="faint">8 % clouds</span>',
        "older version",
    ]
    assert [word for word in words if word not in page] == []
    assert page.count('class="cell state-from-Theia') == 3
    assert page.count('class="cell state-submit') == 1
    assert l1c(1) not in page  # at Theia: as in the table, with -v only
    assert "What is wrong" not in page
    assert "What is new" not in page
    assert place.process(*SEARCH, "-v").status == 0
    assert l1c(1) in page_of(place)


def test_nothing_but_the_page_is_written_and_pictures_are_kept(place: Place, peps: Sandbox) -> None:
    for _ in range(2):
        assert place.process(*SEARCH).status == 0
        assert sorted(path.name for path in place.folder.iterdir()) == ["page", "peps.txt"]
        assert pictures(place) == [f"{name}_V4-0.jpg" for name in NAMES]
        assert len(asked(peps)) == 3
    assert placeholders(place) == 0
    assert {request.endpoint for request in peps.requests} == {Endpoint.CATALOGUE, Endpoint.GEODES_SEARCH, LOOK}


def test_key_goes_to_geodes_only(place: Place, peps: Sandbox, other: Sandbox) -> None:
    look_at(peps, 0, f"{other.url}/picture.jpg")
    peps.faults.add(Fault(LOOK, Canned(302, headers={"Location": f"{other.url}/moved.jpg"})))
    assert place.process(*SEARCH).status == 0
    assert placeholders(place) == 0
    assert [request.headers.get("x-api-key") for request in asked(peps)] == [KEY, KEY]
    assert [request.headers.get("x-api-key") for request in other.requests] == [None, None]
    searches = [request for request in peps.requests if request.endpoint is Endpoint.GEODES_SEARCH]
    assert [request.headers.get("x-api-key") for request in searches] == [None]


def test_without_a_key_come_those_that_need_none_and_one_line_says_so(
    place: Place, peps: Sandbox, other: Sandbox
) -> None:
    (place.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\n")
    look_at(peps, 0, f"{other.url}/picture.jpg")
    in_one_line(place.process(*SEARCH), 0, "quicklooks", "API key", "'geodes KEY' to peps.txt")
    assert (placeholders(place), len(pictures(place))) == (2, 1)
    assert "not all quicklooks were fetched: GEODES gives them with an API key only" in page_of(place)
    quiet = place.process(*SEARCH, "-q")
    assert (quiet.status, quiet.err) == (0, "")

    jpeg = Canned(200, JPEG, {"Content-Type": "image/jpeg"})
    peps.faults.add(Fault(LOOK, jpeg, times=None))  # a server that gives them to all
    assert (place.process(*SEARCH).err, placeholders(place), len(pictures(place))) == ("", 0, 3)


def test_pictures_that_do_not_come_are_placeholders_and_no_error(place: Place, peps: Sandbox) -> None:
    answers: list[Answer] = [
        NOT_FOUND,
        HTML_PAGE,
        NOT_READY,
        Canned(503),
        Canned(200, b"no picture"),
        Canned(200, JPEG[:-2]),
        Cut(),
    ]
    peps.geodes.items = [feature(f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_C") for day in range(1, 10)]
    for number, answer in enumerate(answers):
        look_at(peps, number, f"{GEODES}/api/quicklook/number-{number}")
        peps.faults.add(Fault(LOOK, answer, times=None, match=f"number-{number}"))
    run = place.process(*SEARCH)
    assert (run.status, run.err) == (0, "")
    assert (placeholders(place), len(pictures(place))) == (7, 2)
    peps.faults.clear()
    assert (place.process(*SEARCH).status, placeholders(place)) == (0, 0)  # they are asked for again


def test_another_host_that_refuses_costs_its_own_pictures_only(place: Place, peps: Sandbox, other: Sandbox) -> None:
    other.faults.clear()
    other.faults.add(Fault(None, Canned(403), times=None))
    look_at(peps, 1, f"{other.url}/picture.jpg")
    run = place.process(*SEARCH)
    assert (run.status, run.err, placeholders(place), len(pictures(place))) == (0, "", 1, 2)


@pytest.mark.parametrize(
    ("answer", "quiet", "lines"),
    [(QUOTA, ("-q",), 0), (TOO_MANY(), (), 1), (WRONG_KEY, ("-q",), 1)],
    ids=["quota", "429", "key refused"],
)
def test_quota_or_a_refused_key_ends_the_asking(
    place: Place, peps: Sandbox, answer: Canned, quiet: tuple[str, ...], lines: int
) -> None:
    peps.geodes.items = [feature(f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_C") for day in range(1, 31)]
    peps.faults.add(Fault(LOOK, answer, times=None))
    run = place.process(*SEARCH, *quiet)
    assert (run.status, run.err.count("\n")) == (0, lines), run
    assert ("the API key in peps.txt" if answer is WRONG_KEY else "quota") in page_of(place)
    assert len(asked(peps)) <= 8
    assert placeholders(place) == 30
    assert KEY not in page_of(place) + run.err + run.out


def test_server_that_stays_silent_holds_nobody_up(place: Place, peps: Sandbox) -> None:
    peps.geodes.items = [feature(f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_C") for day in range(1, 31)]
    peps.faults.add(Fault(LOOK, Cut(), times=None))
    run = place.process(*SEARCH)
    in_one_line(run, 0, "not all quicklooks were fetched")
    assert len(asked(peps)) < 60  # of 90, each asked for three times


def test_eight_at_once(place: Place, peps: Sandbox) -> None:
    peps.geodes.items = [feature(f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_C") for day in range(1, 17)]
    peps.faults.add(Fault(LOOK, Delay(0.5), times=None))
    assert place.process(*SEARCH).status == 0
    first = [request.at for request in sorted(asked(peps), key=lambda request: request.at)]
    assert first[7] - first[0] < 0.4 < first[8] - first[0]


def test_progress_bar_counts_pictures(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(LOOK, Delay(0.3), times=None))
    assert re.search(r"3 quicklooks: .*/3 \[", on_terminal(place, b"", *SEARCH).out)


def test_signal_ends_it_at_once(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(LOOK, Stall(60), times=None))
    with place.start("process", *SEARCH, PEPS_TIMEOUT="60") as process:
        until(lambda: len(asked(peps)) == 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
    assert not (place.folder / "page" / "index.html").exists()


def test_page_of_somebody_else_is_left_and_that_of_a_log_is_replaced_with_a_word(place: Place, peps: Sandbox) -> None:
    page = place.folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<title>The group</title>")
    run = place.process(*SEARCH)
    in_one_line(run, 2, "page/index.html was not written by peps_maja")
    assert "from Theia" in run.out
    assert asked(peps) == []
    (page / "index.html").write_text("<title>MAJA products of peps_maja.log</title>")
    in_one_line(place.process(*SEARCH), 0, "MAJA products of peps_maja.log", "MAJA products found for peps_maja.log")


def test_quicklook_of_what_was_taken_becomes_that_of_the_product(place: Place, peps: Sandbox) -> None:
    """One picture for both pages, under the product's name."""
    (place.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\ngeodes {KEY}\n")
    peps.geodes.items = None
    search = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31", "--theia", "only", "--limit", "1")
    assert place.process(*search, "-n", "--page", "page").status == 0
    before = pictures(place)
    assert place.process(*search, "-y").status == 0
    assert place.download("--page", "page").status == 0
    [(_, _, file)] = place.events("downloaded")
    assert f"{file.removesuffix('.zip')}.jpg" in before == pictures(place)


def test_names_and_words_of_a_server_are_escaped(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(LOOK, Canned(404, '{"message": "<script>alert(1)</script>"}'), times=None))
    assert place.process(*SEARCH).status == 0
    assert "<script" not in page_of(place)
