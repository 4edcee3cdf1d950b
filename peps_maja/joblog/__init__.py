"""The job log: the only state there is. `log` opens the file; the rest reads and replays its lines."""
