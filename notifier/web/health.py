"""Whether the service is alive, and whether it is ready for work."""

from collections.abc import Callable
from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from notifier.statistics.overview import CLUSTER_SILENT_AFTER, clusters_alive


@login_not_required
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """The web process answers. Says nothing about the database on purpose."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Everything that a mailing needs is there: 200; else 503 and what is missing, by name."""
    missing = find_missing()
    answer = {"status": "not ready" if missing else "ready", "missing": missing}
    return JsonResponse(answer, status=503 if missing else 200)


def find_missing() -> dict[str, str]:
    """What is missing, with a sentence for each. Stops at the first: the next ones rest on it."""
    checks: dict[str, Callable[[], str]] = {
        "database": _database_trouble,
        "migrations": _migrations_trouble,
        "cluster": _cluster_trouble,
    }
    for name, trouble_of in checks.items():
        if trouble := trouble_of():
            return {name: trouble}
    return {}


def _database_trouble() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "The database cannot be reached."
    return ""


def _migrations_trouble() -> str:
    waiting = sorted(_known_migrations() - set(MigrationRecorder(connection).applied_migrations()))
    if not waiting:
        return ""
    app, name = waiting[0]
    return f"Migrations not applied: {len(waiting)}, beginning with {app}.{name}."


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Every migration in the code; read once, as code does not change under a process."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _cluster_trouble() -> str:
    if clusters_alive():
        return ""
    return f"No cluster has been heard of for {CLUSTER_SILENT_AFTER.seconds} seconds."
