"""The answer of GEODES to a search, read with tolerance: any field can be missing, null or of another type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timezone
from urllib.parse import quote, urlsplit

from peps_maja.errors import ServerTrouble
from peps_maja.joblog.details import Offer
from peps_maja.network.documents import array, mapping, number, read_json, read_object, text, whole
from peps_maja.products.names import L2AProduct
from peps_maja.products.places import Box
from peps_maja.products.records import L2ARecord
from peps_maja.text import one_line
from peps_maja.theia.footprints import meets, rings_of

_VERSION = re.compile(r"[Vv]?([0-9]{1,4}(?:[.-][0-9]{1,4})*)")
_SIZE = re.compile(r"File size:\s*([0-9]{1,15})\b", re.IGNORECASE)
_LARGEST, _LONGEST = 10**15, 2000  # bytes of a product, characters of an address: the log takes no more
_MD5 = re.compile(r"Checksum MD5:\s*([0-9a-f]{32})\b", re.IGNORECASE)
# MD5, 16 bytes, in https://multiformats.io/multihash/
_MULTIHASH = re.compile(r"(?:d50110)?([0-9a-f]{32})", re.IGNORECASE)
_END_OF_HREF = re.compile(r"/files/([0-9a-f]{32})/?(?:[?#].*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """One page of the answer: its records, the features as they came, and what it says of further pages."""

    records: tuple[L2ARecord, ...]
    features: tuple[object, ...]
    has_links: bool
    has_next: bool
    matched: int | None
    limit: int | None


def read_page(body: bytes, box: Box | None = None) -> Page:
    """Return what a page of the answer to a search, in a box or not, says; raise ServerTrouble for anything else."""
    try:
        answer = mapping(read_json(body))
    except ServerTrouble as error:
        later = "" if "try again later" in str(error) else "; try again later"
        raise ServerTrouble(f"GEODES answers the search with {error}{later}") from error
    features = answer.get("features")
    if not isinstance(features, list):
        reason = message_of(body)
        raise ServerTrouble(f"GEODES answers the search without products{reason and f': {reason}'}; try again later")
    context = mapping(answer.get("context"))
    links = [link for link in array(answer.get("links")) if text(mapping(link).get("rel"))]
    matched = whole(context.get("matched"))
    return Page(
        records=tuple(record for feature in features if (record := read_item(feature, box))),
        features=tuple(features),
        has_links=bool(links),
        has_next=any(mapping(link).get("rel") == "next" for link in links),
        matched=whole(answer.get("numberMatched")) if matched is None else matched,
        limit=whole(context.get("limit")) or None,
    )


def message_of(body: bytes) -> str:
    """Return the message of an error as GEODES words it, `{"type": …, "message": …}`, or an empty text."""
    return one_line(text(read_object(body).get("message")), 200)


def read_item(feature: object, box: Box | None = None) -> L2ARecord | None:
    """Return the record of an item; None if its identifier is not the name of an L2A product, or it has no zip."""
    item = mapping(feature)
    properties = mapping(item.get("properties"))
    identifier = text(properties.get("identifier")).strip()
    product = L2AProduct.find(identifier)
    offer = next(_offers(mapping(item.get("assets"))), None)
    if product is None or product.name != identifier or offer is None:
        return None
    version = _version(properties.get("version"))
    time = _moment(properties.get("start_datetime")) or product.sight
    orbit = whole(properties.get("sat:relative_orbit"))
    clouds = number(properties.get("eo:cloud_cover"))
    return L2ARecord(
        identifier=f"{identifier}_{version}" if version and not product.version else identifier,
        tile=product.tile.name,
        day=str(time.date()),
        satellite=product.satellite,
        orbit=orbit if orbit is not None and 1 <= orbit <= 143 else None,
        clouds=clouds if clouds is not None and 0 <= clouds <= 100 else None,
        size=offer.size,
        product=product,
        time=time,
        version=product.version or version,
        processed=text(properties.get("datetime")),
        address=offer.address,
        md5=offer.md5,
        elsewhere=_elsewhere(item, box) if box else "",
    )


def _elsewhere(item: Mapping[str, object], box: Box) -> str:
    """Return why an item is not in the box that was searched, or nothing."""
    rings = rings_of(item.get("geometry"), item.get("bbox"))
    if meets(box, rings):
        return ""
    return "other place" if rings else "place not known"


def _offers(assets: Mapping[str, object]) -> Iterator[Offer]:
    for key, value in assets.items():
        asset = mapping(value)
        roles = asset.get("roles")
        names = (key, text(asset.get("title")))
        is_zip = asset.get("type") == "application/zip" or any(name.lower().endswith(".zip") for name in names)
        is_product = "data" in roles if isinstance(roles, list) else roles in (None, "data")
        if is_zip and is_product and (address := _address(text(asset.get("href")))):
            description = text(asset.get("description"))
            size = _SIZE.search(description)
            checksum = (
                _MD5.search(description)
                or _MULTIHASH.fullmatch(text(asset.get("file:checksum")))
                or _END_OF_HREF.search(address)
            )
            length = int(size[1]) if size else whole(asset.get("file:size"))
            is_size = length is not None and 0 < length < _LARGEST
            yield Offer(address, length if is_size else None, checksum[1].lower() if checksum else None)


def _address(href: str) -> str:
    """Return an address as one word of ASCII; an empty text for what is not an address on the web."""
    try:
        scheme = urlsplit(href.strip()).scheme
    except ValueError:
        return ""
    if scheme not in {"", "http", "https"} or len(href) > _LONGEST:
        return ""
    return quote(href.strip(), safe="%/:?#[]@!$&'()*+,;=~", errors="replace")


def _version(value: object) -> str:
    match = _VERSION.fullmatch((text(value) if number(value) is None else str(value)).strip())
    if match is None:
        return ""
    numbers = [str(int(part)) for part in re.split(r"[.-]", match[1])]
    return "V" + "-".join(numbers if len(numbers) > 1 else [*numbers, "0"])


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text(value).strip())
        if moment.time() == time.min:  # a day only, which would count as of the day before, too
            return None
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
