from django.utils import timezone

from notifier.mailings.models import Mailing
from tests.browser.looking import Watched
from tests.web.making import make_client, make_mailing


def test_counts_and_consequences_follow_what_is_typed(page: Watched) -> None:
    for tag in ("a2", "a2", "other"):
        make_client(tag=tag, operator=912)
    make_client(tag="a2", operator=999, opted_out_at=timezone.now())
    composer = page.page
    page.open("/mailings/new/")
    assert composer.inner_text("#audience-count").startswith("4 clients match")

    composer.fill("#id_text", "Привет 👋")
    assert composer.inner_text("#text-count") == "8 of 4,000 characters"
    assert composer.inner_text("#phone-text") == "Привет 👋"

    composer.fill("#id_tag", "a2")
    composer.wait_for_selector("text=3 clients match; 1 has opted out and will be skipped.")
    assert composer.inner_text("#launch-word") == "Send now to 2 clients"

    composer.click("label:has-text('999 (1)')")
    composer.wait_for_selector("text=There is nobody to send to.")

    composer.click("label:has-text('Later')")
    composer.fill("#id_start_time", "2040-05-01T09:30")
    composer.wait_for_selector("text=Starts 1 May 2040, 09:30 UTC")
    assert composer.inner_text("#launch-word") == "Schedule"
    assert composer.evaluate("document.activeElement.name") == "start_time"


def test_the_start_s_time_is_asked_only_for_later(page: Watched) -> None:
    page.open("/mailings/new/")
    assert page.page.is_hidden("#id_start_time")

    page.page.click("label:has-text('Later')")

    assert page.page.is_visible("#id_start_time")


def test_a_double_click_launches_once(page: Watched) -> None:
    make_client()
    page.open("/mailings/new/")
    page.page.fill("#id_text", "Hello")

    page.page.dblclick("#launch-word")
    page.page.wait_for_selector("text=Starting now")

    assert Mailing.objects.count() == 1


def test_errors_keep_all_that_was_typed_and_lead_to_the_first(page: Watched) -> None:
    page.expected = ["422 (Unprocessable"]
    make_client(tag="a2")
    composer = page.page
    page.open("/mailings/new/")
    composer.fill("#id_name", "Sale")
    composer.fill("#id_tag", "a2")
    composer.click("label:has-text('999 (1)')")
    composer.click("label:has-text('Later')")

    composer.press("#id_tag", "Enter")
    composer.wait_for_selector("text=Say when it starts.")

    assert composer.evaluate("document.activeElement.name") == "text"
    assert composer.input_value("#id_name") == "Sale"
    assert composer.input_value("#id_tag") == "a2"
    assert composer.is_checked("input[name=operators][value='999']")
    assert composer.is_visible("#id_start_time")


def test_of_many_operators_the_chosen_are_counted(page: Watched) -> None:
    for operator in range(900, 1000):
        make_client(operator=operator)
    composer = page.page
    page.open("/mailings/new/")
    assert composer.inner_text("#operators-count") == "None chosen: clients of any operator"

    composer.click("label:has-text('900 (1)')")
    composer.click("label:has-text('999 (1)')")

    assert composer.inner_text("#operators-count") == "2 of 100 chosen"
    page.look_at_it_every_way()


def test_a_text_that_is_too_long_is_kept_whole_and_said_to_be(page: Watched) -> None:
    page.expected = ["422 (Unprocessable"]
    text = "Привет\n" + "👋" * 3994
    composer = page.page
    page.open("/mailings/new/")
    composer.fill("#id_text", text)
    assert composer.inner_text("#text-count") == "4,001 of 4,000 characters: 1 too many"

    composer.click("#launch-word")
    composer.wait_for_selector("text=The text has 4001 characters; at most 4000.")

    assert composer.input_value("#id_text") == text
    assert composer.inner_text("#text-count.is-over") == "4,001 of 4,000 characters: 1 too many"
    composer.fill("#id_text", text[:-1])
    assert composer.inner_text("#text-count:not(.is-over)") == "4,000 of 4,000 characters"


def test_a_scheduled_mailing_opens_as_it_was_written(page: Watched) -> None:
    make_client(tag="a2")
    mailing = make_mailing(conditions={"tag": "a2"})

    page.open(f"/mailings/{mailing.pk}/edit/")

    assert page.page.input_value("#id_tag") == "a2"
    assert page.page.inner_text("#phone-text") == "Everything must go"
    assert page.page.inner_text("#launch-word") == "Save"
