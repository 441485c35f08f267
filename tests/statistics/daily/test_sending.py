"""The daily e-mail on its way: to a real mail server that takes it, refuses it, or is silent."""

import re
import ssl
import threading
import time as clock
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from notifier.accounts.daily_email import daily_email_for_token, yesterday_of
from notifier.accounts.models import DailyEmail
from notifier.delivery import rescue
from notifier.statistics import tasks
from notifier.statistics.daily import sending
from notifier.statistics.daily.mail_server import MaybeTaken, NotTaken, hand_over
from tests.delivery.beside import Beside
from tests.mail_server import MailServer, server_that_takes_and_never_says_so, silent_server
from tests.statistics.daily.counting import mailing_of


def yesterday(daily: DailyEmail):
    return yesterday_of(daily, timezone.now())


def state_of(daily: DailyEmail) -> tuple[str, int, str]:
    daily.refresh_from_db()
    return daily.outcome, daily.attempts, daily.last_error


def pause_is_over() -> None:
    DailyEmail.objects.update(next_attempt_at=timezone.now())


def queued() -> list[tuple]:
    """What waits of daily e-mails, taken out."""
    packages = [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("id")]
    OrmQ.objects.all().delete()
    name = "notifier.statistics.tasks.daily_email"
    return [task["args"] for task in packages if task["func"] == name]


def test_a_sweep_has_it_sent_once_in_both_forms(mail_server, daily):
    day = yesterday(daily)
    mailing = mailing_of(day, daily.timezone, accepted=12_400, failed=80)
    rescue.sweep()

    for [daily_id] in queued() * 2:
        tasks.daily_email(daily_id)
    rescue.sweep()

    assert queued() == []
    email = mail_server.only()
    assert (email["To"], email["From"]) == ("anna@example.com", "Notifier <notifier@example.com>")
    assert email["Subject"].startswith("12,400 accepted, 80 failed · ")
    assert email["Message-ID"].endswith("@example.com>")
    assert email.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in email.iter_parts())
    assert "accepted 12,400, failed 80" in text
    assert f"/mailings/{mailing.pk}/" in html
    assert state_of(daily) == ("sent", 1, "")
    assert (daily.day, daily.lease_until) == (day, None)


def test_it_carries_what_mail_programs_unsubscribe_by(mail_server, daily):
    tasks.daily_email(daily.pk)

    email = mail_server.only()
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.sub(r"\s", "", email["List-Unsubscribe"]).strip("<>")
    token = link.removeprefix("https://sms.example.com/daily-email/unsubscribe/").rstrip("/")
    assert daily_email_for_token(token) == daily
    for part in email.iter_parts():
        assert link in part.get_content()


def test_people_are_written_to_one_after_the_other(mail_server, daily):
    for name in ("bob", "carol"):
        user = User.objects.create_user(name)
        DailyEmail.objects.create(
            user=user, address=f"{name}@example.com", is_on=True, at=daily.at, timezone="UTC"
        )

    rescue.sweep()
    in_queue = []
    while waiting := queued():
        in_queue.append(len(waiting))
        tasks.daily_email(*waiting[0])

    assert in_queue == [1, 1, 1]
    people = {email["To"].partition("@")[0] for email in mail_server.taken}
    assert people == {"anna", "bob", "carol"}


def test_of_clusters_that_begin_at_the_same_moment_one_sends(mail_server, daily):
    together = threading.Barrier(4)

    def begin() -> None:
        together.wait()
        sending.send_daily_email(daily.pk)

    clusters = [Beside(begin) for _ in range(4)]
    for cluster in clusters:
        cluster.finish()

    assert len(mail_server.taken) == 1
    assert state_of(daily) == ("sent", 1, "")


def test_what_was_refused_is_tried_again_after_a_pause(mail_server, daily):
    mail_server.refusal = "451 The disk is full"
    tasks.daily_email(daily.pk)
    refused = "The mail server refused the e-mail: 451 The disk is full"
    assert state_of(daily) == ("waiting", 1, refused)
    tasks.daily_email(daily.pk)
    assert state_of(daily) == ("waiting", 1, refused)

    mail_server.refusal = ""
    pause_is_over()
    tasks.daily_email(daily.pk)

    assert state_of(daily) == ("sent", 2, "")
    assert len(mail_server.taken) == 1


def test_a_refused_address_and_an_absent_server_are_told_in_words(mail_server, daily, settings):
    mail_server.refusal_of_addresses = "550 5.1.1 No such\x00 mailbox"
    tasks.daily_email(daily.pk)
    assert state_of(daily)[2] == "The mail server refused the address: 550 5.1.1 No such mailbox"

    settings.EMAIL_PORT = 1
    pause_is_over()
    tasks.daily_email(daily.pk)
    assert state_of(daily)[2] == "The mail server could not be reached: Connection refused."

    settings.EMAIL_PORT, settings.EMAIL_USE_TLS = mail_server.port, True
    pause_is_over()
    tasks.daily_email(daily.pk)
    assert state_of(daily)[2].startswith("The mail server knows no TLS")


