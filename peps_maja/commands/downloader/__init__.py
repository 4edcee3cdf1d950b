"""What the downloader shows, checks and connects with."""
