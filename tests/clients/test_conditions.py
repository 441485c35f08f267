import pytest

from notifier.clients.conditions import (
    BadConditions,
    check_conditions,
    describe_conditions,
    matching_clients,
)
from notifier.clients.counting import AudienceCount, count_clients
from notifier.clients.models import Client


@pytest.fixture
def clients(db):
    rows = [
        ("79991110001", 999, "a2", "UTC"),
        ("79991110002", 999, "b", "Asia/Omsk"),
        ("79141110003", 914, "a2", "Europe/Moscow"),
        ("79141110004", 914, "", "Europe/Moscow"),
    ]
    for phone, operator, tag, timezone in rows:
        Client.objects.create(phone=phone, operator=operator, tag=tag, timezone=timezone)


@pytest.mark.parametrize(
    ("conditions", "endings", "words"),
    [
        ({}, "1234", "everybody"),
        ({"tag": "a2"}, "13", "tag is a2"),
        ({"tag": "a2", "operator": 999}, "1", "tag is a2 and operator is 999"),
        ({"operator": "914"}, "34", "operator is 914"),
        ({"tag": ""}, "4", "tag is empty"),
        ({"phone_number": "8 999 111 00 02"}, "2", "phone number is 79991110002"),
        (
            {"field": "phone_number", "op": "starts_with", "value": "+7 914"},
            "34",
            "phone number starts with 7914",
        ),
        (
            {"field": "timezone", "op": "in", "value": ["UTC", "Asia/Omsk"]},
            "12",
            "time zone is one of UTC, Asia/Omsk",
        ),
        ({"not": {"tag": "a2"}}, "24", "tag is not a2"),
        ({"field": "operator", "op": "is_not", "value": 999}, "34", "operator is not 999"),
        (
            {"any": [{"tag": "b"}, {"all": [{"operator": 914}, {"tag": "a2"}]}]},
            "23",
            "tag is b or (operator is 914 and tag is a2)",
        ),
    ],
)
def test_conditions_choose_clients_and_can_be_said_in_words(clients, conditions, endings, words):
    checked = check_conditions(conditions)

    chosen = matching_clients(checked).order_by("id").values_list("phone", flat=True)

    assert "".join(phone[-1] for phone in chosen) == endings
    assert describe_conditions(checked) == words


@pytest.mark.parametrize(
    ("conditions", "path", "words"),
    [
        (None, "", 'conditions are an object such as {"tag": "a2"}.'),
        ([], "", 'conditions are an object such as {"tag": "a2"}.'),
        (
            {"colour": "red"},
            "colour",
            'colour: "colour" is not a field: use tag, operator, timezone, phone_number, '
            "opted_out, created_at, imported_at, last_contacted, import, mailing or "
            "attributes.NAME.",
        ),
        ({"tag": ["a"]}, "tag", "tag: is a single text or number."),
        (
            {"all": [{"tag": "a"}, {"field": "operator", "op": "is", "value": "12"}]},
            "all[1].value",
            'all[1].value: Operator "12" is not a mobile operator code: use three digits.',
        ),
        ({"any": []}, "any", "any: a group is a list of at least one condition."),
        ({"any": [{}], "tag": "a"}, "tag", "tag: does not go with any."),
        (
            {"not": {"field": "operator", "op": "starts_with", "value": 9}},
            "not.op",
            'not.op: "starts_with" is not for operator: use is, is_not, in.',
        ),
        ({"field": "tag", "op": "is"}, "value", "value: is missing."),
    ],
)
def test_wrong_conditions_are_refused_with_the_path(conditions, path, words):
    with pytest.raises(BadConditions) as refusal:
        check_conditions(conditions)

    assert (refusal.value.path, str(refusal.value)) == (path, words)


def test_groups_cannot_be_nested_without_end():
    conditions: dict[str, object] = {}
    for _ in range(100):
        conditions = {"not": conditions}

    with pytest.raises(BadConditions, match="10 deep, not more"):
        check_conditions(conditions)


def test_the_audience_tells_the_opted_out_apart(clients):
    Client.objects.filter(phone="79991110001").update(opted_out_at="2026-01-01T00:00Z")

    assert count_clients({"tag": "a2"}) == AudienceCount(matching=2, opted_out=1)
    assert count_clients({"tag": "a2"}).reachable == 1
