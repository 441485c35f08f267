"""What a mailing must be before it is accepted: the same for pages and API."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from notifier.clients.conditions import BadConditions, check_conditions

LONGEST_TEXT = 4000
LONGEST_NAME = 200


class MailingProblems(ValueError):
    """``problems`` maps each wrong field to a sentence for the person who filled it in."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


def default_end(start_time: datetime) -> datetime:
    """The end of a mailing that names none: no mailing may run for ever."""
    limit = timedelta(hours=settings.DEFAULT_MAILING_HOURS)
    return start_time + min(limit, datetime.max.replace(tzinfo=UTC) - start_time)


def check_content(fields: Mapping[str, object]) -> dict[str, object]:
    """The given of name, text and conditions, cleaned. Raises MailingProblems."""
    problems: dict[str, str] = {}
    cleaned: dict[str, object] = dict(fields)
    for name, longest in (("name", LONGEST_NAME), ("text", LONGEST_TEXT)):
        if name in fields:
            cleaned[name] = text = str(fields[name] or "").strip()
            if len(text) > longest:
                problems[name] = f"The {name} has {len(text)} characters; at most {longest}."
            elif "\x00" in text:
                problems[name] = f"The {name} has an invisible NUL character in it."
    if "text" in fields and not cleaned["text"]:
        problems["text"] = "The text is empty: there is nothing to send."
    if "conditions" in fields:
        try:
            cleaned["conditions"] = check_conditions(fields["conditions"])
        except BadConditions as error:
            problems["clients"] = str(error)
    if problems:
        raise MailingProblems(problems)
    return cleaned


def check_window(*, start_time: datetime, end_time: datetime, now: datetime) -> None:
    """Start before end, end not passed. Raises MailingProblems."""
    if end_time <= start_time:
        raise MailingProblems(
            {"end_time": f"The end, {moment_in_words(end_time)}, is not after the start, "
             f"{moment_in_words(start_time)}."}
        )  # fmt: skip
    if end_time <= now:
        raise MailingProblems(
            {"end_time": f"The end, {moment_in_words(end_time)}, has passed: "
             "nothing could be sent."}
        )  # fmt: skip


def moment_in_words(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{date_format(local, 'j M Y, H:i')} {local.tzname()}"
