"""Reads what the gateway has written down since, without reading all that came before."""

import json
import re
from pathlib import Path
from uuid import uuid4

from notifier.gateway.sandbox.ledger import LedgerEntry

MARK = re.compile(rb"mark-[0-9a-f]{32}")


def new_mark() -> str:
    """A word for a mailing's text, by which its messages are known in the ledger."""
    return f"mark-{uuid4().hex}"


class LedgerTail:
    """From where it stood when this was made. ``first_at`` is the time of each mark's first
    request.
    """

    def __init__(self, path: Path) -> None:
        self.first_at: dict[str, float] = {}
        self._missing: set[str] = set()
        self._file = path.open("rb")
        self._file.seek(0, 2)
        self._torn = b""

    def expect(self, mark: str) -> None:
        self._missing.add(mark)

    def read_on(self) -> list[str]:
        """The expected marks that have appeared since."""
        *lines, self._torn = (self._torn + self._file.read()).split(b"\n")
        return [mark for line in lines if (mark := self._look_at(line))]

    def close(self) -> None:
        self._file.close()

    @property
    def is_complete(self) -> bool:
        return not self._missing

    def _look_at(self, line: bytes) -> str | None:
        found = MARK.search(line)
        mark = found.group().decode() if found else None
        if mark not in self._missing:
            return None
        # Only now: of a hundred thousand lines a few are worth parsing.
        self.first_at[mark] = LedgerEntry(**json.loads(line)).at
        self._missing.remove(mark)
        return mark
