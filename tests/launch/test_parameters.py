"""The engine's parameters: read from the environment, bounded, and obeyed by Django's settings."""

import re
import subprocess
import sys
from dataclasses import asdict, fields

import pytest

from notifier.launch.environment import CHECKOUT
from notifier.launch.errors import BadVariable
from notifier.launch.parameters import (
    ImportLimits,
    Parameters,
    read_import_limits,
    read_parameters,
)

DEFAULTS = {
    "BREAKER_WINDOW_SECONDS": 30,
    "BREAKER_FEWEST_CALLS": 20,
    "BREAKER_TROUBLE_SHARE": 0.5,
    "BREAKER_FIRST_REST_SECONDS": 15,
    "BREAKER_LONGEST_REST_SECONDS": 300,
    "BREAKER_RAMP_SECONDS": 30,
    "BREAKER_PROBES": 3,
    "FIRST_RETRY_SECONDS": 2,
    "LONGEST_RETRY_SECONDS": 300,
    "LONGEST_RETRY_AFTER_SECONDS": 900,
    "LEASE_SECONDS": 15,
    "SWEEP_SECONDS": 10,
    "FROZEN_SECONDS": 16,
    "SLICE_SECONDS": 60,
    "DATABASE_PATIENCE_SECONDS": 60,
    "PAUSE_AT_REJECTED_SHARE": 0.5,
    "PAUSE_AFTER_RESULTS": 100,
}
DEFAULT_LIMITS = {
    "IMPORT_MOST_MEGABYTES": 256,
    "IMPORT_MOST_ROWS": 3_000_000,
    "IMPORT_MOST_COLUMNS": 200,
    "IMPORT_MOST_CELL_CHARACTERS": 4_000,
}


def test_what_the_parameters_are_unless_set():
    found = asdict(read_parameters({}))

    assert {name.upper(): value for name, value in found.items()} == DEFAULTS


def test_what_the_limits_of_an_import_are_unless_set():
    found = asdict(read_import_limits({}))

    assert {name.upper(): value for name, value in found.items()} == DEFAULT_LIMITS


@pytest.mark.parametrize("bound", ["least", "most"])
@pytest.mark.parametrize(
    ("kind", "read"), [(Parameters, read_parameters), (ImportLimits, read_import_limits)]
)
def test_every_parameter_may_be_set_to_its_bounds(kind, read, bound):
    bounds = {each.name: each.metadata[bound] for each in fields(kind)}

    found = read({name.upper(): str(value) for name, value in bounds.items()})

    assert asdict(found) == bounds


NOT_CALLS = "cannot be used: it takes a whole number from 1 to 100000."
NOT_A_SHARE = "cannot be used: it takes a number from 0.01 to 1."
NOT_A_LEASE = "cannot be used: it takes a number from 5 to 600."


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("BREAKER_FEWEST_CALLS", "20.5", NOT_CALLS),
        ("BREAKER_FEWEST_CALLS", "0", NOT_CALLS),
        ("BREAKER_TROUBLE_SHARE", "1.5", NOT_A_SHARE),
        ("BREAKER_TROUBLE_SHARE", "50%", NOT_A_SHARE),
        ("LEASE_SECONDS", "4.9", NOT_A_LEASE),
        ("LEASE_SECONDS", "nan", NOT_A_LEASE),
        ("LEASE_SECONDS", "1_0", NOT_A_LEASE),
        ("LEASE_SECONDS", "1.2.3", NOT_A_LEASE),
        ("LEASE_SECONDS", "-15", NOT_A_LEASE),
        (
            "LONGEST_RETRY_SECONDS",
            "1.5",
            "is shorter than FIRST_RETRY_SECONDS, 2: use a longer time.",
        ),
        (
            "BREAKER_LONGEST_REST_SECONDS",
            "10",
            "is shorter than BREAKER_FIRST_REST_SECONDS, 15: use a longer time.",
        ),
    ],
)
def test_a_bad_parameter_is_named_with_its_value_and_a_remedy(name, value, remedy):
    with pytest.raises(BadVariable) as raised:
        read_parameters({name: value})

    assert str(raised.value) == f'{name} "{value}" {remedy}'


@pytest.mark.parametrize("value", ["0", "100.5", "all"])
def test_a_bad_limit_is_named_too(value):
    with pytest.raises(BadVariable) as raised:
        read_import_limits({"IMPORT_MOST_COLUMNS": value})

    assert str(raised.value) == (
        f'IMPORT_MOST_COLUMNS "{value}" cannot be used: it takes a whole number from 1 to 1600.'
    )


def test_every_parameter_is_a_django_setting_of_its_name(tmp_path):
    numbers = DEFAULTS | DEFAULT_LIMITS
    others = {name: str(each + 1) for name, each in numbers.items() if "SHARE" not in name}
    others |= {name: "0.25" for name in DEFAULTS if "SHARE" in name}

    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from notifier import settings\n"
            f"print(*(f'{{getattr(settings, name):.10g}}' for name in {list(others)}))",
        ],
        env={**others, "NOTIFIER_DATA_DIR": str(tmp_path)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.split() == list(others.values())


def test_the_delivery_contract_tells_of_every_parameter():
    table = (CHECKOUT / "docs" / "delivery-contract.md").read_text()

    named = re.findall(r"\| `([A-Z_]+)` \|$", table, re.MULTILINE)

    assert sorted(named) == sorted(DEFAULTS)
