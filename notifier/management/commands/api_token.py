from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.accounts.tokens import create_token


class Command(BaseCommand):
    help = "Creates a token for the REST API and prints it: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whose rights the token carries")
        parser.add_argument("--name", default="", help="what it is for, to tell it from others")

    def handle(self, *args: Any, username: str, name: str, **options: Any) -> None:
        self.stdout.write(create_token(_active_user(username), _checked_name(name)))


def _active_user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(
            f'There is no user "{username}": create one with manage.py createsuperuser.'
        )
    if not user.is_active:
        raise CommandError(f'User "{username}" is disabled: its tokens would not be accepted.')
    return user


def _checked_name(name: str) -> str:
    if len(name) > 100:
        raise CommandError(f"The name has {len(name)} characters; at most 100 are kept.")
    return name
