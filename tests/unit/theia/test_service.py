"""GEODES as a service: which key a download gets, what its answers mean, and what a search makes of bad ones."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from samples.geodes import IDENTIFIER, feature, page

from peps_maja.errors import CredentialsError, NotThere, PepsError, QuotaReached, ServerBusy, ServerTrouble, UsageError
from peps_maja.network.credentials import read_credentials
from peps_maja.sandbox import Canned, Endpoint, Fault, Sandbox
from peps_maja.sandbox.geodes import KEY, LICENCE, NOT_READY, ON_TAPE, QUOTA, QUOTA_429, REDIRECTS, WRONG_KEY
from peps_maja.theia.jobs import check
from peps_maja.theia.queries import Search
from peps_maja.theia.service import Geodes, Key, Theia

MARCH = Search(date(2019, 3, 1), date(2019, 3, 31), tile="31TCJ")


@pytest.fixture
def theia(peps: Sandbox, tmp_path: Path) -> Theia:
    (tmp_path / "peps.txt").write_text(f"geodes {KEY}\n", encoding="utf-8")
    return Theia(Geodes.parse(peps.url), Key(tmp_path / "peps.txt", {}), read_timeout=2)


def fetch(theia: Theia, address: str) -> bytes:
    with theia.client.download(address, {}) as answer:
        return b"".join(answer.chunks)


def address_of(theia: Theia) -> str:
    return theia.find([MARCH])[0].address


class TestKey:
    @pytest.mark.parametrize(
        ("text", "environment", "key", "source"),
        [
            ("me@example.org secret\ngeodes KEY\n", "", "KEY", "peps.txt"),
            ("\ufeffgeodes\t KEY \r\nme@example.org secret", "", "KEY", "peps.txt"),
            ("GEODES KEY\nme@example.org geodes OTHER", "", "KEY", "peps.txt"),
            ("geodes KEY\nme@example.org secret", " OTHER\r\n", "OTHER", "GEODES_API_KEY"),
            ("geodes KEY\nme@example.org secret", " ", "KEY", "peps.txt"),
        ],
    )
    def test_comes_from_the_environment_or_the_file(
        self, tmp_path: Path, text: str, environment: str, key: str, source: str
    ) -> None:
        path = tmp_path / "peps.txt"
        path.write_text(text, encoding="utf-8")
        found = Key(path, {"GEODES_API_KEY": environment})
        assert (found.value, Path(found.source).name) == (key, source)
        assert key not in repr(found)
        if "secret" in text:
            assert read_credentials(path, {}).email == "me@example.org"

    @pytest.mark.parametrize("line", ["geodes two words", "geodes clé", "geodes K\x00EY", "geodes K\tEY"])
    def test_with_a_blank_or_an_odd_character_is_an_error_that_does_not_show_it(
        self, tmp_path: Path, line: str
    ) -> None:
        path = tmp_path / "peps.txt"
        path.write_text(line, encoding="utf-8")
        for key in (Key(path, {}), Key(path, {"GEODES_API_KEY": "two words"}), Key(path, {"GEODES_API_KEY": "K\nEY"})):
            with pytest.raises(CredentialsError, match=r"copy it from the portal") as error:
                key.value  # noqa: B018
            assert key.source in str(error.value)
            assert not {"words", "EY", "clé"} & set(str(error.value).split())

    @pytest.mark.parametrize("text", [None, "", "# geodes KEY\nme@example.org geodes KEY\n"])
    def test_missing_key_names_the_file_to_write_it_into(self, tmp_path: Path, text: str | None) -> None:
        path = tmp_path / "peps.txt"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(CredentialsError, match=rf"need an API key: .* add a line 'geodes KEY' to {path}$"):
            Key(path, {}).value  # noqa: B018


class TestDownload:
    def test_key_goes_with_downloads_alone(self, theia: Theia, peps: Sandbox) -> None:
        assert fetch(theia, address_of(theia)).startswith(b"PK")
        assert [request.headers.get("x-api-key") for request in peps.requests] == [None, KEY]

    def test_trust_inside_cnes_are_brought_to_the_server(self, theia: Theia, peps: Sandbox) -> None:
        path = address_of(theia).removeprefix(peps.url)
        for base in ("https://geodes-portal.cnes.fr", "http://geodes.cnes.fr:8080", "http://anywhere.example.org", ""):
            assert fetch(theia, base + path).startswith(b"PK")

    def test_key_never_goes_to_another_host(self, theia: Theia, peps: Sandbox) -> None:
        # Another origin on loopback is plain http, and so is brought to the server: https there has no certificate.
        with pytest.raises((NotThere, ServerTrouble)):
            fetch(theia, "https://127.0.0.1:1/api/download/x")
        assert not theia.has("https://elsewhere.example.org/x")
        assert peps.requests == []

    @pytest.mark.parametrize(
        ("answer", "error", "says"),
        [
            (WRONG_KEY, CredentialsError, r"peps\.txt is wrong or has expired: make one on the portal"),
            (Canned(403, '{"message": "Forbidden"}'), CredentialsError, r"\(403\).*peps\.txt"),
            (REDIRECTS, CredentialsError, r"redirects without end.*peps\.txt"),
            (QUOTA, QuotaReached, r"hourly quota .*\(403\); the next run goes on"),
            (QUOTA_429, QuotaReached, r"hourly quota .*\(429\)"),
            (NOT_READY, ServerBusy, "the next run asks again"),
            (Canned(404), NotThere, "not there any more"),
            (ON_TAPE, NotThere, r"on tape \(410\)"),
            (LICENCE, NotThere, "at https://geodes-portal.cnes.fr/licence/theia"),
            (Canned(423, '{"linkToLicence": "javascript:x"}'), NotThere, "at the portal of GEODES"),
            (Canned(423, "<html>"), NotThere, "at the portal of GEODES"),
            (Canned(418), ServerTrouble, "418"),
            (Canned(302), ServerTrouble, "302"),  # without a Location
        ],
    )
    def test_answer_that_is_not_a_file_says_what_to_do(
        self, theia: Theia, peps: Sandbox, answer: Canned, error: type[PepsError], says: str
    ) -> None:
        address = address_of(theia)
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, answer, times=None))
        with pytest.raises(error, match=says) as caught:
            fetch(theia, address)
        assert KEY not in str(caught.value)
        assert len(peps.asked(Endpoint.GEODES_DOWNLOAD)) == (6 if answer is REDIRECTS else 1)


def test_items_are_read_once_each_the_oldest_first_and_kept_as_they_came(theia: Theia, peps: Sandbox) -> None:
    older = feature(IDENTIFIER.replace("20190301", "20190201"))
    same_address = feature(IDENTIFIER, "3.1")
    href = next(asset["href"] for asset in feature()["assets"].values() if asset["roles"] == ["data"])
    next(asset for asset in same_address["assets"].values() if asset["roles"] == ["data"])["href"] = href
    items, kept = [feature(), older, same_address, "?"], list[object]()
    peps.faults.add(Fault(Endpoint.GEODES_SEARCH, Canned(200, page(items, matched=4)), times=None))
    records = theia.find([MARCH, MARCH], kept.append)
    assert [record.identifier[11:] for record in records] == [
        f"{day}-105426-459_L2A_T31TCJ_C_{version}"
        for day, version in (("20190201", "V4-0"), ("20190301", "V3-1"), ("20190301", "V4-0"))
    ]
    assert kept == items * 2


REFUSED = Canned(400, json.dumps({"type": "ITEMSEARCHBODY_PARSING", "message": "no such field"}))


@pytest.mark.parametrize(
    ("answer", "error", "status", "says"),
    [
        (Canned(200, "<!DOCTYPE html>"), ServerTrouble, 75, "an HTML page"),
        (Canned(200), ServerTrouble, 75, "nothing"),
        (Canned(200, REFUSED.body), ServerTrouble, 75, "no such field"),
        (Canned(302, headers={"Location": "/login"}), ServerTrouble, 75, "302"),
        (Canned(429, headers={"Retry-After": "0"}), QuotaReached, 75, "429"),
        (Canned(500, REFUSED.body), ServerTrouble, 75, "500: no such field"),
        (Canned(503, "<html>", {"Retry-After": "0"}), ServerBusy, 75, "503"),
        (REFUSED, UsageError, 2, "400: no such field"),
        (Canned(404, "<html>"), ServerTrouble, 75, "--geodes"),
        (Canned(405), ServerTrouble, 75, "--geodes"),
        (Canned(401), UsageError, 2, "--geodes"),
    ],
)
def test_bad_answer_ends_the_search(
    theia: Theia,
    peps: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    answer: Canned,
    error: type[PepsError],
    *,
    status: int,
    says: str,
) -> None:
    monkeypatch.setattr("peps_maja.network.client.time.sleep", lambda _: None)
    peps.faults.add(Fault(Endpoint.GEODES_SEARCH, answer, times=None))
    with pytest.raises(error, match=says) as caught:
        theia.find([MARCH])
    assert caught.value.status == status
    assert len(peps.requests) == {500: 3, 503: 5, 302: 2, 404: 2, 405: 2}.get(answer.status, 1)


class TestCheck:
    def test_tells_of_a_key_that_is_accepted(self, theia: Theia, peps: Sandbox, tmp_path: Path) -> None:
        assert check(theia) == f"{peps.url} answers, and accepts the API key from {tmp_path / 'peps.txt'}"

    def test_tells_what_could_not_be_tried(self, theia: Theia, peps: Sandbox) -> None:
        peps.geodes.quota = 0
        assert "could not be tried: the hourly quota" in check(theia)
        peps.geodes.items = []
        assert check(theia).endswith("could not be tried")

    def test_wrong_or_missing_key_is_an_error(self, theia: Theia, peps: Sandbox, tmp_path: Path) -> None:
        peps.geodes.keys = set()
        with pytest.raises(CredentialsError):
            check(theia)
        with pytest.raises(CredentialsError, match="need an API key"):
            check(Theia(theia.site, Key(tmp_path / "missing.txt", {})))
