"""Every field with every op: whom it chooses, and what Python says of the same clients."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from notifier.clients.conditions import (
    FIELDS,
    BadConditions,
    attribute_field,
    check_conditions,
    describe_conditions,
    matching_clients,
)
from notifier.clients.counting import TooSlow, count_clients, stopped_in_time
from notifier.clients.deciding import deciding_rule
from notifier.clients.imports.models import ClientImport, ImportChange
from notifier.clients.models import Client
from notifier.delivery.models import Message
from notifier.mailings.models import Mailing

NOW = datetime.now(UTC)


@pytest.fixture
def people(db) -> dict[str, Client]:
    """Three clients, of whom everything differs."""
    imports = ClientImport.objects.create(
        pk=7, file_name="may.csv", file_size=1, file_kind="csv", encoding="utf-8", delimiter=",",
        changed=1,
    )  # fmt: skip
    anna = Client.objects.create(
        phone="79140000001", operator=914, tag="vip", timezone="Asia/Omsk",
        attributes={"city": "Omsk", "age": "30", "born": "01.09.1990", "2024": "yes"},
        created_by_import=imports,
    )  # fmt: skip
    boris = Client.objects.create(
        phone="79990000002", operator=999, attributes={"city": "Tomsk", "age": 41, "member": True},
        opted_out_at=NOW,
    )  # fmt: skip
    vera = Client.objects.create(
        phone="79990000013", operator=999, tag="new",
        attributes={"age": "about 30", "born": "1985-02-03"},
    )  # fmt: skip
    Client.objects.filter(pk=vera.pk).update(created_at=NOW - timedelta(days=40))
    ImportChange.objects.create(
        client_import=imports, client_id=boris.pk, operator=1, timezone="UTC", attributes={},
        updated_at=NOW, changed_at=NOW - timedelta(days=4, hours=12),
    )  # fmt: skip
    mailing = Mailing.objects.create(
        pk=5, name="Autumn sale", text="x", status="running",
        start_time=NOW - timedelta(days=20), end_time=NOW + timedelta(days=1),
    )  # fmt: skip
    for client, status in ((anna, "accepted"), (boris, "failed")):
        message = Message.objects.create(
            mailing=mailing, client=client, phone=client.phone, status=status, attempts=1,
            sent_at=NOW - timedelta(days=10), finished_at=NOW,
        )  # fmt: skip
        mailing.first_message_id = mailing.first_message_id or message.pk
        mailing.last_message_id = message.pk
    mailing.save()
    return {"anna": anna, "boris": boris, "vera": vera}


def day(days: int) -> str:
    return (timezone.now() + timedelta(days=days)).date().isoformat()


# More than are looked for one by one.
MANY = [f'"{number}\\' for number in range(1_000, 1_100)]
CASES = [
    ("phone_number", "ends_with", "13", "vera"),
    ("phone_number", "starts_with", "7999", "boris vera"),
    ("tag", "is_set", None, "anna vera"),
    ("tag", "is_not_set", None, "boris"),
    ("opted_out", "is", True, "boris"),
    ("opted_out", "is", "no", "anna vera"),
    ("attributes.city", "is", "Omsk", "anna"),
    ("attributes.city", "is_not", "Omsk", "boris vera"),
    ("attributes.city", "in", ["Omsk", "Tomsk"], "anna boris"),
    ("attributes.city", "in", ["Omsk", "Tomsk", *MANY], "anna boris"),
    ("attributes.city", "in", ["", *MANY], "vera"),
    ("attributes.age", "in", ["41", "30", *MANY], "anna boris"),
    ("attributes.age", "in", [41.0, 30.0, *MANY], "anna boris"),
    ("attributes.member", "in", ["true", *MANY], "boris"),
    ("attributes.2024", "in", ["yes", *MANY], "anna"),
    ("attributes.city", "contains", "OMSK", "anna boris"),
    ("attributes.city", "starts_with", "to", "boris"),
    ("attributes.city", "is_set", None, "anna boris"),
    ("attributes.city", "is_not_set", None, "vera"),
    ("attributes.city", "is", "", "vera"),
    ("attributes.age", "is", "30", "anna"),
    ("attributes.age", "is", 30, "anna"),
    ("attributes.age", "is", "41", "boris"),
    ("attributes.age", "lt", 41, "anna"),
    ("attributes.age", "lte", "41", "anna boris"),
    ("attributes.age", "gt", "30", "boris"),
    ("attributes.age", "gte", "29,5", "anna boris"),
    ("attributes.member", "is", "true", "boris"),
    ("attributes.member", "is", True, "boris"),
    ("attributes.member", "in", [True, "x"], "boris"),
    ("attributes.member", "is", False, ""),
    ("attributes.2024", "is", "yes", "anna"),
    ("attributes.2024", "is_set", None, "anna"),
    ("attributes.born", "before", "1990-01-01", "vera"),
    ("attributes.born", "after", "1985-02-03", "anna"),
    ("created_at", "in_last_days", 30, "anna boris"),
    ("created_at", "not_in_last_days", 30, "vera"),
    ("created_at", "before", day(-39), "vera"),
    ("created_at", "after", day(-2), "anna boris"),
    ("imported_at", "is_set", None, "anna boris"),
    ("imported_at", "is_not_set", None, "vera"),
    ("imported_at", "in_last_days", 5, "anna boris"),
    ("imported_at", "in_last_days", 4, "anna"),
    ("imported_at", "not_in_last_days", 4, "boris vera"),
    ("imported_at", "before", day(0), "boris"),
    ("imported_at", "after", day(-3), "anna"),
    ("import", "is", 7, "anna boris"),
    ("import", "is_not", 7, "vera"),
    ("mailing", "received", 5, "anna"),
    ("mailing", "not_received", 5, "boris vera"),
    ("mailing", "chosen", 5, "anna boris"),
    ("mailing", "not_chosen", 5, "vera"),
    ("mailing", "received", 99, ""),
    ("last_contacted", "is_set", None, "anna boris"),
    ("last_contacted", "is_not_set", None, "vera"),
    ("last_contacted", "in_last_days", 11, "anna boris"),
    ("last_contacted", "in_last_days", 9, ""),
    ("last_contacted", "not_in_last_days", 9, "anna boris vera"),
    ("last_contacted", "before", day(-5), "anna boris"),
    ("last_contacted", "before", day(-15), ""),
    ("last_contacted", "after", day(-15), "anna boris"),
]


@pytest.mark.parametrize(("field", "op", "value", "expected"), CASES)
def test_each_op_chooses_whom_it_says(people, field, op, value, expected):
    given_value = {} if value is None else {"value": value}
    conditions = check_conditions({"field": field, "op": op, **given_value})

    def chosen(conditions) -> set[str]:
        ids = set(matching_clients(conditions).values_list("pk", flat=True))
        return {name for name, client in people.items() if client.pk in ids}

    assert chosen(conditions) == set(expected.split())
    # Whoever is not chosen is chosen by the opposite: nobody falls between.
    assert chosen({"not": conditions}) == people.keys() - set(expected.split())
    assert chosen({"not": {"not": conditions}}) == set(expected.split())
    assert describe_conditions(conditions)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (
            {"field": "mailing", "op": "not_received", "value": 5},
            "mailing “Autumn sale” was not received",
        ),
        ({"not": {"field": "mailing", "op": "chosen", "value": 99}},
         "mailing no. 99 did not choose the client"),
        ({"field": "import", "op": "is", "value": 7}, "import is “may.csv”"),
        ({"field": "last_contacted", "op": "in_last_days", "value": 30},
         "last message is within the last 30 days"),
        ({"field": "created_at", "op": "not_in_last_days", "value": 1},
         "added not within the last day"),
        ({"field": "last_contacted", "op": "is_not_set"}, "has never been sent a message"),
        ({"not": {"opted_out": False}}, "has opted out"),
        ({"field": "operator", "op": "in", "value": list(range(900, 912))},
         "operator is one of 900, 901, 902, 903, 904, 905, 906, 907, 908, 909 and 2 more"),
        ({"not": {"any": [{"tag": "a"}, {"tag": "b"}]}}, "not (tag is a or tag is b)"),
        ({"any": [{"tag": "a", "operator": 999}, {"not": {}}]},
         "(tag is a and operator is 999) or not everybody"),
    ],
)  # fmt: skip
def test_words_are_such_as_a_person_would_say(people, conditions, words):
    assert describe_conditions(check_conditions(conditions)) == words


@pytest.mark.parametrize(
    ("zone", "day", "first", "next_day"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        # Days that begin at one o'clock.
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00Z", "2026-09-07T03:00Z"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z", "2026-04-24T21:00Z"),
    ],
)
def test_days_are_as_long_as_the_sites_clock_has_them(people, zone, day, first, next_day):
    moments = [
        datetime.fromisoformat(first) - timedelta(microseconds=1),
        datetime.fromisoformat(first),
        datetime.fromisoformat(next_day) - timedelta(microseconds=1),
        datetime.fromisoformat(next_day),
    ]
    anna = Client.objects.filter(pk=people["anna"].pk)
    boris = ImportChange.objects.filter(client_id=people["boris"].pk)
    sent = Message.objects.filter(client=people["anna"])

    def chosen(name: str, field: str, op: str) -> bool:
        conditions = check_conditions({"field": field, "op": op, "value": day})
        return matching_clients(conditions).filter(pk=people[name].pk).exists()

    with timezone.override(zone):
        for at, moment in enumerate(moments):
            anna.update(created_at=moment)
            boris.update(changed_at=moment)
            sent.update(sent_at=moment)
            for name, field in (("anna", "created_at"), ("anna", "imported_at"),
                                ("boris", "imported_at"), ("anna", "last_contacted")):  # fmt: skip
                assert chosen(name, field, "before") == (at == 0), (field, moment)
                assert chosen(name, field, "after") == (at == 3), (field, moment)


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ({"field": "attributes.age", "op": "lt", "value": "old"}, 'value: "old" is not a number.'),
        (
            {"any": [{"field": "created_at", "op": "after", "value": "yesterday"}]},
            'any[0].value: "yesterday" is not a date such as 2026-09-01.',
        ),
        ({"field": "opted_out", "value": "perhaps"}, 'value: "perhaps" is neither true nor false.'),
        ({"field": "tag", "op": "is_set", "value": "x"}, 'value: "is_set" takes no value.'),
        ({"field": "attributes.", "value": 1}, 'field: "attributes." is not a field'),
        ({"mailing": 5}, 'mailing: is more than a value: use {"field": "mailing", "op": …}'),
        (
            {"field": "created_at", "op": "after", "value": "9999-12-31"},
            'value: "9999-12-31" is not',
        ),
        ({"field": "attributes.a", "value": float("inf")}, 'value: "inf" is not a number that'),
        ({"field": "import", "value": "9" * 5_000}, 'value: "999'),
        ({"field": "created_at", "op": "in_last_days", "value": "9" * 5_000}, 'value: "999'),
        ({"field": "tag", "op": "starts_with", "value": ""}, "value: The text is empty"),
        ({"any": [{}] * 101}, "any[100]: more than 100 conditions are not read."),
        ({"all": [{"tag": "a"}] * 101}, "all[100].tag: more than 100 conditions are not read."),
    ],
)
def test_what_is_wrong_is_named_by_its_path(conditions, problem):
    with pytest.raises(BadConditions) as refused:
        check_conditions(conditions)

    assert str(refused.value).startswith(problem)


@pytest.mark.django_db
def test_a_filter_that_takes_too_long_is_stopped_and_says_so(settings):
    settings.FILTER_SECONDS = 0.05
    with pytest.raises(TooSlow, match=r"take longer than 0\.05 s"), stopped_in_time():
        list(Client.objects.raw("SELECT pg_sleep(5), client.* FROM client UNION ALL"
                                " SELECT pg_sleep(5), client.* FROM client RIGHT JOIN"
                                " (SELECT pg_sleep(5)) AS slow ON true"))  # fmt: skip

    assert count_clients({}).matching == 0


# --- Any combination, as Python would judge it ----------------------------------------

TAGS = ("", "a", "b")
CITIES = (None, "x", "y")
OPERATORS = (901, 902)

simple = st.one_of(
    st.just({}),
    st.builds(lambda v: {"field": "tag", "op": "is", "value": v}, st.sampled_from(TAGS)),
    st.builds(lambda v: {"field": "operator", "op": "in", "value": v},
              st.lists(st.sampled_from(OPERATORS), min_size=1, max_size=2)),
    st.builds(lambda v: {"field": "attributes.city", "op": "is", "value": v},
              st.sampled_from(("x", "y"))),
    st.builds(lambda op: {"field": "attributes.city", "op": op},
              st.sampled_from(("is_set", "is_not_set"))),
    st.builds(lambda v: {"field": "opted_out", "op": "is", "value": v}, st.booleans()),
)  # fmt: skip
nested = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)


def judge(conditions: dict, client: Client) -> bool:
    if not conditions or "all" in conditions:
        return all(judge(part, client) for part in conditions.get("all", []))
    if "any" in conditions:
        return any(judge(part, client) for part in conditions["any"])
    if "not" in conditions:
        return not judge(conditions["not"], client)
    has = {
        "tag": client.tag,
        "operator": client.operator,
        "attributes.city": client.attributes.get("city", ""),
        "opted_out": client.opted_out_at is not None,
    }[conditions["field"]]
    if conditions["op"] == "in":
        return has in conditions["value"]
    if conditions["op"] in ("is_set", "is_not_set"):
        return bool(has) == (conditions["op"] == "is_set")
    return has == conditions["value"]


class AnyCombination(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        Client.objects.bulk_create(
            Client(
                phone=f"7999{number:07}",
                operator=operator,
                tag=tag,
                attributes={"city": city} if city else {},
                opted_out_at=NOW if number % 2 else None,
            )
            for number, (operator, tag, city) in enumerate(
                (operator, tag, city) for operator in OPERATORS for tag in TAGS for city in CITIES
                for _ in range(2)
            )
        )  # fmt: skip

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(nested)
    def test_the_database_chooses_as_python_would(self, conditions: dict) -> None:
        checked = check_conditions(conditions)

        chosen = set(matching_clients(checked).values_list("pk", flat=True))

        clients = list(Client.objects.all())
        assert chosen == {c.pk for c in clients if judge(conditions, c)}
        for client in clients[::12]:
            assert deciding_rule(checked, client).matches == (client.pk in chosen)
        assert describe_conditions(checked)


def test_every_op_is_tried_here():
    tried = {(field, op) for field, op, *_ in CASES}
    plain = {(field, op) for field in ("tag", "operator", "timezone", "phone_number")
             for op in ("is", "is_not", "in", "starts_with")}  # fmt: skip
    known = {(field, op) for field, each in FIELDS.items() for op in each.ops}
    of_attributes = {op for field, op, *_ in CASES if field.startswith("attributes.")}

    assert known - plain <= tried
    assert set(attribute_field("x").ops) <= of_attributes
