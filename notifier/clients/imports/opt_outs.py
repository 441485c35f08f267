"""Cells that say whether a client wants no more messages."""

import re

YES = frozenset({"yes", "y", "true", "t", "1", "x", "х", "+", "да", "д", "истина", "v", "✓", "✔"})
NO = frozenset({"no", "n", "false", "f", "0", "-", "–", "—", "нет", "н", "ложь"})
DATE = re.compile(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))"
    r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)


def reads_opt_out(cell: str) -> bool | None:
    """True: opted out. False: says nothing. None: no telling what it says.

    A date is that of the opting out. Nothing here ever opts a client in.
    """
    text = cell.strip().casefold()
    if not text or text in NO:
        return False
    if text in YES or DATE.fullmatch(cell.strip()):
        return True
    return None
