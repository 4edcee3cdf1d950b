"""The page that people look at instead of logs and zips. Only here is Jinja2 needed."""

from peps_maja.page.write import write_page as write_page
