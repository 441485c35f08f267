from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.accounts.tokens import create_token
from notifier.clients.models import Client
from notifier.delivery.models import Message
from notifier.mailings.models import Gateway, Mailing


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings):
    """Pages name their static files without anybody having collected them."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def api(user) -> APIClient:
    """Speaks JSON with a token, as an integrator's program does."""
    api = APIClient(enforce_csrf_checks=True)
    api.default_format = "json"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {create_token(user)}")
    return api


@pytest.fixture
def stranger(db) -> APIClient:
    stranger = APIClient(enforce_csrf_checks=True)
    stranger.default_format = "json"
    return stranger


@pytest.fixture
def gateway(db) -> Gateway:
    return Gateway.objects.get_or_create(name="Gateway")[0]


@pytest.fixture
def clients(db) -> list[Client]:
    return [
        Client.objects.create(phone="79140000001", operator=914, tag="a2"),
        Client.objects.create(phone="79990000002", operator=999, tag="a2", timezone="Asia/Omsk"),
        Client.objects.create(phone="79990000003", operator=999, tag="vip"),
    ]


@pytest.fixture
def tomorrow():
    return (timezone.now() + timedelta(days=1)).replace(microsecond=0)


@pytest.fixture
def started_mailing(gateway):
    """Makes mailings that have started, without a cluster to send them."""

    def make(**fields) -> Mailing:
        now = timezone.now()
        return Mailing.objects.create(
            **{
                "text": "Hello",
                "status": "running",
                "start_time": now - timedelta(minutes=5),
                "end_time": now + timedelta(hours=1),
                "started_at": now - timedelta(minutes=5),
                "prepared_at": now - timedelta(minutes=5),
            }
            | fields
        )

    return make


@pytest.fixture
def waiting_message(started_mailing):
    """Makes a message of a running mailing that waits to be sent to a client."""

    def make(client: Client, mailing: Mailing | None = None, **fields) -> Message:
        mailing = mailing or started_mailing()
        values = {"status": "pending", "due_at": timezone.now()} | fields
        if values["status"] != "pending":
            values["due_at"] = None
        message = Message.objects.create(
            mailing=mailing, client=client, phone=client.phone, **values
        )
        mailing.audience += 1
        mailing.first_message_id = mailing.first_message_id or message.pk
        mailing.last_message_id = message.pk
        mailing.save()
        return message

    return make


@pytest.fixture
def count_queries(api):
    """How many queries a request takes, the first being thrown away: it notes the token's use."""

    def count(request) -> int:
        assert request().status_code == 200
        with CaptureQueriesContext(connection) as queries:
            assert request().status_code == 200
        return len(queries)

    return count
