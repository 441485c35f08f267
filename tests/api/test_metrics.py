from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from notifier.delivery.models import Heartbeat, MinuteCount, Slot
from notifier.delivery.queue import enqueue

pytestmark = pytest.mark.django_db


def samples(answer) -> dict[str, float]:
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_metrics_tell_the_state_of_the_service(stranger, clients, waiting_message):
    mailing = waiting_message(clients[0]).mailing
    mailing.audience = 3
    mailing.save()
    MinuteCount.objects.create(mailing=mailing, minute=timezone.now(), outcome="accepted", count=2)
    Slot.objects.bulk_create([Slot(id=1, state="running"), Slot(id=2)])
    Heartbeat.objects.create(name="cluster:alive")
    Heartbeat.objects.create(name="cluster:dead", at=timezone.now() - timedelta(hours=1))
    enqueue("sweep", due_at=timezone.now() - timedelta(seconds=60))
    enqueue("sweep", due_at=timezone.now() + timedelta(hours=1))

    answer = stranger.get("/metrics")

    told = samples(answer)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 60 <= told.pop("notifier_queue_lag_seconds") < 120
    assert {name: value for name, value in told.items() if value} == {
        "notifier_messages[pending]": 1,
        "notifier_messages[accepted]": 2,
        "notifier_mailings[running]": 1,
        "notifier_queue_due_tasks": 1,
        "notifier_clusters_alive": 1,
        "notifier_sender_slots[running]": 1,
        "notifier_sender_slots[idle]": 1,
    }


def test_an_idle_service_tells_zeros(stranger):
    told = samples(stranger.get("/metrics/"))

    assert set(told.values()) == {0}
    assert {"notifier_messages[failed]", "notifier_mailings[draft]"} <= told.keys()


@pytest.mark.parametrize(
    ("from_where", "expected"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "192.0.2.7"}, 401),
        ({"REMOTE_ADDR": ""}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}, 401),
    ],
)
def test_only_this_machine_may_scrape_without_a_token(stranger, from_where, expected):
    assert stranger.get("/metrics", **from_where).status_code == expected


def test_with_a_token_any_machine_may(api):
    assert api.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 200


def test_scrapers_that_prefer_openmetrics_get_it(stranger):
    answer = stranger.get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")
