"""Starts the house from one settings file."""

import sys

from safehand.authority.app import OWN_SQL, make_app
from safehand.house.command_line import run_house

if __name__ == "__main__":
    sys.exit(
        run_house(
            name="authority",
            make=make_app,
            arguments=sys.argv[1:],
            services=("register", "payment", "sign_in", "sms"),
            secrets=("services", "sign_in_client"),
            sql=OWN_SQL,
        )
    )
