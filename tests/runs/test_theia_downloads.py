"""Downloads of Theia's products: the key and who sees it, every refusal of GEODES, and transfers that break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, Item, Place, Run, ago, in_one_line
from relay import Relay

from peps_maja.sandbox import Altered, Canned, Cut, Endpoint, Fault, Sandbox
from peps_maja.sandbox.geodes import KEY, LICENCE, NOT_READY, ON_TAPE, QUOTA_429, REDIRECTS, zip_of
from peps_maja.sandbox.geodes.products import products_of

SPRING = datetime(2019, 3, 1, tzinfo=timezone.utc), datetime(2019, 5, 31, tzinfo=timezone.utc)
Announce = Callable[..., list[Item]]


@dataclass(frozen=True)
class Keeper(Place):
    """A user's folder in which the key is seen nowhere but in the credentials file."""

    def download(self, *arguments: str | Path, **environment: str) -> Run:
        run = super().download(*arguments, **environment)
        files = [path for path in self.folder.iterdir() if path.is_file() and path.name != "peps.txt"]
        for text in (run.out, run.err, *(path.read_bytes().decode(errors="replace") for path in files)):
            assert KEY not in text
        return run

    def write_credentials(self, text: str) -> None:
        path = self.folder / "peps.txt"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)


@pytest.fixture
def place(nowhere: Place, peps: Sandbox, tmp_path: Path) -> Keeper:
    """A user's folder with a key, and without an account."""
    servers = {"GEODES_SERVER": peps.url, "PEPS_SERVER": peps.url, "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    keeper = Keeper(nowhere.folder, nowhere.environment | servers)
    keeper.write_credentials(f"geodes {KEY}\n")
    return keeper


@pytest.fixture
def announce(place: Keeper, peps: Sandbox) -> Announce:
    """Writes a log of so many products that Theia has, at these addresses; `{path}` stands for the true path."""

    def write(count: int = 1, *, address: str = "", detail: str = "") -> list[Item]:
        products = islice(products_of(peps.world, ["31TCJ"], *SPRING), count)
        items = [Item.of(peps, product) for product in products]
        lines = []
        for item in items:
            path = item.address.removeprefix(peps.url)
            where = address.format(path=path) or item.address
            known = detail or f"{item.size} {item.md5}"
            lines.append((ago(), "available", item.identifier, f"{where} {known}"))
        place.write_log(*lines)
        return items

    return write


def is_whole(place: Keeper, item: Item) -> bool:
    return (place.folder / f"{item.identifier}.zip").read_bytes() == zip_of(item.identifier)


def keys_seen(peps: Sandbox) -> list[str | None]:
    return [request.headers.get("x-api-key") for request in peps.requests]


def test_fetches_without_an_account_and_asks_nothing_else(place: Keeper, peps: Sandbox, announce: Announce) -> None:
    items = announce(3)
    run = place.download("-q")
    assert run.status == 0
    assert all(is_whole(place, item) for item in items)
    assert sorted(place.events("downloaded")) == sorted(
        ("downloaded", i.identifier, f"{i.identifier}.zip") for i in items
    )
    assert len(place.events("finished")) == 3
    assert [request.endpoint for request in peps.requests] == [Endpoint.GEODES_DOWNLOAD] * 3
    assert keys_seen(peps) == [KEY] * 3
    assert place.download("-q") == Run(0, "", "")


def test_name_of_a_job_is_never_a_path(place: Keeper, announce: Announce) -> None:
    (item,) = announce()
    place.log.write_text(place.log.read_text().replace(f"\t{item.identifier}\t", f"\t../{item.identifier}\t"))
    assert place.download("-q", "-w", "zips").status == 0
    assert list(place.folder.parent.rglob("*.zip")) == []  # that line is damaged


class TestKey:
    @pytest.mark.parametrize(
        ("credentials", "environment", "says"),
        [
            (None, "", "need an API key: make one on the portal"),
            (f"{EMAIL} {PASSWORD}\n", "", "add a line 'geodes KEY' to peps.txt"),
            (f"geodes {KEY}\n", "wrong", "the API key in GEODES_API_KEY is wrong or has expired"),
            ("geodes two words\n", "", "the API key in peps.txt has a blank"),
        ],
    )
    def test_missing_or_refused_is_said_once_for_all_jobs(
        self, place: Keeper, announce: Announce, credentials: str | None, environment: str, *, says: str
    ) -> None:
        items = announce(3)
        (place.folder / "peps.txt").unlink()
        if credentials is not None:
            place.write_credentials(credentials)
        run = place.download("-q", GEODES_API_KEY=environment)
        in_one_line(run, 2, says)
        assert [event for event, *_ in place.events()] == ["available"] * 3
        place.write_credentials(f"\ufeffgeodes\t{KEY} \r\n{EMAIL} {PASSWORD}")
        assert place.download().status == 0
        assert all(is_whole(place, item) for item in items)

    def test_redirects_without_end_concern_the_key(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        announce(3)
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, REDIRECTS, times=None))
        in_one_line(place.download("-q"), 2, "the API key in peps.txt is wrong or has expired")
        assert not place.events("missing")

    def test_jobs_of_peps_go_on_without_it(self, place: Keeper, announce: Announce) -> None:
        announce(2)
        place.write_credentials(f"{EMAIL} {PASSWORD}\n")
        submitted = place.process("-t", "31TCJ", "-d", "2019-07-01", "-f", "2019-07-10", "-y")
        assert submitted.status == 0
        run = place.download("-q")
        assert run.status == 2
        assert len(place.events("finished")) == len(place.events("submitted")) > 0
        assert run.err.count("need an API key") == 1


