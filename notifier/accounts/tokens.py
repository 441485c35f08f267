"""Keys to the REST API. Only a token's hash is kept: the token itself is shown once."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from notifier.accounts.models import ApiToken

# Tells people, and scanners for leaked secrets, what they have found.
PREFIX = "ntf_"
# One write a minute and token says enough about when it was last used.
LAST_USED_PRECISION = timedelta(minutes=1)


def create_token(user: User, name: str = "") -> str:
    """A new token of the user, which cannot be read again."""
    raw = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name, token_hash=_hash(raw))
    return raw


def user_for_token(raw: str) -> User | None:
    """Whose token it is; None where it is unknown or its user is disabled."""
    token = ApiToken.objects.select_related("user").filter(token_hash=_hash(raw)).first()
    if token is None or not token.user.is_active:
        return None
    _note_use(token)
    return token.user


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_PRECISION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _hash(raw: str) -> str:
    return hashlib.sha256(raw.encode(errors="surrogateescape")).hexdigest()
