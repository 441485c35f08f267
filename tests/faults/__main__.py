"""Many seeds of random faults, each judged by the invariants: ``make faults``.

Prints a line for each seed, writes build/faults.json, and fails where anything
is violated; that seed's data folder, ledger and output are kept.
"""

import argparse
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import django

from tests.faults.plan import Plan, draw_plan
from tests.faults.seeds import Outcome, run_seed
from tests.folders import make_open_folder

RESULTS = Path("build/faults.json")
SHOWN = ("accepted", "failed", "unknown", "expired", "cancelled", "skipped")
HEADINGS = f"{'seed':>5} {'sent':>6} " + " ".join(f"{each:>9}" for each in SHOWN)
HEADINGS += f" {'maybe ×2':>8} {'×2':>5} {'page':>6} {'time':>5}  violations, and the faults"


def main() -> int:
    # SIGTERM ends it as Ctrl-C does, or it would leave a Notifier behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _read_options()
    _set_up_django()
    first = options.first if options.seed is None else options.seed
    seeds = range(first, first + (options.seeds if options.seed is None else 1))
    print(HEADINGS)
    outcomes = []
    for seed in seeds:
        plan = draw_plan(seed, messages=options.messages, seconds=options.seconds)
        outcomes.append(_run(plan, echo=options.echo))
        print(_line(outcomes[-1]), flush=True)
        _write(outcomes)
    failed = sum_up(outcomes)
    return failed if options.seed is not None else max(failed, _run_long_tests())


def _run_long_tests() -> int:
    """What ``make test`` leaves out."""
    print("\nThe long tests:", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-m", "long", "tests"]
    return subprocess.run(command, check=False).returncode


def _set_up_django() -> None:
    """For the product's own SQL, which the invariants use; nothing is done through Django here."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "notifier.settings"
    folder = make_open_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NOTIFIER_DATA_DIR"] = str(folder)
    django.setup()


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, default=20, help="how many seeds (20)")
    add("--first", type=int, default=1, help="the first of them (1)")
    add("--seed", type=int, help="this one alone")
    add("--messages", type=int, default=10_000, help="recipients of each mailing (10,000)")
    add("--seconds", type=float, default=25.0, help="for which faults go on (25)")
    add("--echo", action="store_true", help="show what Notifier prints")
    return parser.parse_args()


def _run(plan: Plan, *, echo: bool) -> Outcome:
    folder = make_open_folder()
    try:
        return run_seed(plan, folder, echo=echo)
    except Exception as error:
        traceback.print_exc()
        words = f"the seed could not be run to its end: {error}"
        return Outcome(plan.seed, str(plan), plan.messages, violations=[words], folder=str(folder))


def _line(outcome: Outcome) -> str:
    numbers = " ".join(f"{outcome.statuses.get(each, 0):>9,}" for each in SHOWN)
    return (
        f"{outcome.seed:>5} {outcome.requests:>6,} {numbers} {outcome.maybe_twice:>8,}"
        f" {outcome.surely_twice:>5,} {outcome.page_seconds:>5.2f}s {outcome.seconds:>4.0f}s"
        f"  {len(outcome.violations)}; {outcome.plan}"
        + "".join(f"\n      ! {each}" for each in outcome.violations)
        + (f"\n      kept in {outcome.folder}" if outcome.folder else "")
    )


def _write(outcomes: list[Outcome]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    content = [outcome.as_json() for outcome in outcomes]
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False))


def sum_up(outcomes: list[Outcome]) -> int:
    bad = [outcome.seed for outcome in outcomes if outcome.violations]
    messages = sum(sum(outcome.statuses.values()) for outcome in outcomes)
    print(
        f"{len(outcomes)} seeds, {messages:,} messages, "
        f"{sum(outcome.requests for outcome in outcomes):,} requests, "
        f"{sum(outcome.surely_twice for outcome in outcomes):,} received twice, "
        f"at most {max(outcome.after_stop_requests for outcome in outcomes)} requests and "
        f"{max(outcome.after_stop_seconds for outcome in outcomes):.2f} s after a stop, "
        f"slowest page {max(outcome.slowest_page_seconds for outcome in outcomes):.1f} s"
    )
    print(f"Violations in seeds {bad}" if bad else "No violations.", f"({RESULTS})")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
