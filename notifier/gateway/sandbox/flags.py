"""Reads the command's flags for faults and latency into the JSON of ``control``."""

from notifier.gateway.sandbox.control import LATENCY_KINDS, BadSetting


def read_latency_flag(flag: str) -> dict[str, object]:
    """``0.1``, ``uniform:0.05:0.2`` or ``tail:0.1:2`` (median and 99th percentile)."""
    kind, *numbers = flag.split(":") if ":" in flag else ("fixed", flag)
    names = LATENCY_KINDS.get(kind, ())
    if not names or len(names) != len(numbers):
        raise BadSetting(f'--latency "{flag}" is not SECONDS, uniform:LOW:HIGH or tail:MEDIAN:P99.')
    values = [_number_in(number, f'--latency "{flag}"') for number in numbers]
    return {"kind": kind, **dict(zip(names, values, strict=True))}


def read_fault_flags(flags: list[str]) -> dict[str, object]:
    """``500=0.1`` each, or ``500=0.1@10+30``: from the 10th second on, for 30 seconds."""
    return dict(_read_fault_flag(flag) for flag in flags)


def _read_fault_flag(flag: str) -> tuple[str, object]:
    subject = f'--fault "{flag}"'
    name, equals, value = flag.partition("=")
    if not equals:
        raise BadSetting(f"{subject} is not NAME=RATE, for example 500=0.1.")
    rate, _, times = value.partition("@")
    after, _, duration = times.partition("+")
    fault: dict[str, object] = {"rate": _number_in(rate, subject)}
    if after:
        fault["after_seconds"] = _number_in(after, subject)
    if duration:
        fault["for_seconds"] = _number_in(duration, subject)
    return name, fault


def _number_in(words: str, subject: str) -> float:
    try:
        return float(words)
    except ValueError as error:
        raise BadSetting(f'{subject}: "{words}" is not a number.') from error
