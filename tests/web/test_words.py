"""How numbers, times and statuses are written, and where icons come from."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.management.commands.collectstatic import Command as Collect

from notifier.web import tags
from notifier.web.badges import MAILING_BADGES, MESSAGE_BADGES

TEMPLATES = Path(settings.BASE_DIR / "templates")
SPRITE = Path(settings.BASE_DIR / "static" / tags.SPRITE)


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (0, 0, "0 %"),
        (0, 100, "0 %"),
        (1, 1_000, "<1 %"),
        (10, 1_000, "1 %"),
        (424, 1_000, "42 %"),
        (425, 1_000, "43 %"),
        (990, 1_000, "99 %"),
        (999, 1_000, ">99 %"),
        (1_000, 1_000, "100 %"),
    ],
)
def test_a_share_never_says_all_or_nothing_of_some(part: int, whole: int, written: str) -> None:
    assert tags.percent_of(part, whole).replace("\u00a0", " ") == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),
        (0.2, "1 s"),
        (59, "59 s"),
        (59.7, "1 min"),
        (150, "2 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (200_000, "2 days"),
    ],
)
def test_durations_are_rounded_as_a_person_would(seconds: float | None, written: str) -> None:
    assert tags.duration(seconds) == written


@pytest.mark.parametrize(
    ("per_second", "written"),
    [
        (9800.4, "9,800 messages per second"),
        (0.5, "30 messages per minute"),
        (0.001, "4 messages per hour"),
    ],
)
def test_rates_are_by_the_second_the_minute_or_the_hour(per_second: float, written: str) -> None:
    assert tags.rate(per_second) == written


def test_a_moment_is_in_the_site_s_zone_and_names_it(settings) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"

    assert tags.moment(datetime(2026, 9, 1, 12, 0, tzinfo=UTC)) == (
        '<time datetime="2026-09-01T21:00:00+09:00">1 Sep 2026, 21:00 JST</time>'
    )


def test_the_site_s_zone_is_named_with_its_offset(settings) -> None:
    assert tags.site_timezone() == "UTC"

    settings.TIME_ZONE = "Asia/Tokyo"

    assert tags.site_timezone() == "Asia/Tokyo (JST, UTC+09:00)"


def test_every_icon_that_pages_name_is_in_the_sprite_and_no_other() -> None:
    html = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    named = set(re.findall(r'{% icon "([\w-]+)"', html)) | set(
        re.findall(r'icon_name="([\w-]+)"', html)
    )
    named |= set(re.findall(r'{% nav_link "\w+" "\w+" "([\w-]+)"', html))
    named |= {badge.icon for badge in (*MAILING_BADGES.values(), *MESSAGE_BADGES.values())}

    assert set(re.findall(r'id="([\w-]+)"', SPRITE.read_text())) == named


def test_every_static_file_can_be_collected_under_its_hashed_name(tmp_path: Path, settings) -> None:
    settings.STATIC_ROOT = tmp_path
    manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": manifest}}
    collect = Collect()
    collect.set_options(
        interactive=False, verbosity=0, link=False, clear=False, dry_run=False,
        ignore_patterns=[], use_default_ignore_patterns=True, post_process=True,
    )  # fmt: skip

    collected = collect.collect()

    assert "notifier.css" in collected["post_processed"]