class TestWhoSeesTheKey:
    @pytest.mark.parametrize("redirected", [False, True])
    def test_another_host_gives_zips_without_the_key(
        self, place: Keeper, peps: Sandbox, secure: Sandbox, announce: Announce, *, redirected: bool
    ) -> None:
        (item,) = announce(address="" if redirected else secure.url + "{path}")
        zipped = Canned(200, zip_of(item.identifier), {"Content-Type": "application/zip"})
        secure.faults.add(Fault(None, zipped, times=None))
        if redirected:
            elsewhere = Canned(302, headers={"Location": f"{secure.url}/bucket/x.zip?signed"})
            peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, elsewhere, times=None))
        else:
            (place.folder / "peps.txt").unlink()
        run = place.download()
        assert (run.status, run.err) == (0, "")
        assert is_whole(place, item)
        assert keys_seen(secure) == [None]
        assert keys_seen(peps) == [KEY] * redirected

    def test_refusal_of_another_host_says_nothing_about_the_key(
        self, place: Keeper, secure: Sandbox, announce: Announce
    ) -> None:
        secure.faults.add(Fault(None, Canned(401), times=None))
        (item,) = announce(address=secure.url + "{path}")
        run = place.download("-q")
        assert keys_seen(secure) == [None]
        assert run.status == 1
        assert [job for _, job, _ in place.events("missing")] == [item.identifier]
        assert "API key" not in run.err

    def test_proxy_sees_a_tunnel_and_no_key(self, place: Keeper, secure: Sandbox, announce: Announce) -> None:
        (product, *_) = products_of(secure.world, ["31TCJ"], *SPRING)
        secure.geodes.feature(product, secure.url)
        (item,) = announce(address=secure.url + "{path}")
        with Relay() as proxy:
            run = place.download(GEODES_SERVER=secure.url, HTTPS_PROXY=proxy.url, NO_PROXY="")
            assert (run.status, run.err) == (0, "")
            assert keys_seen(secure) == [KEY]
            assert len(proxy.heads) == 1
            assert KEY.encode() not in proxy.heads[0]
        assert is_whole(place, item)