@pytest.mark.parametrize("words", [b"", b"2", b"220-and so on\r\n"])
def test_a_mail_server_that_hangs_or_dribbles_is_left_in_time(mail_server, daily, settings, words):
    settings.EMAIL_TIMEOUT = 1
    began = clock.monotonic()
    with silent_server(words=words) as settings.EMAIL_PORT:
        tasks.daily_email(daily.pk)

    # An upper bound, however slow the machine is: it would have been for ever.
    assert clock.monotonic() - began < 20
    assert state_of(daily) == ("waiting", 1, "The mail server took longer than 1 s.")


def test_what_may_have_been_taken_is_not_sent_again(mail_server, daily, settings):
    settings.EMAIL_TIMEOUT = 1
    with server_that_takes_and_never_says_so() as settings.EMAIL_PORT:
        tasks.daily_email(daily.pk)
    assert state_of(daily) == ("maybe_sent", 1, "The mail server took longer than 1 s.")

    settings.EMAIL_PORT = mail_server.port
    pause_is_over()
    tasks.daily_email(daily.pk)

    assert mail_server.taken == []


class Killed(BaseException):
    """As a kill -9: nothing is written down after it."""


def test_whoever_is_killed_before_it_leaves_is_followed_by_another(mail_server, daily, monkeypatch):
    die_in_handing_over(monkeypatch, leaves=False)
    with pytest.raises(Killed):
        tasks.daily_email(daily.pk)
    monkeypatch.undo()
    assert state_of(daily) == ("waiting", 1, "")

    pause_is_over()
    tasks.daily_email(daily.pk)
    assert mail_server.taken == []  # the lease goes on
    DailyEmail.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.daily_email(daily.pk)

    assert len(mail_server.taken) == 1
    assert state_of(daily) == ("sent", 2, "")


def test_whoever_is_killed_as_it_leaves_is_followed_by_nobody(mail_server, daily, monkeypatch):
    die_in_handing_over(monkeypatch, leaves=True)
    with pytest.raises(Killed):
        tasks.daily_email(daily.pk)
    monkeypatch.undo()
    DailyEmail.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    pause_is_over()

    tasks.daily_email(daily.pk)

    assert mail_server.taken == []
    assert state_of(daily) == ("maybe_sent", 1, "")


def die_in_handing_over(monkeypatch, *, leaves: bool) -> None:
    def die(email, *, before_it_leaves):
        if leaves:
            before_it_leaves()
        raise Killed

    monkeypatch.setattr(sending, "hand_over", die)


def test_empty_days_are_spared_to_whoever_wishes_it(mail_server, daily):
    DailyEmail.objects.update(skips_empty_days=True)
    tasks.daily_email(daily.pk)

    assert mail_server.taken == []
    assert state_of(daily) == ("nothing_to_tell", 1, "")


def test_without_a_mail_server_nothing_is_tried(daily, settings):
    settings.EMAIL_HOST = ""
    rescue.sweep()

    assert queued() == []
    tasks.daily_email(daily.pk)
    assert state_of(daily) == ("waiting", 0, "")


def test_lines_of_one_dot_and_long_lines_arrive_as_they_were(mail_server):
    body = f".\n..\n.hidden\n{'x' * 2000}\nПривет\n"

    hand_over(EmailMessage("Dots", body, to=["anna@example.com"]))

    assert mail_server.only().get_content().splitlines() == body.splitlines()


@pytest.mark.parametrize(
    ("setting", "option"), [("EMAIL_USE_SSL", "ssl_context"), ("EMAIL_USE_TLS", "tls_context")]
)
def test_a_secure_connection_is_made_to_whom_it_trusts_alone(
    settings, monkeypatch, certificate, setting, option
):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    email = EmailMessage("Secret", "x", to=["anna@example.com"])
    with MailServer(**{option: context}) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        setattr(settings, setting, True)
        with pytest.raises(NotTaken, match="No secure connection to the mail server: CERT"):
            hand_over(email)

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        hand_over(email)

    assert server.only()["Subject"] == "Secret"


def test_a_mail_server_that_hangs_behind_tls_is_left_in_time(settings, monkeypatch, certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.EMAIL_HOST, settings.EMAIL_USE_SSL, settings.EMAIL_TIMEOUT = "127.0.0.1", True, 1
    email = EmailMessage("Secret", "x", to=["anna@example.com"])

    with (
        silent_server(words=b"220-on and on\r\n", context=context) as settings.EMAIL_PORT,
        pytest.raises(NotTaken, match="took longer than 1 s"),
    ):
        hand_over(email)


def test_an_error_of_our_own_holds_up_nobody(mail_server, daily, settings):
    settings.SITE_URL = None
    with pytest.raises(TypeError):
        tasks.daily_email(daily.pk)

    assert state_of(daily)[:2] == ("waiting", 1)
    assert daily.lease_until is None


def test_what_calls_it_off_leaves_nothing_behind(mail_server):
    def call_off() -> None:
        raise LookupError

    email = EmailMessage("Off", "x", to=["anna@example.com"])
    with pytest.raises(LookupError):
        hand_over(email, before_it_leaves=call_off)

    assert mail_server.taken == []
    assert not issubclass(NotTaken, MaybeTaken)
