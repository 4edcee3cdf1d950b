"""The fake GEODES: Theia's products of the made-up world, their search, and their download with a key."""

from peps_maja.sandbox.geodes.products import TheiaProduct, feature_of, zip_of
from peps_maja.sandbox.geodes.refusals import LICENCE, NOT_READY, ON_TAPE, QUOTA, QUOTA_429, REDIRECTS, WRONG_KEY
from peps_maja.sandbox.geodes.service import KEY, FakeGeodes

__all__ = [
    "KEY",
    "LICENCE",
    "NOT_READY",
    "ON_TAPE",
    "QUOTA",
    "QUOTA_429",
    "REDIRECTS",
    "WRONG_KEY",
    "FakeGeodes",
    "TheiaProduct",
    "feature_of",
    "zip_of",
]
