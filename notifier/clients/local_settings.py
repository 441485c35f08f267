"""Parameters of PostgreSQL that count for a part of a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

SET_LOCALLY = """
    SELECT current_setting(%(name)s), set_config(%(name)s, %(value)s, true)
"""


@contextmanager
def set_locally(name: str, value: str) -> Iterator[None]:
    """Within a transaction: the parameter has the value inside, then the one it had.

    After an error it keeps the value, as no statement runs before the rollback,
    which takes it back.
    """
    with connection.cursor() as cursor:
        cursor.execute(SET_LOCALLY, {"name": name, "value": value})
        (before, _) = cursor.fetchone()
        yield
        cursor.execute(SET_LOCALLY, {"name": name, "value": before})
