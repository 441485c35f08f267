"""Measures what Notifier does and costs, beside what it is compared with, in one run.

Machines differ and are shared: compare the ratios of one run, not the figures of two.
What each table means: docs/performance.md.
"""

import argparse
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from tests.bench import (
    clients_pages,
    growth,
    history_pages,
    imports,
    latency,
    lateness,
    pages,
    throughput,
)
from tests.bench.machine import look_around
from tests.bench.report import print_table, write_json
from tests.bench.rig import Rig, Scale
from tests.bench.table import WIDTH
from tests.running import CHECKOUT, RunningNotifier

# In this order: those that are compared lie close together, and there are few restarts.
PARTS = {
    "growth": (growth.measure, [growth.table, growth.costs_table]),
    "throughput": (throughput.measure, [throughput.table]),
    "latency": (latency.measure, [latency.table]),
    "lateness": (lateness.measure, [lateness.table]),
    "pages": (pages.measure, [pages.table]),
    "history": (history_pages.measure, [history_pages.table]),
    "imports": (imports.measure, [imports.table, imports.beside_table]),
    "clients": (
        clients_pages.measure,
        [clients_pages.filters_table, clients_pages.lists_table],
    ),
}


def main() -> None:
    # SIGTERM ends it as Ctrl-C does, or it would leave a Notifier behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = read_options()
    scale = Scale(options.messages, options.runs, options.seconds, options.full)
    with (
        # On a disk, as in earnest, where the database's account may go.
        tempfile.TemporaryDirectory(prefix="notifier-bench-", dir="/var/tmp") as folder,
        RunningNotifier(_open(Path(folder)), echo=False) as notifier,
    ):
        measure(Rig(notifier, scale), parts=options.only, result=options.result)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
        help=f"only these parts: {', '.join(PARTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--full", action="store_true",
        help="also a mailing ten times as big, and more of everything",
    )  # fmt: skip
    parser.add_argument(
        "--messages", type=int, default=100_000, help="in a main run (100,000); at least 200"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each main row (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run of a baseline (2)")
    parser.add_argument("--result", type=Path, default=CHECKOUT / "build" / "bench.json")
    options = parser.parse_args()
    if options.messages < 200 or options.runs < 1 or options.seconds <= 0:
        parser.error("--messages takes 200 or more, --runs 1 or more, --seconds more than 0.")
    return options


def measure(rig: Rig, *, parts: list[str], result: Path) -> None:
    machine = look_around(rig)
    print(fill(machine.as_text, WIDTH), flush=True)
    measured: dict[str, Sequence[Any]] = {}
    for part in (part for part in PARTS if part in parts):
        measure_part, tables = PARTS[part]
        rows = measured[part] = measure_part(rig)
        for table in tables:
            print_table(table(rows, rig))
        # After each part: a run that is broken off has not been for nothing.
        write_json(result, machine, rig.scale, measured)
    print(f"\nWritten to {result}.")


def _open(folder: Path) -> Path:
    folder.chmod(0o711)
    return folder


if __name__ == "__main__":
    main()
