"""Fetch the front end's npm packages into static/vendor/, one folder for each version.

Run it after changing a version below, then change the folder's name where
templates and style sheets mention it. What it writes is committed, so that
installing Notifier needs no npm.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENDOR = CHECKOUT / "static" / "vendor"
BROWSER_TESTS = CHECKOUT / "tests" / "browser"


@dataclass(frozen=True)
class Package:
    npm_name: str
    version: str
    folder: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "@tabler/core", "1.6.1", "tabler", ("dist/css/tabler.min.css", "dist/js/tabler.min.js")
    ),
    Package("htmx.org", "2.0.11", "htmx", ("dist/htmx.min.js", "LICENSE")),
    Package("chart.js", "4.6.1", "chart.js", ("dist/chart.umd.min.js", "LICENSE.md")),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "inter",
        (
            "files/inter-latin-wght-normal.woff2",
            "files/inter-cyrillic-wght-normal.woff2",
            "LICENSE",
        ),
    ),
)
ICONS = Package("@tabler/icons", "3.51.0", "tabler-icons", ("LICENSE",))
AXE = Package("axe-core", "4.14.1", "axe", ("axe.min.js",))

# Those that templates and notifier/web/badges.py name; a test compares.
ICON_NAMES = """
    alert-triangle arrow-back-up ban bell-off bell-ringing chart-bar check chevron-left
    chevron-right
    circle-check circle-x clock clock-x database device-desktop download file-import
    help-circle layout-dashboard logout mail moon pencil player-pause player-play player-stop plus
    printer search send sun trash upload user users users-plus x
""".split()  # noqa: SIM905 - short to read and to change

# The package of @tabler/core carries no licence file; this is its notice.
TABLER_LICENCE_HEAD = """\
MIT License

Copyright (c) 2018-2026 The Tabler Authors
Copyright (c) 2018-2026 codecalm.net Paweł Kuna
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for package in PACKAGES:
            copy_files(fetch(package, scratch), package)
        icons = fetch(ICONS, scratch)
        copy_files(icons, ICONS)
        write_sprite(icons, folder_of(ICONS) / "sprite.svg")
        write_tabler_licence(icons / "LICENSE")
        shutil.copy(fetch(AXE, scratch) / "axe.min.js", BROWSER_TESTS / "axe.min.js")


def folder_of(package: Package) -> Path:
    return VENDOR / f"{package.folder}-{package.version}"


def fetch(package: Package, scratch: Path) -> Path:
    """The unpacked npm package."""
    target = scratch / package.folder
    target.mkdir()
    wanted = f"{package.npm_name}@{package.version}"
    subprocess.run(  # noqa: S603 - a fixed command
        ["npm", "pack", "--silent", wanted],  # noqa: S607
        cwd=target,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    archive = next(target.glob("*.tgz"))
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    return target / "package"


def copy_files(source: Path, package: Package) -> None:
    folder = folder_of(package)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in package.files:
        copied = folder / Path(name).name
        shutil.copy(source / name, copied)
        if copied.suffix in (".css", ".js"):
            drop_source_map(copied)
    print(folder.relative_to(CHECKOUT))


def drop_source_map(path: Path) -> None:
    """Take out the link to a map that is not here: collectstatic would stop at it."""
    text = path.read_text()
    text = re.sub(r"/\*# sourceMappingURL=\S+ \*/", "", text)
    path.write_text(re.sub(r"(?m)^//# sourceMappingURL=\S+$", "", text).rstrip() + "\n")


def write_sprite(icons: Path, path: Path) -> None:
    symbols = "\n".join(symbol(icons, name) for name in ICON_NAMES)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n')


def symbol(icons: Path, name: str) -> str:
    drawing = (icons / "icons" / "outline" / f"{name}.svg").read_text()
    paths = re.findall(r"<path[^>]*/>", drawing)
    visible = "".join(path for path in paths if 'stroke="none"' not in path)
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{visible}</symbol>'
    )


def write_tabler_licence(mit_licence: Path) -> None:
    conditions = mit_licence.read_text().partition("\nPermission is")[1:]
    text = TABLER_LICENCE_HEAD + "".join(conditions)
    (folder_of(PACKAGES[0]) / "LICENSE").write_text(text)


if __name__ == "__main__":
    main()
