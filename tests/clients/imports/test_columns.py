import pytest

from notifier.clients.imports.columns import (
    Column,
    ColumnProblems,
    check_columns,
    guess_columns,
    keep_chosen,
)


def guessed(header: str, *sample: str) -> list[str]:
    """What each column holds; of attributes, their names in quotes."""
    columns = guess_columns(header.split(";"), [row.split(";") for row in sample])
    return [f'"{each.attribute}"' if each.attribute else each.holds for each in columns]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("phone", "phone;Phone_Number;MOBILE;Cell phone;Телефон;Моб. телефон;№ Номер;Сотовый"),
        ("operator", "operator;Operator code;Оператор;Код оператора;DEF-код"),
        ("tag", "tag;Segment;Тег;ТЭГ;Метка;Сегмент;Группа"),
        ("timezone", "timezone;Time zone;TZ;Часовой пояс;Таймзона"),
        ("opted_out", "opted out;Opt-out;unsubscribed;Отписан;Отписка;Не писать;Чёрный список"),
    ],
)
def test_fields_are_known_by_many_names(field, names):
    assert {name: guessed(name)[0] for name in names.split(";")} == dict.fromkeys(
        names.split(";"), field
    )


def test_columns_without_telling_names_are_known_by_their_cells():
    assert guessed(
        "Клиент;Связь;Код;Место;Возраст",
        "Анна;8 (999) 123-45-67;999;Europe/Moscow;33",
        "Пётр;+79161234567;916;Asia/Omsk;41",
    ) == ['"Клиент"', "phone", "operator", "timezone", '"Возраст"']


def test_other_long_numbers_are_not_taken_for_phones():
    assert guessed(
        "ИНН;Карта;Контакт;Дата",
        "7701234567;4276123412341234;79991234567;2024.05.01 12",
        "7701234568;4276123412341235;79991234568;2024.05.02 13",
    ) == ['"ИНН"', '"Карта"', "phone", '"Дата"']


def test_cells_have_more_weight_than_names():
    assert guessed(
        "Номер;Контакт;Оператор;Часовой пояс;Отписка",
        "1;79991234567;МТС;МСК+2;в марте",
        "2;79991234568;Билайн;МСК;никогда",
    ) == ['"Номер"', "phone", '"Оператор"', '"Часовой пояс"', '"Отписка"']


def test_of_two_phones_one_is_the_phone_and_the_other_is_kept():
    assert guessed("Рабочий телефон;Мобильный;Телефон", "3822123456;79991234567;1") == [
        '"Рабочий телефон"',
        "phone",
        '"Телефон"',
    ]


def test_who_is_subscribed_is_no_opt_out():
    assert guessed("phone;subscribed;подписан", "79991234567;no;нет") == [
        "phone",
        '"subscribed"',
        '"подписан"',
    ]


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        ("line;reason;phone", ["ignore", "ignore", "phone"]),
        ("phone;reason", ["phone", '"reason"']),
        ("line;phone;line;reason", ['"line"', "phone", '"line 2"', '"reason"']),
    ],
)
def test_what_a_file_of_rejected_rows_adds_is_not_read(header, holds):
    assert guessed(header) == holds


def test_columns_without_names_are_ignored_if_they_are_blank():
    assert guessed("phone;;;city;city", "79991234567;;x;a;b") == [
        "phone",
        "ignore",
        '"Column 3"',
        '"city"',
        '"city 2"',
    ]


def test_what_is_guessed_passes_the_check():
    check_columns(guess_columns(["телефон", "phone", "тег", "tag", "a" * 200, "a" * 200], []))


def test_columns_survive_json():
    column = Column("Город", "attribute", "city")

    assert Column.from_json(column.to_json()) == column


@pytest.mark.parametrize(
    ("columns", "problems"),
    [
        ([Column("a", "attribute", "a")], {None: "No column holds the phone: say which one does."}),
        (
            [Column("a", "phone"), Column("b", "phone"), Column("c", "tag"), Column("d", "tag")],
            {
                1: 'Column "a" holds the phone already.',
                3: 'Column "c" holds the tag already.',
            },
        ),
        (
            [
                Column("a", "phone"),
                Column("b", "attribute", "x"),
                Column("c", "attribute", " x "),
                Column("d", "attribute", " "),
                Column("e", "attribute", "x" * 101),
                Column("f", "name"),
                Column("g", "ignore"),
                Column("h", "ignore"),
            ],
            {
                2: 'Column "b" is the attribute "x" already.',
                3: "Name the attribute, or do not import the column.",
                4: "An attribute's name has 101 characters; at most 100 are kept.",
                5: '"name" is nothing that a column holds: use one of phone, operator, tag, '
                "timezone, opted_out, attribute, ignore.",
            },
        ),
    ],
)
def test_what_keeps_columns_from_being_imported_is_said_of_each(columns, problems):
    with pytest.raises(ColumnProblems) as refusal:
        check_columns(columns)

    assert refusal.value.problems == problems


PHONE, CITY, NOTE = Column("phone", "phone"), Column("city", "tag"), Column("note", "ignore")


@pytest.mark.parametrize(
    ("before", "by_hand", "guessed", "kept"),
    [
        # The same place and name; what was not chosen is guessed.
        (
            [PHONE, CITY, NOTE],
            {1},
            [Column("phone", "phone"), Column("city", "attribute", "city"), Column("note", "tag")],
            [PHONE, CITY, Column("note", "attribute", "note")],
        ),
        # Another place, and the only one of that name.
        (
            [PHONE, CITY],
            {1},
            [Column("city", "attribute", "city"), Column("phone", "phone")],
            [CITY, PHONE],
        ),
        # Two of that name: nobody knows which was meant, but for the one in its place.
        (
            [PHONE, NOTE],
            {1},
            [Column("note", "attribute", "note"), PHONE, Column("note", "attribute", "note 2")],
            [Column("note", "attribute", "note"), PHONE, Column("note", "attribute", "note 2")],
        ),
        (
            [PHONE, NOTE],
            {1},
            [PHONE, Column("note", "attribute", "note"), Column("note", "attribute", "note 2")],
            [PHONE, NOTE, Column("note", "attribute", "note 2")],
        ),
        # Another name.
        ([PHONE, CITY], {1}, [PHONE, Column("town", "tag")], [PHONE, Column("town", "tag")]),
        # Neither a field nor an attribute's name is given twice.
        (
            [Column("a", "attribute", "x"), Column("b", "phone")],
            {0, 1},
            [Column("a", "phone"), Column("x", "attribute", "x"), Column("b", "attribute", "b")],
            [
                Column("a", "attribute", "x"),
                Column("x", "attribute", "x 2"),
                Column("b", "phone"),
            ],
        ),
    ],
    ids=["same place", "only one", "two", "two, in its place", "other name", "once"],
)
def test_what_was_chosen_by_hand_is_kept_for_the_same_columns(before, by_hand, guessed, kept):
    assert keep_chosen(guessed, before, by_hand) == kept
