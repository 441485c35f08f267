"""What the figures were measured on, and what else the machine was doing."""

import os
import platform
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pycurl

from tests.bench.rig import Rig
from tests.running import CHECKOUT

LOOK_SECONDS = 1.0
BUSIEST = 5


@dataclass(frozen=True)
class Machine:
    """``other_programs``: name and CPU in per cent of a core, before anything was measured."""

    measured_at: str
    notifier: str
    cores: int
    processor: str
    memory_gib: float
    kernel: str
    python: str
    postgresql: str
    libcurl: str
    load_average: float
    other_programs: dict[str, float]

    @property
    def as_text(self) -> str:
        programs = ", ".join(f"{name} {used:.0f} %" for name, used in self.other_programs.items())
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gib:.0f} GiB, "
            f"PostgreSQL {self.postgresql}, Python {self.python}, {self.libcurl}. "
            f"Before the start: load {self.load_average:.1f}, "
            f"other programs' use of a core: {programs or 'none'}."
        )


def look_around(rig: Rig) -> Machine:
    return Machine(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notifier=_revision(),
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gib=psutil.virtual_memory().total / 2**30,
        kernel=platform.release(),
        python=platform.python_version(),
        postgresql=str(rig.query("SHOW server_version")[0]).split()[0],
        libcurl=next(each for each in pycurl.version.split() if each.startswith("libcurl")),
        load_average=os.getloadavg()[0],
        other_programs=_other_programs(rig),
    )


def _revision() -> str:
    """The commit, with a + where files differ from it; empty where git does not know."""
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=CHECKOUT, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    return ""


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _other_programs(rig: Rig) -> dict[str, float]:
    ours = {process.pid for process in rig.notifier.processes()} | {os.getpid()}
    others = [process for process in psutil.process_iter() if process.pid not in ours]
    _cpu_percent(others)
    time.sleep(LOOK_SECONDS)  # an interval to measure over, not a wait for something
    busiest = _cpu_percent(others).most_common(BUSIEST)
    return {name: used for name, used in busiest if used >= 1}


def _cpu_percent(processes: list[psutil.Process]) -> Counter[str]:
    """By name, as many programs have several processes."""
    used: Counter[str] = Counter()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            used[process.name()] += process.cpu_percent()
    return used