class TestRefusals:
    def test_quota_leaves_the_rest_for_the_next_run(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        items = announce(5)
        peps.geodes.quota, peps.geodes.out_of_quota = 2, QUOTA_429
        run = place.download("-q", "-j", "1")
        assert (run.status, run.err) == (75, "")
        assert len(place.events("downloaded")) == 2
        assert not place.events("missing")
        assert len(peps.requests) == 3
        peps.geodes.quota = None
        assert place.download("-q").status == 0
        assert all(is_whole(place, item) for item in items)
        assert len(peps.requests) == 3 + 3

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (Canned(404), ("not there any more (404)", "for a newer version of it")),
            (ON_TAPE, ("on tape (410)", "(410); have it restored on its page")),
            (LICENCE, ("(423), at https://geodes-portal.cnes.fr/licence/theia", "accept its licence")),
        ],
    )
    def test_what_cannot_be_had_is_missing_and_tried_again(
        self, place: Keeper, peps: Sandbox, announce: Announce, answer: Canned, says: tuple[str, ...]
    ) -> None:
        items = announce(2)
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, answer, times=2, match=items[0].address.rpartition("/")[2]))
        run = place.download("-q")
        assert run.status == 1
        ((_, job, detail),) = place.events("missing")
        assert (job, detail.split()[:2]) == (items[0].identifier, [f"{items[0].identifier}.zip", "absent"])
        assert says[0] in detail
        assert all(text in run.out + run.err for text in (*says, "tries again at each run, for seven days"))
        assert is_whole(place, items[1])
        again = place.download("-q")
        assert (again.status, again.out + again.err) == (1, "")
        assert len(place.events("missing")) == 1
        assert place.download("-q").status == 0
        assert is_whole(place, items[0])

    def test_not_ready_is_asked_again_by_the_next_run(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        items = announce(2)
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, NOT_READY, match=items[0].address.rpartition("/")[2]))
        run = place.download("-q")
        assert (run.status, run.err) == (75, "")
        assert not place.events("missing")
        assert is_whole(place, items[1])
        assert place.download("-q").status == 0
        assert is_whole(place, items[0])


class TestTransfers:
    @pytest.mark.parametrize("ranges", [True, False])
    def test_cut_is_continued_or_begun_again(
        self, place: Keeper, peps: Sandbox, announce: Announce, *, ranges: bool
    ) -> None:
        (item,) = announce()
        peps.faults.ranges = ranges
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, Cut(after=3000)))
        assert place.download().status == 0
        assert is_whole(place, item)

    @pytest.mark.parametrize(
        ("change", "detail"),
        [
            (lambda name: zip_of(name) + b"\0", ""),  # another size; where that is not known, the byte does no harm
            (lambda name: zip_of(name[:-1] + "9"), "- -"),  # another version
            (lambda _: zip_of("SENTINEL2A_20190301-105426-459_L2A_T31TDH_C_V4-0"), "- -"),
            (lambda _: b"PK\x03\x04 is how it begins", "- -"),
        ],
        ids=["size", "version", "tile", "incomplete"],
    )
    def test_zip_that_is_not_the_announced_one_is_broken(
        self, place: Keeper, peps: Sandbox, announce: Announce, change: Callable[[str], bytes], detail: str
    ) -> None:
        (item,) = announce(detail=detail)
        peps.geodes.contents[item.identifier] = change(item.identifier)
        assert place.download("-q").status == 1
        ((_, job, missing),) = place.events("missing")
        assert (job, missing.split()[1]) == (item.identifier, "broken")
        assert place.zips() == []

    def test_zip_whose_folder_names_no_version_is_taken(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        (item,) = announce(detail="- -")
        name = item.identifier.partition("_V")[0]
        assert name != item.identifier
        peps.geodes.contents[item.identifier] = zip_of(name)
        assert place.download("-q").status == 0
        assert place.zips() == [f"{item.identifier}.zip"]

    def test_same_bytes_with_another_md5_are_not_taken(self, place: Keeper, announce: Announce) -> None:
        announce(detail=f"- {'0' * 32}")
        assert place.download("-q").status == 1
        assert "MD5" in place.events("missing")[0][2]
        assert place.zips() == []

    def test_file_that_is_there_already_is_not_fetched(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        (item,) = announce()
        (place.folder / f"{item.identifier}.zip").write_bytes(zip_of(item.identifier))
        (place.folder / "peps.txt").unlink()
        assert place.download().status == 0
        assert peps.requests == []

    def test_page_in_the_place_of_every_zip_is_trouble(self, place: Keeper, peps: Sandbox, announce: Announce) -> None:
        (item,) = announce()
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, Altered(lambda r: r.with_body("<html>login</html>"))))
        assert place.download("-q") == Run(75, "", "")
        assert place.events("missing") == []
        assert place.download("-q").status == 0
        assert is_whole(place, item)
