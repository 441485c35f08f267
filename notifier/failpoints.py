"""Moments at which tests have a process die, as a power cut would: see launch/fail_points.py.

recipients_chosen      a chunk of a mailing's recipients is committed, others are not
claimed                a claim is committed, nothing of it has been handed over
request_left           requests have left, and replies have come that nobody has seen
before_results_commit  results are in a transaction that is not committed yet
results_committed      they are committed, and the process does not know it yet
import_rows_staged     some rows of an import's file are staged, others are not
import_chunk_committed some of them have become clients (or are no longer), others have not
"""

import logging
import os
import random
import signal

from django.conf import settings

log = logging.getLogger(__name__)


def _go_on(point: str, times: int = 1) -> None:
    """Nothing dies here."""


def _draw(point: str, times: int = 1) -> None:
    """Die with the point's probability, drawn so many times."""
    chance = settings.FAIL_POINTS.get(point, 0.0)
    if any(_chance.random() < chance for _ in range(times)):
        log.warning("Fail point %s: this process kills itself", point)
        os.kill(os.getpid(), signal.SIGKILL)


def _seed() -> None:
    # Each process draws its own numbers: a worker that died at its first draw
    # would otherwise be followed by one that does the same.
    _chance.seed(f"{settings.FAIL_POINTS_SEED}:{os.getpid()}")


_chance = random.Random()  # noqa: S311 - no secret hangs on it
_seed()
os.register_at_fork(after_in_child=_seed)

reach = _draw if settings.FAIL_POINTS else _go_on
