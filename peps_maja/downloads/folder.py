"""The L2A products in the user's folder, whoever put them there."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from peps_maja.errors import UsageError
from peps_maja.products.names import L2AProduct

_MARK = re.compile(r"\.[\w-]{8}")  # between name and `.zip`, where two jobs have results of one name


def products_in(folder: Path | None) -> dict[str, L2AProduct]:
    """Return the products in a folder, if any, by the names of their zips without `.zip`.

    An unpacked product is the same as its zip. The whole name has to be a product's, a zip has to end as one, and a
    folder has to hold its metadata: half a download is no product, nor is a folder of somebody's own results.
    """
    found: dict[str, L2AProduct] = {}
    try:
        for entry in folder.iterdir() if folder else ():
            name = entry.name.removesuffix(".zip")
            product = L2AProduct.find(name)
            if product and (name == product.name or _MARK.fullmatch(name.removeprefix(product.name))):
                is_zip = entry.name != name and entry.is_file() and zipfile.is_zipfile(entry)
                if is_zip or (entry.name == name and _has_metadata(entry)):
                    found[name] = product
    except OSError as error:
        raise UsageError(
            f"cannot read the folder {folder}: {error.strerror}; correct --write-dir, or make it"
        ) from None
    return found


def _has_metadata(folder: Path) -> bool:
    return folder.is_dir() and any(next(folder.glob(where), None) for where in ("*_MTD_ALL.xml", "*/*_MTD_ALL.xml"))
