"""Where each job and each date stands: for a person, for another program, and for the page."""
