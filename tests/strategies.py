"""What the parsers are fed by tests/test_fuzz.py and tests/fuzz.py, and what must hold whatever they are fed.

Each target is a strategy and a check. A check calls the parsers as the scripts do; it lets pass what they foresee,
which is a value or one of our errors, and nothing else.
"""

from __future__ import annotations

import copy
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import samples
from hypothesis import strategies as st
from samples import L1C, L2A, SERVER, WPS_ID, catalogue, filled, geodes

from peps_maja.downloads.checking import check_zip
from peps_maja.downloads.naming import bare_name
from peps_maja.errors import Broken, PepsError, ServerTrouble
from peps_maja.joblog.details import Offer, wps_id
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.joblog.log import JobLog
from peps_maja.network.answers import Answer, retry_after
from peps_maja.network.credentials import read_credentials
from peps_maja.network.pages import read_page
from peps_maja.network.trust import shown
from peps_maja.parsing import process_options
from peps_maja.peps.catalogue import read_feature
from peps_maja.peps.reports import read_report, results_in_joblog
from peps_maja.peps.service import Server, refused
from peps_maja.peps.submitting import Outcome, Submission, meaning_of
from peps_maja.peps.wps import ExceptionReport, ExecuteResponse, read_document
from peps_maja.products.names import L1CProduct, L2AProduct, is_novald
from peps_maja.products.series import Series, read_plan
from peps_maja.products.tiles import Tile
from peps_maja.standing.listing import as_csv
from peps_maja.standing.overview import dates_of, standing_of
from peps_maja.submitter.choice_of_baseline_and_version import choose
from peps_maja.submitter.table import summary, table
from peps_maja.text import one_line
from peps_maja.theia.reading import read_item, read_items


class Target(NamedTuple):
    """What a group of parsers is fed, and what must hold."""

    values: st.SearchStrategy[Any]
    check: Callable[[Any], None]


# -- samples ---------------------------------------------------------------------------------------------------------

SERIES = "31TCJ_2018-01-01_2018-12-31_R051"

