"""The tables on the screen, and everything as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.machine import Machine
from tests.bench.rig import Scale
from tests.bench.table import Table


def print_table(table: Table) -> None:
    print(f"\n{table.as_text()}", flush=True)


def write_json(path: Path, machine: Machine, scale: Scale, parts: dict[str, Sequence[Any]]) -> None:
    content = {
        "machine": asdict(machine),
        "scale": asdict(scale),
        **{part: [asdict(row) for row in rows] for part, rows in parts.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
