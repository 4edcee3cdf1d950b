"""The steps of peps_maja_process.py: find products, ask the user, submit."""
