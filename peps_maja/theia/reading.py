"""The answer of GEODES to a search, read with tolerance: any field can be missing, null or of another type.

The name of an item tells acquisition, version and satellite; a field only what the name does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

from peps_maja.errors import ServerTrouble
from peps_maja.joblog.details import Offer
from peps_maja.network.documents import mapping, number, read_object, text, whole
from peps_maja.network.pages import Page, read_page
from peps_maja.network.trust import without_account
from peps_maja.products.names import L2AProduct
from peps_maja.products.places import Box
from peps_maja.products.records import L2ARecord
from peps_maja.text import one_line

_VERSION = re.compile(r"[Vv]?([0-9]{1,4}(?:[.-][0-9]{1,4})*)")
# Thousands may be apart (`776 548 205 bytes`). A size in MB is none that a zip could be checked against.
_SIZE = re.compile(r"File size:\s*([0-9]{1,15}(?:[ \u00a0\u202f,.'][0-9]{3}){0,4})\s*(?:bytes|$)", re.I | re.M)
_LARGEST, _LONGEST = 10**15, 2000  # bytes of a product, characters of an address: the log takes no more
_MD5 = re.compile(r"Checksum MD5:\s*([0-9a-f]{32})\b", re.IGNORECASE)
# MD5, 16 bytes, in https://multiformats.io/multihash/
_MULTIHASH = re.compile(r"(?:d50110)?([0-9a-f]{32})", re.IGNORECASE)
_END_OF_HREF = re.compile(r"/files/([0-9a-f]{32})/?(?:[?#].*)?$", re.IGNORECASE)


def read_items(body: bytes, size: int) -> Page:
    """Return what a page of the answer to a search for `size` items says; raise ServerTrouble for anything else."""
    try:
        page = read_page(body, size)
    except ServerTrouble as error:
        later = "" if "try again later" in str(error) else "; try again later"
        raise ServerTrouble(f"GEODES answers the search with {error}{later}") from error
    if page is None:
        reason = message_of(body)
        raise ServerTrouble(f"GEODES answers the search without products{reason and f': {reason}'}; try again later")
    return page


def message_of(body: bytes) -> str:
    """Return the message of an error as GEODES words it, `{"type": …, "message": …}`, or an empty text."""
    return one_line(text(read_object(body).get("message")), 200)


def read_item(feature: object) -> L2ARecord | None:
    """Return the record of an item; None if its identifier is not the name of an L2A product, or it has no zip."""
    item = mapping(feature)
    properties = mapping(item.get("properties"))
    identifier = text(properties.get("identifier")).strip()
    product = L2AProduct.find(identifier)
    if product is None or product.name != identifier:
        return None
    # One that bears the product's name comes before another zip of the item.
    zips = sorted(_zips(mapping(item.get("assets"))), key=lambda each: identifier not in " ".join(each[0]))
    if not zips:
        return None
    names, offer = zips[0]
    own = (L2AProduct.find(name[name.find(identifier) :]) for name in names if identifier in name)
    zipped = next((each.version for each in own if each and each.version), "")
    version = product.version or zipped or _version(properties.get("version"))
    orbit = whole(properties.get("sat:relative_orbit"))
    return L2ARecord.of(
        product,
        identifier=identifier if product.version or not version else f"{identifier}_{version}",
        version=version,
        orbit=orbit if orbit is not None and 1 <= orbit <= 143 else None,
        clouds=number(properties.get("eo:cloud_cover"), 0, 100),
        processed=text(properties.get("datetime")),
        size=offer.size,
        bounds=Box.around(item),
        address=offer.address,
        md5=offer.md5,
        quicklook=_quicklook(mapping(item.get("assets"))),
    )


def _zips(assets: Mapping[str, object]) -> Iterator[tuple[tuple[str, str, str], Offer]]:
    """Yield each zip that may be the product: the names that its asset bears, and what can be had there."""
    for key, value in assets.items():
        asset = mapping(value)
        roles = asset.get("roles")
        names = (key, text(asset.get("title")))
        is_zip = asset.get("type") == "application/zip" or any(name.lower().endswith(".zip") for name in names)
        is_product = "data" in roles if isinstance(roles, list) else roles in (None, "data")
        if is_zip and is_product and (address := _address(text(asset.get("href")))):
            description = text(asset.get("description"))
            written = _SIZE.search(description)
            size = int(re.sub("[^0-9]", "", written[1])) if written else whole(asset.get("file:size"))
            checksum = (
                _MD5.search(description)
                or _MULTIHASH.fullmatch(text(asset.get("file:checksum")))
                or _END_OF_HREF.search(address)
            )
            is_size = size is not None and 0 < size < _LARGEST
            yield (
                (*names, address),
                Offer(address, size if is_size else None, checksum[1].lower() if checksum else None),
            )


def _quicklook(assets: Mapping[str, object]) -> str:
    """Return the address of the picture among the assets, the larger one first; an empty text if there is none."""
    for role in ("overview", "thumbnail"):
        for asset in map(mapping, assets.values()):
            roles = asset.get("roles")
            if isinstance(roles, list) and role in roles and (address := _address(text(asset.get("href")))):
                return address
    return ""


def _address(href: str) -> str:
    """Return an address as one word of ASCII; an empty text for what is not an address on the web."""
    try:
        address = without_account(quote(href.strip(), safe="%/:?#[]@!$&'()*+,;=~", errors="replace"))
    except ValueError:
        return ""
    is_on_web = urlsplit(address).scheme in {"", "http", "https"}
    return address if is_on_web and len(href) <= _LONGEST else ""


def _version(value: object) -> str:
    """Return the version that a field tells, `"4.0"` or 4 as `V4-0`, or an empty text."""
    match = _VERSION.fullmatch((text(value) if number(value) is None else str(value)).strip())
    if match is None:
        return ""
    numbers = [str(int(part)) for part in re.split(r"[.-]", match[1])]
    return "V" + "-".join(numbers if len(numbers) > 1 else [*numbers, "0"])
