"""What is known of a zip before it is fetched: its size and MD5."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, add

from peps_maja.downloads.fetching import Fetched, Wanted, fetch
from peps_maja.errors import Broken
from peps_maja.network.client import Client
from peps_maja.network.credentials import Credentials
from peps_maja.peps.service import Server, refused
from peps_maja.sandbox import Endpoint, Sandbox


# What is there, in bytes more than the result; what was announced; which of two names the result gets.
@pytest.mark.parametrize(
    ("there", "announced", "expected"),
    [
        pytest.param(None, (0, ""), "a.zip", id="as announced"),
        pytest.param(None, (1, ""), "a.zip", id="another size, but the MD5"),
        pytest.param(None, (0, "f" * 32), "", id="another MD5"),
        pytest.param(0, (0, ""), "a.zip", id="there already"),
        pytest.param(1, (0, ""), "b.zip", id="another product there"),
    ],
)
def test_size_and_md5_that_are_known_before(
    tmp_path: Path, peps: Sandbox, there: int | None, announced: tuple[int, str], expected: str
) -> None:
    job = add(peps)
    content = job.results[0].content
    if there is not None:
        (tmp_path / "a.zip").write_bytes(content + bytes(there))
    more, md5 = announced
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    names = {"a.zip": True, "b.zip": True}
    wanted = Wanted([job.results[0].url], names, lambda _: True, len(content) + more, md5 or digest)
    client = Client(Server.parse(peps.url), refused, Credentials(EMAIL, PASSWORD))

    def get() -> Fetched:
        return fetch(client, wanted, tmp_path, lambda _: nullcontext(lambda _there, _total: None))

    if expected:
        assert get() == Fetched(tmp_path / expected, len(content), is_new=there != 0)
        assert (tmp_path / expected).read_bytes() == content
        assert len(peps.asked(Endpoint.RESULT)) == (there != 0)
    else:
        with pytest.raises(Broken):
            get()
        assert list(tmp_path.iterdir()) == []
