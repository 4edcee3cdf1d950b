"""What people would write instead, with requests and nothing else.

python plain.py poll SERVER JOBS      three requests a job, in eight threads with a session each
python plain.py submit SERVER JOBS    catalogue, capabilities, and one request a job
python plain.py download URL FILE     in the 8 KiB chunks of many an example
python plain.py geodes SERVER         all pages of a search of one tile over a year
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from canned import execute_path, product, refresh_path, report_path, status_path, wps_id
from measuring import ACCOUNT

THREADS = 8


def poll(server: str, jobs: int) -> None:
    """Ask for status document, refresh and report of each job."""

    def ask(numbers: range) -> None:
        with requests.Session() as session:
            session.auth = ACCOUNT
            for identifier in map(wps_id, numbers):
                for path in (status_path(identifier), refresh_path(identifier), report_path(identifier)):
                    session.get(server + path, timeout=30).raise_for_status()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, [range(first, jobs, THREADS) for first in range(THREADS)]))


def submit(server: str, jobs: int) -> None:
    """Ask for catalogue and capabilities, then submit the products one after the other."""
    with requests.Session() as session:
        session.auth = ACCOUNT
        session.get(f"{server}/resto/api/collections/S2ST/search.json", timeout=30).json()
        session.get(f"{server}/resto/wps?service=WPS&request=GetCapabilities", timeout=30).raise_for_status()
        for number in range(jobs):
            session.get(server + execute_path(product(number)), timeout=30).raise_for_status()


def download(url: str, path: str) -> None:
    """Bring one file."""
    with requests.get(url, stream=True, auth=ACCOUNT, timeout=30) as answer, Path(path).open("wb") as file:
        for chunk in answer.iter_content(8192):
            file.write(chunk)


def geodes(server: str) -> None:
    """Ask GEODES for all pages of a search."""
    query = {
        "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
        "grid:code": {"contains": "31TCJ"},
        "start_datetime": {"gte": "2019-01-01T00:00:00Z", "lte": "2019-12-31T23:59:59.999Z"},
    }
    order = [{"field": "start_datetime", "direction": "asc"}]
    with requests.Session() as session:
        page, has_next = 1, True
        while has_next:
            body = {"page": page, "limit": 80, "query": query, "sortBy": order}
            answer = session.post(f"{server}/api/stac/search", json=body, timeout=30).json()
            page, has_next = page + 1, any(link["rel"] == "next" for link in answer["links"])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["poll", server, jobs]:
            poll(server, int(jobs))
        case ["submit", server, jobs]:
            submit(server, int(jobs))
        case ["geodes", server]:
            geodes(server)
        case ["download", url, path]:
            download(url, path)
