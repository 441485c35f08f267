"""Reads the conditions from the JSON of ``POST /control``, and writes them as such.

A setting replaces what it names and leaves the rest: new ``faults`` replace all
faults, ``latency`` replaces the latency. ``after_seconds`` and ``for_seconds``
beside them time both; inside one of them, that one alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from notifier.gateway.sandbox.conditions import (
    Conditions,
    FaultRate,
    RetryAfter,
    Timed,
    Window,
)
from notifier.gateway.sandbox.faults import FAULTS, RETRY_AFTER
from notifier.gateway.sandbox.latency import LONGEST_SECONDS, Fixed, Latency, Tail, Uniform

LONGEST_WINDOW_SECONDS = 86_400.0
TIMING = ("after_seconds", "for_seconds")
SETTINGS = (
    "faults",
    "latency",
    "retry_after",
    "redirect_to",
    "seed",
    "refuse_seconds",
    *TIMING,
)
LATENCY_KINDS: dict[str, tuple[str, ...]] = {
    "fixed": ("seconds",),
    "uniform": ("low", "high"),
    "tail": ("median", "p99"),
}


class BadSetting(ValueError):
    """A setting that cannot be used; the text is one sentence that says how to mend it."""


@dataclass(frozen=True)
class Change:
    """What one ``POST /control`` asks for. ``refuse_seconds`` is None unless asked for."""

    conditions: Conditions
    reseeds: bool
    seed: int | None
    refuse_seconds: float | None


def read_change(content: object, *, current: Conditions, now: float) -> Change:
    settings = _object(content, "The settings", allowed=SETTINGS)
    window = _window(settings, now=now)
    if "faults" in settings:
        current = replace(current, faults=_read_faults(settings["faults"], window, now=now))
    if "latency" in settings:
        current = replace(current, latency=_read_latency(settings["latency"], window, now=now))
    if "retry_after" in settings:
        current = replace(current, retry_after=_read_retry_after(settings["retry_after"]))
    if "redirect_to" in settings:
        current = replace(current, redirect_to=_read_redirect(settings["redirect_to"]))
    refuse = settings.get("refuse_seconds")
    return Change(
        conditions=current,
        reseeds="seed" in settings,
        seed=_read_seed(settings.get("seed")),
        refuse_seconds=None if refuse is None else _seconds(refuse, "refuse_seconds", least=0.05),
    )


def describe(conditions: Conditions, *, now: float) -> dict[str, object]:
    """The conditions in the form that ``read_change`` accepts; what is over is left out."""
    faults = {
        timed.what.fault.name: {"rate": timed.what.rate, **_describe_window(timed.window, now)}
        for timed in conditions.faults
        if timed.window.ends_at > now
    }
    latency = conditions.latency
    return {
        "faults": faults,
        "latency": None
        if latency is None or latency.window.ends_at <= now
        else {**latency.what.as_json(), **_describe_window(latency.window, now)},
        "retry_after": {
            "kind": conditions.retry_after.kind,
            "seconds": conditions.retry_after.seconds,
        },
        "redirect_to": conditions.redirect_to,
    }


def _read_faults(value: object, window: Window, *, now: float) -> tuple[Timed[FaultRate], ...]:
    if not isinstance(value, dict):
        raise BadSetting('"faults" is not an object of names and rates, for example {"500": 0.1}.')
    faults = tuple(_read_fault(name, given, window, now=now) for name, given in value.items())
    total = Conditions(faults=faults).highest_total_rate()
    if total > 1 + 1e-9:
        raise BadSetting(f"The rates of the faults add up to {total:g}; at most 1 is possible.")
    return faults


def _read_fault(name: str, value: object, window: Window, *, now: float) -> Timed[FaultRate]:
    if name not in FAULTS:
        raise BadSetting(f'There is no fault "{name}". There are: {", ".join(sorted(FAULTS))}.')
    subject = f'The rate of "{name}"'
    if isinstance(value, dict):
        given = _object(value, f'The fault "{name}"', allowed=("rate", *TIMING))
        window = _window(given, now=now, default=window)
        value = given.get("rate", 1)
    rate = _number(value, subject)
    if not 0 <= rate <= 1:
        raise BadSetting(f"{subject} is {rate:g}; use 0 to 1.")
    return Timed(FaultRate(FAULTS[name], rate), window)


def _read_latency(value: object, window: Window, *, now: float) -> Timed[Latency] | None:
    if value is None or (type(value) is not bool and value == 0):
        return None
    given = value if isinstance(value, dict) else {"kind": "fixed", "seconds": value}
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in LATENCY_KINDS:
        raise BadSetting('The kind of "latency" is not "fixed", "uniform" or "tail".')
    names = LATENCY_KINDS[kind]
    given = _object(given, f"The {kind} latency", allowed=("kind", *names, *TIMING))
    numbers = [_seconds(given.get(name), f'"{name}" of the latency') for name in names]
    latency = _make_latency(kind, numbers)
    return Timed(latency, _window(given, now=now, default=window))


def _make_latency(kind: str, numbers: list[float]) -> Latency:
    if kind == "fixed":
        return Fixed(numbers[0])
    first, second = numbers
    if first > second:
        raise BadSetting(f"The {kind} latency's {first:g} is above its {second:g}: swap them.")
    if kind == "uniform":
        return Uniform(first, second)
    if first == 0:
        raise BadSetting('"median" of the latency is 0; use more than 0.')
    return Tail(first, second)


def _read_retry_after(value: object) -> RetryAfter:
    """A number of seconds, a kind, or an object of both."""
    if isinstance(value, str):
        value = {"kind": value}
    elif not isinstance(value, dict):
        value = {"kind": "seconds", "seconds": value}
    given = _object(value, '"retry_after"', allowed=("kind", "seconds"))
    kind = given.get("kind", "seconds")
    if not isinstance(kind, str) or kind not in RETRY_AFTER:
        raise BadSetting(f'The kind of "retry_after" is none of: {", ".join(RETRY_AFTER)}.')
    seconds = _seconds(given.get("seconds", RetryAfter().seconds), '"seconds" of retry_after')
    return RetryAfter(kind, round(seconds))


def _read_redirect(value: object) -> str:
    remedy = '"redirect_to" is not an http(s) address of printable ASCII.'
    if not isinstance(value, str) or any(not 0x20 < ord(character) < 0x7F for character in value):
        raise BadSetting(remedy)
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise BadSetting(remedy) from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadSetting(remedy)
    return value


def _read_seed(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise BadSetting('"seed" is not a whole number.')


def _window(given: Mapping[str, object], *, now: float, default: Window | None = None) -> Window:
    if default is not None and not any(name in given for name in TIMING):
        return default
    after = _seconds(given.get("after_seconds", 0), "after_seconds", most=LONGEST_WINDOW_SECONDS)
    length = given.get("for_seconds")
    if length is None:
        return Window(now + after, math.inf)
    seconds = _seconds(length, "for_seconds", least=0.01, most=LONGEST_WINDOW_SECONDS)
    return Window(now + after, now + after + seconds)


def _describe_window(window: Window, now: float) -> dict[str, float]:
    described = {}
    if window.starts_at > now:
        described["after_seconds"] = round(window.starts_at - now, 3)
    if window.ends_at < math.inf:
        described["for_seconds"] = round(window.ends_at - max(now, window.starts_at), 3)
    return described


def _object(value: object, subject: str, *, allowed: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadSetting(f"{subject} are not a JSON object.")
    unknown = [name for name in value if name not in allowed]
    if unknown:
        raise BadSetting(f'{subject}: "{unknown[0]}" is unknown. Use: {", ".join(allowed)}.')
    return value


def _seconds(
    value: object, subject: str, *, least: float = 0.0, most: float = LONGEST_SECONDS
) -> float:
    seconds = _number(value, subject)
    if not least <= seconds <= most:
        raise BadSetting(f"{subject} is {seconds:g}; use {least:g} to {most:g} seconds.")
    return seconds


def _number(value: object, subject: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadSetting(f"{subject} is not a number.")
    if not abs(value) < 10**15:  # so that NaN is refused too
        raise BadSetting(f"{subject} is not a number of ordinary size.")
    return float(value)
