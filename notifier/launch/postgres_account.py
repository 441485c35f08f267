"""The account that the embedded server runs under.

PostgreSQL refuses to run as root. Root therefore hands it to an account that
the machine has already: no account is made, no folder's mode is widened.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.launch.errors import CannotStart

# Tried in this order.
ACCOUNTS_FOR_ROOT = ("postgres", "nobody")
# Nothing of the caller's own settings: a locale that is not installed stops
# initdb, and PGDATA or PGPORT would lead the programs elsewhere.
CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def process_options(self) -> dict[str, Any]:
        """Keyword arguments of subprocess.Popen that start a process under this account."""
        options: dict[str, Any] = {"cwd": "/", "env": CLEAN_ENVIRONMENT}
        if not self.is_ours:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def can_enter(self, folder: Path) -> bool:
        # Asked of the kernel, as that account: a look at modes would miss
        # access lists and mount options.
        return self.can_run(["/bin/sh", "-c", 'cd -- "$1"', "sh", os.fspath(folder)])

    def can_run(self, command: Sequence[str]) -> bool:
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, **self.process_options()
            )
        except FileNotFoundError:
            return False
        except PermissionError as error:
            if error.filename is None:
                # It was not the program but the change of account that failed.
                raise CannotStart(
                    f"The embedded database cannot run under the account {self.name}: "
                    "start Notifier as an ordinary user, or set DATABASE_URL."
                ) from error
            return False
        return done.returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder that we have just made to this account."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def owner_account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # in a container, say: the number alone will do
        return Account(f"number {uid}", uid, uid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def account_for_new_server() -> Account:
    if os.geteuid() != 0:
        return owner_account(os.geteuid())
    for name in ACCOUNTS_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "The embedded database cannot run as root, and there is neither an account postgres "
        "nor nobody: start Notifier as an ordinary user, or set DATABASE_URL."
    )
