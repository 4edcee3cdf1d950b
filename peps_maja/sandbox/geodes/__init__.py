"""The fake GEODES: Theia's products of the made-up world, their search, and their download with a key."""

# isort: skip_file
from peps_maja.sandbox.geodes.products import TheiaProduct as TheiaProduct, feature_of as feature_of, zip_of as zip_of
from peps_maja.sandbox.geodes.refusals import (
    LICENCE as LICENCE,
    NOT_READY as NOT_READY,
    ON_TAPE as ON_TAPE,
    QUOTA as QUOTA,
    QUOTA_429 as QUOTA_429,
    REDIRECTS as REDIRECTS,
    WRONG_KEY as WRONG_KEY,
)
from peps_maja.sandbox.geodes.service import KEY as KEY, FakeGeodes as FakeGeodes
