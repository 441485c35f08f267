"""What stops a start.

CannotStart
└── BadVariable (environment.py): an environment variable that cannot be used
"""


class CannotStart(Exception):
    """Notifier cannot go on; the text is one line that tells the administrator what to mend."""
