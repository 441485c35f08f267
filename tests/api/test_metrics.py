from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from notifier.delivery.models import GatewayIncident, Heartbeat, Slot
from notifier.delivery.queue import enqueue
from notifier.mailings.models import Gateway
from tests.web.making import count_fully

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
    count_fully(mailing, timezone.now(), accepted=2)
    Slot.objects.bulk_create([Slot(id=1, state="running"), Slot(id=2)])
    for begins in (60, 120):
        began_at = timezone.now() - timedelta(seconds=begins)
        gateway, _ = Gateway.objects.get_or_create(name=f"Gateway {begins}")
        GatewayIncident.objects.create(gateway=gateway, kind="open", began_at=began_at)
    GatewayIncident.objects.create(
        gateway=gateway, kind="held", began_at=began_at, ended_at=began_at
    )
    Heartbeat.objects.create(name="sweep", at=timezone.now() - timedelta(seconds=30))
    Heartbeat.objects.create(name="cluster:alive")
    Heartbeat.objects.create(name="cluster:dead", at=timezone.now() - timedelta(hours=1))
    enqueue("sweep", due_at=timezone.now() - timedelta(seconds=60))
    enqueue("sweep", due_at=timezone.now() + timedelta(hours=1))

    answer = stranger.get("/metrics")

    told = samples(answer)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert told.pop("notifier_queue_lag_seconds") == pytest.approx(60, abs=5)
    assert told.pop("notifier_sweep_silence_seconds") == pytest.approx(30, abs=5)
    assert {name: value for name, value in told.items() if value} == {
        "notifier_messages[pending]": 1,
        "notifier_messages[accepted]": 2,
        "notifier_mailings[running]": 1,
        "notifier_queue_due_tasks": 1,
        "notifier_gateways_in_trouble[open]": 2,
        "notifier_gateway_incidents_total[open]": 2,
        "notifier_gateway_incidents_total[held]": 1,
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
