import pytest

from notifier.clients.cleaning import (
    CleanClient,
    ClientProblems,
    check_attributes,
    clean_client,
)


def test_what_is_left_out_is_derived_or_defaulted():
    assert clean_client(phone="8 (914) 123-45-67") == CleanClient(
        phone="79141234567", operator=914, tag="", timezone="UTC", attributes={}
    )


def test_what_is_given_is_kept():
    assert clean_client(
        phone="79991234567",
        operator="914",
        tag=" a2 ",
        timezone="Asia/Omsk",
        attributes={"name": "Анна", "age": 33},
    ) == CleanClient(
        phone="79991234567",
        operator=914,
        tag="a2",
        timezone="Asia/Omsk",
        attributes={"name": "Анна", "age": 33},
    )


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(ClientProblems) as refusal:
        clean_client(
            phone="7921",
            operator="x",
            tag="t" * 101,
            timezone="Moscow",
            attributes={"list": [1]},
        )

    assert refusal.value.problems == {
        "phone": 'Phone number "7921" has 4 digits; 11 expected.',
        "operator": 'Operator "x" is not a mobile operator code: use three digits.',
        "tag": "The tag has 101 characters; at most 100 are kept.",
        "timezone": 'Time zone "Moscow" is not an IANA name: use, for example, '
        "Europe/Moscow or UTC.",
        "attributes": 'Attribute "list" is neither a text nor a number.',
    }


@pytest.mark.parametrize("tag", ["a\x00b", "a\x1bb"])
def test_control_characters_are_refused(tag):
    with pytest.raises(ClientProblems, match="invisible control characters"):
        clean_client(phone="79991234567", tag=tag)


def test_attributes_are_what_an_import_could_have_brought():
    assert check_attributes({" город ": " Омск ", "n": 1.5}) == {"город": "Омск", "n": 1.5}


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({" ": 1}, "An attribute has no name."),
        ({"a" * 101: 1}, "An attribute's name has 101 characters; at most 100 are kept."),
        ({"a": 1, "a ": 2}, 'Attribute "a" is given twice.'),
        ({"a\nb": 1}, "An attribute's name has invisible control characters in it."),
        ({"a\x00": 1}, "An attribute's name has invisible control characters in it."),
        ({"a": "x" * 4_001}, 'Attribute "a" has 4,001 characters; at most 4,000 are kept.'),
        ({str(n): n for n in range(201)}, "A client has 201 attributes; at most 200 are kept."),
    ],
)  # fmt: skip
def test_attributes_that_no_import_could_bring_are_refused(attributes, words):
    with pytest.raises(ClientProblems) as refusal:
        clean_client(phone="79141234567", attributes=attributes)

    assert refusal.value.problems == {"attributes": words}
