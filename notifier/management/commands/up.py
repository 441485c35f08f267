"""``manage.py up``: Notifier, whole, until Ctrl-C."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from notifier.launch.output import Output
from notifier.launch.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Starts the database (unless DATABASE_URL is set), brings the tables and static files "
        "up to date, and starts the web, a cluster and the sandbox gateway (unless GATEWAY_URL "
        "is set). Restarts what dies. Ctrl-C or SIGTERM stops everything."
    )
    # The parts check for themselves.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--with-parent",
            action="store_true",
            help="stop when the process that started this one ends, however it ends",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        output = Output(sys.stdout)
        try:
            Supervisor(settings.ENVIRONMENT, output, ends_with_parent=options["with_parent"]).run()
        finally:
            output.close()
