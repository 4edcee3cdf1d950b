"""MAJA on demand: what peps_maja_process.py and peps_maja_downloader.py share."""

__version__ = "1.0.0"
