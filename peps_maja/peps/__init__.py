"""The protocol of PEPS: its catalogue, WPS, and the three layers in which it tells of a job."""
