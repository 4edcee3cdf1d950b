"""From an open job to a complete, valid zip under its final name."""