WPS_DOCUMENTS = [filled(sample) for sample in (*samples.STATUS.values(), *samples.REFUSALS.values())]
WPS_DOCUMENTS.append(
    '<wps:Capabilities xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1">'
    "<wps:ProcessOfferings><wps:Process><ows:Identifier>MAJA</ows:Identifier></wps:Process></wps:ProcessOfferings>"
    "</wps:Capabilities>"
)
REPORTS = [
    filled(sample)
    for kind in (samples.FINISHED, samples.WITHOUT_RESULTS, samples.UNDER_WAY, samples.ENDED_BADLY)
    for sample in kind.values()
]
PAGES = [catalogue.page(catalogue.varied()[:3], 1, 2), catalogue.page(catalogue.varied()[12:18])]
_OF_NEWER_SERVER: dict[str, object] = {"description": None, "file:size": 12, "file:checksum": f"d50110{geodes.MD5}"}
THEIA_PAGES = [
    json.loads(page)
    for page in (
        geodes.page([geodes.feature(), geodes.feature(version="3.1")], matched=2, has_next=True),
        geodes.page([geodes.feature(asset=_OF_NEWER_SERVER)]),
    )
]
JOBLOGS = [filled(sample) for sample in samples.JOBLOGS.values()]
ERRORS = [
    '{"ErrorCode": 500, "ErrorMessage": "Database Connection Error"}',
    '{"ErrorMessage": "Unauthorized", "ErrorCode": 401}',
    samples.HTML,
]
CREDENTIALS = ["# mine\r\n\r\nme@example.org  pass word \u20ac\r\n", "\ufeffme@example.org\tx"]
ADDRESSES = [
    *(filled(url) for url in samples.STATUS_URLS.values()),
    f"{SERVER}/cgi-bin/mapcache_results/maja/{WPS_ID}/{L2A}.zip",
    f"{SERVER}/resto/wps/outputs/report-{WPS_ID}.json",
    "http://me:secret@peps-vizo.cnes.fr:8081/wps/outputs/x.xml?a=b;c#d",
    "https://[2001:db8::1]:8443/maja/NOVALD_x.zip",
    "//other.example.org/a%2F..%2Fb.zip",
    "http://127.0.0.1:8080",
]
NAMES = [
    L1C,
    f"{L1C}.SAFE",
    "S2A_OPER_PRD_MSIL1C_PDMC_20160525T004131_R108_V20150730T103016_20150730T103016",
    f"{L2A}.zip",
    f"NOVALD_{L2A}_V2-2.zip",
    "T31TCJ",
    SERIES,
]
REJECTED = L1C.replace("S2A", "S2B")
LOG = "\n".join(
    (
        HEADER,
        f"2019-04-02T09:12:44Z\tsubmitting\t{L1C}\t",
        f"2019-04-02T09:12:45Z\tsubmitted\t{L1C}\t{SERVER}/resto/wps/outputs/pywps-{WPS_ID}.xml",
        f"2019-04-02T10:00:00Z\tmissing\t{L1C}\t{L2A}.zip broken the zip is damaged",
        f"2019-04-03T10:00:00Z\tstalled\t{L1C}\t25",
        f"2019-04-03T11:30:01Z\tdownloaded\t{L1C}\t{L2A}.zip",
        f"2019-04-03T11:30:01Z\tfinished\t{L1C}\t",
        f"2019-04-02T09:13:00Z\tsubmitting\t{SERIES}\t2018-01-03/S2A/R051 2018-01-05",
        f"2019-04-02T09:13:01Z\tpostponed\t{SERIES}\tthe server is busy",
        f"2019-04-02T09:14:00Z\tsubmitting\t{SERIES}\t2018-01-03/S2A/R051 2018-01-05",
        f"2019-04-02T09:14:01Z\tsubmitted\t{SERIES}\t{SERVER}/resto/wps/outputs/{WPS_ID}.xml",
        f"2019-04-03T11:30:02Z\tnovald\t{SERIES}\tNOVALD_SENTINEL2A_20180103-105426-459_L2A_T31TCJ_D.zip",
        f"2019-04-02T09:15:00Z\tsubmitting\t{REJECTED}\t12.4",
        f"2019-04-02T09:15:01Z\trejected\t{REJECTED}\tInvalidParameterValue: product",
        "",
    )
)

# -- how they are damaged --------------------------------------------------------------------------------------------

# What stands at the borders of what a parser expects, in any of the languages that are read here.
TOKENS = [
    *(b"\x00 \xff \xed\xa0\x80 \xef\xbb\xbf \xe2\x80\xae \xc2\x85 \x1b[2J < > & &amp; &#0; ]]> <?xml?> \" '").split(),
    *b"{ } [ ] : , null true NaN 1e999 -1 0 \\ud800 \\u0000 \\ %00 %2f % ../ // :// [:: @ # ? ftp://x/y http://[".split(),
    *(b"\t", b"\n", b"\r", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"9" * 400, b"9" * 5000, b"[" * 3000),
    *("http://\u2100/".encode(), b":99999", b"-T", b"0000", b"9999", b".xml", b".zip"),
]


def _zipped(method: int) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in (f"{L2A}_MTD_ALL.xml", "MASKS/", f"MASKS/{L2A}_CLM_R1.tif"):
            archive.writestr(f"{L2A}/{name}", name * 10)
    return file.getvalue()


