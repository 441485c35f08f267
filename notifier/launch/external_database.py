"""The database that DATABASE_URL names: checked at the start, otherwise left alone."""

from collections.abc import Callable
from typing import Any

import psycopg2
from django.db import connection

from notifier.launch.errors import CannotStart

OLDEST_VERSION = 14


class ExternalDatabase:
    def start(self) -> None:
        check_external_database(connection.get_connection_params(), oldest=OLDEST_VERSION)

    def is_running(self) -> bool:
        return True

    def stop(self, *, in_a_hurry: Callable[[], bool]) -> None:
        """It is not ours to stop."""


def check_external_database(parameters: dict[str, Any], *, oldest: int) -> None:
    """Raises CannotStart where this database cannot be used. Never tells the password."""
    host, port = parameters.get("host") or "localhost", parameters.get("port") or 5432
    where = f'database "{parameters.get("dbname")}" on {host}:{port}'
    try:
        opened = psycopg2.connect(**parameters)
    except psycopg2.OperationalError as error:
        raise CannotStart(f"DATABASE_URL: cannot use the {where}: {_reason(error)}") from error
    version = opened.server_version // 10000
    opened.close()
    if version < oldest:
        raise CannotStart(
            f"DATABASE_URL: the {where} is served by PostgreSQL {version}: "
            f"Notifier needs {oldest} or newer."
        )


def _reason(error: psycopg2.OperationalError) -> str:
    """libpq writes several lines for each address it has tried; the last try's first says most."""
    lines = [line.strip() for line in str(error).splitlines() if line and not line[0].isspace()]
    return lines[-1].rpartition("FATAL:")[2].strip() if lines else "no answer."
