"""Made-up clients for trying things out: Russian numbers, names, cities and time zones."""

import io
import json
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

from django.db import connection, transaction

from notifier.clients.attribute_names import note_names
from notifier.clients.suppression import Source, lock_for_suppressing

Value = TypeVar("Value")

BATCH = 50_000
LOCAL_NUMBERS = 10**7
OPTED_OUT_SHARE = 0.01

# Operator codes of the networks with their shares of the market, in percent.
NETWORKS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (31, (*range(910, 920), *range(980, 990))),  # MTS
    (28, tuple(range(920, 940))),  # MegaFon
    (18, (903, 905, 906, 909, *range(960, 969))),  # Beeline
    (20, (900, 901, 902, 904, 908, *range(950, 954), 977, *range(991, 997))),  # Tele2
    (3, (999,)),  # Yota
)
# City, its time zone, and its weight: roughly the millions of people of its region.
CITIES: tuple[tuple[str, str, float], ...] = (
    ("Москва", "Europe/Moscow", 21.7),
    ("Санкт-Петербург", "Europe/Moscow", 7.6),
    ("Краснодар", "Europe/Moscow", 5.8),
    ("Ростов-на-Дону", "Europe/Moscow", 4.2),
    ("Казань", "Europe/Moscow", 4.0),
    ("Нижний Новгород", "Europe/Moscow", 3.1),
    ("Воронеж", "Europe/Moscow", 2.3),
    ("Ярославль", "Europe/Moscow", 1.2),
    ("Калининград", "Europe/Kaliningrad", 1.0),
    ("Самара", "Europe/Samara", 3.1),
    ("Ижевск", "Europe/Samara", 1.4),
    ("Саратов", "Europe/Saratov", 2.4),
    ("Ульяновск", "Europe/Ulyanovsk", 1.2),
    ("Астрахань", "Europe/Astrakhan", 1.0),
    ("Волгоград", "Europe/Volgograd", 2.5),
    ("Киров", "Europe/Kirov", 1.1),
    ("Екатеринбург", "Asia/Yekaterinburg", 4.2),
    ("Уфа", "Asia/Yekaterinburg", 4.1),
    ("Челябинск", "Asia/Yekaterinburg", 3.4),
    ("Пермь", "Asia/Yekaterinburg", 2.5),
    ("Тюмень", "Asia/Yekaterinburg", 3.9),
    ("Омск", "Asia/Omsk", 1.8),
    ("Новосибирск", "Asia/Novosibirsk", 2.8),
    ("Барнаул", "Asia/Barnaul", 2.1),
    ("Томск", "Asia/Tomsk", 1.0),
    ("Кемерово", "Asia/Novokuznetsk", 2.5),
    ("Красноярск", "Asia/Krasnoyarsk", 2.8),
    ("Иркутск", "Asia/Irkutsk", 2.3),
    ("Улан-Удэ", "Asia/Irkutsk", 1.0),
    ("Чита", "Asia/Chita", 1.0),
    ("Якутск", "Asia/Yakutsk", 1.0),
    ("Владивосток", "Asia/Vladivostok", 1.8),
    ("Хабаровск", "Asia/Vladivostok", 1.3),
    ("Южно-Сахалинск", "Asia/Sakhalin", 0.5),
    ("Магадан", "Asia/Magadan", 0.1),
    ("Петропавловск-Камчатский", "Asia/Kamchatka", 0.3),
)
NAMES = (  # noqa: SIM905 - one name a line would be a page of them
    "Александр Дмитрий Максим Сергей Андрей Алексей Артём Илья Кирилл Михаил Никита Матвей "
    "Роман Егор Иван Денис Евгений Даниил Тимофей Владислав Игорь Владимир Павел Руслан Марк "
    "Константин Тимур Олег Ярослав Антон Николай Глеб Вадим Степан Юрий Богдан Артур Семён "
    "Анна Мария Елена Ольга Наталья Екатерина Татьяна Ирина Светлана Анастасия Юлия Дарья "
    "Виктория Полина Софья Елизавета Алиса Ксения Валерия Вероника Арина Людмила Галина Алина "
    "Кристина Марина Надежда Вера Оксана Лариса Диана Яна Карина Евгения Милана Зоя Регина"
).split()
TAGS: tuple[tuple[str, int], ...] = (
    ("", 30),
    ("loyal", 22),
    ("new", 18),
    ("sleeping", 14),
    ("a2", 10),
    ("vip", 6),
)