ZIPS = [_zipped(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]


def damaged(samples: Sequence[bytes | str]) -> st.SearchStrategy[bytes]:
    """Return samples of which pieces are cut out, doubled, exchanged or overwritten, and arbitrary bytes."""
    whole = [sample.encode() if isinstance(sample, str) else sample for sample in samples]

    @st.composite
    def sampled(draw: st.DrawFn) -> bytes:
        value = bytearray(draw(st.sampled_from(whole)))
        for _ in range(draw(st.integers(0, 6))):
            at = draw(st.integers(0, len(value)))
            end = min(len(value), at + draw(st.integers(0, 40)))
            match draw(st.integers(0, 5)):
                case 0:
                    del value[at:end]
                case 1:
                    value[at:at] = draw(st.sampled_from(TOKENS))
                case 2:
                    value[at:end] = draw(st.sampled_from(TOKENS))
                case 3:
                    value[at:at] = value[at:end]
                case 4:
                    other = draw(st.sampled_from(whole))
                    value[at:end] = other[at : at + draw(st.integers(0, 200))]
                case _:
                    value[at:end] = draw(st.binary(max_size=12))
        return bytes(value)

    return st.one_of(sampled(), st.binary(max_size=200))


def damaged_text(samples: Sequence[str]) -> st.SearchStrategy[str]:
    """Return texts near the samples, and arbitrary ones (with lone surrogates, as JSON may have them)."""
    near = damaged(samples).map(lambda value: value.decode(errors="surrogateescape"))
    anything = st.text(st.characters(codec=None), max_size=80)
    joined = st.lists(st.one_of(st.sampled_from(samples), anything), max_size=3).map("".join)
    return st.one_of(near, anything, joined)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**300, 10**320),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from([*ADDRESSES, *NAMES, "100%", "42 %", "FINISHED", "tape"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


# What editors and spreadsheets make of a line of the log.
EDITS: list[Callable[[str], str]] = [
    str.expandtabs,
    lambda line: line.replace("\t", "\u00a0"),
    lambda line: line.replace("\t", ","),
    lambda line: line.replace("\t", ";"),
    lambda line: ",".join(f'"{cell}"' for cell in line.split("\t")),
    lambda line: "\t".join(f"\u201c{cell}\u201d" for cell in line.split("\t")),
    lambda line: line + "\t\t",
    lambda line: line + "\r",
    lambda line: " " + line,
    lambda line: "\ufeff" + line,
    lambda line: line.split("\t")[2],
    lambda line: "\t".join(line.split("\t")[1:]),
    lambda line: "\t".join(["02/04/2019 09:12", *line.split("\t")[1:]]),
    lambda line: "\t".join([*line.split("\t")[:2], line.split("\t")[2] + ".SAFE", *line.split("\t")[3:]]),
    lambda line: f"{line}\n",
    lambda line: line.replace("_", "\\_"),
    lambda line: line.replace("20", "\x1b[01;31m\x1b[K20\x1b[m\x1b[K"),
    lambda line: "\t".join(reversed(line.split("\t"))),
    lambda line: "\t".join([line.split("\t")[place] for place in (1, 0, 2, 3)]),
    str.lower,
    str.upper,
    *(lambda line, end=end: line[:end] for end in (46, 52, 60, 72, 92, 100)),
    lambda line: f"{line[:60]}\n{line[60:]}",
]


@st.composite
def edited_logs(draw: st.DrawFn) -> bytes:
    """Return the log with each line as it was or as editors and spreadsheets leave it, some joined or elsewhere."""
    header, *lines = LOG.splitlines()
    edits = st.one_of(st.none(), st.sampled_from(EDITS))
    edited = [edit(line) if (edit := draw(edits)) else line for line in lines]
    if draw(st.booleans()):
        edited = draw(st.permutations(edited))
    ends = [draw(st.sampled_from(["\n"] * 9 + [" ", "\t"])) for _ in edited]
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "utf-16-be", "cp1252"]))
    return f"{header}\n".encode() + "".join(map("".join, zip(edited, ends, strict=True))).encode(encoding, "replace")


