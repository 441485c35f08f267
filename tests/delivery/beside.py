"""Somebody else who does something at the same moment, for tests of who comes between."""

import threading

from django.db import connection

from tests.running import wait_for


class Beside(threading.Thread):
    """Does something at once, on a connection of its own."""

    def __init__(self, act, *arguments) -> None:
        super().__init__(daemon=True)
        self.act, self.arguments, self.error = act, arguments, None
        self.start()

    def run(self) -> None:
        try:
            self.act(*self.arguments)
        except Exception as error:  # told to the test by finish()
            self.error = error
        finally:
            connection.close()

    def wait_until_it_waits(self) -> None:
        """For what this thread's transaction holds."""
        wait_for(_somebody_waits_for_a_lock, seconds=10, what="waiting for a lock")

    def finish(self) -> None:
        self.join(20)
        assert not self.is_alive()
        if self.error:
            raise self.error


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]
