import pytest
from django.contrib.auth.models import User

from notifier.accounts.first_admin import first_admin_link
from notifier.clients.models import Client
from notifier.mailings.models import Mailing
from tests.browser.looking import Watched


def test_a_newcomer_s_first_mailing_takes_five_clicks(
    stranger: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.web.clients.views.SAMPLE_CLIENTS", 300)
    page = stranger.page

    stranger.open(str(first_admin_link("")))
    page.fill("#id_username", "root")
    page.fill("#id_password", "a-long-secret-7")
    page.fill("#id_password_again", "a-long-secret-7")
    page.click("text=Create and sign in")
    page.click("text=Add 100,000 sample clients")
    page.click("text=New mailing")
    page.fill("#id_text", "Hello there")
    page.click("#launch-word")

    page.wait_for_selector("text=Starting now")
    mailing = Mailing.objects.get()
    reachable = Client.objects.filter(opted_out_at=None).count()
    assert page.inner_text(".toast-body") == f"Launched for {reachable} clients."
    assert (mailing.text, mailing.created_by) == ("Hello there", User.objects.get())
