from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from notifier.accounts.tokens import user_for_token


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer <token>``; a header of another scheme is left to others."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, *rest = get_authorization_header(request).split() or [b""]
        if scheme.lower() != b"bearer":
            return None
        if len(rest) != 1:
            raise AuthenticationFailed("The header is not of the form Authorization: Bearer TOKEN.")
        user = user_for_token(rest[0].decode("latin-1"))
        if user is None:
            raise AuthenticationFailed("The token is not known, or its owner is disabled.")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        # Its presence makes DRF answer strangers with 401 rather than 403.
        return 'Bearer realm="Notifier"'


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made with `manage.py api_token USERNAME` or in the settings.",
        }
