"""Run a command that ends with its parent: ``with_parent.py PARENT_PID COMMAND…``.

Runs as a script of its own, between fork and exec, and becomes the command.
On Linux the command gets SIGTERM when the parent dies, also by SIGKILL.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before that took effect
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
