"""One client's fields on the way in, from a form, the API or a file alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.conf import settings

from notifier.clients.attribute_names import LONGEST_NAME
from notifier.clients.operators import check_operator, operator_of
from notifier.clients.phones import BadPhone, normalise_phone
from notifier.clients.timezones import check_timezone

LONGEST_TAG = 100


class ClientProblems(ValueError):
    """``problems`` maps each wrong field to a sentence for the person who filled it in.

    ``codes`` says the same in one word each, for counting.
    """

    def __init__(self, problems: Mapping[str, str], codes: Mapping[str, str] | None = None) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)
        self.codes = dict(codes or {})


@dataclass(frozen=True)
class CleanClient:
    phone: str
    operator: int
    tag: str
    timezone: str
    attributes: dict[str, object] = field(default_factory=dict)


def clean_client(
    *,
    phone: object,
    operator: object = None,
    tag: object = "",
    timezone: object = None,
    attributes: object = None,
) -> CleanClient:
    """All fields normalised and checked; raises ClientProblems with every wrong one.

    A blank operator is read from the phone, a blank time zone is the
    installation's default.
    """
    problems: dict[str, str] = {}
    codes: dict[str, str] = {}

    def checked(name: str, check: Callable[[object], object], value: object) -> object:
        try:
            return check(value)
        except ValueError as error:
            problems[name] = str(error)
            codes[name] = getattr(error, "code", name)
            return None

    values = {
        "phone": checked("phone", normalise_phone, phone),
        "tag": checked("tag", check_tag, tag),
        "timezone": checked("timezone", _timezone_or_default, timezone),
        "attributes": checked("attributes", check_attributes, attributes),
    }
    if not _is_blank(operator):
        values["operator"] = checked("operator", check_operator, operator)
    elif values["phone"] is not None:
        values["operator"] = checked("operator", _operator_from_phone, values["phone"])
    if problems:
        raise ClientProblems(problems, codes)
    return CleanClient(**values)  # type: ignore[arg-type]


def check_tag(value: object) -> str:
    tag = "" if value is None else str(value).strip()
    if len(tag) > LONGEST_TAG:
        raise ValueError(f"The tag has {len(tag)} characters; at most {LONGEST_TAG} are kept.")
    _refuse_control_characters("The tag", tag)
    return tag


def check_attributes(value: object) -> dict[str, object]:
    """A flat object of texts, numbers, true, false and null: what an import could have brought."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("Attributes are an object of names and values.")
    if len(value) > settings.IMPORT_MOST_COLUMNS:
        raise ValueError(
            f"A client has {len(value):,} attributes; "
            f"at most {settings.IMPORT_MOST_COLUMNS:,} are kept."
        )
    attributes: dict[str, object] = {}
    for given, content in value.items():
        name = check_attribute_name(given)
        if name in attributes:
            raise ValueError(f'Attribute "{name}" is given twice.')
        _refuse_content(name, content)
        # As cells of a file are read, and values that filters compare with it.
        attributes[name] = content.strip() if isinstance(content, str) else content
    return attributes


def check_attribute_name(value: object) -> str:
    """The name without blanks around it; raises ValueError where none can be kept as it."""
    name = str(value).strip()
    if not name:
        raise ValueError("An attribute has no name.")
    if len(name) > LONGEST_NAME:
        raise ValueError(
            f"An attribute's name has {len(name)} characters; at most {LONGEST_NAME} are kept."
        )
    # A line break is one too: in the header of a file it would be read as a blank.
    _refuse_control_characters("An attribute's name", name, allowed="")
    return name


def _refuse_content(name: str, content: object) -> None:
    if not isinstance(content, str | int | float | bool | None):
        raise ValueError(f'Attribute "{name}" is neither a text nor a number.')
    length, most = len(str(content)), settings.IMPORT_MOST_CELL_CHARACTERS
    if length > most:
        raise ValueError(
            f'Attribute "{name}" has {length:,} characters; at most {most:,} are kept.'
        )
    _refuse_control_characters(f'Attribute "{name}"', str(content))


def _refuse_control_characters(subject: str, text: str, *, allowed: str = "\t\n\r") -> None:
    # PostgreSQL cannot store NUL, and no keyboard types the others.
    if any(ord(character) < 0x20 and character not in allowed for character in text):
        raise ValueError(f"{subject} has invisible control characters in it.")


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _timezone_or_default(value: object) -> str:
    return settings.DEFAULT_CLIENT_TIMEZONE if _is_blank(value) else check_timezone(value)


def _operator_from_phone(phone: object) -> int:
    operator = operator_of(str(phone))
    if operator is None:
        raise BadPhone(
            f'Phone number "{phone}" shows no operator code: give the operator.', "phone_operator"
        )
    return operator
