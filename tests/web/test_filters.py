"""The pages of saved filters."""

import pytest
from django.test import Client as Browser

from notifier.clients import counting
from notifier.clients.models import AttributeName, ClientFilter
from tests.web.making import make_client, make_mailing
from tests.web.reading import rows_of, words_of

HOSTILE = "<script>alert(1)</script>\"'><img src=x>"


def filled_in(
    *rows: tuple[str, ...], name: str = "Loyal", join: str = "all", groups: dict | None = None
) -> dict[str, object]:
    """The form's fields; a row is (field, op, value) or with the key of its group before."""
    whole = [row if len(row) == 4 else ("top", *row) for row in rows]
    names = ("row_group", "field", "op", "value")
    lists = {name: [row[place] for row in whole] for place, name in enumerate(names)}
    joins = groups or {}
    named = {"group": list(joins), "group_join": list(joins.values())}
    return {"name": name, "join": join, **named, **lists}


def test_a_filter_is_made_shown_and_changed(browser: Browser) -> None:
    browser.post(
        "/clients/filters/new/", filled_in(("tag", "is", "a2"), ("operator", "in", "999, 912"))
    )
    saved = ClientFilter.objects.get()
    browser.post(f"/clients/filters/{saved.pk}/", filled_in(("tag", "is", "b"), name="Other"))

    assert saved.conditions == {
        "all": [
            {"field": "tag", "op": "is", "value": "a2"},
            {"field": "operator", "op": "in", "value": [999, 912]},
        ]
    }
    [row] = rows_of(browser.get("/clients/filters/"))
    assert row[:3] == ["Other", "tag is b", "no mailing yet"]


def test_groups_come_back_as_they_were_saved(browser: Browser) -> None:
    data = filled_in(
        ("tag", "is", "a2"),
        ("1", "operator", "is", "999"),
        ("1", "attributes.city", "in", '"Omsk, Russia",Perm'),
        ("2", "timezone", "is", "UTC"),
        groups={"1": "any", "2": "none"},
    )
    browser.post("/clients/filters/new/", data)
    saved = ClientFilter.objects.get()
    before = saved.conditions

    form = browser.get(f"/clients/filters/{saved.pk}/").context["form"]
    shown = form.rows
    again = filled_in(
        *[(g.key, r.name, r.op, r.value) for g in (shown.top, *shown.groups) for r in g.rows],
        join=shown.top.join,
        groups={group.key: group.join for group in shown.groups},
    )
    browser.post(f"/clients/filters/{saved.pk}/", again)

    saved.refresh_from_db()
    assert saved.conditions == before
    assert before["all"][1]["any"][1]["value"] == ["Omsk, Russia", "Perm"]
    assert before["all"][2] == {"not": {"any": [{"field": "timezone", "op": "is", "value": "UTC"}]}}


def test_errors_stand_at_their_rows_and_nothing_is_lost(browser: Browser) -> None:
    data = filled_in(("operator", "is", "12"), ("tag", "is", "a2"), ("created_at", "before", ""))

    page = browser.post("/clients/filters/new/", data)

    assert page.status_code == 422
    assert [bool(row.problem) for row in page.context["form"].rows.every] == [True, False, True]
    assert 'Operator "12" is not a mobile operator code' in words_of(page)
    assert "Fill in the value." in words_of(page)
    for kept in ('value="12"', 'value="a2"', 'value="Loyal"'):
        assert kept in page.content.decode()


def test_a_name_is_used_once(browser: Browser) -> None:
    ClientFilter.objects.create(name="Loyal")

    page = browser.post("/clients/filters/new/", filled_in(("tag", "is", "a2")))

    assert page.status_code == 422
    assert 'There is a filter "Loyal" already' in words_of(page)


