"""``make bench``: what the whole path does, beside what it is compared with, in one run.

Machines differ and are shared: compare the ratios of one run, not the figures
of two. Writes build/bench.json.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench import baselines
from tests.bench.whole_path import Measured, cores, measure_mailing
from tests.running import CHECKOUT, RunningNotifier

RESULT = CHECKOUT / "build" / "bench.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each baseline")
    options = parser.parse_args()
    with (
        # On a disk, as in earnest, where the database's account may go.
        tempfile.TemporaryDirectory(prefix="notifier-bench-", dir="/var/tmp") as folder,
        RunningNotifier(_open(Path(folder)), echo=False) as notifier,
    ):
        notifier.manage("sample_data", "--clients", str(options.clients))
        print(f"{options.clients:,} clients, {cores()} cores, {options.runs} runs\n")
        compared = measure_baselines(notifier, seconds=options.seconds)
        runs = [measure_mailing(notifier, recipients=options.clients) for _ in range(options.runs)]
    report(compared, runs)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"baselines": compared, "runs": [asdict(run) for run in runs]}, indent=2)
    )
    print(f"\nWritten to {RESULT.relative_to(CHECKOUT)}.")


def _open(folder: Path) -> Path:
    folder.chmod(0o711)
    return folder


def measure_baselines(notifier: RunningNotifier, *, seconds: float) -> dict[str, float | None]:
    url = notifier.sandbox_url
    return {
        "gateway's ceiling (wrk)": baselines.gateway_ceiling(url, seconds=seconds),
        "libcurl alone": baselines.libcurl_alone(url, seconds=seconds),
        "requests, 64 threads": baselines.requests_in_threads(url, seconds=seconds),
        "one after the other": baselines.one_after_the_other(
            url, notifier.database(), seconds=seconds
        ),
    }


def report(compared: dict[str, float | None], runs: list[Measured]) -> None:
    whole = statistics.median(run.per_second for run in runs)
    print(f"{'':30}{'messages/s':>12}{'whole path is':>16}")
    print(f"{'Notifier, the whole path':30}{whole:12,.0f}")
    for name, rate in compared.items():
        if rate is None:
            print(f"{name:30}{'not measured':>12}")
        else:
            print(f"{name:30}{rate:12,.0f}{whole / rate:15.2f}×")
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    print(f"\nOf the median run, {middle.messages:,} messages:")
    print(f"  first request after {middle.first_request_seconds:.2f} s")
    print(f"  WAL per message     {middle.wal_bytes:,.0f} bytes")
    for part, cost in sorted(middle.cpu_us.items()):
        print(f"  {part:19} {cost:6.1f} µs CPU per message, peak {middle.peak_mib[part]:.0f} MiB")


if __name__ == "__main__":
    main()
