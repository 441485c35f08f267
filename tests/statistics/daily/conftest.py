import shutil
import subprocess
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from notifier.accounts.models import DailyEmail
from notifier.mailings.models import Gateway
from tests.conftest import do_without
from tests.mail_server import MailServer


@pytest.fixture(scope="session")
def running_mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mail_server(running_mail_server: MailServer, settings) -> MailServer:
    """The one that Notifier sends to; empty at the beginning of each test."""
    running_mail_server.forget()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running_mail_server.port
    settings.DEFAULT_FROM_EMAIL = "Notifier <notifier@example.com>"
    settings.SITE_URL = "https://sms.example.com"
    return running_mail_server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, and a certificate of our own for 127.0.0.1, in one file."""
    if not shutil.which("openssl"):
        do_without("no openssl here to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    name = "subjectAltName=IP:127.0.0.1"
    files = ("-keyout", str(path), "-out", f"{path}.crt")
    subprocess.run(
        ["openssl", "req", *options.split(), "-addext", name, *files],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def daily(transactional_db) -> DailyEmail:
    """Anna's, due at any time of the day."""
    # Flushing the tables between tests takes the one of the migrations away.
    Gateway.objects.get_or_create(name="Default gateway")
    anna = User.objects.create_user("anna", email="anna@example.com")
    return DailyEmail.objects.create(
        user=anna, address=anna.email, is_on=True, at=time(0), timezone="Asia/Kathmandu"
    )