def changed_json(samples: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Return JSON texts of samples in which some values are others, or missing."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        value = [copy.deepcopy(draw(st.sampled_from(samples)))]
        for _ in range(draw(st.integers(1, 4))):
            holder, key = draw(st.sampled_from(_places(value)))
            if draw(st.booleans()) or holder is value:
                holder[key] = draw(json_values)
            else:
                del holder[key]
        return json.dumps(value[0]).encode()

    return changed()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return each list or dictionary inside, once with each of its indices or keys."""
    here = [(value, key) for key in (range(len(value)) if isinstance(value, list) else value)]
    return here + [
        place for holder, key in here if isinstance(holder[key], (list, dict)) for place in _places(holder[key])
    ]


def changed_xml(samples: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Return XML documents in which some elements have another name, text or attribute, or are moved or missing."""
    trees = [ET.fromstring(sample) for sample in samples]  # noqa: S314 (our own)
    names = sorted({element.tag for tree in trees for element in tree.iter()})
    texts = st.one_of(
        st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=30),
        st.sampled_from([*ADDRESSES, *REPORTS, "42", "NaN", "-1", "1e9999", ""]),
    )
    attributes = ["href", "{http://www.w3.org/1999/xlink}href", "statusLocation", "percentCompleted", "exceptionCode"]

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        tree = copy.deepcopy(draw(st.sampled_from(trees)))
        for _ in range(draw(st.integers(1, 4))):
            elements = list(tree.iter())
            element = draw(st.sampled_from(elements))
            match draw(st.integers(0, 4)):
                case 0:
                    element.tag = draw(st.sampled_from(names))
                case 1:
                    element.text = draw(texts)
                case 2:
                    element.set(draw(st.sampled_from(attributes)), draw(texts))
                case 3:
                    element.append(copy.deepcopy(draw(st.sampled_from(elements))))
                case _:
                    for child in list(element)[: draw(st.integers(0, 2))]:
                        element.remove(child)
        return ET.tostring(tree)

    return changed()


# -- what must hold --------------------------------------------------------------------------------------------------


def _is_one_line(text: str) -> bool:
    return text == one_line(text, len(text) + 1)


def check_names(text: str) -> None:
    with suppress(PepsError):
        tile = Tile.parse(text)
        assert Tile.parse(tile.name) == Tile.parse(tile.name.lower()) == tile
    product, result, series = L1CProduct.parse(text), L2AProduct.find(text), Series.parse(text)
    if product:
        assert L1CProduct.parse(product.name) == product
        assert 1 <= product.orbit <= 143
        assert product.tile.name in product.name
        assert product.version in product.name
    if result:
        assert result.name in text
        assert L2AProduct.find(result.name) == result
        assert is_novald(f"NOVALD_{result.name}")
    if series:
        assert Series.parse(series.name) == series
        assert str(series.start) in series.inputs
    if result and product:
        product.matches(result)
    if result and series:
        series.matches(result)


def check_page(body: bytes) -> None:
    with suppress(PepsError):
        page = read_page(body, 500)
        records = [record for feature in page.features if (record := read_feature(feature))] if page else []
        for record in records:
            assert _is_one_line(record.identifier)
            assert all(map(_is_one_line, (record.tile, record.day, record.satellite)))
        options = process_options(["--location", "x", "-d", "2010-01-01", "-f", "2030-01-01", "-c", "50"])
        choices = choose(records, Jobs({}), {}, options)
        assert {choice.record.identifier for choice in choices} == {record.identifier for record in records}
        assert all(map(_is_printable, (*table(choices, verbose=True), summary(choices))))


def check_items(body: bytes) -> None:
    """Reading Theia's items fails in one way only, and invents nothing."""
    try:
        records = [record for feature in read_items(body, 80).features if (record := read_item(feature))]
    except ServerTrouble:
        return
    text = body.decode(errors="replace").lower()
    for item in records:
        assert L2AProduct.find(item.identifier) is not None
        assert item.product.name.lower() in text
        assert item.orbit is None or (1 <= item.orbit <= 143 and str(item.orbit) in text)
        assert item.clouds is None or 0 <= item.clouds <= 100
        assert item.size is None or str(item.size) in re.sub("[ ,.'\u00a0\u202f]", "", text)
        assert item.md5 is None or item.md5 in text
        assert item.address.isascii()
        offer = Offer(item.address, item.size, item.md5)
        assert Offer.parse(str(offer)) == offer


