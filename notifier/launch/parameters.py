"""How patient, how careful and how quick the engine is: its parameters; what an import may be.

Each is an environment variable and a Django setting of the same name. What each
parameter means, and why it has its value, is told in docs/delivery-contract.md.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from notifier.launch.errors import BadVariable


def _number(default: float, least: float, most: float) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True)
class Parameters:
    # Calls are kept for ten minutes.
    breaker_window_seconds: float = _number(30.0, least=1, most=600)
    breaker_fewest_calls: int = _number(20, least=1, most=100_000)
    breaker_trouble_share: float = _number(0.5, least=0.01, most=1)
    breaker_first_rest_seconds: float = _number(15.0, least=0.1, most=3_600)
    breaker_longest_rest_seconds: float = _number(300.0, least=0.1, most=86_400)
    breaker_ramp_seconds: float = _number(30.0, least=0.1, most=3_600)
    breaker_probes: int = _number(3, least=1, most=100)
    first_retry_seconds: float = _number(2.0, least=0.1, most=3_600)
    longest_retry_seconds: float = _number(300.0, least=0.1, most=86_400)
    longest_retry_after_seconds: float = _number(900.0, least=1, most=86_400)
    # No request begins in the last 2 s of a lease.
    lease_seconds: float = _number(15.0, least=5, most=600)
    # The cluster looks every 2 s whether a sweep is due.
    sweep_seconds: float = _number(10.0, least=2, most=600)
    # The cluster's main process looks every 2 s.
    frozen_seconds: float = _number(16.0, least=4, most=600)
    slice_seconds: float = _number(60.0, least=5, most=3_600)
    database_patience_seconds: float = _number(60.0, least=0, most=3_600)
    pause_at_rejected_share: float = _number(0.5, least=0.01, most=1)
    pause_after_results: int = _number(100, least=1, most=1_000_000)


def read_parameters(variables: Mapping[str, str]) -> Parameters:
    """Read and check every parameter; the first bad one raises BadVariable."""
    parameters = _read_all(Parameters, variables)
    _check_order(parameters, "first_retry_seconds", "longest_retry_seconds")
    _check_order(parameters, "breaker_first_rest_seconds", "breaker_longest_rest_seconds")
    return parameters


@dataclass(frozen=True)
class ImportLimits:
    """The largest file of clients that is taken."""

    import_most_megabytes: int = _number(256, least=1, most=4_096)
    import_most_rows: int = _number(3_000_000, least=1, most=100_000_000)
    import_most_columns: int = _number(200, least=1, most=1_600)
    # The csv module takes no cell above 131,072.
    import_most_cell_characters: int = _number(4_000, least=100, most=100_000)


def read_import_limits(variables: Mapping[str, str]) -> ImportLimits:
    """Read and check every limit; the first bad one raises BadVariable."""
    return _read_all(ImportLimits, variables)


Kind = TypeVar("Kind")


def _read_all(kind: type[Kind], variables: Mapping[str, str]) -> Kind:
    return kind(**{each.name: _read(variables, each) for each in fields(kind)})  # type: ignore[arg-type]


def _read(variables: Mapping[str, str], parameter: Field) -> Any:
    name, kind = parameter.name.upper(), parameter.type
    value = variables.get(name, "").strip()
    if not value:
        return parameter.default
    least, most = parameter.metadata["least"], parameter.metadata["most"]
    number = _parse(value, whole=kind is int)
    if number is None or not least <= number <= most:
        what = "whole number" if kind is int else "number"
        remedy = f"cannot be used: it takes a {what} from {least} to {most}."
        raise BadVariable(name, value, remedy)
    return number


def _parse(value: str, *, whole: bool) -> float | None:
    # float() would also take "1_0", "nan" and digits of other scripts.
    if not set(value) <= set("0123456789."):
        return None
    try:
        return int(value) if whole else float(value)
    except ValueError:
        return None


def _check_order(parameters: Parameters, first: str, longest: str) -> None:
    shorter, longer = getattr(parameters, first), getattr(parameters, longest)
    if shorter > longer:
        remedy = f"is shorter than {first.upper()}, {shorter:g}: use a longer time."
        raise BadVariable(longest.upper(), f"{longer:g}", remedy)
