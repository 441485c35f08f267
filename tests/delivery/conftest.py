"""Delivery is tested with real rows, the real queue's table, and a real sandbox gateway."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from notifier.clients.models import Client
from notifier.delivery import deliver, rescue, stopping, tasks
from notifier.delivery.models import GatewayCalls, GatewayHealth, Message
from notifier.mailings.models import Gateway
from tests.sandbox import SandboxProcess


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    path: Path = tmp_path_factory.mktemp("sandbox") / "ledger.jsonl"
    with SandboxProcess(ledger=path) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings, gateway) -> Iterator[SandboxProcess]:
    """The gateway of all mailings; starts each test without faults and with an empty ledger."""
    settings.GATEWAY_URL = sandbox_process.url
    settings.GATEWAY_TOKEN = "secret"
    settings.SENDER_SLOTS = 1
    assert sandbox_process.ledger_path
    sandbox_process.reset(counts=True)
    with sandbox_process.ledger_path.open("w"):
        pass  # the gateway appends, so it goes on at the beginning
    yield sandbox_process
    sandbox_process.reset()


@pytest.fixture
def gateway(transactional_db) -> Gateway:
    """The default gateway, which flushing the tables between tests takes away."""
    gateway, _ = Gateway.objects.get_or_create(name="Default gateway")
    return gateway


@pytest.fixture
def add_clients(transactional_db) -> Callable[..., list[Client]]:
    def add(count: int, **fields) -> list[Client]:
        first = 79990000000 + Client.objects.count()
        rows = [Client(phone=str(first + n), operator=999, **fields) for n in range(count)]
        return Client.objects.bulk_create(rows)

    return add


@pytest.fixture
def run_queue() -> Callable[[], list[str]]:
    """Runs in this process all that is in the queue and due, as a cluster would, to the last."""

    def run() -> list[str]:
        done = []
        while row := OrmQ.objects.filter(lock__lte=timezone.now()).order_by("id").first():
            row.delete()
            task = SignedPackage.loads(row.payload)
            name = task["func"].rpartition(".")[2]
            getattr(tasks, name)(*task["args"])
            done.append(name)
        return done

    return run


@pytest.fixture
def come_due() -> Callable[[], None]:
    """All that waits is due, and every gateway has recovered."""

    def come_due() -> None:
        Message.objects.filter(status="pending").update(due_at=timezone.now())
        GatewayHealth.objects.all().delete()
        GatewayCalls.objects.all().delete()
        rescue.sweep()

    return come_due


@pytest.fixture(autouse=True)
def _turns_are_long(monkeypatch):
    """Whoever starts a mailing by itself has all its recipients chosen, on a slow machine too."""
    monkeypatch.setattr("notifier.delivery.recipients.TURN_SECONDS", 60)


@pytest.fixture(autouse=True)
def _cluster_goes_on():
    yield
    stopping._stopping.value = 0
    if deliver._sender is not None:
        deliver._sender.take_back()
