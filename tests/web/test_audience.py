import pytest

from notifier.clients.conditions import check_conditions
from notifier.web.mailings.audience import AudienceFields, fields_of
from notifier.web.mailings.ledger import bar_of, lines_of


@pytest.mark.parametrize(
    ("conditions", "fields"),
    [
        ({}, AudienceFields()),
        ({"tag": "a2", "operator": 999}, AudienceFields(tag="a2", operators=("999",))),
        (
            {"all": [{"timezone": "UTC"}, {"field": "tag", "op": "is", "value": "a2"}]},
            AudienceFields(tag="a2", timezone="UTC"),
        ),
        ({"field": "operator", "op": "in", "value": [1, 2]}, AudienceFields(operators=("1", "2"))),
    ],
)
def test_conditions_that_the_composer_can_express(conditions, fields: AudienceFields) -> None:
    assert fields_of(conditions) == fields


@pytest.mark.parametrize(
    "conditions",
    [
        {"tag": ""},
        {"any": [{"tag": "a2"}, {"tag": "a3"}]},
        {"not": {"tag": "a2"}},
        {"all": [{"tag": "a2"}, {"tag": "a3"}]},
        {"all": [{"any": [{"tag": "a2"}]}]},
        {"field": "tag", "op": "starts_with", "value": "a"},
        {"field": "tag", "op": "in", "value": ["a2", "a3"]},
        {"field": "operator", "op": "is_not", "value": 999},
        {"phone_number": "79991234567"},
    ],
)
def test_conditions_that_say_more_than_the_composer_can(conditions) -> None:
    assert fields_of(check_conditions(conditions)) is None


def test_everybody_is_in_one_line_of_the_ledger_and_each_stretch_can_be_seen() -> None:
    counts = dict.fromkeys(
        ("pending", "sending", "accepted", "failed", "unknown", "expired", "cancelled", "skipped"),
        0,
    )
    counts |= {"accepted": 999_000, "failed": 1, "pending": 999}

    assert [(line.status, line.count) for line in lines_of(counts)] == [
        ("accepted", 999_000),
        ("failed", 1),
        ("unknown", 0),
        ("pending", 999),
    ]
    assert [(segment.colour, segment.width) for segment in bar_of(counts)] == [
        ("green", "999.0"),
        ("red", "4.0"),
        ("blue", "4.0"),
    ]
