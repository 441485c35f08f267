"""Whether this cluster was asked to stop: known to every worker process at once.

django-q2 lets a worker finish its task, however long that takes. A slice of
sending looks here, so that it ends within seconds of the SIGTERM instead.
"""

from multiprocessing.sharedctypes import RawValue

# Shared memory made before the workers are forked. A plain byte without a
# lock: it is set in a signal handler, where waiting for a lock may never end.
_stopping = RawValue("b", 0)


def ask_to_stop() -> None:
    _stopping.value = 1


def is_stopping() -> bool:
    return bool(_stopping.value)
