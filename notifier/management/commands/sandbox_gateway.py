"""``manage.py sandbox_gateway``: a stand-in for the real gateway."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notifier.gateway.sandbox.control import BadSetting
from notifier.gateway.sandbox.faults import FAULTS
from notifier.gateway.sandbox.flags import read_fault_flags, read_latency_flag
from notifier.gateway.sandbox.ledger import LedgerError
from notifier.gateway.sandbox.server import SandboxError, SandboxOptions, run


class Command(BaseCommand):
    help = (
        "Starts a gateway that accepts messages without sending them, and fails in the ways "
        "that you ask for. Its page at / shows what it received and switches faults; whoever "
        "reaches the port can do the same, so it listens on this machine only unless told "
        f"otherwise. Faults: {', '.join(sorted(FAULTS))}."
    )
    # It needs no database, and is started before there is one.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        add(
            "--port",
            type=int,
            default=settings.ENVIRONMENT.sandbox_port,
            help="port to listen on; 0 takes any free one (SANDBOX_PORT)",
        )
        add("--ledger", type=Path, help="file that gets one JSON line for each message received")
        add(
            "--ledger-sync",
            action="store_true",
            help="bring the ledger to disk (fsync) before a reply leaves",
        )
        add("--token", default="", help="the one bearer token to let in; any if not given")
        add("--seed", type=int, help="makes the faults' sequence repeatable")
        add(
            "--latency",
            metavar="SECONDS",
            help="keep replies back: 0.1, uniform:LOW:HIGH or tail:MEDIAN:P99",
        )
        add(
            "--fault",
            action="append",
            default=[],
            metavar="NAME=RATE",
            help="a fault and its share of requests, 500=0.1; with a schedule, 500=0.1@10+30: "
            "from the 10th second on, for 30 seconds. May be given several times.",
        )
        add(
            "--retry-after",
            metavar="KIND",
            help="of 429 and 503: a number of seconds, or none, date, nonsense, huge",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(_read_options(options), announce=self._announce)
        except (BadSetting, LedgerError, SandboxError) as error:
            raise CommandError(str(error)) from error

    def _announce(self, address: str) -> None:
        self.stdout.write(f"Sandbox gateway is ready at {address}")
        self.stdout.flush()


def _read_options(options: dict[str, Any]) -> SandboxOptions:
    if options["ledger_sync"] and not options["ledger"]:
        raise BadSetting("--ledger-sync needs --ledger FILE.")
    if not 0 <= options["port"] <= 65535:
        raise BadSetting(f"--port {options['port']} is not a port: use 0 to 65535.")
    return SandboxOptions(
        host=options["host"],
        port=options["port"],
        ledger=options["ledger"],
        ledger_sync=options["ledger_sync"],
        token=options["token"],
        settings=_read_settings(options),
    )


def _read_settings(options: dict[str, Any]) -> dict[str, object]:
    given: dict[str, object] = {"seed": options["seed"]}
    if options["latency"]:
        given["latency"] = read_latency_flag(options["latency"])
    if options["fault"]:
        given["faults"] = read_fault_flags(options["fault"])
    if options["retry_after"]:
        kind = options["retry_after"]
        given["retry_after"] = int(kind) if kind.isdecimal() else kind
    return given
