"""The fake PEPS: catalogue, WPS, reports and results."""