def _is_printable(line: str) -> bool:
    return _is_one_line(" ".join(line.split()))


def check_wps(body: bytes) -> None:
    with suppress(PepsError):
        document = read_document(body)
        if isinstance(document, ExceptionReport):
            assert _is_one_line(str(document))
            assert str(document)
            assert document.means_busy() in {True, False}
        if isinstance(document, ExecuteResponse):
            assert document.failure is None or _is_one_line(str(document.failure))
            if document.report_url:
                check_address(document.report_url)
            if document.report:
                check_report(document.report.encode(errors="surrogatepass"))


def check_report(body: bytes) -> None:
    with suppress(PepsError):
        report = read_report(body)
        assert report.percent is None or 0 <= report.percent <= 100
        assert all(map(_is_one_line, (report.status, report.message, str(report))))
        for address in report.results:
            check_file_name(address)
            check_address(address)


def check_joblog(text: str) -> None:
    body = text.encode(errors="surrogatepass")
    addresses: tuple[str, ...] = ()
    with suppress(ServerTrouble):
        addresses = results_in_joblog([body], WPS_ID)
    for address in addresses:
        assert f"/mapcache_results/maja/{WPS_ID}/" in address
        assert address.startswith(("http://", "https://"))
        assert address in body.decode(errors="replace")
        check_file_name(address)
        check_address(address)


def check_any_zip(content: bytes) -> None:
    """Whatever the bytes are, the zip is taken or Broken."""
    with suppress(Broken):
        check_zip(BytesIO(content), lambda _: True)


def check_credentials(content: bytes) -> None:
    with TemporaryDirectory() as folder, suppress(PepsError):
        path = Path(folder, "peps.txt")
        path.write_bytes(content)
        account = read_credentials(path, {})
        assert account.email
        assert account.password
        assert ":" not in account.email
        assert account.password.encode() in content


def check_log(content: bytes) -> None:
    """Whatever a log holds, it is read or refused; an event written behind it is neither lost nor torn."""
    with TemporaryDirectory() as folder, suppress(PepsError):
        log = JobLog(Path(folder, "log"))
        log.path.write_bytes(content)
        before = log.replay()
        _check_jobs(before, Path(folder))
        log.append(Event.SUBMITTING, L1C)
        assert log.path.read_bytes().startswith(content)
        after = log.replay()
        assert after[L1C].state is State.UNSURE
        assert {name: job.state for name, job in after.items() if name != L1C} == {
            name: job.state for name, job in before.items() if name != L1C
        }


def check_edited_log(content: bytes) -> None:
    """Whatever was made of its lines, no product of the log is submitted again, or nothing is, and that is said."""
    with TemporaryDirectory() as folder:
        log = JobLog(Path(folder, "log"))
        log.path.write_bytes(content)
        jobs = log.replay()
        for name in (L1C, SERIES, REJECTED):
            assert name in jobs or jobs.may_have(name) or jobs.nameless
        assert jobs.damage or not jobs.damaged
        _check_jobs(jobs, Path(folder))
        log.append(Event.STALLED, L1C, "25")
        assert log.path.read_bytes().startswith(content)
        assert set(log.replay()) == {*jobs, L1C}


def _check_jobs(jobs: Jobs, folder: Path) -> None:
    assert len(jobs) == len(jobs.in_state(*State))
    assert jobs.owners().keys() >= {file for job in jobs.values() for file in job.files}
    for job in jobs.values():
        assert (job.state is State.OPEN) <= (job.offer is not None or wps_id(job.status_url) != "")
        assert job.wps_id or not job.status_url
        assert job.hours is None or job.hours >= 0
        assert all(job.has_dealt_with(name) for name in job.novald)
        read_plan(job.plan)
    as_csv(dates_of(jobs, {job.name: standing_of(job) for job in jobs.values()}, folder))


