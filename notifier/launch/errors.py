"""What stops a start.

CannotStart
└── BadVariable: an environment variable that cannot be used
"""


class CannotStart(Exception):
    """Notifier cannot go on; the text is one line that tells the administrator what to mend."""


class BadVariable(CannotStart):
    """An environment variable that cannot be used; the text says how to mend it."""

    def __init__(self, name: str, value: str, remedy: str) -> None:
        super().__init__(f'{name} "{value}" {remedy}')
        self.name = name