def add_sample_clients(count: int, *, seed: int = 1) -> int:
    """Add exactly ``count`` clients beside those who exist; returns how many were added.

    The same seed makes the same clients in an empty database.
    """
    random = Random(seed)  # noqa: S311 - made-up people, no secrets
    added = 0
    while added < count:
        added += _add_batch(_made_up_rows(random, min(BATCH, count - added)))
    if added:
        with connection.cursor() as cursor:
            # Else the planner believes for minutes that the table is as small as before.
            cursor.execute("ANALYZE client")
    return added


def _made_up_rows(random: Random, count: int) -> io.StringIO:
    """Lines for COPY: phone, operator, tag, time zone, attributes, days since the opt-out."""
    operators = _weighted(random, _operator_weights(), count)
    cities = _weighted(random, [((city, zone), weight) for city, zone, weight in CITIES], count)
    tags = _weighted(random, TAGS, count)
    names = random.choices(NAMES, k=count)
    numbers = random.choices(range(LOCAL_NUMBERS), k=count)
    lines = io.StringIO()
    for operator, number, (city, zone), tag, name in zip(
        operators, numbers, cities, tags, names, strict=True
    ):
        attributes = json.dumps({"name": name, "city": city}, ensure_ascii=False)
        opted_out = random.randint(1, 300) if random.random() < OPTED_OUT_SHARE else r"\N"
        lines.write(
            f"7{operator}{number:07d}\t{operator}\t{tag}\t{zone}\t{attributes}\t{opted_out}\n"
        )
    lines.seek(0)
    return lines


def _operator_weights() -> list[tuple[int, float]]:
    return [(code, share / len(codes)) for share, codes in NETWORKS for code in codes]


def _weighted(random: Random, weights: Sequence[tuple[Value, float]], count: int) -> list[Value]:
    return random.choices(
        [value for value, _ in weights],
        cum_weights=list(accumulate(weight for _, weight in weights)),
        k=count,
    )


@transaction.atomic
def _add_batch(lines: io.StringIO) -> int:
    lock_for_suppressing()
    note_names(("name", "city"))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE sample_client (phone text, operator int, tag text, timezone text,"
            " attributes jsonb, opted_out_days int) ON COMMIT DROP"
        )
        cursor.copy_expert("COPY sample_client FROM STDIN", lines)
        cursor.execute(ADD_SAMPLES, [Source.HAND])
        added: int = cursor.fetchone()[0]
        # The table would outlive this batch where a caller's transaction goes on.
        cursor.execute("DROP TABLE sample_client")
    return added


ADD_SAMPLES = """
    WITH added AS (
        INSERT INTO client (phone, operator, tag, timezone, attributes, opted_out_at, updated_at)
        SELECT phone, operator, tag, timezone, attributes,
               coalesce(suppressed_at, now() - make_interval(days => opted_out_days)),
               statement_timestamp()
        FROM sample_client LEFT JOIN suppressed_phone USING (phone)
        -- A number may come twice by chance, or belong to a client already.
        ON CONFLICT (phone) DO NOTHING
        RETURNING phone, opted_out_at
    ),
    suppressed AS (
        INSERT INTO suppressed_phone (phone, suppressed_at, source)
        SELECT phone, opted_out_at, %s FROM added WHERE opted_out_at IS NOT NULL
        ON CONFLICT (phone) DO NOTHING
    )
    SELECT count(*) FROM added
"""
