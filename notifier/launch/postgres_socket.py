"""The folder of the embedded server's socket: short, private, and known from the data folder.

A socket's path may not exceed about 100 bytes, so it cannot lie in the data
folder. /tmp is everybody's: a folder there counts only if it is ours alone.
"""

import stat
from pathlib import Path

from notifier.launch.errors import CannotStart
from notifier.launch.postgres_account import Account
from notifier.launch.postgres_cluster import fingerprint

# Not TMPDIR or XDG_RUNTIME_DIR: those differ between a shell, cron and a
# service, which all have to find the same server.
BASE = Path("/tmp")  # noqa: S108 - see check_socket_folder


def socket_folder(data_dir: Path) -> Path:
    return BASE / f"notifier-{fingerprint(data_dir)}"


def prepare_socket_folder(folder: Path, account: Account) -> None:
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        pass
    check_socket_folder(folder, account)


def check_socket_folder(folder: Path, account: Account) -> None:
    """Refuse a folder that somebody else has laid there to pose as our server."""
    try:
        found = folder.lstat()
    except FileNotFoundError as error:
        raise CannotStart(
            f"{folder} is gone, where the database is reached: stop Notifier and start it again."
        ) from error
    is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    if not is_private or found.st_uid not in (account.uid, 0):
        raise CannotStart(
            f"{folder} is not a private folder of the account {account.name}: remove it."
        )
    if found.st_uid != account.uid:
        # Root's own, from a start that was killed before it handed it over.
        account.own(folder)