@pytest.mark.parametrize(
    "row",
    [
        (HOSTILE, "is", HOSTILE),
        ("tag", HOSTILE, HOSTILE),
        ("tag", "is", HOSTILE),
        ("tag", "in", '"a\rb\x00'),
        ("attributes.", "is", "x"),
        (f"attributes.{HOSTILE}", "contains", HOSTILE),
        ("mailing", "received", "9" * 30),
        ("import", "is", "²"),
        ("created_at", "in_last_days", "-1"),
    ],
)
def test_hostile_words_neither_break_a_page_nor_become_markup(
    browser: Browser, row: tuple[str, ...]
) -> None:
    AttributeName.objects.create(name=HOSTILE)

    saved = browser.post("/clients/filters/new/", filled_in(row, name=HOSTILE), follow=True)
    preview = browser.post("/clients/filters/preview/", filled_in(row))
    pages = [saved, preview, browser.get("/clients/filters/new/")]
    pages += [browser.get(f"/clients/filters/{each.pk}/") for each in ClientFilter.objects.all()]

    for page in pages:
        assert page.status_code in (200, 422)
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


def test_a_preview_counts_and_gives_examples(browser: Browser) -> None:
    client = make_client(tag="a2")
    make_client(tag="other")

    words = words_of(browser.post("/clients/filters/preview/", filled_in(("tag", "is", "a2"))))

    assert words.startswith("1 client ")
    assert str(client) in words


def test_a_preview_counts_more_values_than_an_address_holds(browser: Browser) -> None:
    make_client(tag="метка 7")
    tags = ", ".join(f"метка {number}" for number in range(1_000))

    words = words_of(browser.post("/clients/filters/preview/", filled_in(("tag", "in", tags))))

    assert words.startswith("1 client ")
    assert browser.get("/clients/filters/preview/").status_code == 405


def test_a_preview_names_the_row_that_cannot_be_counted(browser: Browser) -> None:
    data = filled_in(("tag", "is", "a2"), ("operator", "is", "12"))

    words = words_of(browser.post("/clients/filters/preview/", data))

    assert words.startswith('Not counted: Condition 2: Operator "12"')