def check_address(address: str) -> None:
    with suppress(PepsError):
        Server.parse(address)
    for base in (SERVER, "http://127.0.0.1:8080", "https://mirror.example.org/peps"):
        server = Server.parse(base)
        with suppress(PepsError):
            reached = server.reach(address)
            assert reached.startswith(("http://", "https://"))
            assert "@" not in shown(reached).partition("/")[2].lstrip("/").partition("/")[0]
            # The password goes out to the server alone, and nothing goes out in clear but to it.
            assert server.may_see_secret(reached) or reached.startswith("https://")
            assert server.may_see_secret(server.reach(reached)) == server.may_see_secret(reached)
    if wps_id(address):
        assert Server.parse(SERVER).reach(address)  # without an error: the log takes it for the address of a job


def check_answer(parts: tuple[int, Mapping[str, str], bytes]) -> None:
    status, headers, body = parts
    answer = Answer(status, headers, body, f"{SERVER}/resto/wps?a=b")
    error = refused(answer)
    assert error is None or _is_one_line(str(error))
    wait = retry_after(headers)
    assert wait is None or wait >= 0
    meaning = meaning_of(answer, Server.parse(SERVER))
    if isinstance(meaning, Submission):
        assert _is_one_line(meaning.detail)
        assert meaning.outcome is not Outcome.SUBMITTED or wps_id(meaning.detail)
    else:
        assert _is_one_line(str(meaning))


def check_file_name(address: str) -> None:
    name = bare_name(address, WPS_ID)
    assert name.endswith(".zip")
    assert len(name.encode()) <= 240
    assert not set(name) & set('/\\\0<>:"|?*\n\r\t')
    assert not name.startswith(".")
    assert _is_one_line(name)


_dates = st.one_of(
    st.integers(-5, 10**7).map(str),
    st.datetimes().map(lambda moment: f"{moment:%a, %d %b} {moment.year:04} {moment:%H:%M:%S} GMT"),
    damaged_text(["Wed, 21 Oct 2015 07:28:00 GMT", "Wednesday, 21-Oct-15 07:28:00 -0000", "120"]),
)
_statuses = st.one_of(
    st.sampled_from([200, 201, 204, 206, 301, 400, 401, 403, 404, 410, 429, 500, 503]), st.integers(100, 999)
)
_documents = st.one_of(
    damaged(WPS_DOCUMENTS), changed_xml(WPS_DOCUMENTS), damaged(ERRORS), changed_json([json.loads(ERRORS[0])])
)

TARGETS = {
    "names": Target(damaged_text(NAMES), check_names),
    "catalogue": Target(st.one_of(damaged([json.dumps(page) for page in PAGES]), changed_json(PAGES)), check_page),
    "geodes": Target(
        st.one_of(damaged([json.dumps(page) for page in THEIA_PAGES]), changed_json(THEIA_PAGES)), check_items
    ),
    "wps": Target(st.one_of(damaged(WPS_DOCUMENTS), changed_xml(WPS_DOCUMENTS)), check_wps),
    "reports": Target(
        st.one_of(damaged(REPORTS), changed_json([json.loads(report) for report in REPORTS])), check_report
    ),
    "joblog": Target(damaged_text(JOBLOGS), check_joblog),
    "credentials": Target(damaged(CREDENTIALS), check_credentials),
    "log": Target(damaged([LOG, HEADER, f"{HEADER}\n"]), check_log),
    "edited log": Target(edited_logs(), check_edited_log),
    "addresses": Target(damaged_text(ADDRESSES), check_address),
    "answers": Target(
        st.tuples(_statuses, st.one_of(st.just({}), st.fixed_dictionaries({"Retry-After": _dates})), _documents),
        check_answer,
    ),
    "zips": Target(damaged(ZIPS), check_any_zip),
    "file names": Target(damaged_text([*ADDRESSES, *NAMES]), check_file_name),
}
