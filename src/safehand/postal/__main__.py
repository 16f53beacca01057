"""Starts the house from one settings file."""

import sys

from safehand.house.command_line import run_house
from safehand.postal.app import OWN_SQL, make_app

if __name__ == "__main__":
    sys.exit(run_house(name="postal", make=make_app, arguments=sys.argv[1:], sql=OWN_SQL))