def test_what_takes_too_long_is_said_and_can_be_saved(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise counting.TooSlow("These conditions take longer than 3 s.")

    monkeypatch.setattr("notifier.web.filters.views.count_clients", stop)
    data = filled_in(("tag", "is", "a2"))

    assert "take longer than 3 s" in words_of(browser.post("/clients/filters/preview/", data))
    assert browser.post("/clients/filters/new/", data).status_code == 302


def test_a_copy_has_a_name_of_its_own(browser: Browser) -> None:
    saved = ClientFilter.objects.create(name="x" * 100, conditions={"tag": "a2"})

    for _ in range(2):
        browser.post(f"/clients/filters/{saved.pk}/duplicate/")

    copies = ClientFilter.objects.exclude(pk=saved.pk).order_by("pk")
    assert [copy.name[-9:] for copy in copies] == ["xx (copy)", " (copy 2)"]
    assert {len(copy.name) for copy in copies} == {100}
    assert copies[0].conditions == {"tag": "a2"}


def test_deleting_says_where_it_is_used_and_leaves_the_mailings(browser: Browser) -> None:
    saved = ClientFilter.objects.create(name="Loyal", conditions={"tag": "a2"})
    mailing = make_mailing(client_filter=saved, conditions={"tag": "a2"})

    asked = words_of(browser.get(f"/clients/filters/{saved.pk}/delete/"))
    browser.post(f"/clients/filters/{saved.pk}/delete/")

    mailing.refresh_from_db()
    assert "1 mailing was made with it. It keeps the conditions" in asked
    assert not ClientFilter.objects.exists()
    assert (mailing.client_filter, mailing.conditions) == (None, {"tag": "a2"})


def test_a_filter_names_the_mailings_made_with_it(browser: Browser) -> None:
    saved = ClientFilter.objects.create(name="Loyal", conditions={"tag": "a2"})
    mailings = [make_mailing(name=f"Sale {n}", client_filter=saved) for n in range(6)]

    page = browser.get(f"/clients/filters/{saved.pk}/")

    assert f'href="/mailings/{mailings[5].pk}/"' in page.content.decode()
    assert "Sale 0" not in words_of(page)
    assert "the newest of 6 mailings. They keep the conditions as they were." in words_of(page)
    for address in (
        f"/clients/?filter={saved.pk}",
        f"/clients/export.csv?filter={saved.pk}",
        f"/mailings/new/?filter={saved.pk}",
        f"/clients/filters/{saved.pk}/delete/",
    ):
        assert f'href="{address}"' in page.content.decode()


def test_conditions_too_deep_for_rows_stay_as_they_are(browser: Browser) -> None:
    leaf = {"field": "tag", "op": "is", "value": "a2"}
    deep = {"any": [leaf, {"all": [leaf, {"any": [leaf, leaf]}]}]}
    saved = ClientFilter.objects.create(name="Deep", conditions=deep)

    page = browser.get(f"/clients/filters/{saved.pk}/")
    browser.post(f"/clients/filters/{saved.pk}/", {"name": "Renamed"})

    saved.refresh_from_db()
    assert "Made through the API" in words_of(page)
    assert (saved.name, saved.conditions) == ("Renamed", deep)


@pytest.mark.parametrize("conditions", [{"not": {}}, {"any": [{}, {"tag": "a2"}]}])
def test_a_group_of_nothing_is_not_lost(browser: Browser, conditions: dict) -> None:
    saved = ClientFilter.objects.create(name="Odd", conditions=conditions)

    browser.post(f"/clients/filters/{saved.pk}/", {"name": "Renamed"})

    saved.refresh_from_db()
    assert saved.conditions == conditions


def test_the_short_form_is_shown_as_rows(browser: Browser) -> None:
    short = {"any": [{"tag": "a2"}, {"not": {"any": [{"operator": 999}]}}]}
    saved = ClientFilter.objects.create(name="Short", conditions=short)

    rows = browser.get(f"/clients/filters/{saved.pk}/").context["form"].rows

    assert [row.name for row in rows.every] == ["tag", "operator"]
    assert (rows.top.join, rows.groups[0].join) == ("any", "none")


def test_mailings_are_called_by_their_name_or_text(browser: Browser) -> None:
    sale = make_mailing(name="Autumn sale")
    unnamed = make_mailing(name="", text="New shoes")
    ClientFilter.objects.create(
        name="Buyers", conditions={"field": "mailing", "op": "received", "value": sale.pk}
    )

    [row] = rows_of(browser.get("/clients/filters/"))
    offered = browser.get("/clients/filters/new/").context["mailings"]

    assert row[1] == "mailing “Autumn sale” was received"
    assert offered == [
        (str(unnamed.pk), f"New shoes (no. {unnamed.pk})"),
        (str(sale.pk), f"Autumn sale (no. {sale.pk})"),
    ]


def test_a_negated_comparison_is_shown_as_a_row(browser: Browser) -> None:
    saved = ClientFilter.objects.create(
        name="API",
        conditions={"all": [{"not": {"tag": "a"}}, {"any": [{"not": {"opted_out": True}}]}]},
    )

    form = browser.get(f"/clients/filters/{saved.pk}/").context["form"]

    shown = [(row.name, row.op, row.value) for row in form.rows.every]
    assert shown == [("tag", "is_not", "a"), ("opted_out", "is", "false")]


def test_an_empty_list_offers_three_to_begin_with(browser: Browser) -> None:
    page = browser.get("/clients/filters/")

    assert page.content.decode().count("?template=") == 3
    for key in ("quiet", "new", "tag"):
        begun = browser.get("/clients/filters/new/", {"template": key})
        assert len(begun.context["form"].rows.every) == 1


def test_the_list_asks_the_same_whatever_its_length(
    browser: Browser, django_assert_max_num_queries
) -> None:
    for number in range(3):
        received = {"field": "mailing", "op": "received", "value": make_mailing().pk}
        ClientFilter.objects.create(name=f"Filter {number}", conditions=received)

    with django_assert_max_num_queries(6):
        browser.get("/clients/filters/")
