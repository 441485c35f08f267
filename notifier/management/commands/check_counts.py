from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.delivery import recount

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Compares the counters behind all statistics with the messages themselves, every one "
        "of them. Safe at any time, also while messages are sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mend", action="store_true", help="make the counters say what is there"
        )

    def handle(self, *args: Any, mend: bool, **options: Any) -> None:
        found = list(recount.differences())
        for difference in found[:SHOWN]:
            self.stdout.write(str(difference))
        if len(found) > SHOWN:
            self.stdout.write(f"… and {len(found) - SHOWN:,} more.")
        if not found:
            self.stdout.write("Every counter says what is there.")
            return
        if not mend:
            raise CommandError(f"{len(found):,} do not say what is there. Mend them by --mend.")
        recount.mend()
        left = list(recount.differences())
        self.stdout.write(f"Put right: {len(found) - len(left):,}.")
        if left:
            raise CommandError(
                f"{len(left):,} cannot be put right from the messages: {left[0]}. "
                "An audience says how many messages there should be."
            )
