from django.contrib.auth.models import User
from django.http import HttpRequest


def person_of(request: HttpRequest) -> User:
    """Who is signed in; for views that LoginRequiredMiddleware closes to everybody else."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user
