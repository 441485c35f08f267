"""The database that a single manage.py command needs."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from notifier.launch.environment import read_environment
from notifier.launch.postgres import EmbeddedPostgres

# Set for the parts that ``up`` starts: their database is its care. The value,
# the data folder, tells them apart from another installation's.
PART_VARIABLE = "NOTIFIER_PART_OF"
WITHOUT_DATABASE = frozenset(
    {
        "up",  # starts one itself
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "sandbox_gateway",
        "spectacular",
        "startapp",
        "startproject",
        "version",
    }
)
HELP_OPTIONS = frozenset({"-h", "--help", "--version"})


@contextmanager
def database_for(arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[None]:
    """While the command runs, the embedded server runs too, if the command needs it.

    It joins the server of a running ``up``, or of another command, or starts
    one that ends with its last user. Raises CannotStart.
    """
    if PART_VARIABLE in variables or not needs_database(arguments):
        yield
        return
    environment = read_environment(variables)
    if not environment.uses_embedded_database:
        yield
        return
    with _terminated_cleanly(), EmbeddedPostgres(environment.data_dir).in_use():
        yield


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether the command line, as in sys.argv, names a command that does."""
    if len(arguments) < 2 or HELP_OPTIONS & set(arguments[1:]):
        return False
    return arguments[1] not in WITHOUT_DATABASE


@contextmanager
def _terminated_cleanly() -> Iterator[None]:
    """SIGTERM and SIGHUP must unwind the command, or its server would be left behind."""
    ours = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() != ours:
            # A forked child: what it unwound would be its parent's.
            os._exit(128 + number)
        sys.exit(128 + number)

    earlier = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
