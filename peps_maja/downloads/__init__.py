"""From an open job to a complete, valid zip under its final name."""

WORKER = "peps_maja worker"  # what the names of a run's threads begin with
