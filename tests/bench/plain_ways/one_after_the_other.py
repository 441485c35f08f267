"""The plain program that most people write first: for each message a row, a request, a save.

One process, one thread. Each message is created by Django's ORM in a logged
table of Notifier's own database, posted by ``requests.post``, and saved as
sent, each statement in a transaction of its own (autocommit), as Django does
unless told otherwise. The connection to the database is kept for the whole
run. To the gateway there is a new one for each message, as ``requests.post``
keeps none.

Nothing is done to slow it down. Where programs differ, this is the cheaper
one: no foreign keys, no index but the primary key, no template, no log, no
queue before it, no client to be read first, and only the changed field saved.
"""

import time

import django
import requests

from tests.bench.plain_ways import PHONE, post, run_from_command_line


def send(url: str, seconds: float) -> tuple[int, float]:
    django.setup()
    from django.db import connection

    message = _make_model()
    with connection.schema_editor() as editor:
        editor.create_model(message)
    try:
        return _send_until(message, url, seconds)
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(message)


def _make_model() -> type:
    from django.db import models

    class PlainMessage(models.Model):
        phone = models.BigIntegerField()
        created_at = models.DateTimeField(auto_now_add=True)
        sent = models.BooleanField(default=False)

        class Meta:
            app_label = "bench"
            db_table = "bench_plain_message"

        def __str__(self) -> str:
            return f"message {self.pk}"

    return PlainMessage


def _send_until(model: type, url: str, seconds: float) -> tuple[int, float]:
    done, begun = 0, time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        message = model.objects.create(phone=PHONE)  # type: ignore[attr-defined]
        post(requests, url, message.pk)
        message.sent = True
        message.save(update_fields=["sent"])
        done += 1
    return done, passed


if __name__ == "__main__":
    run_from_command_line(send)
