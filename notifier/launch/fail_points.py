"""Reading of NOTIFIER_FAIL_POINTS, by which tests have processes die at awkward moments.

It kills, so it works only where a second variable names the very data folder
that is used: a file of variables copied to another installation does nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from notifier.launch.errors import BadVariable

POINTS = (
    "recipients_chosen",
    "claimed",
    "request_left",
    "before_results_commit",
    "results_committed",
    "import_rows_staged",
    "import_chunk_committed",
)
VARIABLE = "NOTIFIER_FAIL_POINTS"
FOLDER_VARIABLE = "NOTIFIER_FAIL_POINTS_IN"


def read_fail_points(variables: Mapping[str, str], data_dir: Path) -> dict[str, float]:
    """How likely a process dies at each point; empty, as everywhere but in tests, for none.

    ``claimed:0.01,request_left:0.0005`` kills at every hundredth claim, about,
    and at every two-thousandth reply.
    """
    value = variables.get(VARIABLE, "").strip()
    if not value:
        return {}
    if variables.get(FOLDER_VARIABLE, "") != str(data_dir) or "NOTIFIER_DATA_DIR" not in variables:
        raise BadVariable(VARIABLE, value, "kills processes: it is for Notifier's own tests alone.")
    return dict(_read_point(value, each) for each in value.split(","))


def _read_point(value: str, part: str) -> tuple[str, float]:
    name, _, chance = part.strip().partition(":")
    try:
        if name in POINTS and 0 <= float(chance) <= 1:
            return name, float(chance)
    except ValueError:
        pass
    known = ", ".join(POINTS)
    raise BadVariable(VARIABLE, value, f"is not a list of point:probability; points are {known}.")
