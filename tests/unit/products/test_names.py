"""Names of L1C and L2A products: what they say, and what is not one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.products.names import (
    OLD_FORMAT,
    L1CProduct,
    L2AProduct,
    is_novald,
    is_one_pass,
    named_product,
    pasted_name,
)
from peps_maja.products.tiles import Tile

L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
L2A = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20160525T004131_R108_V20150730T103016_20150730T103016"
NO_L1C = {
    "nothing": "",
    "old format": OLD,
    "L2A of ESA": L1C.replace("MSIL1C", "MSIL2A"),
    "no such day": L1C.replace("20190301T105021", "20190231T105021"),
    "orbit 0": L1C.replace("R051", "R000"),
    "orbit 144": L1C.replace("R051", "R144"),
    "no such tile": L1C.replace("T31TCJ", "T31ICJ"),
    "cut short": L1C[:-1],
    "lower case": L1C.lower(),
    "line end inside": L1C.replace("_R051", "\n_R051"),
    "Arabic digits": L1C.replace("N0207", "N٠٢٠٧"),
    "a path": f"/data/{L1C}",
}
SPEAKS_OF_L2A = {
    "folder": (L2A, L2A),
    "zip": (L2A + ".zip", L2A),
    "too cloudy": (f"NOVALD_{L2A}.zip", L2A),
    "version": (L2A.replace("_D", "_C_V1-0") + ".zip", L2A.replace("_D", "_C_V1-0")),
    "in an address": (f"https://peps.cnes.fr/maja/{L2A}.zip", L2A),
}
NO_L2A = {
    "nothing": "",
    "L1C": L1C,
    "something else": "readme.txt",
    "no such day": L2A.replace("20190301", "20190231"),
    "no such hour": L2A.replace("105426", "245426"),
    "the first year": L2A.replace("20190301", "00010101"),
    "other level": L2A.replace("L2A", "L3A"),
    "lower case": L2A.lower(),
    "no milliseconds": L2A.replace("-459", ""),
    "Arabic digits": L2A.replace("20190301", "٢٠١٩٠٣٠١"),
}
BECAME = {
    "the same second": ("20190301T105021", "20190301-105021-000"),
    "as seen on PEPS": ("20181224T104441", "20181224-104842-609"),
    "half an hour": ("20190301T105021", "20190301-112021-000"),
    "past midnight": ("20181231T235900", "20190101-000400-123"),
    "seconds before it, as in baseline N0204": ("20170116T105401", "20170116-105355-000"),
    "the minute before midnight": ("20170116T000000", "20170115-235900-000"),
}
DID_NOT_BECOME = {
    "more than a minute before": L2A.replace("105426-459", "104920-999"),
    "more than 30 minutes later": L2A.replace("105426-459", "112021-001"),
    "the day after": L2A.replace("20190301", "20190302"),
    "the day before": L2A.replace("20190301", "20190228"),
    "other satellite": L2A.replace("2A_2019", "2B_2019"),
    "other tile": L2A.replace("31TCJ", "31TCH"),
}
tiles = st.from_regex("(0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X][A-HJ-NP-Z]{2}", fullmatch=True)
satellites = st.sampled_from(["S2A", "S2B", "S2C"])
moments = st.datetimes(datetime(2015, 7, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001 (the next line says UTC)
    lambda moment: moment.replace(microsecond=0, tzinfo=timezone.utc)
)


def parsed(name: str) -> L1CProduct:
    product = L1CProduct.parse(name)
    assert product is not None
    return product


def found(name: str) -> L2AProduct:
    product = L2AProduct.find(name)
    assert product is not None
    return product


# -- L1C names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [L1C, L1C + ".SAFE", L1C + ".zip", L1C + ".SAFE.zip", f"  {L1C}\n"])
def test_an_l1c_name_says_what_the_product_is(text: str) -> None:
    product = parsed(text)
    assert product.name == L1C
    assert (product.satellite, product.version, product.orbit, product.tile.name) == ("S2A", "N0207", 51, "31TCJ")
    assert product.seen == datetime(2019, 3, 1, 10, 50, 21, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", NO_L1C.values(), ids=NO_L1C)
def test_other_names_are_not_l1c_names(text: str) -> None:
    assert L1CProduct.parse(text) is None


def test_the_old_format_is_known_by_its_name() -> None:
    assert all(map(OLD_FORMAT.fullmatch, (OLD, OLD.replace("S2A", "S2B"))))
    assert not any(map(OLD_FORMAT.fullmatch, ("", L1C, L2A, OLD[:10], OLD.replace("MSIL1C", "MSIL2A"))))


@pytest.mark.parametrize("form", ["{}.zip", "/data/l1c/{}.SAFE/", "C:\\l1c\\{}.SAFE.zip", " {}\n"])
def test_a_name_is_taken_as_people_paste_it(form: str) -> None:
    assert pasted_name(form.format(L1C)) == pasted_name(form.format(L1C).lower()) == L1C


@given(satellites, moments, st.integers(0, 9999), st.integers(1, 143), tiles)
def test_a_name_put_together_is_read_back(
    satellite: str, sensing: datetime, baseline: int, orbit: int, tile: str
) -> None:
    name = f"{satellite}_MSIL1C_{sensing:%Y%m%dT%H%M%S}_N{baseline:04d}_R{orbit:03d}_T{tile}_20190301T125917"
    product = parsed(name)
    assert (product.name, product.satellite, product.seen) == (name, satellite, sensing)
    assert (product.version, product.orbit, product.tile.name) == (f"N{baseline:04d}", orbit, tile)


@given(st.text() | st.from_regex(r"S2[A-D]_MSIL1C_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d\d[A-Z]{3}_\d{8}T\d{6}"))
def test_any_text_is_an_l1c_product_with_all_its_parts_or_none(text: str) -> None:
    product = L1CProduct.parse(text)
    if product:
        assert L1CProduct.parse(product.name) == product
        assert product.seen.year
        assert Tile.parse(product.tile.name) == product.tile


ONE_PASS = {
    "reprocessed": (L1C.replace("N0207", "N0500"), True),
    "cut in two": (L1C.replace("125917", "160000"), True),
    "made of it": (L2A, True),
    "a version of Theia": (L2A.replace("105426-459", "112021-000") + "_V4-0", True),
    "past midnight": (L1C.replace("20190301T105021", "20190302T003021"), False),
    "the next orbit": (L1C.replace("T105021", "T123021"), False),
    "46 minutes later": (L2A.replace("105426", "113622"), False),
    "other satellite": (L1C.replace("S2A", "S2B"), False),
    "an orbit mistyped": (L1C.replace("R051", "R052"), True),
    "other tile": (L2A.replace("31TCJ", "31TCH"), False),
}


@pytest.mark.parametrize(("other", "expected"), ONE_PASS.values(), ids=ONE_PASS)
def test_what_is_of_one_acquisition(other: str, *, expected: bool) -> None:
    product = named_product(other)
    assert product
    assert is_one_pass(parsed(L1C), product) is is_one_pass(product, parsed(L1C)) is expected
    assert is_one_pass(product, product)


# -- L2A names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "name"), SPEAKS_OF_L2A.values(), ids=SPEAKS_OF_L2A)
def test_an_l2a_name_is_found_in_names_of_files(text: str, name: str) -> None:
    product = found(text)
    assert (product.name, product.satellite, product.tile.name) == (name, "S2A", "31TCJ")
    assert product.seen == datetime(2019, 3, 1, 10, 54, 26, 459000, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", NO_L2A.values(), ids=NO_L2A)
def test_other_names_are_not_l2a_names(text: str) -> None:
    assert L2AProduct.find(text) is None


@pytest.mark.parametrize(("l1c_time", "l2a_time"), BECAME.values(), ids=BECAME)
def test_a_result_seen_from_a_minute_before_to_30_minutes_after_is_of_the_job(l1c_time: str, l2a_time: str) -> None:
    product, result = L1C.replace("20190301T105021", l1c_time), L2A.replace("20190301-105426-459", l2a_time)
    assert parsed(product).matches(found(result))


@pytest.mark.parametrize("result", DID_NOT_BECOME.values(), ids=DID_NOT_BECOME)
def test_another_result_is_not_of_the_job(result: str) -> None:
    assert not parsed(L1C).matches(found(result))


@pytest.mark.parametrize(
    ("job", "result", "is_it"),
    [("_V4-0", "_V4-0", True), ("_V4-0", "", True), ("", "_V3-1", True), ("_V4-0", "_V3-1", False)],
)
def test_a_product_of_theia_is_itself_in_its_version(job: str, result: str, *, is_it: bool) -> None:
    assert found(f"{L2A}{job}").matches(found(f"{L2A}{result}")) == is_it
    assert not found(f"{L2A}{job}").matches(found(f"{L2A}{result}".replace("-459", "-460")))


@given(moments, st.integers(-3_600_000, 3_600_000))
def test_a_job_takes_results_of_that_time_only(sensing: datetime, later: int) -> None:
    sight = sensing + timedelta(milliseconds=later)
    name = f"SENTINEL2A_{sight:%Y%m%d-%H%M%S}-{sight.microsecond // 1000:03d}_L2A_T31TCJ_D"
    product = parsed(L1C.replace("20190301T105021", f"{sensing:%Y%m%dT%H%M%S}"))
    assert product.matches(found(name)) == (-60 * 1000 <= later <= 30 * 60 * 1000)


def test_a_result_without_anything_to_use_says_so_in_its_name() -> None:
    assert all(map(is_novald, (f"NOVALD_{L2A}.zip", f"{L2A}_NOVALD.zip", f"{L2A}_novald.zip")))
    assert not is_novald(L2A + ".zip")
