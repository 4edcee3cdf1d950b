"""The answer of GEODES to a search, read with tolerance: any field can be missing, null or of another type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import cached_property
from urllib.parse import quote, urlsplit

from peps_maja.errors import ServerTrouble, Unreadable
from peps_maja.network.documents import read_json
from peps_maja.products.names import LATEST_SIGHT, L2AProduct
from peps_maja.text import one_line
from peps_maja.theia.fields import array, mapping, number, text, whole
from peps_maja.theia.footprints import Ring, rings_of

_VERSION = re.compile(r"[Vv]?([0-9]{1,4}(?:[.-][0-9]{1,4})*)")
_VERSION_OF_NAME = re.compile(r"_(V[0-9]+(?:-[0-9]+)*)$")
_SIZE = re.compile(r"File size:\s*([0-9]{1,15})\b", re.IGNORECASE)
_MD5 = re.compile(r"Checksum MD5:\s*([0-9a-f]{32})\b", re.IGNORECASE)
_MULTIHASH = re.compile(
    r"(?:d50110)?([0-9a-f]{32})", re.IGNORECASE
)  # MD5, 16 bytes, in https://multiformats.io/multihash/
_END_OF_HREF = re.compile(r"/files/([0-9a-f]{32})/?(?:[?#].*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Zip:
    """The zip of an item: its address as one word of ASCII, bytes, and MD5 in lower case; None where not known."""

    address: str
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Item:
    """One L2A product at GEODES. `version` is `V4-0`, or empty; `clouds` in percent; geometry and bbox as they came."""

    product: L2AProduct
    zip: Zip
    time: datetime
    urn: str = ""
    version: str = ""
    orbit: int | None = None
    clouds: float | None = None
    processed: str = ""
    geometry: object = field(default=None, compare=False, repr=False)
    bbox: object = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name of its job and of its folder: identifier and version."""
        identifier = self.product.name
        return f"{identifier}_{self.version}" if self.version and not version_of(identifier) else identifier

    @property
    def satellite(self) -> str:
        """S2A, S2B, …."""
        return self.product.satellite

    @property
    def tile(self) -> str:
        """The tile, `31TCJ`."""
        return self.product.tile.name

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The days on which its L1C can have begun: see `days_of`."""
        return days_of(self.time)

    @cached_property
    def rings(self) -> tuple[Ring, ...]:
        """Where it is, in degrees; read only for a search by place."""
        return rings_of(self.geometry, self.bbox)


@dataclass(frozen=True)
class Page:
    """One page of the answer: its products, the features as they came, and what it says of further pages."""

    items: tuple[Item, ...]
    features: tuple[object, ...]
    has_links: bool
    has_next: bool
    matched: int | None
    limit: int | None


def days_of(time: datetime) -> tuple[date, ...]:
    """Return the day of an L2A's time, and of half an hour before: an L1C's time is the start of its datatake."""
    earlier = time - LATEST_SIGHT if time.year > 1 else time
    return tuple(dict.fromkeys((time.date(), earlier.date())))


def version_of(name: str) -> str:
    """Return the version at the end of a product's name, `V4-0`, or an empty text."""
    match = _VERSION_OF_NAME.search(name)
    return match[1] if match else ""


def read_page(body: bytes) -> Page:
    """Return what a page of the answer says; raise ServerTrouble for anything that is not one."""
    try:
        answer = read_json(body)
    except Unreadable as error:
        raise ServerTrouble(f"GEODES answers the search with {error}; try again later") from error
    features = mapping(answer).get("features")
    if not isinstance(features, list):
        reason = message_of(answer)
        raise ServerTrouble(f"GEODES answers the search without products{reason and f': {reason}'}; try again later")
    context = mapping(mapping(answer).get("context"))
    links = [link for link in array(mapping(answer).get("links")) if text(mapping(link).get("rel"))]
    matched = whole(context.get("matched"))
    return Page(
        items=tuple(item for feature in features if (item := read_item(feature))),
        features=tuple(features),
        has_links=bool(links),
        has_next=any(mapping(link).get("rel") == "next" for link in links),
        matched=whole(mapping(answer).get("numberMatched")) if matched is None else matched,
        limit=whole(context.get("limit")) or None,
    )


def read_json_or_none(body: bytes) -> object:
    """Return the value of a JSON text, or None for anything else."""
    try:
        return read_json(body)
    except Unreadable:
        return None


def message_of(answer: object) -> str:
    """Return the message of an error as GEODES words it, `{"type": …, "message": …}`, or an empty text."""
    return one_line(text(mapping(answer).get("message")), 200)


def read_item(feature: object) -> Item | None:
    """Return the L2A product of a feature; None if its identifier is not the name of one, or it has no zip."""
    properties = mapping(mapping(feature).get("properties"))
    identifier = text(properties.get("identifier")).strip()
    product = L2AProduct.find(identifier)
    archive = next(_zips(mapping(mapping(feature).get("assets"))), None)
    if product is None or product.name != identifier or archive is None:
        return None
    orbit = whole(properties.get("sat:relative_orbit"))
    clouds = number(properties.get("eo:cloud_cover"))
    return Item(
        product=product,
        zip=archive,
        urn=one_line(text(mapping(feature).get("id")), 200),
        version=version_of(identifier) or _version(properties.get("version")),
        time=_moment(properties.get("start_datetime")) or product.sight,
        orbit=orbit if orbit is not None and 1 <= orbit <= 143 else None,
        clouds=clouds if clouds is not None and 0 <= clouds <= 100 else None,
        processed=text(properties.get("datetime")),
        geometry=mapping(feature).get("geometry"),
        bbox=mapping(feature).get("bbox"),
    )


def _zips(assets: Mapping[str, object]) -> Iterator[Zip]:
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
            yield Zip(address, length or None, checksum[1].lower() if checksum else None)


def _address(href: str) -> str:
    """Return an address as one word of ASCII; an empty text for what is not an address on the web."""
    try:
        scheme = urlsplit(href.strip()).scheme
    except ValueError:
        return ""
    if scheme not in {"", "http", "https"}:
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
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
