"""The embedded server's database folder ("cluster" in PostgreSQL's words), one per major version.

It lies in ``DATA_DIR/postgres-18``. Where root starts Notifier and the account
that the server then runs under cannot enter the data folder (a checkout under
/root), that name is a link to a folder below /var/lib/notifier.
"""

import hashlib
import locale
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from notifier.launch.errors import CannotStart
from notifier.launch.locks import FileLock
from notifier.launch.postgres_account import Account, account_for_new_server, owner_account
from notifier.launch.postgres_binaries import (
    Binaries,
    binaries_of_major,
    newest_binaries,
)

DATABASE = "notifier"
SUPERUSER = "notifier"
OPTIONS_FILE = "notifier.conf"
STATE_FOLDER = Path("/var/lib/notifier")
FIRST_MAJOR_WITH_OWN_LOCALE = 17
NAME = re.compile(r"postgres-(\d+)")


@dataclass(frozen=True)
class Cluster:
    folder: Path
    account: Account
    binaries: Binaries

    @property
    def exists(self) -> bool:
        return (self.folder / "PG_VERSION").exists()


def fingerprint(data_dir: Path) -> str:
    """Tells data folders apart in places that they share."""
    return hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]


def find_cluster(data_dir: Path) -> Cluster:
    """The data folder's cluster, or the place where it is to be made."""
    if place := _existing_place(data_dir):
        return _existing_cluster(place)
    binaries, account = newest_binaries(), account_for_new_server()
    folder = _new_place(data_dir / f"postgres-{binaries.major}", account)
    return Cluster(folder, account, binaries)


def _existing_place(data_dir: Path) -> Path | None:
    """The newest one: never a new and empty cluster beside an older version's data."""
    places = [(int(match[1]), path) for path in data_dir.iterdir() if (match := _match(path))]
    return max(places)[1] if places else None


def _match(path: Path) -> re.Match[str] | None:
    return NAME.fullmatch(path.name)


def _existing_cluster(place: Path) -> Cluster:
    folder = place.resolve()
    if not folder.parent.is_dir():
        raise CannotStart(
            f"The database folder {folder} is gone: restore it, or remove the link {place} "
            "to begin with an empty database."
        )
    account = account_for_new_server() if not folder.exists() else _account_of(folder)
    if not account.can_enter(folder if folder.exists() else folder.parent):
        raise CannotStart(f"The account {account.name} cannot enter its database folder {folder}.")
    if folder.exists() and not (folder / "PG_VERSION").exists():
        raise CannotStart(f"{folder} holds no database: move it away.")
    binaries = binaries_of_major(int(place.name.rpartition("-")[2]), cluster=folder)
    return Cluster(folder, account, binaries)


def _account_of(folder: Path) -> Account:
    account = owner_account(folder.stat().st_uid)
    if account.uid == 0:
        raise CannotStart(f"The database folder {folder} belongs to root: PostgreSQL refuses it.")
    if os.geteuid() not in (0, account.uid):
        raise CannotStart(
            f"The database folder {folder} belongs to the account {account.name}: "
            "run the command as that account or as root."
        )
    return account


def _new_place(place: Path, account: Account) -> Path:
    if account.can_enter(place.parent):
        return place.resolve()
    try:
        STATE_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        # A name of its own: what an earlier checkout in the same place left
        # behind is not this one's data.
        prefix = f"{fingerprint(place.parent)}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=STATE_FOLDER))
        account.own(folder)
    except OSError as error:
        raise CannotStart(
            f"The account {account.name} cannot enter {place.parent}, and {STATE_FOLDER} "
            f"cannot be used instead: {error.strerror}."
        ) from error
    if not account.can_enter(folder):
        raise CannotStart(f"The account {account.name} can enter neither {place} nor {folder}.")
    place.symlink_to(folder.resolve() / place.name)
    return place.resolve()


def make_cluster(cluster: Cluster, *, lock: FileLock) -> None:
    """Make the empty database. Killed at any moment, it leaves nothing that counts as one.

    The programs hold the lock as well: whoever comes after a kill waits for
    those that outlived it before clearing up.
    """
    unfinished = cluster.folder.with_name(f"{cluster.folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    cluster.account.own(unfinished)
    _run(cluster, _initdb_command(cluster.binaries, unfinished), lock=lock)
    _include_options(unfinished / "postgresql.conf")
    single = [cluster.binaries.postgres, "--single", "-D", str(unfinished), "template1"]
    _run(cluster, single, lock=lock, statement=f"CREATE DATABASE {DATABASE}\n")
    unfinished.rename(cluster.folder)
    _sync_folder(cluster.folder.parent)


def write_options(cluster: Cluster, text: str) -> None:
    # Renamed into place, because root must not follow a link that another
    # account has laid here.
    path = cluster.folder / OPTIONS_FILE
    fresh = path.with_name(f"{OPTIONS_FILE}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    cluster.account.own(fresh)
    fresh.replace(path)


def _initdb_command(binaries: Binaries, folder: Path) -> list[str]:
    return [
        binaries.initdb,
        *("-D", str(folder), "-U", SUPERUSER, "--encoding=UTF8", "--data-checksums"),
        *("--auth-local=trust", "--auth-host=reject", *_locale_options(binaries)),
    ]


def _locale_options(binaries: Binaries) -> list[str]:
    if binaries.major >= FIRST_MAJOR_WITH_OWN_LOCALE:
        # PostgreSQL's own: the same on every machine, whatever is installed.
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    for name in ("C.UTF-8", "en_US.UTF-8"):
        try:
            locale.setlocale(locale.LC_COLLATE, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_COLLATE, "C")
        return [f"--locale={name}"]
    return ["--locale=C"]


def _run(cluster: Cluster, command: list[str], *, lock: FileLock, statement: str = "") -> None:
    done = subprocess.run(
        command,
        check=False,
        input=statement,
        capture_output=True,
        text=True,
        errors="replace",
        pass_fds=[lock.fileno()],
        **cluster.account.process_options(),
    )
    # The single-user server reports errors, and ends well all the same.
    if done.returncode != 0 or "ERROR:" in done.stderr:
        complaint = " ".join((done.stderr or done.stdout).split())
        raise CannotStart(f"The embedded database cannot be made: {complaint[-300:]}")


def _include_options(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "a") as file:
        file.write(f"\ninclude_if_exists = '{OPTIONS_FILE}'\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
