"""The embedded PostgreSQL server (being built)."""

from pathlib import Path


def connection_settings(data_dir: Path) -> dict[str, object]:
    """Django's settings for the embedded server that serves ``data_dir``."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "notifier",
        "USER": "notifier",
        "HOST": "/tmp/notifier-dev",
        "PORT": "5432",
    }
