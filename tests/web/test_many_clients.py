"""Bulk actions, the suppression list, exports, and why a mailing did not reach somebody."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Func, QuerySet, TextField
from django.test import Client as Browser
from django.utils import timezone

from notifier.clients import counting
from notifier.clients.attribute_names import note_names
from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.spreadsheet import quote_cell, read_cell
from notifier.delivery import bulk_actions
from notifier.delivery.models import BulkAction
from notifier.web.clients import bulk
from tests.web.making import make_client, make_finished
from tests.web.reading import rows_of, words_of


class Nap(Func):
    template = "pg_sleep(1)::text"
    output_field = TextField()


def test_ticked_clients_get_a_tag_and_others_do_not(browser: Browser) -> None:
    chosen, other = make_client(tag="a2"), make_client(tag="a2")

    asked = browser.get("/clients/bulk/tag/", {"scope": "ticked", "client": chosen.pk})
    done = browser.post("/clients/bulk/tag/", {"clients": chosen.pk, "new_tag": "vip"}, follow=True)

    assert "Set the tag of 1 client?" in words_of(asked)
    assert "1 client got the tag “vip”." in words_of(done)
    assert list(Client.objects.order_by("id").values_list("tag", flat=True)) == ["vip", "a2"]
    assert other.tag == "a2"


@pytest.mark.parametrize(("action", "left"), [("opt_out", 3), ("delete", 1)])
def test_all_that_match_are_changed(browser: Browser, action: str, left: int) -> None:
    for tag in ("a2", "a2", "b"):
        make_client(tag=tag)

    asked = browser.get(f"/clients/bulk/{action}/", {"scope": "all", "tag": "a2"})
    browser.post(f"/clients/bulk/{action}/", {"scope": "all", "tag": "a2"})

    assert "2 clients?" in words_of(asked)
    assert Client.objects.count() == left
    assert not Client.objects.filter(tag="a2", opted_out_at=None).exists()


def test_it_is_asked_again_where_more_match_by_now(browser: Browser) -> None:
    asked_about, retagged = make_client(tag="a2"), make_client(tag="b")
    told = browser.get("/clients/bulk/opt_out/", {"scope": "all", "tag": "a2"}).context

    answer = {"tag": "a2", "total": told["total"], "newest": told["newest"]}
    Client.objects.filter(pk=retagged.pk).update(tag="a2")
    again = browser.post("/clients/bulk/opt_out/", answer)
    opted_out_unasked = Client.objects.filter(opted_out_at__isnull=False).count()
    make_client(tag="a2")
    browser.post("/clients/bulk/opt_out/", answer | {"total": again.context["total"]})

    assert again.status_code == 422
    assert "it was 1 client when you were asked" in words_of(again)
    assert opted_out_unasked == 0
    # Whoever came after the question is not meant by it.
    opted_out = Client.objects.filter(opted_out_at__isnull=False).values_list("pk", flat=True)
    assert set(opted_out) == {asked_about.pk, retagged.pk}


def test_after_a_bulk_action_the_list_is_as_it_was(browser: Browser) -> None:
    client = make_client(tag="a2")
    make_client(tag="a2")

    ticked = {"scope": "ticked", "client": client.pk, "tag": "a2", "sort": "phone", "page": "1"}
    asked = browser.get("/clients/bulk/tag/", ticked).context
    answer = {"clients": client.pk, "new_tag": "b", "list": asked["list_query"]}
    done = browser.post("/clients/bulk/tag/", answer)

    assert asked["back"] == done["Location"] == "/clients/?tag=a2&sort=phone&page=1"


def test_consequences_and_outcome_tell_for_whom_nothing_changes(browser: Browser) -> None:
    make_client(tag="a2")
    make_client(tag="a2", opted_out_at=timezone.now())
    make_client(tag="")

    asked = browser.get("/clients/bulk/tag/", {"scope": "all"})
    done = browser.post("/clients/bulk/opt_out/", {"scope": "all"}, follow=True)

    assert "2 of them have a tag, which is replaced." in words_of(asked)
    assert "2 of 3 clients opted out" in words_of(done)
    assert "the others had opted out before." in words_of(done)


def test_whom_it_takes_too_long_to_count_nothing_is_done_to(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_client()
    monkeypatch.setattr(bulk, "COUNT_SECONDS", 0.05)
    monkeypatch.setattr(
        bulk, "clients_up_to", lambda *_: Client.objects.annotate(nap=Nap()).exclude(nap="x")
    )

    asked = browser.get("/clients/bulk/delete/", {"scope": "all"})
    posted = browser.post("/clients/bulk/delete/", {"scope": "all"})

    assert "This takes too long Nothing was done." in words_of(asked)
    assert posted.status_code == 422
    assert Client.objects.count() == 1


def test_a_tag_is_taken_off(browser: Browser) -> None:
    for tag in ("a2", ""):
        make_client(tag=tag)

    done = browser.post("/clients/bulk/tag/", {"scope": "all", "new_tag": ""}, follow=True)

    assert "1 of 2 clients lost the tag; the others had none before." in words_of(done)


def test_nobody_ticked_is_nobody_changed(browser: Browser) -> None:
    make_client()

    browser.post("/clients/bulk/delete/", {"scope": "ticked"})

    assert Client.objects.count() == 1


def test_a_long_action_goes_on_on_a_cluster(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "CHUNK", 1)
    monkeypatch.setattr(bulk_actions, "FIRST_TURN_SECONDS", 0)
    for _ in range(3):
        make_client()

    page = browser.post("/clients/bulk/tag/", {"scope": "all", "new_tag": "x"}, follow=True)
    action = BulkAction.objects.get()
    bulk_actions.continue_bulk_action(action.pk, action.last_client_id)
    finished = browser.get(f"/clients/actions/{action.pk}/")

    assert "1 of 3 done" in words_of(page)
    assert "<title>33\xa0% · Set tag</title>" in page.content.decode()
    assert "<title>Done · Set tag</title>" in finished.content.decode()
    assert "3 clients got the tag “x”." in words_of(finished)
    action.refresh_from_db()
    assert (action.done, action.changed) == (3, 3)
    assert action.finished_at


def test_an_export_that_takes_the_database_too_long_is_not_begun(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ends(clients: QuerySet[Client]) -> int:
        with counting.stopped_in_time(0.05), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")
        return 0

    for module in ("web.clients.exports", "api.clients"):
        monkeypatch.setattr(f"notifier.{module}.count_in_time", never_ends)

    export = browser.get("/clients/export.csv?tag=a2", follow=True)

    assert "These conditions take longer than 0.05 s" in words_of(export)
    assert export.redirect_chain == [("/clients/?tag=a2", 302)]
    assert browser.get("/api/client/export/?tag=a2").status_code == 400


def test_an_export_is_safe_for_spreadsheets(browser: Browser) -> None:
    make_client(phone="79990000001", tag="=1+1", timezone="Europe/Moscow")

    response = browser.get("/clients/export.csv", {"tag": "=1+1"})

    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["phone", "operator", "tag", "timezone", "opted_out"],
        ["79990000001", "999", "'=1+1", "Europe/Moscow", "no"],
    ]


@pytest.mark.parametrize("text", ["=1", "'=1", "''-1", "'plain", "+7", "@x", "plain"])
def test_a_quoted_cell_is_read_as_it_was(text: str) -> None:
    assert read_cell(quote_cell(text)) == text


@pytest.mark.parametrize("text", ["=1", " =1", "\u00a0+7", "'  =1", "\n=1", "\uff1d1", "\t=1"])
def test_whatever_some_program_takes_for_a_formula_is_quoted(text: str) -> None:
    assert quote_cell(text) == f"'{text}"


def test_the_rule_that_kept_a_mailing_from_a_client_is_named(browser: Browser) -> None:
    client = make_client(tag="new")
    started = timezone.now() + timedelta(seconds=1)
    make_finished(
        name="For few", conditions={"tag": "vip"}, started_at=started, newest_client_id=client.pk
    )

    rows = rows_of(browser.get(f"/clients/{client.pk}/"))

    assert rows[0][0] == "For few"
    assert "tag is vip (this client’s tag is new)" in rows[0][1]


def test_the_rule_says_what_the_client_has_instead(browser: Browser) -> None:
    client = make_client(attributes={"city": "Omsk"})
    started = {"started_at": timezone.now() + timedelta(seconds=1), "newest_client_id": client.pk}
    for name, value in (("city", "Perm"), ("age", 30)):
        make_finished(conditions={f"attributes.{name}": value}, **started)

    age, city = (row[1] for row in rows_of(browser.get(f"/clients/{client.pk}/")))

    assert 'attribute "city" is Perm (this client’s attribute "city" is Omsk)' in city
    assert 'attribute "age" is 30 (this client’s attribute "age" is empty)' in age


def test_the_rule_calls_another_mailing_by_its_name(browser: Browser) -> None:
    client = make_client()
    sale = make_finished(name="Sale")
    make_finished(
        name="Thanks",
        conditions={"field": "mailing", "op": "received", "value": sale.pk},
        started_at=timezone.now() + timedelta(seconds=1),
        newest_client_id=client.pk,
    )

    rows = rows_of(browser.get(f"/clients/{client.pk}/"))

    assert "it is for clients where mailing “Sale” was received." in rows[0][1]


def test_a_field_is_checked_as_one_leaves_it(browser: Browser) -> None:
    known = make_client(phone="79990000001")

    wrong = browser.post("/clients/check/phone/", {"phone": "7921"})
    # Whatever else is wrong.
    others = {"operator": "1", "timezone": "Mars"}
    taken = browser.post("/clients/check/phone/", {"phone": "8 999 000 00 01", **others})

    assert "has 4 digits; 11 expected." in words_of(wrong)
    assert f'href="/clients/{known.pk}/"' in taken.content.decode()


def test_names_of_attributes_are_offered(browser: Browser) -> None:
    note_names(["city"])

    page = browser.get("/clients/add/").content.decode()

    assert '<datalist id="attribute-names"><option value="city">' in page
    assert 'list="attribute-names"' in page


def test_wrong_lines_keep_all_that_was_written(browser: Browser) -> None:
    response = browser.post("/clients/suppressed/", {"phones": "79990000001\n12"})

    assert response.status_code == 422
    assert "Line 2:" in words_of(response)
    assert "79990000001" in words_of(response)
    assert not SuppressedPhone.objects.exists()


def test_a_phone_comes_onto_the_list_and_leaves_it(browser: Browser) -> None:
    browser.post("/clients/suppressed/", {"phones": "8 999 000 00 01\n"})
    listed = browser.get("/clients/suppressed/?q=0001")
    asked = browser.get("/clients/suppressed/79990000001/remove/")
    browser.post("/clients/suppressed/79990000001/remove/")

    assert rows_of(listed)[0][0] == "+79990000001"
    assert "only if the person asked" in words_of(asked)
    assert not SuppressedPhone.objects.exists()
