"""The page that people look at instead of logs and zips: what `--page` writes."""
