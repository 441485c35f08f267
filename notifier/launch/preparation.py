"""What ``up`` brings up to date before the parts start: tables and static files.

In the same process, because starting another one would take longer than the work.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from notifier.launch.errors import CannotStart
from notifier.launch.output import LineWriter, Output

# Any number, the same for every Notifier: two machines that start at once
# against one database must not migrate it at the same time.
MIGRATION_LOCK = 7_104_912_005_317
STAMP = ".collected"


def migrate(output: Output) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        call_command(
            "migrate",
            interactive=False,
            skip_checks=True,
            verbosity=1 if _is_migration_due() else 0,
            stdout=LineWriter(output, "migrate"),
        )
    except (CommandError, Error) as error:
        reason = " ".join(str(error).split())
        raise CannotStart(f"The database cannot be brought up to date: {reason}") from error
    finally:
        connection.close()  # and so the lock is let go


def _is_migration_due() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_static_files(output: Output) -> None:
    """Unless nothing has changed since the last time: compressing them takes seconds."""
    stamp = Path(settings.STATIC_ROOT) / STAMP
    found = _fingerprint()
    if stamp.exists() and stamp.read_text() == found:
        return
    writer = LineWriter(output, "static")
    # Cleared first, so that no half-made file of a killed start remains.
    call_command("collectstatic", interactive=False, clear=True, verbosity=0, stdout=writer)
    stamp.write_text(found)


def _fingerprint() -> str:
    return hashlib.sha256("\n".join(_versions_and_files()).encode()).hexdigest()


def _versions_and_files() -> Iterator[str]:
    yield f"{version('django')} {version('whitenoise')} {settings.STORAGES['staticfiles']}"
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = Path(storage.path(name))
            details = path.stat()
            yield f"{path} {details.st_size} {details.st_mtime_ns}"
