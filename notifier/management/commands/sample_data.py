import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifier.clients.sample import add_sample_clients

MOST = 10_000_000


class Command(BaseCommand):
    help = "Adds made-up clients, for trying things out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clients", type=_count, default=1_000, help="how many (1,000)")
        parser.add_argument("--seed", type=int, default=1, help="another seed, other clients")

    def handle(self, *args: Any, clients: int, seed: int, **options: Any) -> None:
        added = add_sample_clients(clients, seed=seed)
        self.stdout.write(f"Added {added:,} made-up clients.")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 to {MOST}.')
    return int(text)
