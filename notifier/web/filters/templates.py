"""Filters to begin with, where there is none yet."""

from dataclasses import dataclass

from notifier.web.filters.rows import Row


@dataclass(frozen=True)
class Template:
    key: str
    name: str
    words: str
    field: str
    op: str
    value: str

    def row(self) -> Row:
        return Row(self.field, self.op, self.value)


TEMPLATES = (
    Template(
        "quiet",
        "Not contacted for 30 days",
        "Everybody who has had no message from you in the last 30 days.",
        "last_contacted",
        "not_in_last_days",
        "30",
    ),
    Template(
        "new",
        "New this week",
        "Clients who were added in the last 7 days.",
        "created_at",
        "in_last_days",
        "7",
    ),
    Template(
        "tag",
        "Clients with a tag",
        "Those whom you marked, such as vip. You say which tag.",
        "tag",
        "is",
        "",
    ),
)


def template_named(key: str) -> Template | None:
    return next((template for template in TEMPLATES if template.key == key), None)
