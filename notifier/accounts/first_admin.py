"""The first administrator, created through a link that works once and is printed at the start."""

import hashlib
import secrets

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from notifier.accounts.models import SetupLink

# There is only ever one link: a new one takes this row over.
ONLY_LINK = 1


class SetupClosed(Exception):
    """The link is not, or no longer, good for creating an administrator."""

    def __init__(self) -> None:
        super().__init__(
            "This set-up link is no longer valid. Use the newest one that the server printed, "
            "or sign in if an administrator exists already."
        )


def first_admin_link(base_url: str) -> str | None:
    """A fresh link under ``base_url``; the one before it stops working.

    None once there is an active superuser.
    """
    if has_administrator():
        return None
    token = secrets.token_urlsafe(32)
    SetupLink.objects.update_or_create(pk=ONLY_LINK, defaults={"token_hash": _hash(token)})
    return f"{base_url.rstrip('/')}/setup/{token}/"


def check_setup_token(token: str) -> bool:
    """Whether the link with this token can still create the first administrator."""
    known = SetupLink.objects.filter(token_hash=_hash(token)).exists()
    return known and not has_administrator()


@transaction.atomic
def create_first_admin(token: str, *, username: str, password: str, email: str = "") -> User:
    """Create the superuser and close the link.

    Raises SetupClosed, and ValidationError by field (username, email,
    password) where the account cannot be created as asked.
    """
    # Of two at once, the second waits here and then finds no link.
    link = SetupLink.objects.select_for_update().filter(token_hash=_hash(token)).first()
    if link is None or has_administrator():
        raise SetupClosed
    user = User(username=username, email=email, is_staff=True, is_superuser=True)
    _check_account(user, password)
    user.set_password(password)
    user.save()
    link.delete()
    return user


def _check_account(user: User, password: str) -> None:
    user.full_clean(exclude=["password"])
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error


def has_administrator() -> bool:
    """Whether somebody could sign in and let others in: then the set-up link is closed."""
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
