#!/usr/bin/env python
"""Notifier's command line."""

import os
import sys

from notifier.launch.command_database import database_for
from notifier.launch.errors import CannotStart

UNDEFINED_TABLE = "42P01"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifier.settings")
    from django.core.management import execute_from_command_line
    from django.db import ProgrammingError

    try:
        with database_for(sys.argv, os.environ):
            execute_from_command_line(sys.argv)
    except CannotStart as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", "") != UNDEFINED_TABLE:
            raise
        print("The database has no tables yet: start Notifier once (make run).", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
